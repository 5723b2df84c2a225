// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling, softmax and norms, elementwise nests. All of them take any
// strides, so axes are permuted in the views and never in memory.

#include "passes/lower/Prologue.h"

using namespace mlir;

namespace sinter::lower {

static Place permuted(const Place &place, ArrayRef<int64_t> order) {
  return transpose(place, order);
}

static Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

LogicalResult Lowering::lowerWindow(Cluster &cluster) {
  auto op = cast<graph::PoolOp>(cluster.root);
  Place input = placeOf(cluster.outer(op.getInput()));
  Epilogue epilogue(*this, cluster, {});
  SmallVector<int64_t> extents = llvm::to_vector(op.getKernel());
  SmallVector<int64_t> strides = llvm::to_vector(op.getStrides());
  SmallVector<int64_t> dilations = llvm::to_vector(op.getDilations());
  size_t spatial = extents.size();
  SmallVector<int64_t> low = llvm::to_vector(op.getPads().take_front(spatial));
  SmallVector<int64_t> high = llvm::to_vector(op.getPads().drop_front(spatial));
  if (!op.getChannelsLast()) {
    SmallVector<int64_t> order{0};
    for (size_t i = 0; i < spatial; ++i)
      order.push_back(i + 2);
    order.push_back(1);
    input = permuted(input, order);
    epilogue.forEach(
        [&](const Place &place) { return permuted(place, order); });
  }
  // Vectors lie along the channels: one transposed copy beats a walk that picks
  // up each of them for every window that holds it.
  if (sym::asConstant(input.strides.back()) != 1 &&
      sym::asConstant(input.dims.back()) != 1)
    input = rowContiguous(input, op.getLoc());
  if (spatial == 1) {
    auto insert = [&](const Place &place) {
      Place result = place;
      result.dims.insert(result.dims.begin() + 1, dim(1));
      result.strides.insert(result.strides.begin() + 1, dim(0));
      return result;
    };
    input = insert(input);
    epilogue.forEach(insert);
    for (auto *list : {&extents, &strides, &dilations})
      list->insert(list->begin(), 1);
    for (auto *list : {&low, &high})
      list->insert(list->begin(), 0);
  }
  KernelEmitter emitter(*this, cluster.loc, "window");
  emitter.addView(input);
  epilogue.addTo(emitter);
  emitter.launch(
      epilogue.outputs.size(), [&](OpBuilder &b, ValueRange arguments) {
        size_t extras = epilogue.extras.size();
        auto root = kernel::WindowOp::create(
            b, b.getUnknownLoc(), arguments[0], arguments.slice(1, extras),
            arguments.drop_front(1 + extras), op.getKind(), extents, strides,
            dilations, low, high, op.getCountIncludePad(), op.getP());
        epilogue.emit(root.getEpilogue(), input.element());
      });
  epilogue.finish(cluster.loc);
  return success();
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// scale and bias of a norm: arguments 1 and 2 behind the value.
static std::function<Value(OpBuilder &, ValueRange)>
scaleAndBias(bool hasScale, bool hasBias) {
  if (!hasScale && !hasBias)
    return {};
  return [=](OpBuilder &builder, ValueRange arguments) {
    Value x = arguments[0];
    unsigned next = 1;
    if (hasScale)
      x = apply(builder, "mul",
                {x, castTo(builder, arguments[next++], x.getType())});
    if (hasBias)
      x = apply(builder, "add",
                {x, castTo(builder, arguments[next], x.getType())});
    return x;
  };
}

LogicalResult Lowering::lowerRow(Cluster &cluster) {
  StringRef kind;
  Value input, scale, bias;
  unsigned axes = 1,
           rank = cast<RankedTensorType>(cluster.root->getOperand(0).getType())
                      .getRank();
  SmallVector<int64_t> order;
  for (unsigned i = 0; i < rank; ++i)
    order.push_back(i);
  double epsilon = 0;
  if (auto softmax = dyn_cast<graph::SoftmaxOp>(cluster.root)) {
    kind = softmax.getLog() ? "log_softmax" : "softmax";
    input = softmax.getInput();
    order.erase(order.begin() + softmax.getAxis());
    order.push_back(softmax.getAxis());
  } else {
    auto normalize = cast<graph::NormalizeOp>(cluster.root);
    kind = normalize.getRms() ? "rms_norm" : "layer_norm";
    input = normalize.getInput();
    scale = normalize.getScale();
    bias = normalize.getBias();
    axes = rank - normalize.getAxis();
    epsilon = normalize.getEpsilon().convertToDouble();
  }
  Prologue prologue(*this, cluster, input,
                    sym::dimsOf(cast<RankedTensorType>(input.getType())));
  Epilogue epilogue(*this, cluster, {});
  for (Value extra : {bias, scale})
    if (extra)
      epilogue.addBias(
          broadcast(placeOf(cluster.outer(extra)), epilogue.outputs[0].dims));
  SmallVector<Place *> places = allPlaces(epilogue, prologue.inputs);
  for (Place *place : places)
    *place = permuted(*place, order);
  unsigned leading = collapse(places, 0, rank - axes, 0);
  axes = collapse(places, leading, leading + axes, 1) - leading;

  KernelEmitter emitter(*this, cluster.loc, kind);
  for (const Place &place : prologue.inputs)
    emitter.addView(place);
  epilogue.addTo(emitter);
  Type value = elementOf(input);
  emitter.launch(epilogue.outputs.size(), [&](OpBuilder &b,
                                              ValueRange arguments) {
    size_t inputs = prologue.inputs.size(), extras = epilogue.extras.size();
    auto root = kernel::RowOp::create(
        b, b.getUnknownLoc(), arguments.take_front(inputs),
        arguments.slice(inputs, extras), arguments.drop_front(inputs + extras),
        kind, axes, llvm::APFloat(epsilon));
    prologue.emit(root.getPrologue());
    epilogue.emit(root.getEpilogue(), value,
                  scaleAndBias(bool(scale), bool(bias)));
  });
  return success();
}

//===----------------------------------------------------------------------===//
// Elementwise nests
//===----------------------------------------------------------------------===//

LogicalResult Lowering::lowerNest(Cluster &cluster) {
  sym::Dims dims =
      sym::dimsOf(cast<RankedTensorType>(cluster.results[0].getType()));
  SmallVector<Value> externals = externalOperands(cluster.before, Value());
  SmallVector<Place> inputs, outputs;
  for (Value external : externals)
    inputs.push_back(broadcast(placeOf(cluster.outer(external)), dims));
  for (Value result : cluster.results)
    outputs.push_back(destinationOf(result));
  SmallVector<Place *> places;
  for (auto *list : {&inputs, &outputs})
    for (Place &place : *list)
      places.push_back(&place);
  collapse(places, 0, dims.size(), 1);
  KernelEmitter emitter(*this, cluster.loc, "nest");
  for (const Place *place : places)
    emitter.addView(*place);
  emitter.launch(outputs.size(), [&](OpBuilder &b, ValueRange arguments) {
    SmallVector<StringRef> none(outputs.size(), "none");
    auto root = kernel::NestOp::create(
        b, b.getUnknownLoc(), arguments.take_front(inputs.size()), ValueRange(),
        arguments.drop_front(inputs.size()), b.getStrArrayAttr(none), 0);
    RegionSpec spec;
    for (auto [external, place] : llvm::zip(externals, inputs))
      spec.arguments.push_back({external, place.element()});
    spec.ops = cluster.before;
    spec.yields = cluster.yields;
    emitRegion(root.getPrologue(), spec);
  });
  return success();
}

} // namespace sinter::lower
