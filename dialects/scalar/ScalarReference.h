// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each row of the scalar-op table computes, in plain C++ that sees neither
// LLVM nor MLIR: the reference evaluator and its sanitizer build use it alone.

#ifndef SINTER_DIALECTS_SCALAR_SCALARREFERENCE_H
#define SINTER_DIALECTS_SCALAR_SCALARREFERENCE_H

#include <cstdint>

namespace sinter::scalar {

enum class Kind : uint8_t {
#define SINTER_SCALAR(name, arity, operands, result, doc) k_##name,
#include "dialects/scalar/ScalarOps.def"
};

/// Reference results; `operands` holds as many values as the row's arity.
/// Floats come widened to double (the caller rounds the result to the element
/// type), integers as int64 (the caller wraps; an unsigned one is
/// zero-extended), bools as 0 or 1. `fault` is set by an integer division by
/// zero, else left alone.
double evaluateFloat(Kind kind, const double *operands);
/// As evaluateFloat, every intermediate step rounded to float32.
float evaluateFloat32(Kind kind, const float *operands);
int64_t evaluateInteger(Kind kind, const int64_t *operands, bool isUnsigned,
                        unsigned bits, bool &fault);

} // namespace sinter::scalar

#endif // SINTER_DIALECTS_SCALAR_SCALARREFERENCE_H
