// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moving lanes between registers.

#ifndef SINTER_CODEGEN_CPU_VECTORSHUFFLE_H
#define SINTER_CODEGEN_CPU_VECTORSHUFFLE_H

#include "codegen/cpu/KernelBuilder.h"

namespace sinter::cpu {

mlir::Value shuffle(KernelBuilder &kb, mlir::Value x, mlir::Value y,
                    llvm::ArrayRef<int64_t> lanes);

/// `rows` are n vectors of n lanes, n a power of two: the n columns.
Values transposeSquare(KernelBuilder &kb, Values rows);

/// Combines all lanes pairwise: (l, l + n/2), (l, l + n/4), ... One lane is
/// left.
mlir::Value
foldLanes(KernelBuilder &kb, mlir::Value vector,
          llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_VECTORSHUFFLE_H
