// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of floats as bytes for products with weights of bytes, rounded as by
// DynamicQuantizeLinear and QuantizeLinear.

#ifndef SINTER_CODEGEN_CPU_RECURRENTBYTES_H
#define SINTER_CODEGEN_CPU_RECURRENTBYTES_H

#include "codegen/cpu/KernelBuilder.h"

namespace sinter::cpu {

/// Splats of f32; the zero point is whole.
struct Rounding {
  mlir::Value scale, zero;
};

/// Rounds `length` floats at `row`, `stride` apart, to bytes at `bytes`, and
/// says at `facts` how (dialects/kernel/RecurrentPlan.h).
void roundRow(KernelBuilder &kb, mlir::Value row, sym::DimAttr stride,
              int64_t length, const Rounding &rounding, mlir::Value bytes,
              mlir::Value facts);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_RECURRENTBYTES_H
