// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions with panels or few maps are tile problems; with one filter a
// channel there is no matrix product in them, and they have an emitter of their
// own.

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/TileEngine.h"

namespace sinter::cpu {

mlir::LogicalResult emitConv(KernelBuilder &kb, kernel::DefineOp define,
                             kernel::ConvOp root) {
  kernel::TileProblem problem = kernel::problemOf(root);
  TileSchedule schedule = tileScheduleOf(define, kb.target);
  if (problem.panels || problem.alongK)
    emitTiles(kb, problem, schedule);
  else
    emitDepthwise(kb, problem, schedule);
  return mlir::success();
}

} // namespace sinter::cpu
