// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The product of a recurrent cell: some rows times the columns of a few gates
// over the same units. Gates of 16 units lie beside each other in the panels,
// so one row pointer, one panel pointer and displacements reach everything.

#ifndef SINTER_CODEGEN_CPU_RECURRENTTILE_H
#define SINTER_CODEGEN_CPU_RECURRENTTILE_H

#include "codegen/cpu/KernelBuilder.h"
#include "dialects/kernel/RecurrentPlan.h"

namespace sinter::cpu {

/// A view argument with strides in bytes.
struct ViewAccess {
  mlir::Value base;
  llvm::ArrayRef<sym::DimAttr> strides;
  mlir::Type element;
};

/// `width` vectors of neighbouring units, the first of which is vector `first`
/// of the layer. `count` when the last vector is not full (units in it).
struct UnitTile {
  mlir::Value first;
  unsigned width;
  mlir::Value count;
};

/// Columns of one gate over a tile as panels lay them out: byte offset of the
/// tile, and from it to vector `vector` of `gate`, when a panel has `depth`
/// rows. Products in scratch are panels of depth 1.
class PanelOffsets {
public:
  PanelOffsets(KernelBuilder &kb, int64_t gates, int64_t depth)
      : kb(kb), gates(gates), depth(depth), lanes(vectorLanes(kb)) {}
  static unsigned vectorLanes(KernelBuilder &kb);
  mlir::Value start(const UnitTile &tile) const;
  int64_t at(unsigned vector, unsigned gate) const;

private:
  KernelBuilder &kb;
  int64_t gates, depth, lanes;
};

/// Where row values come from: a pointer a row, `step` bytes between them.
struct RowSource {
  Values rows;
  mlir::Value step;
};

/// sums[(row * width + vector) * gates + gate] = row * panels, in the order
/// k = 0, 1, ... with one accumulator an element. With `ofBytes`, depth counts
/// words of four elements, unsigned in the rows and signed in the panels, and
/// sums are i32.
Values multiplyPanels(KernelBuilder &kb, int64_t allGates, int64_t depth,
                      mlir::Value panels, llvm::ArrayRef<unsigned> gates,
                      const UnitTile &tile, const RowSource &source,
                      bool ofBytes);

/// Calls `body` for all vectors of the layer's `hidden` units, `width` at once
/// where as many are full.
void forUnits(KernelBuilder &kb, int64_t hidden, unsigned width,
              llvm::function_ref<void(const UnitTile &)> body);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_RECURRENTTILE_H
