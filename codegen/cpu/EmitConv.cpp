// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions with panels are tile problems.

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/TileEngine.h"

namespace sinter::cpu {

mlir::LogicalResult emitConv(KernelBuilder &kb, kernel::DefineOp define,
                             kernel::ConvOp root) {
  if (!mlir::isa<kernel::PanelsType>(root.getWeights().getType()))
    return root.emitError(
        "a depthwise convolution has no emitter on this target");
  emitTiles(kb, kernel::problemOf(root), tileScheduleOf(define, kb.target));
  return mlir::success();
}

} // namespace sinter::cpu
