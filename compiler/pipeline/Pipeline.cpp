// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a model to an object, floor by floor, readable from top to bottom. Every
// step reports what it refuses as diagnostics at ONNX nodes; a step that fails
// ends the compile.
#include "compiler/pipeline/Pipeline.h"

#include "codegen/image/ExecToImage.h"
#include "codegen/object/ObjectWriter.h"
#include "codegen/weights/PackWeights.h"
#include "compiler/import/Import.h"
#include "compiler/pipeline/CompileDefine.h"
#include "compiler/pipeline/Fallbacks.h"
#include "compiler/pipeline/Manifest.h"
#include "compiler/pipeline/Passes.h"
#include "compiler/pipeline/ProgramHash.h"
#include "compiler/pipeline/Progress.h"
#include "compiler/pipeline/Taps.h"
#include "compiler/report/CompileReport.h"
#include "compiler/report/MlirDiagnostics.h"
#include "compiler/report/TextFile.h"
#include "dialects/exec/ExecOps.h"
#include "dialects/target/Emulation.h"
#include "dialects/target/Target.h"
#include "passes/schedule/ScheduleRecords.h"
#include "sinter/model.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;
using mlir::ModuleOp;

namespace {

class Compilation {
public:
  explicit Compilation(const CompileOptions &options)
      : options(options), context(mlir::MLIRContext::Threading::DISABLED),
        faults(options.modelPath), progress(options.verbose) {}
  llvm::Error run();
  /// Every floor that can refuse a model, and nothing else.
  bool check(Diagnostics &into, llvm::json::Object &model);

private:
  llvm::Error chooseIsas();
  void noteUselessCache(const std::string &folder) const;
  bool import();
  bool transform(const char *phase,
                 void (*addPasses)(mlir::OpPassManager &, const PassOptions &));
  bool makeImage();
  mlir::func::FuncOp main() {
    return module->lookupSymbol<mlir::func::FuncOp>("main");
  }
  llvm::Error refusal() const;
  llvm::Error describe();
  llvm::Error makeKernels();
  llvm::Error writeResult();
  llvm::Error writeReport();
  llvm::Error emitKernelTexts(KernelText kind);

  const CompileOptions &options;
  mlir::MLIRContext context;
  Diagnostics faults;
  Progress progress;
  mlir::OwningOpRef<ModuleOp> module;
  std::vector<std::string> isas; // best first
  BatchRows batch;
  ImageResult image;
  llvm::json::Object manifest;
  std::vector<PassEffect> effects;
  std::vector<IsaColumn> columns;
  // Kernel by kernel, for every ISA in turn.
  std::vector<KernelJob> jobs;
  std::vector<KernelCode> codes;
};

} // namespace

// This host and, so that the object runs elsewhere too, plain x86-64-v3.
llvm::Error Compilation::chooseIsas() {
  isas = options.isas;
  if (isas.empty()) {
    if (const cpu::Target *host = cpu::hostTarget())
      isas.push_back(host->isa.str());
    if (!llvm::is_contained(isas, "x86-64-v3"))
      isas.push_back("x86-64-v3");
  }
  for (const std::string &isa : isas)
    if (!cpu::findTarget(isa))
      return userError(ErrorCode::U004,
                       "no code can be made for '" + isa + "'");
  return llvm::Error::success();
}

// The steps that may refuse a model tell `faults` and return false.
llvm::Error Compilation::refusal() const {
  std::string text = faults.text();
  return formattedError(exitCodeOf(text), text);
}

bool Compilation::import() {
  progress.phase("import");
  module =
      importModel(options.modelPath, context, importOptionsOf(options), faults);
  return module && tapNodes(main(), options.taps, faults);
}

bool Compilation::transform(const char *phase,
                            void (*addPasses)(mlir::OpPassManager &,
                                              const PassOptions &)) {
  progress.phase(phase);
  DiagnosticCollector diagnostics(context);
  mlir::PassManager passes(&context);
  if (options.verbose)
    passes.enableTiming();
  if (!options.report.empty())
    passes.addInstrumentation(std::make_unique<PassRecorder>(effects));
  addPasses(passes, {isas, options.exact, options.maxSlack, options.schedules});
  bool isDone = mlir::succeeded(passes.run(*module));
  diagnostics.moveRemarks(faults);
  if (isDone)
    return true;
  diagnostics.moveTo(faults, phase);
  return false;
}

bool Compilation::makeImage() {
  progress.phase("image");
  DiagnosticCollector diagnostics(context);
  if (mlir::succeeded(buildImage(*module, image)))
    return true;
  diagnostics.moveTo(faults, "image");
  return false;
}

