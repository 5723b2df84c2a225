// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one parser, built with the exceptions that CLI11 throws; none leaves it.
#include "tools/sinter/Arguments.h"

#include "tools/sinter/ArgumentChecks.h"
#include "tools/sinter/ServingArguments.h"
#include "tools/sinter/SmallArguments.h"
#include "llvm/ADT/STLExtras.h"
#include <CLI/CLI.hpp>

using namespace sinter;

namespace {

// Texts that become values after CLI11 has done its part.
struct Raw {
  std::vector<std::string> shapes, dims;
  std::string isa, emit, cacheDir, maxSlack, batch, target = "cpu",
                                                    weights = "embed", against;
};

class Parser {
public:
  explicit Parser(Arguments &arguments);
  std::optional<ExitCode> parse(int argc, char **argv);
  std::string helpPage();

private:
  CLI::App *command(Command kind, const char *name, const char *text);
  void addModel(CLI::App *app, const char *name, const char *text);
  void addShapes(CLI::App *app);
  void addModelOptions(CLI::App *app);
  void addCompiling(CLI::App *app);
  void addTaps(CLI::App *app, const std::string &rest);
  void addInputs(CLI::App *app);
  void addPeers(CLI::App *app, const char *text);
  void addCompile();
  void addCheck();
  void addRun();
  void addVerify();
  void addBench();
  void addDiff();
  void addServing();
  void addSmallCommands();
  llvm::Error convert();

  Arguments &arguments;
  Raw raw;
  CLI::App app{
      "Sinter compiles an ONNX model, ahead of time, into one object file.",
      "sinter"};
  std::vector<std::pair<CLI::App *, Command>> commands;
};

} // namespace

Parser::Parser(Arguments &arguments) : arguments(arguments) {
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 ok, 1 a comparison failed, 2 usage, 3 the model was "
      "refused, 4 data or\n"
      "shapes that do not fit, 5 machine (instruction set, memory, disk), 6 "
      "internal error.");
  app.set_version_flag("--version", std::string("sinter ") + SINTER_VERSION);
  app.get_formatter()->column_width(34);
  addCompile();
  addCheck();
  addRun();
  addVerify();
  addBench();
  addDiff();
  addServing();
  addSmallCommands();
}

CLI::App *Parser::command(Command kind, const char *name, const char *text) {
  CLI::App *sub = app.add_subcommand(name, text);
  sub->get_formatter()->column_width(34);
  commands.push_back({sub, kind});
  return sub;
}

void Parser::addModel(CLI::App *sub, const char *name, const char *text) {
  sub->add_option(name, arguments.file, text)->required();
}

void Parser::addShapes(CLI::App *sub) {
  sub->add_option("--shape", raw.shapes,
                  "NAME=1,3,224,224 or NAME=1x3x224x224 or NAME=N,3,H,W: the "
                  "shape of an input")
      ->take_all()
      ->allow_extra_args(false);
}

// What decides whether a model compiles.
void Parser::addModelOptions(CLI::App *sub) {
  addShapes(sub);
  sub->add_option("--dim", raw.dims,
                  "H=32..4096: the values that a symbol may have")
      ->take_all()
      ->allow_extra_args(false);
  sub->add_option(
      "--isa", raw.isa,
      "native, x86-64-v2, x86-64-v3, x86-64-v4, x86-64-v4-vnni or several "
      "with commas (default: this host, plus x86-64-v3 as fallback)");
  sub->add_option("--max-slack", raw.maxSlack,
                  "BYTES (or 64M, 1G) that may be reserved for a tensor whose "
                  "size depends on data (default 64M)");
}

void Parser::addTaps(CLI::App *sub, const std::string &rest) {
  sub->add_option("--tap", arguments.compile.taps,
                  "NODE: its results are outputs too, under its name" + rest)
      ->take_all()
      ->allow_extra_args(false);
}

void Parser::addCompiling(CLI::App *sub) {
  CompileOptions &compile = arguments.compile;
  addModelOptions(sub);
  sub->add_option("--schedules", compile.schedules,
                  "FILE of measured schedules, JSON lines; they come before "
                  "the shipped table and the cost model");
  sub->add_flag("--exact", compile.exact,
                "Forbid algorithms that round differently (Winograd)");
  sub->add_option("--cache-dir", raw.cacheDir,
                  "Folder of the kernel cache, or none (default: "
                  "~/.cache/sinter/kernels)");
  sub->add_option("--jobs,-j", compile.jobs,
                  "Kernels compiled at once (default: the CPUs)")
      ->check(CLI::Range(0, 1024));
  sub->add_flag("-v,--verbose", compile.verbose, "Say what each phase took");
}

void Parser::addInputs(CLI::App *sub) {
  sub->add_option("--inputs", arguments.inputs,
                  "Inputs from an .npz file, by name");
  sub->add_option("--threads", arguments.threads,
                  "Threads of a run (default: the CPUs)");
}

