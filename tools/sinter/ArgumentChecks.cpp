// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/ArgumentChecks.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <sstream>

using namespace sinter;

// What reads as options is no file: -net.onnx.
static std::string fileLikeOption(llvm::ArrayRef<char *> words) {
  for (llvm::StringRef word : words)
    if (word.size() > 1 && word[0] == '-' && llvm::sys::fs::exists(word))
      return word.str();
  return "";
}

llvm::Error sinter::explainUsage(const char *what,
                                 llvm::ArrayRef<char *> words) {
  std::string file = fileLikeOption(words);
  return file.empty()
             ? userError(ErrorCode::U006, what)
             : userError(ErrorCode::U006, what,
                         "'" + file + "' reads as an option; write ./" + file);
}

ExitCode sinter::printUsage(llvm::Error error, const char *command) {
  std::string text = llvm::toString(std::move(error));
  bool isNamed = command && *command != '-';
  if (size_t at = text.find("COMMAND "); at != std::string::npos)
    text.replace(at, 8, isNamed ? std::string(command) + " " : "");
  return printError("sinter", llvm::createStringError(text));
}

llvm::Error sinter::checkNoneEmpty(llvm::ArrayRef<char *> words) {
  if (words.size() > 1 && llvm::StringRef(words[1]) == "serve")
    return llvm::Error::success(); // the server reads its own
  for (size_t i = 1; i < words.size(); ++i) {
    llvm::StringRef word = words[i], before = words[i - 1];
    llvm::StringRef option = word.empty() ? before : word.drop_back();
    if (!word.empty() &&
        (!word.starts_with("--") || word.find('=') != option.size()))
      continue;
    if (i > 1 && option.size() > 1 && option[0] == '-')
      return userError(ErrorCode::U006, option.str() + " has an empty value",
                       "Give it one, or leave it out.");
    return userError(ErrorCode::U006, "an argument is empty",
                     "Give a name, or leave it out.");
  }
  return llvm::Error::success();
}

llvm::Error sinter::splitAgainst(const std::string &text, Command command,
                                 std::vector<std::string> &into) {
  std::stringstream parts(text);
  bool bench = command == Command::Bench;
  for (std::string part; std::getline(parts, part, ',');) {
    if (part != "onnxruntime" && part != (bench ? "openvino" : "evaluator"))
      return userError(ErrorCode::U006,
                       "--against '" + part + "' is not known to this command");
    into.push_back(part);
  }
  return llvm::Error::success();
}

std::string sinter::checkSeed(const std::string &text) {
  uint64_t seed;
  return llvm::StringRef(text).getAsInteger(0, seed)
             ? "Value " + text + " not in range 0 to " +
                   std::to_string(UINT64_MAX)
             : "";
}

llvm::Error sinter::checkReport(llvm::StringRef file, bool isEmitting) {
  if (file.empty())
    return llvm::Error::success();
  if (!file.ends_with(".html") && !file.ends_with(".json"))
    return userError(ErrorCode::U006,
                     "--report '" + file + "' ends in neither .html nor .json",
                     "Write, for example, --report model.html.");
  if (isEmitting)
    return userError(ErrorCode::U006,
                     "--report and --emit contradict each other: a report is "
                     "about an object");
  return llvm::Error::success();
}

// What a command reads and what it replaces: options and the files in them.
namespace {
using Files = std::vector<std::pair<std::string, std::string>>;
} // namespace

static Files filesRead(const Arguments &arguments) {
  Files files = {{"the input", arguments.file},
                 {"--weights", arguments.newModel},
                 {"--schedules", arguments.compile.schedules},
                 {"--inputs", arguments.inputs},
                 {"--sign", arguments.sign}};
  for (llvm::StringRef input : arguments.inputFiles)
    files.push_back({"--input", input.rsplit('=').second.str()});
  return files;
}

static Files filesWritten(const Arguments &arguments) {
  const CompileOptions &compile = arguments.compile;
  Files files = {{"-o", compile.outputPath},
                 {"--report", compile.report},
                 {"--outputs", arguments.outputs},
                 {"--json", arguments.jsonFile}};
  if (arguments.command != Command::Compile || compile.outputPath.empty())
    return files;
  for (const char *suffix : {"h", "hpp", "weights"}) {
    llvm::SmallString<128> beside(compile.outputPath);
    llvm::sys::path::replace_extension(beside, suffix);
    files.push_back({"-o", beside.str().str()});
  }
  return files;
}

