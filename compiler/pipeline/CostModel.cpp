// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations, bytes and time of launches.
#include "compiler/pipeline/CostModel.h"

#include "codegen/image/LaunchCost.h"
#include "llvm/ADT/StringSet.h"

using namespace sinter;
using namespace mlir;

// The nominal machine: one core, its vector units from the target.
static constexpr double gigahertz = 3.0, gigabytesPerSecond = 20.0;
// A function is a polynomial of about this many steps, anything else is one.
static constexpr double functionSteps = 16;

double CostModel::valueOf(sym::DimAttr dim, const ReferenceShape &shape) const {
  return double(shape.evaluate(late.bound(dim)).value_or(0));
}

// Steps of the scalar regions for one element.
static double stepsOf(kernel::DefineOp define) {
  static const llvm::StringSet<> functions = {
      "pow",   "exp",  "log",  "sin",  "cos",    "tan",       "asin",
      "acos",  "atan", "sinh", "cosh", "tanh",   "asinh",     "acosh",
      "atanh", "erf",  "silu", "gelu", "elu",    "gelu_tanh", "softplus",
      "mish",  "selu", "celu", "fmod", "sigmoid"};
  double steps = 0;
  define.getRoot()->walk([&](kernel::ApplyOp apply) {
    steps += functions.contains(apply.getKind()) ? functionSteps : 1;
  });
  // The root's own: an exponential an element, or the sums of a norm.
  if (auto row = dyn_cast<kernel::RowOp>(define.getRoot()))
    steps += row.getKind().contains("softmax") ? functionSteps + 3 : 6;
  return steps;
}

// Elements of the largest view: the domain of what runs for each element.
static sym::DimAttr domainOf(kernel::DefineOp define) {
  auto root = define.getRoot();
  Value last = define.getOutputs().front();
  if (isa<kernel::NestOp, kernel::RowOp>(root) && root->getNumOperands())
    last = root->getOperand(0);
  auto view = cast<kernel::ViewType>(last.getType());
  return sym::product(define.getContext(), view.getDims());
}

KernelCost CostModel::costOf(exec::LaunchOp launch,
                             const ReferenceShape &shape) {
  KernelCost cost;
  cost.launch = launch;
  cost.define = symbols.lookup<kernel::DefineOp>(launch.getKernel());
  auto actual = [&](sym::DimAttr formal) {
    ArrayRef<sym::DimAttr> params = launch.getParams().getDims();
    return valueOf(
        sym::substitute(formal,
                        [&](StringRef name) -> sym::DimAttr {
                          unsigned index = 0;
                          bool isFormal = name.consume_front("p") &&
                                          !name.getAsInteger(10, index) &&
                                          index < params.size();
                          return isFormal ? params[index] : sym::DimAttr();
                        }),
        shape);
  };
  cost.macs = actual(macsOf(cost.define));
  cost.operations =
      cost.macs + actual(domainOf(cost.define)) * stepsOf(cost.define);
  for (Type type : cost.define.getBody().getArgumentTypes())
    cost.bytes += actual(bytesOf(type));
  double perNs = double(target.lanes()) * target.core.fmaPorts * gigahertz;
  cost.us =
      std::max(cost.operations / perNs, cost.bytes / gigabytesPerSecond) * 1e-3;
  return cost;
}

static double total(ArrayRef<KernelCost> costs) {
  double us = 0;
  for (const KernelCost &cost : costs)
    us += cost.us;
  return us;
}

std::vector<KernelCost> CostModel::costsOf(Block &block,
                                           const ReferenceShape &shape) {
  std::vector<KernelCost> costs;
  for (Operation &op : block) {
    if (auto launch = dyn_cast<exec::LaunchOp>(op))
      costs.push_back(costOf(launch, shape));
    std::vector<KernelCost> dearest;
    for (Region &region : op.getRegions())
      if (!region.empty()) {
        std::vector<KernelCost> branch = costsOf(region.front(), shape);
        if (dearest.empty() || total(branch) > total(dearest))
          dearest = std::move(branch);
      }
    llvm::append_range(costs, dearest);
  }
  return costs;
}

std::vector<KernelCost> CostModel::launches(const ReferenceShape &shape) {
  return costsOf(program.getBody().front(), shape);
}

double CostModel::microseconds(const ReferenceShape &shape) {
  return total(launches(shape));
}

int64_t CostModel::arenaBytes(const ReferenceShape &shape) {
  llvm::DenseMap<Value, int64_t> ends;
  int64_t arena = 0;
  for (auto alloc : program.getOps<exec::AllocOp>()) {
    int64_t offset = 0;
    for (Value below : alloc.getAbove())
      offset = std::max(offset, ends.lookup(below));
    int64_t bytes = int64_t(valueOf(alloc.getBytes(), shape));
    ends[alloc.getResult()] = (offset + bytes + 63) / 64 * 64;
    arena = std::max(arena, ends[alloc.getResult()]);
  }
  return arena;
}
