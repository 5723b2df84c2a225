// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions are nests whose last axes are combined. Kinds beyond sum, product,
// minimum and maximum are one of these with something in front and behind.

#include "passes/lower/Prologue.h"

using namespace mlir;

namespace sinter::lower {

static Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

namespace {
/// How a kind of reduction is a combine with something in front and behind.
struct ReduceRule {
  StringRef combine;
  bool square = false, absolute = false, root = false, logarithm = false,
       mean = false;
};
} // namespace

static std::optional<ReduceRule> ruleOf(StringRef kind) {
  ReduceRule rule;
  rule.combine = kind == "prod" || kind == "min" || kind == "max"
                     ? kind
                     : StringRef("sum");
  rule.square = kind == "l2" || kind == "sum_square";
  rule.absolute = kind == "l1";
  rule.root = kind == "l2";
  rule.logarithm = kind == "log_sum";
  rule.mean = kind == "mean";
  if (kind == "log_sum_exp")
    return std::nullopt;
  return rule;
}

/// A nest combines one value per output: the same one for all of them, of which
/// the epilogue reads the first. Code for the others is dead.
static void repeatValue(kernel::NestOp root) {
  size_t count = root.getOutputs().size();
  Region &region = root.getPrologue();
  OpBuilder builder(root.getContext());
  if (count == 1)
    return;
  if (region.empty()) {
    Type type =
        cast<kernel::ViewType>(root.getInputs()[0].getType()).getElement();
    Block *block =
        builder.createBlock(&region, {}, type, builder.getUnknownLoc());
    kernel::YieldOp::create(builder, builder.getUnknownLoc(),
                            block->getArgument(0));
  }
  Operation *yield = region.front().getTerminator();
  yield->setOperands(SmallVector<Value>(count, yield->getOperand(0)));
}

/// A reduction of `inputs` (dims of the domain); `epilogue` is over the
/// result's dims. The reduced axes move to the end of every view.
static void
emitReduce(Lowering &lowering, graph::ReduceOp op, Location loc,
           StringRef combine, SmallVector<Place> inputs, Epilogue &epilogue,
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
  emitter.launch(
      epilogue.outputs.size(), [&](OpBuilder &b, ValueRange arguments) {
        size_t extras = epilogue.extras.size();
        SmallVector<StringRef> combines(epilogue.outputs.size(), combine);
        auto root = kernel::NestOp::create(
            b, b.getUnknownLoc(), arguments.take_front(inputs.size()),
            arguments.slice(inputs.size(), extras),
            arguments.drop_front(inputs.size() + extras),
            b.getStrArrayAttr(combines), axes);
        emitPrologue(root.getPrologue());
        repeatValue(root);
        std::function<Value(OpBuilder &, ValueRange)> bound;
        if (start)
          bound = [&](OpBuilder &inner, ValueRange scalars) {
            return start(inner, scalars, formalCount);
          };
        epilogue.emit(root.getEpilogue(), value, bound, combines.size());
      });
}

LogicalResult Lowering::lowerReduce(Cluster &cluster) {
  auto op = cast<graph::ReduceOp>(cluster.root);
  std::optional<ReduceRule> rule = ruleOf(op.getKind());
  Value input = op.getInput();
  Type type = elementOf(input);
  if (!rule || op.getAxes().empty())
    return lowerReduceSteps(cluster);
  Prologue prologue(*this, cluster, input,
                    sym::dimsOf(cast<RankedTensorType>(input.getType())));
  Epilogue epilogue(*this, cluster, {});
  // Narrow types are summed in the accumulator's type.
  Type value = rule->combine == "sum" || rule->combine == "prod"
                   ? kernel::accumulatorType(type)
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
        Value n =
            kernel::DimOp::create(b, b.getUnknownLoc(), b.getI64Type(), count);
        x = apply(b, "div", {x, castTo(b, n, x.getType())});
      }
      if (!rule->root && !rule->logarithm)
        return x;
      if (!isa<FloatType>(x.getType()))
        x = castTo(b, x, b.getF64Type());
      return apply(b, rule->root ? "sqrt" : "log", x);
    };
  emitReduce(
      *this, op, cluster.loc, rule->combine, prologue.inputs, epilogue,
      [&](Region &region) { prologue.emit(region, finish); }, value, start);
  return success();
}

/// log_sum_exp is log(sum(exp(x - m))) + m with m = max(x); a reduction over no
/// axes is its own pre- and post-processing. Both go through temporaries.
LogicalResult Lowering::lowerReduceSteps(Cluster &cluster) {
  auto op = cast<graph::ReduceOp>(cluster.root);
  if (!cluster.before.empty() || !cluster.after.empty() ||
      cluster.results.size() != 1)
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
    Value shifted =
        apply(b, "sub", {block->getArgument(0), block->getArgument(1)});
    kernel::YieldOp::create(b, unknown, apply(b, "exp", shifted));
  };
  emitReduce(*this, op, cluster.loc, "sum", {x, spread}, sum, prologue,
             input.getElementType(),
             [](OpBuilder &b, ValueRange scalars, sym::DimAttr) {
               return apply(b, "add",
                            {apply(b, "log", scalars[0]), scalars[1]});
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

} // namespace sinter::lower
