// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling, softmax and norms, reductions, elementwise nests. All of them take any
// strides, so axes are permuted in the views and never in memory.

#include "passes/lower/Epilogue.h"

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
    epilogue.forEach([&](const Place &place) { return permuted(place, order); });
  }
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
  emitter.launch(epilogue.outputs.size(), [&](OpBuilder &b, ValueRange arguments) {
    size_t extras = epilogue.extras.size();
    auto root = kernel::WindowOp::create(
        b, b.getUnknownLoc(), arguments[0], arguments.slice(1, extras),
        arguments.drop_front(1 + extras), op.getKind(), extents, strides, dilations, low, high,
        op.getCountIncludePad(), op.getP());
    epilogue.emit(root.getEpilogue(), input.element());
  });
  epilogue.finish(cluster.loc);
  return success();
}

//===----------------------------------------------------------------------===//
// Prologues
//===----------------------------------------------------------------------===//

namespace {
/// Elementwise operations in front of a root, over the root's input domain.
struct Prologue {
  Prologue(Lowering &lowering, Cluster &cluster, Value value, ArrayRef<sym::DimAttr> dims)
      : ops(cluster.before), value(value) {
    if (ops.empty()) {
      externals.push_back(value);
    } else {
      externals = externalOperands(ops, Value());
    }
    for (Value external : externals)
      inputs.push_back(broadcast(lowering.placeOf(cluster.outer(external)), dims));
  }

