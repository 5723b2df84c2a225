// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the roots that are not matrix products are cut into items. The cut needs
// no machine's numbers, only that an item is some ten microseconds of work, so
// the schedule pass writes it into the define as it is. Any cut gives the same
// bits.

#ifndef SINTER_DIALECTS_KERNEL_ITEMPLAN_H
#define SINTER_DIALECTS_KERNEL_ITEMPLAN_H

#include "dialects/kernel/KernelOps.h"

namespace sinter::kernel {

struct ItemPlan {
  /// Extents of the axes that are cut, and how much of each one item takes (0:
  /// all of it). Items are counted with the first axis outermost.
  sym::Dims extents;
  llvm::SmallVector<int64_t> blocks;
  int64_t scratch = 0; // bytes for each worker

  /// ceil(extent / block) for each axis.
  sym::Dims counts() const;
  sym::DimAttr items(mlir::MLIRContext *context) const;
};

/// The plan of nest, row, window, recurrent and extern roots; nullopt for
/// others.
std::optional<ItemPlan> itemPlanOf(DefineOp define);

/// Blocks over `extents` (outermost first) so that one item has about `target`
/// units of work when one element is `cost` units.
llvm::SmallVector<int64_t> cutExtents(llvm::ArrayRef<sym::DimAttr> extents,
                                      int64_t cost, int64_t target = 16384);

} // namespace sinter::kernel

#endif // SINTER_DIALECTS_KERNEL_ITEMPLAN_H
