// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products, convolutions and recurrences have a count of multiply-adds.
#include "codegen/image/LaunchCost.h"

using namespace mlir;

namespace sinter {

sym::DimAttr bytesOf(Type type) {
  MLIRContext *context = type.getContext();
  if (auto panels = dyn_cast<kernel::PanelsType>(type))
    return sym::constantDim(
        context, panels.getGroups() * ((panels.getN() + 15) / 16 * 16) *
                     panels.getK() *
                     ((panels.getElement().getIntOrFloatBitWidth() + 7) / 8));
  auto view = cast<kernel::ViewType>(type);
  sym::DimAttr bytes = sym::constantDim(
      context, (view.getElement().getIntOrFloatBitWidth() + 7) / 8);
  for (auto [dim, stride] : llvm::zip(view.getDims(), view.getStrides()))
    if (!sym::isConstant(stride, 0)) // a broadcast is read once
      bytes = bytes * dim;
  return bytes;
}

sym::DimAttr macsOf(kernel::DefineOp define) {
  MLIRContext *context = define.getContext();
  auto elements = [&](Value view) {
    return sym::product(context,
                        cast<kernel::ViewType>(view.getType()).getDims());
  };
  if (auto contract = dyn_cast<kernel::ContractOp>(define.getRoot()))
    return elements(contract.getOutputs()[0]) *
           cast<kernel::ViewType>(contract.getA().getType()).getDims().back();
  if (auto conv = dyn_cast<kernel::ConvOp>(define.getRoot())) {
    auto panels = dyn_cast<kernel::PanelsType>(conv.getWeights().getType());
    sym::DimAttr k =
        panels
            ? sym::constantDim(context, panels.getK())
            : cast<kernel::ViewType>(conv.getWeights().getType()).getDims()[0];
    return elements(conv.getOutputs()[0]) * k;
  }
  if (auto recurrent = dyn_cast<kernel::RecurrentOp>(define.getRoot())) {
    auto weights = cast<kernel::PanelsType>(recurrent.getWeights().getType()),
         recurrence =
             cast<kernel::PanelsType>(recurrent.getRecurrence().getType());
    llvm::ArrayRef<sym::DimAttr> dims =
        cast<kernel::ViewType>(recurrent.getInput().getType()).getDims();
    return dims[0] * dims[1] * weights.getN() *
           (weights.getK() + recurrence.getK());
  }
  return sym::constantDim(context, 0);
}

} // namespace sinter