llvm::Error Compilation::describe() {
  progress.phase("manifest");
  if (!options.expectedProgram.empty())
    if (llvm::Error error = checkProgram(
            options.expectedProgram, programHash(image, isas), image, *module))
      return error;
  int64_t fixed = 0;
  if (batch.symbols.empty())
    fixed =
        fixedBatchOf(options, module->lookupSymbol<exec::ProgramOp>("main"));
  auto made = makeManifest({*module, options, isas, image, batch, fixed});
  if (!made)
    return made.takeError();
  manifest = std::move(*made);
  return llvm::Error::success();
}

static uint64_t featuresOf(llvm::StringRef isa) {
  if (isa == "x86-64-v4-vnni")
    return SINTER_ISA_X86_64_V4 | SINTER_ISA(AVX512VNNI);
  if (isa == "x86-64-v4")
    return SINTER_ISA_X86_64_V4;
  return isa == "x86-64-v3" || cpu::isEmulated(isa) ? SINTER_ISA_X86_64_V3
                                                    : SINTER_ISA_X86_64_V2;
}

// A cache only saves time, so one that was asked for and cannot be is a note.
void Compilation::noteUselessCache(const std::string &folder) const {
  namespace fs = llvm::sys::fs;
  std::error_code code = fs::create_directories(folder);
  if (code || !fs::is_directory(folder) ||
      fs::access(folder, fs::AccessMode::Write))
    llvm::errs() << options.modelPath
                 << ": note: nothing is kept in --cache-dir '" << folder
                 << "': "
                 << (code ? code.message() : "no folder that can be written")
                 << "\n";
}

llvm::Error Compilation::makeKernels() {
  progress.phase("kernels");
  for (const std::string &isa : isas)
    for (kernel::DefineOp define : image.kernels)
      jobs.push_back(makeKernelJob(define, isa));
  FarmOptions farm;
  farm.workers = options.jobs ? options.jobs : availableCpus();
  farm.cacheDir = options.cacheDir.value_or(defaultCacheDir());
  if (options.cacheDir && !farm.cacheDir.empty())
    noteUselessCache(farm.cacheDir);
  farm.progress = [&](size_t done, size_t total) {
    progress.step(done, total);
  };
  auto compiled = compileKernels(jobs, farm);
  if (!compiled)
    return compiled.takeError();
  codes = std::move(*compiled);
  llvm::errs() << fallbackWarnings(*module, options.modelPath, jobs, codes);
  manifest["fallbacks"] = fallbackRows(*module, jobs, codes);
  for (size_t i = 0; i < isas.size(); ++i) {
    IsaColumn column{isas[i], featuresOf(isas[i]), {}};
    for (size_t k = 0; k < image.kernels.size(); ++k)
      column.symbols.push_back(codes[i * image.kernels.size() + k].symbol);
    columns.push_back(std::move(column));
  }
  return llvm::Error::success();
}

static WeightPiece pieceOf(const WeightBlob &blob) {
  auto fill = [&blob](uint64_t begin,
                      llvm::MutableArrayRef<char> into) -> llvm::Error {
    std::string problem;
    if (packWeight(blob, begin, into, problem))
      return llvm::Error::success();
    return userError(ErrorCode::C002,
                     "a weight could not be packed: " + problem);
  };
  return {blob.offset, blob.bytes, fill, [&blob] { releaseWeight(blob); }};
}

llvm::Error Compilation::writeResult() {
  progress.phase("object");
  ObjectInputs inputs;
  inputs.prefix = options.prefix;
  if (inputs.prefix.empty()) {
    auto prefix = prefixOf(options.outputPath);
    if (!prefix)
      return prefix.takeError();
    inputs.prefix = *prefix;
  }
  inputs.image = image.image;
  inputs.manifest =
      llvm::formatv("{0}", llvm::json::Value(std::move(manifest)));
  inputs.isas = columns;
  llvm::StringSet<> seen; // equal kernels share a symbol and an object
  for (const KernelCode &code : codes)
    if (seen.insert(code.symbol).second)
      inputs.kernelBuffers.push_back(
          {llvm::StringRef(code.object.data(), code.object.size()),
           code.symbol});
  for (const WeightBlob &blob : image.weights)
    if (blob.bytes)
      inputs.weights.push_back(pieceOf(blob));
  inputs.weightsBytes = image.weightsBytes;
  inputs.weightsInFile = options.weightsInFile;
  inputs.jobs = options.jobs ? options.jobs : availableCpus();
  return writeObject(inputs, options.outputPath);
}

