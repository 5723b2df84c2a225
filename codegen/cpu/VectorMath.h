// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vector code for every row of the scalar-op table (dialects/scalar), on
// vectors of any number of lanes. One formula per function and type, so AVX2,
// AVX-512 and NEON give the same bits. f32 has formulas of its own; f16 and
// bf16 are computed in f32 and rounded; the rarer functions of f32 are computed
// in f64.

#ifndef SINTER_CODEGEN_CPU_VECTORMATH_H
#define SINTER_CODEGEN_CPU_VECTORMATH_H

#include "codegen/cpu/VectorExpr.h"
#include "dialects/scalar/ScalarOps.h"

namespace sinter::cpu {

/// Row `kind` of the table on vectors. `active` (vector of i1, or null: all)
/// are the lanes that count: only they may raise a fault (division by zero).
mlir::Value emitScalar(KernelBuilder &kb, scalar::Kind kind,
                       llvm::ArrayRef<mlir::Value> operands, bool isUnsigned,
                       mlir::Value active = nullptr);

/// kernel.cast on a vector; `from` and `to` are element types with signedness.
mlir::Value emitCast(KernelBuilder &kb, mlir::Value vector, mlir::Type from,
                     mlir::Type to);

/// The cast of clip(vector, low, high), f32, to bytes that hold low and high.
mlir::Value emitClippedCast(KernelBuilder &kb, mlir::Value vector, double low,
                            double high, mlir::IntegerType to);

/// Integers: rows on any width.
mlir::Value emitIntegerScalar(KernelBuilder &kb, scalar::Kind kind,
                              llvm::ArrayRef<mlir::Value> operands,
                              bool isUnsigned, mlir::Value active);

// f32, at most 2 ulp from the exact result (test/unit/VectorMathTest.cpp).
Vec exp32(Vec x);
Vec expNegative32(Vec x); // x <= 0
Vec expm1Small32(Vec x);  // x <= 88
Vec log32(Vec x);
Vec log1p32(Vec x); // x >= 0
Vec tanh32(Vec x);
Vec sigmoid32(Vec x);
Vec erf32(Vec x);
Vec gelu32(Vec x);

// f64, good enough that rounding to f32 is the exact result or next to it.
Vec exp64(Vec x);
Vec expm1Small64(Vec x); // x <= 700
Vec log64(Vec x);
Vec log1p64(Vec x);
Vec sin64(Vec x);
Vec cos64(Vec x);
Vec atan64(Vec x);
Vec pow64(Vec x, Vec y);
Vec fmod64(Vec x, Vec y);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_VECTORMATH_H
