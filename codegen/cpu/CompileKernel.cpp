// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses the emitter of a define's root. The module around the emitted
// function lives only here: the define is not changed. Plain code goes the same
// way with other data: every schedule that verifies is correct, and no bit of a
// result depends on the width of a vector.

#include "codegen/cpu/CompileKernel.h"
#include "codegen/cpu/Emitters.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace sinter::cpu {

static LogicalResult emitRoot(KernelBuilder &kb, kernel::DefineOp define) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(define.getRoot())
      .Case([&](kernel::ContractOp root) {
        return emitContract(kb, define, root);
      })
      .Case([&](kernel::ConvOp root) { return emitConv(kb, define, root); })
      .Case([&](kernel::ExternOp root) { return emitExtern(kb, define, root); })
      .Case([&](kernel::NestOp root) { return emitNest(kb, define, root); })
      .Case([&](kernel::RecurrentOp root) {
        return emitRecurrent(kb, define, root);
      })
      .Case([&](kernel::RowOp root) { return emitRow(kb, define, root); })
      .Case([&](kernel::WindowOp root) { return emitWindow(kb, define, root); })
      .Default([&](Operation *root) {
        return define.emitError("root '")
               << root->getName() << "' has no emitter on this target";
      });
}

static FailureOr<std::string> compileFor(kernel::DefineOp define,
                                         StringRef symbol, const Target &target,
                                         const CodegenOptions &options) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(define.getLoc());
  // Locations would only cost time: machine code carries the symbol's name.
  KernelBuilder kb(*module, UnknownLoc::get(define.getContext()), symbol,
                   define.getBody().getNumArguments(), target);
  if (failed(emitRoot(kb, define)))
    return failure();
  kb.finish();
  return compileModule(*module, target, options);
}

FailureOr<std::string> compileKernel(kernel::DefineOp define, StringRef symbol,
                                     const Target &target,
                                     const CodegenOptions &options) {
  if (!options.plain)
    return compileFor(define, symbol,
                      options.emulatePrims ? emulatedTarget(target) : target,
                      options);
  OwningOpRef<kernel::DefineOp> copy(define.clone());
  if (define.getScheduleFor(target.isa)) {
    MLIRContext *context = define.getContext();
    auto schedule = kernel::ScheduleAttr::get(
        context, StringAttr::get(context, target.isa),
        StringAttr::get(context, "direct"), /*tile_m=*/1, /*tile_n=*/16,
        /*unroll=*/1, /*prefetch=*/0);
    copy->setSchedulesAttr(ArrayAttr::get(context, {schedule}));
  }
  return compileFor(*copy, symbol, plainTarget(target), options);
}

} // namespace sinter::cpu
