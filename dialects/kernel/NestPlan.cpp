// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Order, merge, choose. Strides over parameters are compared at a stand-in
// value of the parameters: a wrong guess costs speed, never correctness.

#include "dialects/kernel/NestPlan.h"

#include "llvm/ADT/SmallSet.h"
#include <numeric>

using namespace mlir;

namespace sinter::kernel {
namespace {

constexpr int64_t kStandIn = 48;

int64_t guess(sym::DimAttr dim) {
  return sym::evaluate(dim, [](StringRef) { return std::optional(kStandIn); })
      .value_or(INT64_MAX);
}

NestPlan::Operand operandOf(Value view) {
  auto type = cast<ViewType>(view.getType());
  return {cast<BlockArgument>(view).getArgNumber(), type.getElement(),
          sym::Dims(type.getStrides())};
}

template <typename Visit> void forEachOperand(NestPlan &plan, Visit visit) {
  for (auto *list : {&plan.inputs, &plan.extras, &plan.outputs})
    for (NestPlan::Operand &operand : *list)
      visit(operand);
}

/// Keeps the axes in `order`, in that order.
void reorder(NestPlan &plan, ArrayRef<unsigned> order) {
  auto pick = [&](sym::Dims &dims) {
    sym::Dims picked;
    for (unsigned axis : order)
      picked.push_back(dims[axis]);
    dims = picked;
  };
  pick(plan.extents);
  forEachOperand(plan, [&](NestPlan::Operand &o) { pick(o.strides); });
  for (int &axis : plan.axisOf) {
    const unsigned *found = llvm::find(order, unsigned(axis));
    axis = axis < 0 || found == order.end() ? -1 : int(found - order.begin());
  }
}

/// True when walking axis i, then i + 1, is one long walk in every view.
bool isMergeable(NestPlan &plan, unsigned i) {
  bool result = true;
  forEachOperand(plan, [&](NestPlan::Operand &o) {
    result &= o.strides[i] == o.strides[i + 1] * plan.extents[i + 1];
  });
  return result;
}

void merge(NestPlan &plan, const llvm::SmallSet<int, 4> &indexed) {
  for (unsigned i = plan.extents.size(); i-- > 1;) {
    unsigned outer = i - 1;
    auto isIndexed = [&](unsigned axis) {
      return llvm::any_of(llvm::enumerate(plan.axisOf), [&](auto entry) {
        return entry.value() == int(axis) && indexed.contains(entry.index());
      });
    };
    if ((outer < plan.parallel) != (i < plan.parallel) || isIndexed(outer) ||
        isIndexed(i) || !isMergeable(plan, outer))
      continue;
    plan.extents[outer] = plan.extents[outer] * plan.extents[i];
    forEachOperand(
        plan, [&](NestPlan::Operand &o) { o.strides[outer] = o.strides[i]; });
    plan.parallel -= i < plan.parallel;
    SmallVector<unsigned> order(plan.extents.size());
    std::iota(order.begin(), order.end(), 0);
    order.erase(order.begin() + i);
    reorder(plan, order);
  }
}

bool isContiguous(const NestPlan::Operand &operand, unsigned axis) {
  return sym::isConstant(operand.strides[axis], 1);
}

unsigned contiguousInputs(const NestPlan &plan, unsigned axis) {
  return llvm::count_if(plan.inputs, [&](const NestPlan::Operand &operand) {
    return isContiguous(operand, axis);
  });
}

/// Whether the few elements along the vector axis are those of `axis` repeated,
/// side by side in every output: a picture made wider.
bool repeatsInto(const NestPlan &plan, unsigned axis) {
  constexpr int64_t most = 4;
  std::optional<int64_t> count = sym::asConstant(plan.extents[plan.vectorAxis]);
  auto isPlain = [&](const NestPlan::Operand &operand) {
    return isContiguous(operand, axis) ||
           sym::isConstant(operand.strides[axis], 0);
  };
  return count && *count >= 2 && *count <= most &&
         llvm::all_of(plan.inputs, isPlain) &&
         llvm::all_of(plan.extras, isPlain) &&
         llvm::all_of(plan.outputs, [&](const NestPlan::Operand &output) {
           return isContiguous(output, plan.vectorAxis) &&
                  sym::isConstant(output.strides[axis], *count);
         });
}

void chooseVectorAxis(NestPlan &plan) {
  if (plan.reduced() && contiguousInputs(plan, plan.extents.size() - 1)) {
    plan.hasVirtualLanes = true;
    return;
  }
  if (plan.parallel == 0)
    return;
  plan.vectorAxis = plan.parallel - 1;
  if (plan.reduced()) { // many loads for one store: what inputs like
    for (unsigned axis = 0; axis < plan.parallel; ++axis)
      if (contiguousInputs(plan, axis) >
          contiguousInputs(plan, plan.vectorAxis))
        plan.vectorAxis = axis;
    return;
  }
  // Inputs may want different axes: the inner one keeps stores close together.
  for (NestPlan::Operand &input : plan.inputs) {
    sym::DimAttr stride = input.strides[plan.vectorAxis];
    if (sym::isConstant(stride, 1))
      continue;
    bool isRepeated = sym::isConstant(stride, 0);
    for (int axis = plan.transposeAxis + 1; axis < int(plan.parallel); ++axis)
      if (axis != plan.vectorAxis && isContiguous(input, axis) &&
          (!isRepeated || repeatsInto(plan, axis)))
        plan.transposeAxis = axis;
  }
}

/// `axes` trailing axes are reduced; axes in `indexed` are not merged.
NestPlan plan(ValueRange inputs, ValueRange extras, ValueRange outputs,
              unsigned axes, const llvm::SmallSet<int, 4> &indexed) {
  NestPlan plan;
  auto type = cast<ViewType>(outputs[0].getType());
  plan.extents = sym::Dims(type.getDims());
  unsigned rank = plan.extents.size();
  plan.parallel = rank - axes;
  for (auto [values, list] :
       {std::pair(inputs, &plan.inputs), std::pair(extras, &plan.extras),
        std::pair(outputs, &plan.outputs)})
    for (Value value : values)
      list->push_back(operandOf(value));
  plan.axisOf.resize(rank);
  std::iota(plan.axisOf.begin(), plan.axisOf.end(), 0);
  SmallVector<unsigned> order;
  unsigned parallel = 0;
  for (unsigned axis = 0; axis < rank; ++axis)
    if (!sym::isConstant(plan.extents[axis], 1)) {
      order.push_back(axis);
      parallel += axis < plan.parallel;
    }
  sym::Dims strides = plan.outputs[0].strides;
  std::sort(order.begin(), order.begin() + parallel,
            [&](unsigned a, unsigned b) {
              return std::pair(-guess(strides[a]), a) <
                     std::pair(-guess(strides[b]), b);
            });
  reorder(plan, order);
  plan.parallel = parallel;
  merge(plan, indexed);
  chooseVectorAxis(plan);
  return plan;
}

} // namespace

NestPlan planOf(NestOp op) {
  llvm::SmallSet<int, 4> indexed;
  op.getPrologue().walk(
      [&](IndexOp index) { indexed.insert(index.getAxis()); });
  return plan(op.getInputs(), op.getExtras(), op.getOutputs(), op.getAxes(),
              indexed);
}

NestPlan planOf(RowOp op) {
  NestPlan result =
      plan(op.getInputs(), op.getExtras(), op.getOutputs(), op.getAxes(), {});
  // Vectors beside the row would scatter what they store: a row of a softmax is
  // gathered instead, and any row that has few others beside it.
  constexpr int64_t fewBeside = 16;
  if (result.vectorAxis < 0 || result.reduced() == 0)
    return result;
  unsigned last = result.extents.size() - 1;
  auto isAlongRow = [&](const NestPlan::Operand &output) {
    return isContiguous(output, last);
  };
  std::optional<int64_t> beside =
      sym::asConstant(result.extents[result.vectorAxis]);
  if (llvm::all_of(result.outputs, isAlongRow) &&
      (op.getKind() == "softmax" || (beside && *beside < fewBeside))) {
    result.hasVirtualLanes = true;
    result.vectorAxis = -1;
  }
  return result;
}

} // namespace sinter::kernel
