// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cutting work: whole inner axes first, then as much of the next one as makes
// an item long enough to pay for being handed out.

#include "dialects/kernel/ItemPlan.h"
#include "dialects/kernel/NestPlan.h"
#include "dialects/kernel/RecurrentPlan.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace sinter::kernel {

sym::Dims ItemPlan::counts() const {
  sym::Dims result;
  for (auto [extent, block] : llvm::zip(extents, blocks)) {
    std::optional<int64_t> known = sym::asConstant(extent);
    bool isWhole = block == 0 || (known && *known <= block && *known > 0);
    result.push_back(isWhole ? sym::constantDim(extent.getContext(), 1)
                             : sym::ceilDiv(extent, block));
  }
  return result;
}

sym::DimAttr ItemPlan::items(MLIRContext *context) const {
  return sym::product(context, counts());
}

SmallVector<int64_t> cutExtents(ArrayRef<sym::DimAttr> extents, int64_t cost,
                                int64_t target) {
  SmallVector<int64_t> blocks(extents.size(), 1);
  int64_t inner = std::max<int64_t>(cost, 1);
  for (size_t i = extents.size(); i-- > 0;) {
    int64_t block = std::max<int64_t>(1, target / inner);
    if (i + 1 == extents.size()) // whole vectors, whole cache lines
      block = (block + 63) / 64 * 64;
    std::optional<int64_t> known = sym::asConstant(extents[i]);
    if (known && *known <= block + block / 2) {
      blocks[i] = 0;
      inner *= std::max<int64_t>(*known, 1);
      continue;
    }
    blocks[i] = block;
    // An axis of unknown extent is taken to fill its block.
    inner = target;
  }
  return blocks;
}

static ItemPlan planItems(NestOp op) {
  NestPlan plan = planOf(op);
  ItemPlan items;
  items.extents.assign(plan.extents.begin(),
                       plan.extents.begin() + plan.parallel);
  int64_t cost = 1;
  for (sym::DimAttr extent : ArrayRef(plan.extents).drop_front(plan.parallel))
    cost *= std::max<int64_t>(1, sym::asConstant(extent).value_or(64));
  items.blocks = cutExtents(items.extents, std::min<int64_t>(cost, 16384));
  // Cut a transposed tile along both axes rather than along rows of one; a few
  // planes that are interleaved are not tiles.
  if (plan.transposeAxis >= 0 &&
      sym::asConstant(plan.extents[plan.vectorAxis]).value_or(64) > 4) {
    items.blocks[plan.transposeAxis] = 64;
    items.blocks[plan.vectorAxis] = 256;
  }
  return items;
}

static ItemPlan planItems(RecurrentOp op) {
  RecurrentPlan plan = planOf(op);
  return {{plan.batch}, {plan.rowBlock}, plan.scratch};
}

static ItemPlan planItems(RowOp op) {
  NestPlan plan = planOf(op);
  ItemPlan items;
  items.extents.assign(plan.extents.begin(),
                       plan.extents.begin() + plan.parallel);
  int64_t cost = 3;
  for (sym::DimAttr extent : ArrayRef(plan.extents).drop_front(plan.parallel))
    cost *= std::max<int64_t>(1, sym::asConstant(extent).value_or(128));
  items.blocks = cutExtents(items.extents, std::min<int64_t>(cost, 16384));
  // Rounding up to whole cache lines is for vectors beside the row.
  if (plan.hasVirtualLanes && !items.blocks.empty() && items.blocks.back() > 0)
    items.blocks.back() = std::max<int64_t>(1, 16384 / cost);
  return items;
}

static ItemPlan planItems(WindowOp op) {
  ItemPlan items;
  items.extents =
      sym::Dims(cast<ViewType>(op.getOutputs()[0].getType()).getDims());
  int64_t positions = 1;
  for (int64_t extent : op.getKernel())
    positions *= extent;
  items.blocks =
      cutExtents(items.extents, std::min<int64_t>(positions, 16384), 65536);
  return items;
}

std::optional<ItemPlan> itemPlanOf(DefineOp define) {
  return llvm::TypeSwitch<Operation *, std::optional<ItemPlan>>(
             define.getRoot())
      .Case([](NestOp op) { return planItems(op); })
      .Case([](RecurrentOp op) { return planItems(op); })
      .Case([](RowOp op) { return planItems(op); })
      .Case([](WindowOp op) { return planItems(op); })
      .Default([](Operation *) { return std::nullopt; });
}

} // namespace sinter::kernel
