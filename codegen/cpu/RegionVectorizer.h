// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Applies a scalar region of a kernel to vectors. Roots hand it their registers
// one at a time: it neither knows nor cares which root made them.

#ifndef SINTER_CODEGEN_CPU_REGIONVECTORIZER_H
#define SINTER_CODEGEN_CPU_REGIONVECTORIZER_H

#include "codegen/cpu/KernelBuilder.h"

namespace sinter::cpu {

/// Emits `region` with its block arguments bound to `args`, vectors of `lanes`
/// lanes each, and returns the yielded vectors. An empty region yields its
/// arguments. `index` gives the coordinates (vector of i64) along an axis of
/// the domain; it may be null when the region uses none. `active` (vector of
/// i1, null: all) are the lanes whose faults count; lanes beyond a tail hold
/// zeros.
Values
emitRegion(KernelBuilder &kb, mlir::Region &region,
           llvm::ArrayRef<mlir::Value> args, unsigned lanes,
           llvm::function_ref<mlir::Value(unsigned axis)> index = nullptr,
           mlir::Value active = nullptr);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_REGIONVECTORIZER_H
