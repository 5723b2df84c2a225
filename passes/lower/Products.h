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

/// b of a product, as a view or as panels.
struct RightSide {
  Place place;
  bool isPanels = false, hasBatch = false;
  mlir::Value panels;
  int64_t n = 0, k = 0;
};
void emitContract(Lowering &lowering, const Cluster &cluster, const Place &a,
                  const RightSide &b, Epilogue &epilogue, ScalarStart start);

Place insertUnitAxis(const Place &place, unsigned axis);
/// [N, C, spatial...] as [N, spatial..., C].
Place toChannelsLast(const Place &place);

} // namespace sinter::lower

#endif // SINTER_PASSES_LOWER_PRODUCTS_H