static bool isSameFile(const std::string &a, const std::string &b) {
  bool same = false;
  return !a.empty() && !b.empty() && a != "-" && b != "-" &&
         !llvm::sys::fs::equivalent(a, b, same) && same;
}

static llvm::Error checkStreams(const Arguments &arguments) {
  const CompileOptions &compile = arguments.compile;
  bool hasFile = arguments.command != Command::Ctl &&
                 arguments.command != Command::Serve &&
                 arguments.command != Command::Explain;
  if (hasFile && arguments.file == "-")
    return userError(
        ErrorCode::U006, "'-': standard input is not read here",
        "Save it to a file first: weights are mapped, not copied. A file of "
        "that name is ./-");
  bool isText =
      arguments.command == Command::Compile && compile.emit != EmitKind::Object;
  if (compile.outputPath == "-" && !isText && !arguments.serverSource)
    return userError(ErrorCode::U006,
                     "-o -: an object is not written to "
                     "standard output",
                     "Give it a name: headers are written beside it.");
  return llvm::Error::success();
}

static llvm::Error checkFiles(const Arguments &arguments) {
  if (llvm::Error error = checkStreams(arguments))
    return error;
  for (const auto &[option, file] : filesWritten(arguments))
    for (const auto &[source, input] : filesRead(arguments)) {
      bool isRepack = arguments.command == Command::Repack &&
                      input == arguments.file; // in its place, by default
      if (!isRepack && isSameFile(file, input))
        return userError(ErrorCode::U006,
                         option + " '" + file + "' would replace " + source +
                             " '" + input + "'",
                         "Give the output another name.");
    }
  return llvm::Error::success();
}

static llvm::Error checkValues(const Arguments &arguments) {
  if (arguments.random && !arguments.inputs.empty())
    return userError(ErrorCode::U006,
                     "--random and --inputs contradict each other");
  double tolerance = arguments.tolerance.value_or(0);
  if (!(tolerance >= 0) || std::isinf(tolerance))
    return userError(ErrorCode::U006, "--tolerance " +
                                          std::to_string(tolerance) +
                                          " is no number from 0 on");
  if (!std::isfinite(arguments.seconds))
    return userError(ErrorCode::U006, "--seconds is not a number");
  llvm::StringSet<> inputs, symbols;
  bool isMany = arguments.command == Command::Verify; // each set is a case
  for (const ShapeOption &shape : arguments.compile.shapes)
    if (!inputs.insert(shape.input).second && !isMany)
      return userError(ErrorCode::U002,
                       "--shape gives input '" + shape.input + "' twice");
  for (const DimOption &dim : arguments.compile.dims)
    if (!symbols.insert(dim.symbol).second)
      return userError(ErrorCode::U003,
                       "--dim gives symbol '" + dim.symbol + "' twice");
  return llvm::Error::success();
}

static llvm::Error checkInputFiles(const Arguments &arguments) {
  for (llvm::StringRef text : arguments.inputFiles) {
    auto [name, file] = text.rsplit('=');
    if (name.empty() || file.empty() || !text.contains('='))
      return userError(ErrorCode::U006,
                       "--input '" + text + "' is not NAME=FILE.npy");
  }
  return llvm::Error::success();
}

// What a compile decides cannot be asked of an object; --shape can, for inputs.
static llvm::Error checkObject(const Arguments &arguments) {
  bool takesObject =
      arguments.command == Command::Run || arguments.command == Command::Bench;
  const CompileOptions &compile = arguments.compile;
  const char *option = !compile.dims.empty()        ? "--dim"
                       : !compile.isas.empty()      ? "--isa"
                       : !compile.schedules.empty() ? "--schedules"
                       : compile.exact              ? "--exact"
                                                    : nullptr;
  if (!takesObject || !option ||
      llvm::StringRef(arguments.file).ends_with(".onnx"))
    return llvm::Error::success();
  return userError(ErrorCode::U006,
                   std::string(option) + " is of a compile, and '" +
                       arguments.file + "' is compiled",
                   "Give the .onnx file.");
}

llvm::Error sinter::checkArguments(const Arguments &arguments) {
  if (llvm::Error error = checkValues(arguments))
    return error;
  if (llvm::Error error = checkInputFiles(arguments))
    return error;
  if (llvm::Error error = checkObject(arguments))
    return error;
  return checkFiles(arguments);
}