static llvm::Error
writeText(const std::string &path,
          llvm::function_ref<void(llvm::raw_ostream &)> print) {
  std::string text;
  llvm::raw_string_ostream out(text);
  print(out);
  return writeTextFile(path, text);
}

llvm::Error Compilation::writeReport() {
  std::vector<int64_t> codeBytes;
  for (size_t i = 0; i < image.kernels.size(); ++i)
    codeBytes.push_back(int64_t(codes[i].object.size()));
  llvm::json::Object report =
      makeReport({*module, options, isas, image, effects, codeBytes});
  bool isPage = llvm::StringRef(options.report).ends_with(".html");
  return writeText(options.report, [&](llvm::raw_ostream &out) {
    if (isPage)
      out << reportPage(report);
    else
      out << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(report)));
  });
}

llvm::Error Compilation::emitKernelTexts(KernelText kind) {
  std::string all;
  for (kernel::DefineOp define : image.kernels) {
    auto text = kernelText(makeKernelJob(define, isas.front()), kind);
    if (!text)
      return text.takeError();
    all += *text;
  }
  return writeText(options.outputPath,
                   [&](llvm::raw_ostream &out) { out << all; });
}

static llvm::Error checkSchedules(const std::string &path) {
  if (path.empty())
    return llvm::Error::success();
  schedule::ScheduleRecords records;
  llvm::Error error = records.addFile(path);
  if (!error)
    return error;
  return userError(ErrorCode::U006,
                   "--schedules: " + llvm::toString(std::move(error)),
                   "Give JSON lines as docs/schedules.md describes them.");
}

// The output replaces what has its name: never a device, a pipe or a folder.
static llvm::Error checkOutput(const std::string &path) {
  llvm::sys::fs::file_status status;
  if (path == "-" || llvm::sys::fs::status(path, status) ||
      !llvm::sys::fs::exists(status) ||
      status.type() == llvm::sys::fs::file_type::regular_file)
    return llvm::Error::success();
  return userError(ErrorCode::O001, "cannot write '" + path +
                                        "': it exists and is no regular file");
}

llvm::Error Compilation::run() {
  auto printModule = [&](llvm::raw_ostream &out) { module->print(out); };
  if (llvm::Error error = checkOutput(options.outputPath))
    return error;
  if (llvm::Error error = chooseIsas())
    return error;
  if (llvm::Error error = checkSchedules(options.schedules))
    return error;
  if (!import())
    return refusal();
  if (options.verbose)
    llvm::errs() << faults.text();
  if (!transform("graph", addGraphPasses))
    return refusal();
  batch = findBatchRows(main());
  if (options.tapAll)
    tapEverything(main());
  if (options.emit == EmitKind::Graph)
    return writeText(options.outputPath, printModule);
  size_t before = faults.allNotes().size();
  if (!transform("kernels", addLoweringPasses))
    return refusal();
  for (size_t i = before; i < faults.allNotes().size(); ++i)
    llvm::errs() << options.modelPath << ": note: " << faults.allNotes()[i]
                 << "\n";
  if (options.emit == EmitKind::Kernel || options.emit == EmitKind::Exec)
    return writeText(options.outputPath, printModule);
  if (!makeImage())
    return refusal();
  if (options.emit == EmitKind::Image)
    return writeText(options.outputPath, [&](llvm::raw_ostream &out) {
      out.write(reinterpret_cast<const char *>(image.image.data()),
                image.image.size());
    });
  if (options.emit != EmitKind::Object)
    return emitKernelTexts(options.emit == EmitKind::Llvm ? KernelText::Llvm
                                                          : KernelText::Asm);
  if (llvm::Error error = describe())
    return error;
  if (llvm::Error error = makeKernels())
    return error;
  if (llvm::Error error = writeResult())
    return error;
  return options.report.empty() ? llvm::Error::success() : writeReport();
}

bool Compilation::check(Diagnostics &into, llvm::json::Object &model) {
  if (llvm::Error error = chooseIsas())
    faults.add(
        {ErrorCode::U004, "", "", llvm::toString(std::move(error)), "", ""});
  bool ok = faults.empty() && import() && transform("graph", addGraphPasses) &&
            transform("kernels", addLoweringPasses) && makeImage();
  into = faults;
  if (ok)
    model = describeInterface(module->lookupSymbol<exec::ProgramOp>("main"));
  return ok;
}

bool sinter::checkModel(const CompileOptions &options, Diagnostics &faults,
                        llvm::json::Object &model) {
  return Compilation(options).check(faults, model);
}

llvm::Error sinter::compileModel(const CompileOptions &options) {
  return Compilation(options).run();
}
