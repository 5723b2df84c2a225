// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One product of quantised operands, made of bytes.
#ifndef SINTER_PASSES_SIMPLIFY_NARROWPRODUCT_H
#define SINTER_PASSES_SIMPLIFY_NARROWPRODUCT_H

#include "passes/simplify/Quantised.h"

namespace sinter::simplify {

/// Replaces the result of a graph.matmul or graph.conv by one of a product of
/// bytes; false where its operands are not quantised so that there is one.
bool narrowProduct(mlir::OpBuilder &builder, mlir::Operation *product,
                   const Constants &constants);

} // namespace sinter::simplify

#endif // SINTER_PASSES_SIMPLIFY_NARROWPRODUCT_H
