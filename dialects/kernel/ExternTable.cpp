// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table, and how many items a launch of one of its functions has.

#include "dialects/kernel/ExternTable.h"

using namespace mlir;

namespace sinter::kernel {

static const ExternRow rows[] = {
#define SINTER_EXTERN(name, items, signature)                                  \
  {#name, ExternItems::items, signature},
#include "dialects/kernel/ExternTable.def"
};

const ExternRow *findExtern(StringRef name) {
  for (const ExternRow &row : rows)
    if (row.name == name)
      return &row;
  return nullptr;
}

sym::DimAttr itemsOf(ExternOp op) {
  MLIRContext *context = op.getContext();
  sym::DimAttr one = sym::constantDim(context, 1);
  const ExternRow *row = findExtern(op.getCallee());
  if (!row || row->items == ExternItems::One)
    return one;
  ArrayRef<sym::DimAttr> dims =
      cast<ViewType>(op.getOutputs()[0].getType()).getDims();
  if (row->items == ExternItems::Groups)
    return op.getIntegers()->getDims()[0] * dims[0];
  if (dims.empty())
    return one;
  int64_t skipped = dims.size() - 1;
  if (row->items == ExternItems::Lines)
    skipped = sym::asConstant(op.getIntegers()->getDims()[0]).value_or(skipped);
  if (row->items == ExternItems::Places)
    skipped = 1;
  sym::DimAttr items = one;
  for (auto [axis, dim] : llvm::enumerate(dims))
    if (static_cast<int64_t>(axis) != skipped)
      items = items * dim;
  return items;
}

} // namespace sinter::kernel
