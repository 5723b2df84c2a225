// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text to define to machine code. The text is our own, but a worker treats it
// as it would any file: what does not parse or verify is refused.
#include "compiler/pipeline/CompileDefine.h"

#include "codegen/cpu/CompileKernel.h"
#include "compiler/report/UserError.h"
#include "dialects/target/Emulation.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;

KernelJob sinter::makeKernelJob(kernel::DefineOp define, llvm::StringRef isa) {
  KernelJob job;
  job.isa = isa.str();
  job.display = define.getSymName().str();
  mlir::OwningOpRef<kernel::DefineOp> copy(define.clone());
  copy->setSymName("kernel");
  if (kernel::ScheduleAttr schedule = define.getScheduleFor(isa))
    (*copy)->setAttr("schedules",
                     mlir::ArrayAttr::get(define.getContext(), {schedule}));
  else
    (*copy)->removeAttr("schedules");
  llvm::raw_string_ostream out(job.define);
  (*copy)->print(out, mlir::OpPrintingFlags().useLocalScope());
  return job;
}

namespace {
// What lives as long as a worker.
struct DefineCompiler {
  DefineCompiler() : context(mlir::MLIRContext::Threading::DISABLED) {
    mlir::DialectRegistry registry;
    registry.insert<kernel::KernelDialect>();
    cpu::registerCodegenDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  bool compile(const KernelRequest &request, cpu::CodegenOptions options,
               std::string &object, std::string &error);

  mlir::MLIRContext context;
};
} // namespace

bool DefineCompiler::compile(const KernelRequest &request,
                             cpu::CodegenOptions options, std::string &object,
                             std::string &error) {
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
          error += diagnostic.str() + "\n";
        return mlir::success();
      });
  const cpu::Target *target = cpu::findTarget(request.isa);
  if (!target) {
    error = "there is no target '" + request.isa.str() + "'";
    return false;
  }
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>(request.define, &context);
  if (!module)
    return false;
  auto defines = module->getOps<kernel::DefineOp>();
  if (defines.empty()) {
    error = "the text holds no kernel.define";
    return false;
  }
  options.plain = request.plain;
  options.emulatePrims |= cpu::isEmulated(request.isa);
  auto code =
      cpu::compileKernel(*defines.begin(), request.symbol, *target, options);
  if (mlir::failed(code))
    return false;
  object = std::move(*code);
  return true;
}

KernelCompiler sinter::makeKernelCompiler() {
  auto compiler = std::make_shared<DefineCompiler>();
  return [compiler](const KernelRequest &request, std::string &object,
                    std::string &error) {
    return compiler->compile(request, {}, object, error);
  };
}

llvm::Expected<std::string> sinter::kernelText(const KernelJob &job,
                                               KernelText kind) {
  DefineCompiler compiler;
  cpu::CodegenOptions options;
  std::string text, object, error;
  (kind == KernelText::Llvm ? options.llvmText : options.asmText) = &text;
  if (!compiler.compile({job.define, job.isa, job.display}, options, object,
                        error))
    return userError(ErrorCode::C001, "kernel '" + job.display +
                                          "' could not be compiled for " +
                                          job.isa + "\n  " + error);
  return text;
}
