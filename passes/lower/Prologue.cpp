// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/lower/Prologue.h"

using namespace mlir;

namespace sinter::lower {

Prologue::Prologue(Lowering &lowering, Cluster &cluster, Value value,
                   ArrayRef<sym::DimAttr> dims)
    : ops(cluster.before), value(value) {
  if (ops.empty())
    externals.push_back(value);
  else
    externals = externalOperands(ops, Value());
  for (Value external : externals)
    inputs.push_back(
        broadcast(lowering.placeOf(cluster.outer(external)), dims));
}

void Prologue::emit(Region &region,
                    std::function<Value(OpBuilder &, Value)> finish) const {
  if (ops.empty() && !finish)
    return;
  RegionSpec spec;
  for (auto [external, place] : llvm::zip(externals, inputs))
    spec.arguments.push_back({external, place.element()});
  spec.ops = ops;
  spec.yields = {value};
  emitRegion(region, spec);
  if (!finish)
    return;
  auto yield = cast<kernel::YieldOp>(region.front().getTerminator());
  OpBuilder builder(yield);
  yield->setOperand(0, finish(builder, yield->getOperand(0)));
}

SmallVector<Place *> allPlaces(Epilogue &epilogue, SmallVector<Place> &inputs) {
  SmallVector<Place *> result = epilogue.places();
  for (Place &place : inputs)
    result.push_back(&place);
  return result;
}

} // namespace sinter::lower