void Parser::addPeers(CLI::App *sub, const char *text) {
  sub->add_option("--against", raw.against, text);
  sub->add_option("--python", arguments.python,
                  "Python that can import onnxruntime (default: "
                  "$SINTER_PYTHON, ~/.cache/sinter/venv)");
}

void Parser::addCompile() {
  CLI::App *sub =
      command(Command::Compile, "compile", "Compile a model into an object");
  CompileOptions &compile = arguments.compile;
  addModel(sub, "MODEL", "The .onnx file");
  sub->add_option(
      "-o,--output", compile.outputPath,
      "OUT.o, OUT.a, OUT.so, or no suffix for an executable; OUT.h and OUT.hpp "
      "are written beside it. OUT.serve is a server with the model inside");
  sub->add_option("--target", raw.target, "cpu")->check(CLI::IsMember({"cpu"}));
  addCompiling(sub);
  sub->add_option("--weights", raw.weights,
                  "embed (in the object) or file (OUT.weights beside it)")
      ->check(CLI::IsMember({"embed", "file"}));
  sub->add_option("--prefix", compile.prefix,
                  "Prefix of the C names (default: from OUT)");
  sub->add_option("--batch", raw.batch,
                  "1,2,4,8: batch sizes of the cost table in the manifest "
                  "(default: 1,2,4,8,16,32 where the batch is open)");
  addTaps(sub, ", and sinter_tap() shows them; repeatable");
  sub->add_option("--report", compile.report,
                  "FILE.html or FILE.json: kernels, memory plan, passes");
  sub->add_option("--emit", raw.emit,
                  "Write the text of a floor instead: graph, kernel, exec, "
                  "image, llvm or asm; or server-source: a folder with a "
                  "main and its CMake file around the object");
}

void Parser::addCheck() {
  CLI::App *sub =
      command(Command::Check, "check",
              "List everything in a model that cannot be compiled, in one run");
  addModel(sub, "MODEL", "The .onnx file");
  addModelOptions(sub);
  sub->add_flag("--json", arguments.json, "Print JSON");
}

void Parser::addRun() {
  CLI::App *sub =
      command(Command::Run, "run", "Run a model or an object on given inputs");
  addModel(sub, "FILE",
           "A .onnx file (compiled first) or an object of `sinter compile`");
  addCompiling(sub);
  addInputs(sub);
  sub->add_option("--outputs", arguments.outputs,
                  "Write the outputs to an .npz file");
  sub->add_option("--input", arguments.inputFiles, "NAME=f.npy: one input")
      ->take_all()
      ->allow_extra_args(false);
  sub->add_option("--random", arguments.random, "Random inputs from this seed")
      ->check(checkSeed);
  addTaps(sub, "; repeatable, needs the .onnx file");
}

void Parser::addVerify() {
  CLI::App *sub = command(Command::Verify, "verify",
                          "Compare a compiled model with references");
  addModel(sub, "MODEL", "The .onnx file");
  addCompiling(sub);
  addInputs(sub);
  addPeers(sub,
           "evaluator, onnxruntime or both with a comma (default: evaluator)");
  sub->add_option("--data", arguments.data,
                  "Folder with input_N.pb and output_N.pb (ONNX's "
                  "test_data_set); repeatable")
      ->take_all()
      ->allow_extra_args(false);
  sub->add_option("--tolerance", arguments.tolerance,
                  "Largest error that passes, relative to the largest output");
  sub->add_option("--seeds", arguments.seeds,
                  "Random inputs to compare (default 3)")
      ->check(CLI::Range(1, 1000));
  sub->add_flag("--json", arguments.json, "Print JSON");
}

void Parser::addBench() {
  CLI::App *sub = command(Command::Bench, "bench",
                          "Measure a model, in turn with other runtimes");
  addModel(sub, "FILE",
           "A .onnx file (compiled first) or an object of `sinter compile`");
  addCompiling(sub);
  addInputs(sub);
  addPeers(sub,
           "onnxruntime, openvino or both with a comma; needs the .onnx file");
  sub->add_option("--seconds", arguments.seconds,
                  "Seconds to measure each engine (default 4)")
      ->check(CLI::Range(0.1, 3600.0));
  sub->add_flag("--roofline", arguments.roofline,
                "Print each kernel's time beside what this machine could do");
  sub->add_option("--json", arguments.jsonFile,
                  "Write the figures to FILE (- is stdout)");
}

void Parser::addDiff() {
  CLI::App *diff =
      command(Command::Diff, "diff",
              "Compare every tensor of a compiled model with the evaluator");
  CLI::App *bisect = command(Command::Bisect, "bisect",
                             "Save the smallest part of a model that deviates");
  for (CLI::App *sub : {diff, bisect}) {
    addModel(sub, "MODEL", "The .onnx file");
    addCompiling(sub);
    addInputs(sub);
    sub->add_option("--random", arguments.random,
                    "Random inputs from this seed (default 1)")
        ->check(checkSeed);
    sub->add_option("--tolerance", arguments.tolerance,
                    "Largest error that passes, relative to a tensor's "
                    "largest value (default: 4 times that of plain fp32)");
  }
  diff->add_flag("--json", arguments.json, "Print JSON");
  bisect->add_option("-o,--output", arguments.compile.outputPath,
                     "OUT.onnx, with its inputs in OUT.npz (default: "
                     "MODEL-part.onnx)");
}

