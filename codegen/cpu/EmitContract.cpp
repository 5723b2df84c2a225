// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products: everything is in the tile engine.

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/TileEngine.h"

namespace sinter::cpu {

mlir::LogicalResult emitContract(KernelBuilder &kb, kernel::DefineOp define,
                                 kernel::ContractOp root) {
  emitTiles(kb, kernel::problemOf(root), tileScheduleOf(define, kb.target));
  return mlir::success();
}

} // namespace sinter::cpu
