// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Addresses of the rows of one tile. Rows are numbered over all row axes at
// once (flattened pixels), so a tile may cross the end of an image line; that
// is what keeps small images as fast as large ones. An operand whose rows are
// equally far apart needs one pointer and displacements, any other a pointer a
// row.

#ifndef SINTER_CODEGEN_CPU_TILEROWS_H
#define SINTER_CODEGEN_CPU_TILEROWS_H

#include "codegen/cpu/KernelBuilder.h"
#include "dialects/kernel/TileProblem.h"

namespace sinter::cpu {

/// Row i lies at pointers[i] + displacements[i] (bytes).
struct RowAddresses {
  Values pointers;
  llvm::SmallVector<int64_t, 8> displacements;
  mlir::Value stride;  // bytes from row to row where equal, else null
  bool shared = false; // all rows are the same row

  mlir::Value row(KernelBuilder &kb, unsigned i) const {
    return kb.at(pointers[i], displacements[i]);
  }
};

/// An operand and the address of its row 0.
struct RowOperand {
  const kernel::TileOperand *operand;
  mlir::Value base;
};

/// Addresses of rows [first, first + count) of each operand. No division but
/// for the coordinates of `first`, and that only where some operand needs them.
llvm::SmallVector<RowAddresses>
rowAddresses(KernelBuilder &kb, llvm::ArrayRef<sym::DimAttr> extents,
             llvm::ArrayRef<RowOperand> operands, mlir::Value first,
             unsigned count);

/// The positions first .. last - 1 along one axis of the reduction.
struct PositionRange {
  mlir::Value first, last;
  bool whole = true; // all there are, known here
};

/// For each axis, the positions with which some of the rows [first, first +
/// count) read more than the zeros of a border. Others add exact zeros.
llvm::SmallVector<PositionRange>
livePositions(KernelBuilder &kb, const kernel::TileProblem &problem,
              mlir::Value first, unsigned count);

/// Calls `tile` for tiles of at most `tileRows` rows that cover [first, first +
/// height). A constant height is cut into tiles of two neighbouring heights, so
/// that no tile is nearly empty: 49 rows are 4 x 6 + 5 x 5. Any other is cut
/// into full tiles and tails of 8, 4, 2 and 1 rows.
void forRowTiles(
    KernelBuilder &kb, mlir::Value first, mlir::Value height, unsigned tileRows,
    llvm::function_ref<void(mlir::Value row, unsigned count)> tile);

/// Extent of the block of at most `block` (0: all) that starts at `first`:
/// constant when all blocks are equal.
mlir::Value blockExtent(KernelBuilder &kb, mlir::Value first, mlir::Value total,
                        int64_t block);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_TILEROWS_H
