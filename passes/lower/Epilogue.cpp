// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/lower/Epilogue.h"

using namespace mlir;

namespace sinter::lower {

Epilogue::Epilogue(Lowering &lowering, Cluster &cluster, ValueRange rootExtras)
    : lowering(lowering), cluster(cluster), numRootExtras(rootExtras.size()) {
  auto type = cast<RankedTensorType>(cluster.results[0].getType());
  sym::Dims dims = sym::dimsOf(type);
  for (Value extra : rootExtras)
    extras.push_back(broadcast(lowering.placeOf(cluster.outer(extra)), dims));
  externals = externalOperands(cluster.after, cluster.root->getResult(0));
  for (Value value : externals)
    extras.push_back(broadcast(lowering.placeOf(cluster.outer(value)), dims));
  for (Value result : cluster.results)
    outputs.push_back(lowering.destinationOf(result));
}

SmallVector<Place *> Epilogue::places() {
  SmallVector<Place *> result;
  for (Place &place : extras)
    result.push_back(&place);
  for (Place &place : outputs)
    result.push_back(&place);
  return result;
}

void Epilogue::forEach(llvm::function_ref<Place(const Place &)> change) {
  for (Place *place : places())
    *place = change(*place);
}

void Epilogue::makeOutputsRowContiguous() {
  for (Place &place : outputs) {
    if (isRowContiguous(place))
      continue;
    Place temporary = lowering.makeTemporary(place.dims, place.element());
    copies.push_back({temporary, place});
    place = temporary;
  }
}

void Epilogue::finish(Location loc) {
  for (auto &[from, to] : copies)
    lowering.copy(from, to, loc);
}

void Epilogue::addTo(KernelEmitter &emitter) const {
  for (const Place &place : extras)
    emitter.addView(place);
  for (const Place &place : outputs)
    emitter.addView(place);
}

void Epilogue::emit(Region &region, Type value,
                    std::function<Value(OpBuilder &, ValueRange)> start,
                    size_t copies) const {
  Value root = cluster.root->getResult(0);
  Type element = cast<RankedTensorType>(root.getType()).getElementType();
  if (!start && cluster.after.empty() && cluster.yields.size() == 1 &&
      value == element)
    return;
  RegionSpec spec;
  spec.arguments.assign(copies, {Value(), value});
  for (size_t i = 0; i < extras.size(); ++i)
    spec.arguments.push_back(
        {i < numRootExtras ? Value() : externals[i - numRootExtras],
         extras[i].element()});
  spec.ops = cluster.after;
  spec.yields = cluster.yields;
  spec.root = root;
  spec.start = [&](OpBuilder &builder, ValueRange arguments) {
    Value x = start ? start(builder, arguments) : arguments[0];
    return castTo(builder, x, element);
  };
  emitRegion(region, spec);
}

} // namespace sinter::lower
