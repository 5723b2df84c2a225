// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations that are a nest or a row over cleverly strided views: no kernel of
// their own.

#include "passes/lower/KernelEmitter.h"

using namespace mlir;

namespace sinter::lower {

static sym::Dims dimsOf(Value value) {
  return sym::dimsOf(cast<RankedTensorType>(value.getType()));
}

/// One nest over `inputs` and `outputs`, all of the same dims; `body` makes the
/// values of the outputs from scalars of the inputs.
static void
emitNest(Lowering &lowering, Location loc, StringRef name,
         ArrayRef<Place> inputs, ArrayRef<Place> outputs,
         llvm::function_ref<SmallVector<Value>(OpBuilder &, ValueRange,
                                               KernelEmitter &)>
             body) {
  KernelEmitter emitter(lowering, loc, name);
  SmallVector<Type> types;
  for (const Place &place : inputs) {
    emitter.addView(place);
    types.push_back(place.element());
  }
  for (const Place &place : outputs)
    emitter.addView(place);
  emitter.launch(outputs.size(), [&](OpBuilder &b, ValueRange arguments) {
    SmallVector<StringRef> none(outputs.size(), "none");
    Location unknown = b.getUnknownLoc();
    auto root = kernel::NestOp::create(
        b, unknown, arguments.take_front(inputs.size()), ValueRange(),
        arguments.drop_front(inputs.size()), b.getStrArrayAttr(none), 0);
    OpBuilder inner(b.getContext());
    Block *block =
        inner.createBlock(&root.getPrologue(), {}, types,
                          SmallVector<Location>(types.size(), unknown));
    kernel::YieldOp::create(inner, unknown,
                            body(inner, block->getArguments(), emitter));
  });
}

static Value index(OpBuilder &b, int64_t axis) {
  return kernel::IndexOp::create(b, b.getUnknownLoc(), b.getI64Type(), axis);
}

static Value dimension(OpBuilder &b, KernelEmitter &emitter,
                       sym::DimAttr value) {
  return kernel::DimOp::create(b, b.getUnknownLoc(), b.getI64Type(),
                               emitter.formal(value));
}

LogicalResult Lowering::lowerFromDims(graph::FromDimsOp op) {
  Place result = destinationOf(op.getResult());
  ArrayRef<sym::DimAttr> values = op.getDims().getDims();
  SmallVector<Place> outputs;
  for (size_t i = 0; i < values.size(); ++i) {
    Place one = result;
    if (result.rank() == 1)
      one.offset = one.offset + one.strides[0] * int64_t(i);
    one.dims = {dim(1)};
    one.strides = {dim(0)};
    outputs.push_back(one);
  }
  if (outputs.empty())
    return success();
  emitNest(*this, op.getLoc(), "from_dims", {}, outputs,
           [&](OpBuilder &b, ValueRange, KernelEmitter &emitter) {
             SmallVector<Value> yields;
             for (sym::DimAttr value : values)
               yields.push_back(
                   castTo(b, dimension(b, emitter, value), result.element()));
             return yields;
           });
  return success();
}

LogicalResult Lowering::lowerRange(graph::RangeOp op) {
  Place result = destinationOf(op.getResult());
  Place start = broadcast(placeOf(op.getStart()), result.dims);
  Place delta = broadcast(placeOf(op.getDelta()), result.dims);
  emitNest(*this, op.getLoc(), "range", {start, delta}, {result},
           [&](OpBuilder &b, ValueRange in, KernelEmitter &) {
             Value i = castTo(b, index(b, 0), result.element());
             return SmallVector<Value>{
                 apply(b, "add", {in[0], apply(b, "mul", {i, in[1]})})};
           });
  return success();
}

LogicalResult Lowering::lowerTrilu(graph::TriluOp op) {
  Place result = destinationOf(op.getResult()), input = placeOf(op.getInput());
  int64_t rank = result.rank();
  emitNest(*this, op.getLoc(), "trilu", {input}, {result},
           [&](OpBuilder &b, ValueRange in, KernelEmitter &emitter) {
             Value diagonal =
                 apply(b, "sub", {index(b, rank - 1), index(b, rank - 2)});
             Value keep =
                 apply(b, op.getUpper() ? "greater_equal" : "less_equal",
                       {diagonal, dimension(b, emitter, op.getK())});
             Value zero =
                 constant(b, cast<TypedAttr>(b.getZeroAttr(result.element())));
             return SmallVector<Value>{apply(b, "select", {keep, in[0], zero})};
           });
  return success();
}

LogicalResult Lowering::lowerOneHot(graph::OneHotOp op) {
  Place result = destinationOf(op.getResult()),
        indices = placeOf(op.getIndices());
  Place values = placeOf(op.getValues());
  int64_t axis = op.getAxis();
  if (axis < 0)
    axis += result.rank();
  indices.dims.insert(indices.dims.begin() + axis, dim(1));
  indices.strides.insert(indices.strides.begin() + axis, dim(0));
  SmallVector<Place> inputs{broadcast(indices, result.dims)};
  for (int64_t i : {0, 1}) {
    Place value = values;
    value.offset = value.offset + value.strides[0] * i;
    value.dims = result.dims;
    value.strides.assign(result.rank(), dim(0));
    inputs.push_back(value);
  }
  sym::DimAttr depth = result.dims[axis];
  emitNest(*this, op.getLoc(), "one_hot", inputs, {result},
           [&](OpBuilder &b, ValueRange in, KernelEmitter &emitter) {
             Value i = castTo(b, in[0], b.getI64Type());
             Value zero = constant(b, b.getI64IntegerAttr(0));
             Value wrapped = apply(b, "add", {i, dimension(b, emitter, depth)});
             i = apply(b, "select", {apply(b, "less", {i, zero}), wrapped, i});
             Value hit = apply(b, "equal", {i, index(b, axis)});
             return SmallVector<Value>{apply(b, "select", {hit, in[2], in[1]})};
           });
  return success();
}

/// The constant everywhere, then the input inside; negative amounts crop.
LogicalResult Lowering::lowerPad(graph::PadOp op) {
  if (op.getMode() != "constant")
    return lowerExtern(op);
  Place result = destinationOf(op.getResult()), input = placeOf(op.getInput());
  Place whole = result;
  SmallVector<Place> value;
  if (op.getValue()) {
    value.push_back(placeOf(op.getValue()));
    value[0].dims = {};
    value[0].strides = {};
    value[0] = broadcast(value[0], result.dims);
  }
  SmallVector<Place *> all{&whole};
  if (!value.empty())
    all.push_back(&value[0]);
  collapse(all, 0, whole.rank(), 1);
  emitNest(
      *this, op.getLoc(), "pad", value, {whole},
      [&](OpBuilder &b, ValueRange in, KernelEmitter &) -> SmallVector<Value> {
        if (!in.empty())
          return {in[0]};
        return {constant(b, cast<TypedAttr>(b.getZeroAttr(result.element())))};
      });
  sym::DimAttr zero = dim(0);
  for (unsigned i = 0; i < input.rank(); ++i) {
    sym::DimAttr low = op.getLow().getDims()[i],
                 high = op.getHigh().getDims()[i];
    sym::DimAttr cropLow = sym::maxDim(low * -1, zero),
                 cropHigh = sym::maxDim(high * -1, zero);
    result.offset = result.offset + sym::maxDim(low, zero) * result.strides[i];
    input.offset = input.offset + cropLow * input.strides[i];
    input.dims[i] = input.dims[i] - cropLow - cropHigh;
    result.dims[i] = input.dims[i];
  }
  copy(input, result, op.getLoc());
  return success();
}

LogicalResult Lowering::lowerBatchNorm(graph::BatchNormOp op) {
  Place result = destinationOf(op.getResult());
  unsigned axis = op.getChannelsLast() ? result.rank() - 1 : 1;
  SmallVector<Place> inputs{placeOf(op.getInput())};
  for (Value vector :
       {op.getScale(), op.getBias(), op.getMean(), op.getVariance()}) {
    Place place = placeOf(vector), spread = place;
    spread.dims = result.dims;
    spread.strides.assign(result.rank(), dim(0));
    spread.strides[axis] = place.strides[0];
    inputs.push_back(spread);
  }
  SmallVector<Place *> all{&result};
  for (Place &place : inputs)
    all.push_back(&place);
  collapse(all, 0, result.rank(), 1);
  double epsilon = op.getEpsilon().convertToDouble();
  emitNest(*this, op.getLoc(), "batch_norm", inputs, {result},
           [&](OpBuilder &b, ValueRange in, KernelEmitter &) {
             Type type = in[4].getType();
             Value e = constant(b, b.getFloatAttr(type, epsilon));
             Value deviation = apply(b, "sqrt", apply(b, "add", {in[4], e}));
             Value x = apply(b, "sub",
                             {castTo(b, in[0], type), castTo(b, in[3], type)});
             x = apply(b, "div", {x, deviation});
             x = apply(b, "mul", {x, castTo(b, in[1], type)});
             x = apply(b, "add", {x, castTo(b, in[2], type)});
             return SmallVector<Value>{castTo(b, x, result.element())};
           });
  return success();
}

/// [N, C, ...] seen as rows [N, G] x [C/G, ...].
LogicalResult Lowering::lowerGroupNorm(graph::GroupNormOp op) {
  sym::Dims dims = dimsOf(op.getResult());
  int64_t groups = op.getGroups();
  sym::Dims split{dims[0], dim(groups), sym::floorDiv(dims[1], groups)};
  split.append(dims.begin() + 2, dims.end());
  auto cut = [&](Place place) {
    place.dims = split;
    sym::DimAttr channel = place.strides[1];
    place.strides[1] = channel * split[2];
    place.strides.insert(place.strides.begin() + 2, channel);
    return place;
  };
  auto vector = [&](Value value) {
    Place place = placeOf(value), spread = place;
    spread.dims = dims;
    spread.strides.assign(dims.size(), dim(0));
    spread.strides[1] = place.strides[0];
    return cut(spread);
  };
  Place input = cut(placeOf(op.getInput())), scale = vector(op.getScale());
  Place bias = vector(op.getBias()),
        result = cut(destinationOf(op.getResult()));
  SmallVector<Place *> all{&input, &scale, &bias, &result};
  unsigned leading = collapse(all, 0, 2, 0);
  unsigned axes = collapse(all, leading, input.rank(), 1) - leading;
  KernelEmitter emitter(*this, op.getLoc(), "group_norm");
  for (Place *place : all)
    emitter.addView(*place);
  Type type = input.element();
  emitter.launch(1, [&](OpBuilder &b, ValueRange arguments) {
    Location unknown = b.getUnknownLoc();
    auto root = kernel::RowOp::create(
        b, unknown, arguments.take_front(1), arguments.slice(1, 2),
        arguments.take_back(1), "layer_norm", axes, op.getEpsilon());
    OpBuilder inner(b.getContext());
    Block *block =
        inner.createBlock(&root.getEpilogue(), {}, {type, type, type},
                          {unknown, unknown, unknown});
    Value y =
        apply(inner, "mul", {block->getArgument(0), block->getArgument(1)});
    kernel::YieldOp::create(inner, unknown,
                            apply(inner, "add", {y, block->getArgument(2)}));
  });
  return success();
}

} // namespace sinter::lower
