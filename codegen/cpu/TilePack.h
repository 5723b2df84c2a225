// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies a few columns of a matrix, whose columns do not lie side by side, into
// panels of 16. Attention's keys come this way: their columns are rows in
// memory.

#ifndef SINTER_CODEGEN_CPU_TILEPACK_H
#define SINTER_CODEGEN_CPU_TILEPACK_H

#include "codegen/cpu/KernelBuilder.h"
#include "dialects/kernel/TileProblem.h"

namespace sinter::cpu {

/// Writes `width` columns and `depth` rows of b, the first at `from`, to
/// `panels`. `count` (may be null) is the number of columns that exist.
void packColumns(KernelBuilder &kb, const kernel::TileOperand &b,
                 mlir::Value from, mlir::Value panels, unsigned lanes,
                 unsigned width, mlir::Value count, int64_t depth);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_TILEPACK_H