  /// `finish` has the last word on the root's value; empty when the region would
  /// pass the input on.
  void emit(Region &region, std::function<Value(OpBuilder &, Value)> finish = {}) const {
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

  ArrayRef<Operation *> ops;
  Value value;
  SmallVector<Value> externals;
  SmallVector<Place> inputs;
};
} // namespace

static SmallVector<Place *> allPlaces(Epilogue &epilogue, SmallVector<Place> &inputs) {
  SmallVector<Place *> result = epilogue.places();
  for (Place &place : inputs)
    result.push_back(&place);
  return result;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// scale and bias of a norm: arguments 1 and 2 behind the value.
static std::function<Value(OpBuilder &, ValueRange)> scaleAndBias(bool hasScale, bool hasBias) {
  if (!hasScale && !hasBias)
    return {};
  return [=](OpBuilder &builder, ValueRange arguments) {
    Value x = arguments[0];
    unsigned next = 1;
    if (hasScale)
      x = apply(builder, "mul", {x, castTo(builder, arguments[next++], x.getType())});
    if (hasBias)
      x = apply(builder, "add", {x, castTo(builder, arguments[next], x.getType())});
    return x;
  };
}

LogicalResult Lowering::lowerRow(Cluster &cluster) {
  StringRef kind;
  Value input, scale, bias;
  unsigned axes = 1, rank = cast<RankedTensorType>(cluster.root->getOperand(0).getType()).getRank();
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
  Prologue prologue(*this, cluster, input, sym::dimsOf(cast<RankedTensorType>(input.getType())));
  Epilogue epilogue(*this, cluster, {});
  for (Value extra : {bias, scale})
    if (extra)
      epilogue.addBias(broadcast(placeOf(cluster.outer(extra)), epilogue.outputs[0].dims));
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
  emitter.launch(epilogue.outputs.size(), [&](OpBuilder &b, ValueRange arguments) {
    size_t inputs = prologue.inputs.size(), extras = epilogue.extras.size();
    auto root = kernel::RowOp::create(b, b.getUnknownLoc(), arguments.take_front(inputs),
                                      arguments.slice(inputs, extras),
                                      arguments.drop_front(inputs + extras), kind, axes,
                                      llvm::APFloat(epsilon));
    prologue.emit(root.getPrologue());
    epilogue.emit(root.getEpilogue(), value, scaleAndBias(bool(scale), bool(bias)));
  });
  return success();
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

namespace {
/// How a kind of reduction is a combine with something in front and behind.
struct ReduceRule {
  StringRef combine;
  bool square = false, absolute = false, root = false, logarithm = false, mean = false;
};
} // namespace

static std::optional<ReduceRule> ruleOf(StringRef kind) {
  ReduceRule rule;
  rule.combine = kind == "prod" || kind == "min" || kind == "max" ? kind : StringRef("sum");
  rule.square = kind == "l2" || kind == "sum_square";
  rule.absolute = kind == "l1";
  rule.root = kind == "l2";
  rule.logarithm = kind == "log_sum";
  rule.mean = kind == "mean";
  if (kind == "log_sum_exp")
    return std::nullopt;
  return rule;
}

/// A reduction of `inputs` (dims of the domain); `epilogue` is over the result's
/// dims. The reduced axes move to the end of every view.
static void emitReduce(Lowering &lowering, graph::ReduceOp op, Location loc, StringRef combine,
                       SmallVector<Place> inputs, Epilogue &epilogue,
                       llvm::function_ref<void(Region &)> emitPrologue, Type value,
                       std::function<Value(OpBuilder &, ValueRange, sym::DimAttr)> start) {
  unsigned rank = inputs[0].rank(), reduced = op.getAxes().size();
  SmallVector<int64_t> parallel, last = llvm::to_vector(op.getAxes());
  for (unsigned i = 0; i < rank; ++i)
    if (!llvm::is_contained(last, int64_t(i)))
      parallel.push_back(i);
  SmallVector<int64_t> order(parallel);
  llvm::append_range(order, last);
  for (Place &place : inputs)
    place = transpose(place, order);
  sym::Dims domain = inputs[0].dims;
  sym::DimAttr count = lowering.dim(1);
  for (unsigned i = 0; i < reduced; ++i)
    count = count * domain[rank - 1 - i];
  epilogue.forEach([&](const Place &place) {
    Place result = place;
    result.dims = domain;
    result.strides.assign(rank, lowering.dim(0));
    for (auto [i, axis] : llvm::enumerate(parallel))
      result.strides[i] = place.strides[op.getKeepDims() ? axis : i];
    return result;
  });
  SmallVector<Place *> places = allPlaces(epilogue, inputs);
  unsigned leading = collapse(places, 0, rank - reduced, 0);
  unsigned axes = collapse(places, leading, leading + reduced, 1) - leading;
  KernelEmitter emitter(lowering, loc, "reduce");
  for (const Place &place : inputs)
    emitter.addView(place);
  epilogue.addTo(emitter);
  sym::DimAttr formalCount = emitter.formal(count);
  emitter.launch(epilogue.outputs.size(), [&](OpBuilder &b, ValueRange arguments) {
    size_t extras = epilogue.extras.size();
    SmallVector<StringRef> combines(epilogue.outputs.size(), combine);
    auto root = kernel::NestOp::create(
        b, b.getUnknownLoc(), arguments.take_front(inputs.size()),
        arguments.slice(inputs.size(), extras), arguments.drop_front(inputs.size() + extras),
        b.getStrArrayAttr(combines), axes);
    emitPrologue(root.getPrologue());
    std::function<Value(OpBuilder &, ValueRange)> bound;
    if (start)
      bound = [&](OpBuilder &inner, ValueRange scalars) {
        return start(inner, scalars, formalCount);
      };
    epilogue.emit(root.getEpilogue(), value, bound);
  });
}

LogicalResult Lowering::lowerReduce(Cluster &cluster) {
  auto op = cast<graph::ReduceOp>(cluster.root);
  std::optional<ReduceRule> rule = ruleOf(op.getKind());
  Value input = op.getInput();
  Type type = elementOf(input);
  if (!rule || cluster.results.size() != 1 || op.getAxes().empty())
    return lowerReduceSteps(cluster);
  Prologue prologue(*this, cluster, input, sym::dimsOf(cast<RankedTensorType>(input.getType())));
  Epilogue epilogue(*this, cluster, {});
  // Narrow types are summed in the accumulator's type.
  Type value = rule->combine == "sum" || rule->combine == "prod" ? kernel::accumulatorType(type)
                                                                 : type;
  std::function<Value(OpBuilder &, Value)> finish;
  if (rule->square || rule->absolute || value != type)
    finish = [&](OpBuilder &b, Value x) {
      x = castTo(b, x, value);
      if (rule->absolute)
        return apply(b, "abs", x);
      return rule->square ? apply(b, "mul", {x, x}) : x;
    };
  std::function<Value(OpBuilder &, ValueRange, sym::DimAttr)> start;
  if (rule->root || rule->logarithm || rule->mean)
    start = [&](OpBuilder &b, ValueRange arguments, sym::DimAttr count) {
      Value x = arguments[0];
      if (rule->mean) {
        Value n = kernel::DimOp::create(b, b.getUnknownLoc(), b.getI64Type(), count);
        x = apply(b, "div", {x, castTo(b, n, x.getType())});
      }
      if (!rule->root && !rule->logarithm)
        return x;
      if (!isa<FloatType>(x.getType()))
        x = castTo(b, x, b.getF64Type());
      return apply(b, rule->root ? "sqrt" : "log", x);
    };
  emitReduce(*this, op, cluster.loc, rule->combine, prologue.inputs, epilogue,
             [&](Region &region) { prologue.emit(region, finish); }, value, start);
  return success();
}

/// log_sum_exp is log(sum(exp(x - m))) + m with m = max(x); a reduction over no
/// axes is its own pre- and post-processing. Both go through temporaries.
LogicalResult Lowering::lowerReduceSteps(Cluster &cluster) {
  auto op = cast<graph::ReduceOp>(cluster.root);
  if (!cluster.before.empty() || !cluster.after.empty() || cluster.results.size() != 1)
    return lowerApart(cluster);
  if (op.getKind() != "log_sum_exp" || op.getAxes().empty())
    return lowerExtern(op);
  Value result = op.getResult();
  auto input = cast<RankedTensorType>(op.getInput().getType());
  Place x = placeOf(cluster.outer(op.getInput()));
  Epilogue largest(*this, cluster, {});
  Place m = makeTemporary(sym::dimsOf(cast<RankedTensorType>(result.getType())),
                          input.getElementType());
  largest.outputs[0] = m;
  emitReduce(*this, op, cluster.loc, "max", {x}, largest, [](Region &) {},
             input.getElementType(), {});
  // m over the domain: 0 strides on the reduced axes.
  Place spread = m;
  spread.dims = x.dims;
  spread.strides.assign(x.rank(), dim(0));
  for (unsigned i = 0, next = 0; i < x.rank(); ++i) {
    bool isReduced = llvm::is_contained(op.getAxes(), int64_t(i));
    if (!isReduced)
      spread.strides[i] = m.strides[op.getKeepDims() ? i : next];
    next += !isReduced;
  }
  Epilogue sum(*this, cluster, {});
  sum.addBias(m);
  auto prologue = [&](Region &region) {
    OpBuilder b(region.getContext());
    Location unknown = b.getUnknownLoc();
    Type type = input.getElementType();
    Block *block = b.createBlock(&region, {}, {type, type}, {unknown, unknown});
    Value shifted = apply(b, "sub", {block->getArgument(0), block->getArgument(1)});
    kernel::YieldOp::create(b, unknown, apply(b, "exp", shifted));
  };
  emitReduce(*this, op, cluster.loc, "sum", {x, spread}, sum, prologue, input.getElementType(),
             [](OpBuilder &b, ValueRange scalars, sym::DimAttr) {
               return apply(b, "add", {apply(b, "log", scalars[0]), scalars[1]});
             });
  return success();
}

/// A group whose root has no fused form: each operation on its own.
LogicalResult Lowering::lowerApart(Cluster &cluster) {
  SmallVector<Operation *> ops(cluster.before);
  ops.push_back(cluster.root);
  llvm::append_range(ops, cluster.after);
  for (auto [inside, outer] : cluster.outside)
    if (isa<BlockArgument>(inside))
      places[inside] = placeOf(outer);
  for (auto [inside, outer] : llvm::zip(cluster.yields, cluster.results))
    places[inside] = destinationOf(outer);
  for (Operation *op : ops)
    if (failed(lowerOperation(op)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Elementwise nests
//===----------------------------------------------------------------------===//

LogicalResult Lowering::lowerNest(Cluster &cluster) {
  sym::Dims dims = sym::dimsOf(cast<RankedTensorType>(cluster.results[0].getType()));
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
