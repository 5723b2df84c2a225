// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops around TileBody: items, columns, rows. Within an item the columns
// of b go outermost, so that a panel of weights is read once and then serves
// every row tile from cache, while the item's rows of a stay in L2 (the
// schedule makes items that small).

#ifndef SINTER_CODEGEN_CPU_TILEENGINE_H
#define SINTER_CODEGEN_CPU_TILEENGINE_H

#include "codegen/cpu/KernelBuilder.h"
#include "dialects/kernel/TileProblem.h"

namespace sinter::cpu {

struct TileSchedule {
  int64_t rowBlock = 0, columnBlock = 0; // extent of one item; 0: all
  unsigned tileRows = 1, tileColumns = 16;
  unsigned unroll = 1, prefetch = 0;
};

/// The schedule of `define` for `target`; the smallest legal one where it has
/// none.
TileSchedule tileScheduleOf(kernel::DefineOp define, const Target &target);

/// Emit the whole kernel: items, tiles, epilogue.
void emitTiles(KernelBuilder &kb, const kernel::TileProblem &problem,
               const TileSchedule &schedule);
void emitDepthwise(KernelBuilder &kb, const kernel::TileProblem &problem,
                   const TileSchedule &schedule);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_TILEENGINE_H
