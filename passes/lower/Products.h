// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What matrix products and convolutions share: operands as panels, filters,
// bias.

#ifndef SINTER_PASSES_LOWER_PRODUCTS_H
#define SINTER_PASSES_LOWER_PRODUCTS_H

#include "passes/lower/Epilogue.h"

namespace sinter::lower {

using ScalarStart =
    std::function<mlir::Value(mlir::OpBuilder &, mlir::ValueRange)>;

/// Values of constant dimensions; -1 for others.
llvm::SmallVector<int64_t> constants(llvm::ArrayRef<sym::DimAttr> dims);

/// Sizes and strides of a filter are numbers, whoever computes it.
mlir::LogicalResult checkFilter(mlir::Operation *op, const Place &filter);

/// a + bias, in the type of the accumulator; nothing without a bias.
ScalarStart addBias(bool hasBias);

/// b of a product, as a view or as panels. A view of few columns may have its
/// vectors along k.
struct RightSide {
  Place place;
  bool isPanels = false, hasBatch = false, alongK = false;
  mlir::Value panels;
  mlir::Type element; // of panels
  int64_t n = 0, k = 0;

  void addTo(KernelEmitter &emitter, int64_t groups) const;
};
void emitContract(Lowering &lowering, const Cluster &cluster, const Place &a,
                  const RightSide &b, Epilogue &epilogue, ScalarStart start);

/// The operand of a convolution for `filter`: panels, or, where n is few, a
/// view [k, n] for vectors along k. `contiguous` innermost elements of k follow
/// each other in the input.
RightSide filterSide(Lowering &lowering, const Place &filter,
                     const Lowering::PanelSource &source, int64_t contiguous);

/// Elements of a window over `input`, channels last, that follow each other.
int64_t contiguousRun(const Place &input, int64_t depth,
                      llvm::ArrayRef<int64_t> kernel,
                      llvm::ArrayRef<int64_t> dilations);

Place insertUnitAxis(const Place &place, unsigned axis);
/// [N, C, spatial...] as [N, spatial..., C].
Place toChannelsLast(const Place &place);

} // namespace sinter::lower

#endif // SINTER_PASSES_LOWER_PRODUCTS_H
