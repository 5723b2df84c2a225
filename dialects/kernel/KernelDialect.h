// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types and attributes of the kernel dialect: views of memory, packed weights,
// schedules.

#ifndef SINTER_DIALECTS_KERNEL_KERNELDIALECT_H
#define SINTER_DIALECTS_KERNEL_KERNELDIALECT_H

#include "dialects/sym/Dim.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include "dialects/kernel/KernelDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/kernel/KernelTypes.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/kernel/KernelAttrs.h.inc"

namespace sinter::kernel {

/// A view whose elements lie in row-major order without gaps.
ViewType contiguousView(llvm::ArrayRef<sym::DimAttr> dims, mlir::Type element);

/// The type of the single accumulator of an output element: f32 for the short
/// floats, i32 for bytes, the type itself otherwise.
mlir::Type accumulatorType(mlir::Type element);

/// What a view may hold: f16, bf16, f32, f64; i1 (a byte), signless (signed)
/// and unsigned integers of 8, 16, 32 and 64 bits.
bool isElementType(mlir::Type type);

} // namespace sinter::kernel

#endif // SINTER_DIALECTS_KERNEL_KERNELDIALECT_H
