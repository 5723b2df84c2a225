// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Short dot products: what one instruction of some machines multiplies and
// adds, and the same integers from plain vectors on all others.

#ifndef SINTER_CODEGEN_CPU_TILEDOTS_H
#define SINTER_CODEGEN_CPU_TILEDOTS_H

#include "codegen/cpu/KernelBuilder.h"

namespace sinter::cpu {

/// Lanes of `words` are pairs of i16, as those of y are: sum + the products of
/// a lane.
mlir::Value multiplyAddPairs(KernelBuilder &kb, mlir::Value words,
                             mlir::Value y, mlir::Value sum);

/// Words of four bytes. Where the machine has no instruction for four, the
/// second and fourth byte are made i16 in `odd`, the first and third in
/// `words`.
struct DotFactor {
  mlir::Value words, odd;
};
DotFactor dotFactor(KernelBuilder &kb, mlir::Value words, bool isSigned);

/// sum + the four products of each word of x, unsigned, and y, signed. Sums
/// wrap in i32; nothing saturates.
mlir::Value addDots(KernelBuilder &kb, const DotFactor &x, const DotFactor &y,
                    mlir::Value sum);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_TILEDOTS_H
