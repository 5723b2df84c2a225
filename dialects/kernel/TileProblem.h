// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What contract and conv have in common, so that one engine serves both: rows
// (output pixels, or M of a matmul) times columns (output channels, or N), each
// element one accumulator over a reduction that walks memory in a few nested
// strides:
//
//   acc[r, n] = sum over (position.., i) of
//               a[batch, r, position.., i] * b[batch, (position.., i), n]
//
// A convolution has the kernel's axes as positions and runs of channels; groups
// and batch are batch axes. A matmul has no positions. Shared by the schedule
// model, which counts with it, and the code generator, which walks it.

#ifndef SINTER_DIALECTS_KERNEL_TILEPROBLEM_H
#define SINTER_DIALECTS_KERNEL_TILEPROBLEM_H

#include "dialects/kernel/KernelOps.h"
#include "dialects/sym/Dim.h"

namespace sinter::kernel {

/// A view as the engine walks it: strides in elements. `column` is the stride
/// along N (not of a), `step` the one along K (of a and b).
struct TileOperand {
  unsigned buffer = 0;
  mlir::Type element;
  sym::Dims batch, rows;
  sym::DimAttr column, step;
};

struct TileProblem {
  sym::Dims batch, rows; // extents; collapsed as far as all operands allow
  sym::DimAttr n;

  /// Position k of row r reads line r * stride + k * dilation of a, along one
  /// of the row axes. Only lines low .. low + live - 1 are not zero.
  struct Border {
    unsigned rowAxis;
    int64_t stride, dilation, low;
    sym::DimAttr live;
  };
  struct Axis {
    sym::DimAttr extent, stride; // stride within a, in elements
    std::optional<Border> border = std::nullopt;
  };
  llvm::SmallVector<Axis, 3> positions; // outer axes of the reduction
  sym::DimAttr run;                     // innermost extent, along a.step
  /// Each position has a sum of its own, and the sums are added in order: see
  /// docs/rfcs/0007, "Bits".
  bool sumsPositions = false;
  /// Few columns: vectors lie along the run, in 16 virtual lanes, and not along
  /// the columns, of which they would fill a part.
  bool alongK = false;

  TileOperand a, b;
  bool panels = false; // b is [n/16][k][16]; b.batch counts elements as well
  /// Unsigned bytes times signed ones, four at a time: a step of k is a word of
  /// four, of a (whose strides stay in bytes) and of b, whose elements are
  /// words.
  bool dots = false;
  llvm::SmallVector<TileOperand, 4> extras, outputs;
  mlir::Region *epilogue = nullptr;
  mlir::Type accumulator;

  /// b is neither panels nor has columns side by side, and its K is known: a
  /// block of its columns is copied to panels in scratch first.
  bool packsB() const;
  /// Scratch that any schedule with at most `columns` columns a tile needs.
  int64_t scratchBytes(int64_t columns) const;

  sym::DimAttr rowCount() const;
  sym::DimAttr batchCount() const;
  sym::DimAttr reductionCount() const;
};

/// Most columns of a product along k: their accumulators fill the registers.
constexpr int64_t kFewColumns = 4;
/// Lanes of a product along k, on every target.
constexpr unsigned kLanesOfK = 16;

/// Whether n columns are so few for this reduction that vectors along it cost
/// less than vectors of columns that are mostly empty.
bool paysAlongK(int64_t n, int64_t positions, int64_t run);

/// Elements of k in a word of bytes.
constexpr int64_t kDotBytes = 4;

/// Whether products of these two are summed four at a time: unsigned bytes and
/// signed ones.
bool areDotFactors(mlir::Type a, mlir::Type b);

/// Scratch of a tile: accumulators and row addresses on their way to a long
/// epilogue. Packed columns of b follow.
constexpr int64_t kTileScratch = 4096;

TileProblem problemOf(ContractOp op);
/// With panels a tile problem. A depthwise convolution has b as a view: its
/// columns are the channels of a, a.column apart, the run is one and step k is
/// position k.
TileProblem problemOf(ConvOp op);

} // namespace sinter::kernel

#endif // SINTER_DIALECTS_KERNEL_TILEPROBLEM_H