void Parser::addServing() {
  addServeOptions(command(
      Command::Serve, "serve",
      "Serve a repository of models, MODEL/VERSION/; .onnx files found there "
      "are compiled first. Options are those of sinter-server: sinter serve "
      "--help"));
  CLI::App *package =
      command(Command::Package, "package",
              "Compile a model into a bundle for a repository of models");
  addModel(package, "MODEL", "The .onnx file");
  addPackageOutput(package, arguments);
  addCompiling(package);
  addPackageOptions(package, arguments);
  addCtlOptions(command(Command::Ctl, "ctl", "Control a running server"),
                arguments);
}

void Parser::addSmallCommands() {
  addInspectOptions(
      command(Command::Inspect, "inspect", "Print what is inside an object"),
      arguments);
  addRepackOptions(
      command(Command::Repack, "repack", "Put other weights into an object"),
      arguments);
  addExplainOptions(
      command(Command::Explain, "explain", "Explain an error code"), arguments);
  addCacheOptions(
      command(Command::Cache, "cache", "Show or empty the kernel cache"),
      arguments, raw.cacheDir);
}

llvm::Error Parser::convert() {
  CompileOptions &compile = arguments.compile;
  compile.modelPath = arguments.file;
  compile.weightsInFile = raw.weights == "file";
  if (!raw.cacheDir.empty())
    compile.cacheDir = raw.cacheDir == "none" ? "" : raw.cacheDir;
  for (const std::string &text : raw.shapes) {
    auto shape = parseShapeOption(text);
    if (!shape)
      return shape.takeError();
    compile.shapes.push_back(*shape);
  }
  for (const std::string &text : raw.dims) {
    auto dim = parseDimOption(text);
    if (!dim)
      return dim.takeError();
    compile.dims.push_back(*dim);
  }
  if (!raw.isa.empty()) {
    auto isas = parseIsas(raw.isa);
    if (!isas)
      return isas.takeError();
    compile.isas = *isas;
  }
  if (llvm::Error error = checkReport(compile.report, !raw.emit.empty()))
    return error;
  if (!raw.batch.empty()) {
    auto batches = parseBatches(raw.batch);
    if (!batches)
      return batches.takeError();
    compile.batches = *batches;
  }
  if (!raw.maxSlack.empty()) {
    auto bytes = parseMaxSlack(raw.maxSlack);
    if (!bytes)
      return bytes.takeError();
    compile.maxSlack = *bytes;
  }
  arguments.serverSource = raw.emit == "server-source";
  if (!raw.emit.empty() && !arguments.serverSource) {
    auto kind = parseEmitKind(raw.emit);
    if (!kind)
      return kind.takeError();
    compile.emit = *kind;
    if (compile.outputPath.empty())
      compile.outputPath = "-";
  }
  if (arguments.command == Command::Compile && compile.outputPath.empty())
    return userError(ErrorCode::U006, "nothing to write: -o OUT is missing");
  if (llvm::Error error = checkArguments(arguments))
    return error;
  return splitAgainst(raw.against, arguments.command, arguments.against);
}

std::optional<ExitCode> Parser::parse(int argc, char **argv) {
  if (argc > 1 && argv[1][0] != '-' &&
      llvm::none_of(commands, [&](auto &entry) {
        return entry.first->get_name() == argv[1];
      }))
    return printError("sinter", userError(ErrorCode::U006,
                                          std::string("there is no command '") +
                                              argv[1] + "'",
                                          "sinter --help lists them."));
  if (llvm::Error error = checkNoneEmpty({argv, size_t(argc)}))
    return printUsage(std::move(error), argv[1]);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &success) { // --help, --version
    app.exit(success);
    return ExitCode::Ok;
  } catch (const CLI::ParseError &error) {
    return printUsage(explainUsage(error.what(), {argv, size_t(argc)}),
                      argv[1]);
  }
  for (auto [sub, kind] : commands)
    if (sub->parsed()) {
      arguments.command = kind;
      arguments.passed = sub->remaining();
    }
  if (llvm::Error error = convert())
    return printUsage(std::move(error), argv[1]);
  return std::nullopt;
}

std::string Parser::helpPage() {
  std::string page =
      "# `sinter`\n\nGenerated by `sinter help-page`; do not edit.\n\n```\n" +
      app.help() + "```\n";
  for (auto [sub, kind] : commands)
    page += "\n## `sinter " + sub->get_name() + "`\n\n```\n" +
            sub->help("sinter") + "```\n";
  return page;
}

std::optional<ExitCode> sinter::parseArguments(int argc, char **argv,
                                               Arguments &arguments) {
  return Parser(arguments).parse(argc, argv);
}

std::string sinter::helpPage() {
  Arguments arguments;
  return Parser(arguments).helpPage();
}
