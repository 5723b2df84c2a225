// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one micro-kernel of contract and conv: a grid of accumulators, rows times
// vectors of columns, kept in registers over the whole reduction. One SSA value
// is one native register; the order of instructions is the order written here.

#ifndef SINTER_CODEGEN_CPU_TILEBODY_H
#define SINTER_CODEGEN_CPU_TILEBODY_H

#include "codegen/cpu/TileRows.h"

namespace sinter::cpu {

/// How the tile reads b. Vector v of step k lies at
/// base + k * step + (v / perPanel) * panelBytes + (v % perPanel) *
/// vectorBytes.
struct ColumnAccess {
  mlir::Value base;
  mlir::Type element;
  sym::DimAttr step; // elements from k to k + 1
  sym::DimAttr
      column; // elements from column to column; 1 but for gathered columns
  int64_t panelBytes = 0;
  unsigned perPanel = 1; // vectors a panel
  mlir::Value count;     // columns left; null when all are there
  mlir::Value next;      // bytes from here to the line to prefetch; null: none
  bool readOnce = false; // no other tile reads this: lines are asked for ahead
};

struct TileShape {
  unsigned rows, vectors; // accumulators
  unsigned lanes;         // columns a vector
  unsigned lastLanes;     // of the last vector where it is narrower, else 0
  unsigned unroll;        // steps of the innermost loop
  unsigned prefetch; // lines of the next columns a panel asks for in a trip

  unsigned lanesOf(unsigned v) const {
    return lastLanes && v + 1 == vectors ? lastLanes : lanes;
  }
};

/// Emits the reduction and returns rows * vectors accumulators, row by row. It
/// walks `live` of the positions along each axis. Along k a vector holds the
/// lanes of one column's sum.
Values emitReduction(KernelBuilder &kb, const kernel::TileProblem &problem,
                     const TileShape &shape, const RowAddresses &rows,
                     const ColumnAccess &columns,
                     llvm::ArrayRef<PositionRange> live);

/// To the accumulator's type: sums of products of bytes and short floats are
/// wide.
mlir::Value widen(KernelBuilder &kb, const kernel::TileProblem &problem,
                  mlir::Value value);
/// The same for an element of b, whose sign may be another.
mlir::Value widenRight(KernelBuilder &kb, const kernel::TileProblem &problem,
                       mlir::Value value);
mlir::Value multiplyAdd(KernelBuilder &kb, const kernel::TileProblem &problem,
                        mlir::Value x, mlir::Value y, mlir::Value accumulator);

/// The epilogue over a grid, and its stores. `addresses` are those of the
/// extras followed by the outputs, at the first column of the tile.
/// `tileScratch` holds kernel::kTileScratch bytes; long epilogues run as a loop
/// over it.
void emitResults(KernelBuilder &kb, const kernel::TileProblem &problem,
                 const TileShape &shape, const Values &grid,
                 llvm::ArrayRef<RowAddresses> addresses,
                 mlir::Value columnCount, mlir::Value tileScratch);

/// The same for a product along k: the lanes of each sum are added first.
void emitSums(KernelBuilder &kb, const kernel::TileProblem &problem,
              const TileShape &shape, const Values &grid,
              llvm::ArrayRef<RowAddresses> addresses, mlir::Value tileScratch);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_TILEBODY_H
