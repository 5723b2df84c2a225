// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is known of the functions behind `kernel.extern` (ExternTable.def).

#ifndef SINTER_DIALECTS_KERNEL_EXTERNTABLE_H
#define SINTER_DIALECTS_KERNEL_EXTERNTABLE_H

#include "dialects/kernel/KernelOps.h"
#include <optional>

namespace sinter::kernel {

enum class ExternItems : uint8_t { Rows, Lines, Places, Groups, One };

struct ExternRow {
  llvm::StringRef name;
  ExternItems items;
  llvm::StringRef signature;
};

/// Null when there is no such function.
const ExternRow *findExtern(llvm::StringRef name);

/// Number of independent work items of a launch of `op`.
sym::DimAttr itemsOf(ExternOp op);

} // namespace sinter::kernel

#endif // SINTER_DIALECTS_KERNEL_EXTERNTABLE_H
