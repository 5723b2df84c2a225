// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module of emitted kernel functions -> LLVM dialect -> LLVM IR -> ELF.

#include "codegen/cpu/CompileKernel.h"
#include "codegen/cpu/ExternLibrary.h"
#include "dialects/Support/Check.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include <mutex>

using namespace mlir;

namespace sinter::cpu {
namespace {

/// Sets one of LLVM's own switches; it has no other interface to these.
void setSwitch(StringRef option) {
  auto options = llvm::cl::getRegisteredOptions();
  auto found = options.find(option);
  SINTER_CHECK(found != options.end(), "an option of LLVM is gone");
  found->second->addOccurrence(0, option, "true");
}

std::unique_ptr<llvm::TargetMachine>
createMachine(const Target &target, StringRef features, bool plain) {
  static std::once_flag registered;
  std::call_once(registered, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    setSwitch("disable-lsr");
  });
  std::string error;
  llvm::Triple triple(target.triple);
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return nullptr;
  llvm::TargetOptions options;
  // Contraction only where we wrote it: vector.fma arrives as llvm.fmuladd,
  // which Strict would split again and Standard always fuses.
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  options.EmitStackSizeSection = true;
  options.FunctionSections = true;
  return std::unique_ptr<llvm::TargetMachine>(backend->createTargetMachine(
      triple, triple.isX86() ? "x86-64" : "generic", features, options,
      llvm::Reloc::PIC_, llvm::CodeModel::Small,
      plain ? llvm::CodeGenOptLevel::Less : llvm::CodeGenOptLevel::Aggressive));
}

void addAttributes(llvm::Function &function, const Target &target,
                   StringRef features) {
  function.addFnAttr("target-features", features);
  function.addFnAttr("tune-cpu", target.tuneCpu);
  function.addFnAttr("prefer-vector-width", std::to_string(target.vec.bits));
  function.addFnAttr("min-legal-vector-width", std::to_string(target.vec.bits));
  // A loop that looks like memset or like a library function stays a loop.
  function.addFnAttr("no-builtins");
  function.addFnAttr(llvm::Attribute::NoUnwind);
  function.addFnAttr(llvm::Attribute::NoRecurse);
  function.setUWTableKind(llvm::UWTableKind::Async);
  function.setDSOLocal(true);
}

LogicalResult lowerToLLVM(ModuleOp module) {
  PassManager passes(module.getContext());
  passes.enableVerifier(false);
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertVectorToLLVMPass());
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  return passes.run(module);
}

void optimise(llvm::Module &module, llvm::TargetMachine &machine, bool plain) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopInterleaving = false;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  builder
      .buildPerModuleDefaultPipeline(plain ? llvm::OptimizationLevel::O1
                                           : llvm::OptimizationLevel::O2)
      .run(module, modules);
}

bool write(llvm::Module &module, llvm::TargetMachine &machine,
           llvm::CodeGenFileType type, std::string &text) {
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return false;
  passes.run(module);
  text = bytes.str().str();
  return true;
}

} // namespace

void registerCodegenDialects(DialectRegistry &registry) {
  registry
      .insert<LLVM::LLVMDialect, arith::ArithDialect, cf::ControlFlowDialect,
              math::MathDialect, scf::SCFDialect, vector::VectorDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

FailureOr<std::string> compileModule(ModuleOp module, const Target &target,
                                     const CodegenOptions &options) {
  if (options.mlirText) {
    llvm::raw_string_ostream stream(*options.mlirText);
    module.print(stream);
  }
  const Target &machineTarget =
      options.emulatePrims ? *findTarget("x86-64-v3") : target;
  std::string features = machineTarget.featureString();
  std::unique_ptr<llvm::TargetMachine> machine =
      createMachine(machineTarget, features, options.plain);
  if (!machine)
    return module.emitError("this LLVM has no backend for ") << target.triple;
  if (failed(lowerToLLVM(module)))
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule =
      translateModuleToLLVMIR(module, context, "kernel");
  if (!llvmModule)
    return failure();
  llvmModule->setTargetTriple(llvm::Triple(machineTarget.triple));
  llvmModule->setDataLayout(machine->createDataLayout());
  // One object without the marks turns CET off for a whole program.
  llvmModule->addModuleFlag(llvm::Module::Min, "cf-protection-branch", 1);
  llvmModule->addModuleFlag(llvm::Module::Min, "cf-protection-return", 1);
  linkExternFunctions(*llvmModule);
  for (llvm::Function &function : *llvmModule)
    if (!function.isDeclaration())
      addAttributes(function, machineTarget, features);
  optimise(*llvmModule, *machine, options.plain);
  if (options.llvmText) {
    llvm::raw_string_ostream stream(*options.llvmText);
    llvmModule->print(stream, nullptr);
  }
  std::unique_ptr<llvm::Module> copy;
  if (options.asmText)
    copy =
        llvm::CloneModule(*llvmModule); // the backend changes the IR it lowers
  std::string object;
  if (!write(*llvmModule, *machine, llvm::CodeGenFileType::ObjectFile,
             object) ||
      (copy && !write(*copy, *machine, llvm::CodeGenFileType::AssemblyFile,
                      *options.asmText)))
    return module.emitError("LLVM cannot write an object for ")
           << target.triple;
  return object;
}

} // namespace sinter::cpu
