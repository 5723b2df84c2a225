// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How finely a model tells values apart. Where values are rounded to halves or
// to 8 bits on their way, two right programs differ by such a step as soon as a
// sum falls on the other side of its middle, whatever their own errors are.
#ifndef SINTER_COMPILER_EVALUATE_RESOLUTION_H
#define SINTER_COMPILER_EVALUATE_RESOLUTION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace sinter::evaluate {

/// The largest relative rounding that `main` asks of a value it computes: 2^-11
/// for f16, 2^-8 for bf16 and for floats that become integers of 8 bits or
/// fewer. 0 when there is none of these.
double resolutionOf(mlir::func::FuncOp main);

} // namespace sinter::evaluate

#endif // SINTER_COMPILER_EVALUATE_RESOLUTION_H
