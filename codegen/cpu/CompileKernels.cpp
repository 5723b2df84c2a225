// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Machine code as a pass: the way to see one kernel fail without a model.
#include "codegen/cpu/CompileKernel.h"
#include "codegen/cpu/Passes.h"
#include "dialects/kernel/KernelOps.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace sinter {
#define GEN_PASS_DEF_COMPILEKERNELS
#include "codegen/cpu/Passes.h.inc"

namespace {

struct CompileKernels : impl::CompileKernelsBase<CompileKernels> {
  using CompileKernelsBase::CompileKernelsBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    cpu::registerCodegenDialects(registry);
  }

  LogicalResult keep(StringRef object) {
    std::error_code reason;
    llvm::raw_fd_ostream file(out, reason);
    file << object;
    file.close();
    if (!reason)
      reason = file.error();
    file.clear_error();
    return reason ? getOperation().emitError("cannot write '")
                        << out << "': " << reason.message()
                  : success();
  }

  void runOnOperation() override {
    const cpu::Target *target = cpu::findTarget(isa);
    if (!target) {
      getOperation().emitError("there is no target '") << isa << "'";
      return signalPassFailure();
    }
    cpu::CodegenOptions options;
    options.plain = plain;
    getOperation().walk([&](kernel::DefineOp define) {
      FailureOr<std::string> object =
          cpu::compileKernel(define, define.getSymName(), *target, options);
      if (failed(object))
        return signalPassFailure();
      if (!out.empty() && failed(keep(*object)))
        return signalPassFailure();
      define.emitRemark("compiled for ")
          << isa << ": " << object->size() << " bytes";
    });
  }
};

} // namespace
} // namespace sinter
