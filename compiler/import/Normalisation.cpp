// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmax and norms. What a kernel wants to see whole stays whole (batch,
// layer, group norm, softmax); the rare rest is composed.
#include "compiler/import/NodeImport.h"

using namespace mlir;

namespace sinter::importer {
namespace {

/// The same value as a matrix [product(:axis), product(axis:)].
Dims matrixDims(NodeImport &node, int64_t axis) {
  Dims dims = node.dims(0);
  ArrayRef<DimAttr> all = dims;
  return {sym::product(&node.model.context, all.take_front(axis)),
          sym::product(&node.model.context, all.drop_front(axis))};
}

LogicalResult importSoftmax(NodeImport &node) {
  bool isLog = node.node.op == "LogSoftmax";
  std::optional<int64_t> axis = node.axis(node.integer("axis"), node.rank(0));
  if (!axis)
    return failure();
  Value x = node.value(0);
  // Before opset 13 the operator works on the matrix split at the axis.
  bool isFlat = node.since() < 13 && *axis != node.rank(0) - 1;
  if (isFlat)
    x = node.reshape(x, matrixDims(node, *axis));
  Value result = node.one<graph::SoftmaxOp>(
      x, node.attrs().integer("axis", isFlat ? 1 : *axis).flag("log", isLog));
  return node.set(0, isFlat ? node.reshape(result, node.dims(0)) : result);
}

LogicalResult importHardmax(NodeImport &node) {
  std::optional<int64_t> axis = node.axis(node.integer("axis"), node.rank(0));
  if (!axis)
    return failure();
  Value x = node.value(0);
  bool isFlat = node.since() < 13 && *axis != node.rank(0) - 1;
  Dims dims = isFlat ? matrixDims(node, *axis) : node.dims(0);
  int64_t where = isFlat ? 1 : *axis;
  x = node.reshape(x, dims);
  Value winner = node.one<graph::ArgReduceOp>(x, node.attrs()
                                                     .text("kind", "max")
                                                     .integer("axis", where)
                                                     .flag("keep_dims", true));
  Type i64 = node.model.builder.getI64Type();
  Value positions =
      node.one<graph::RangeOp>({node.scalar(0, i64), node.scalar(1, i64)}, {},
                               {sym::tensorOf({dims[where]}, i64)});
  Dims column(dims.size() - where, node.model.dim(1));
  column[0] = dims[where];
  Value hot = node.map("equal", {winner, node.reshape(positions, column)});
  return node.set(0, node.reshape(node.cast(hot, node.type(0).getElementType()),
                                  node.dims(0)));
}

/// Mean and variance of the batch in place of the ones that were handed in,
/// which the further results move towards them. Exported models standardise
/// their filters so.
LogicalResult setBatchStatistics(NodeImport &node,
                                 MutableArrayRef<Value> statistics) {
  if (node.rank(0) < 2)
    return node.fault(ErrorCode::S001,
                      "training_mode is 1 and the input has "
                      "rank " +
                          Twine(node.rank(0)),
                      "2 or more");
  SmallVector<int64_t> axes;
  for (int64_t axis = 0; axis < node.rank(0); ++axis)
    if (axis != 1)
      axes.push_back(axis);
  Value x = node.value(0);
  Value mean = node.reduce("mean", x, axes, true);
  Value centred = node.map("sub", {x, mean});
  Value variance =
      node.reduce("mean", node.map("mul", {centred, centred}), axes, false);
  Value now[] = {node.reshape(mean, {node.dims(0)[1]}), variance};
  double momentum = node.real("momentum");
  Type element = node.type(0).getElementType();
  for (size_t i = 0; i < 2; ++i) {
    Value moved = node.map(
        "add",
        {node.map("mul", {statistics[i], node.scalar(momentum, element)}),
         node.map("mul", {now[i], node.scalar(1 - momentum, element)})});
    statistics[i] = now[i];
    if (node.wants(i + 1) &&
        failed(node.set(i + 1,
                        node.cast(moved, node.type(i + 3).getElementType()))))
      return failure();
  }
  return success();
}

LogicalResult importBatchNorm(NodeImport &node) {
  if (node.since() < 9 && node.integer("spatial", 1) == 0)
    return node.fault(ErrorCode::I004, "spatial is 0",
                      "statistics per channel");
  Type element = node.type(0).getElementType();
  SmallVector<Value> operands = {node.value(0)};
  for (size_t i = 1; i < 5; ++i) {
    DimAttr channels = node.rank(0) > 1 ? node.dims(0)[1] : node.model.dim(1);
    if (node.rank(i) == 1 &&
        !node.requireEqual(node.dims(i)[0], channels, "channel counts"))
      return failure();
    operands.push_back(node.cast(node.value(i), element));
  }
  if (node.rank(0) > 1 && node.rank(1) == 1 && sym::asConstant(node.dims(1)[0]))
    operands[0] = node.written(operands[0], 1, node.dims(1)[0]);
  if (node.integer("training_mode") != 0 &&
      failed(setBatchStatistics(node,
                                MutableArrayRef<Value>(operands).take_back(2))))
    return failure();
  return node.set(
      0, node.one<graph::BatchNormOp>(
             operands, node.attrs().real("epsilon", node.real("epsilon"))));
}

LogicalResult importInstanceNorm(NodeImport &node) {
  if (!node.requireRank(1, 1) || !node.requireRank(2, 1))
    return failure();
  std::optional<int64_t> channels = sym::asConstant(node.dims(1)[0]);
  if (!channels)
    return node.fault(ErrorCode::I014, "the number of channels is not known");
  if (node.rank(0) < 2 ||
      !node.requireEqual(node.dims(0)[1], node.dims(1)[0], "channel counts"))
    return node.fault(ErrorCode::S001, "input and scale do not fit");
  Value input = node.written(node.value(0), 1, node.dims(1)[0]);
  return node.set(0, node.one<graph::GroupNormOp>(
                         {input, node.value(1), node.value(2)},
                         node.attrs()
                             .integer("groups", *channels)
                             .real("epsilon", node.real("epsilon"))));
}

LogicalResult importGroupNorm(NodeImport &node) {
  int64_t groups = node.integer("num_groups");
  if (node.rank(0) < 2 || groups < 1)
    return node.fault(ErrorCode::S001,
                      "input has rank " + Twine(node.rank(0)) +
                          ", num_groups is " + Twine(groups),
                      "[N, C, ...] and 1 or more");
  DimAttr channels = node.dims(0)[1], width = sym::floorDiv(channels, groups),
          count = node.model.dim(groups);
  if (!node.requireEqual(width * groups, channels, "groups and channels"))
    return failure();
  SmallVector<Value> operands = {node.value(0)};
  for (size_t i = 1; i < 3; ++i) {
    Value parameter = node.value(i);
    if (node.rank(i) != 1)
      return node.fault(ErrorCode::S001, "scale or bias is no vector");
    if (!node.requireEqual(node.dims(i)[0],
                           node.since() < 21 ? count : channels,
                           "the input and its scale or bias"))
      return failure();
    if (node.since() < 21) { // one value a group: repeat it for each channel
      parameter = node.reshape(parameter, {count, node.model.dim(1)});
      parameter =
          node.reshape(node.broadcast(parameter, {count, width}), {channels});
    }
    operands.push_back(parameter);
  }
  return node.set(0, node.one<graph::GroupNormOp>(
                         operands, node.attrs()
                                       .integer("groups", groups)
                                       .real("epsilon", node.real("epsilon"))));
}

/// Scale and bias for the normalised axes joined into one.
Value flatParameter(NodeImport &node, size_t i, ArrayRef<DimAttr> axes) {
  Type element = node.type(0).getElementType();
  Value parameter = node.cast(node.value(i), element);
  if (axes.size() > 1)
    parameter = node.reshape(node.broadcast(parameter, axes),
                             {sym::product(&node.model.context, axes)});
  return parameter;
}

/// Several normalised axes are one: a kernel sees rows.
LogicalResult importNormalize(NodeImport &node) {
  bool isRms = node.node.op == "RMSNormalization";
  Dims dims = node.dims(0);
  std::optional<int64_t> axis = node.axis(node.integer("axis"), dims.size());
  if (!axis)
    return failure();
  // A row whose width is data or a sum is as wide as its scale.
  if (size_t(*axis) + 1 == dims.size() && node.rank(1) == 1 &&
      sym::asConstant(node.dims(1)[0]) && !sym::asConstant(dims[*axis])) {
    if (!node.requireEqual(dims[*axis], node.dims(1)[0], "a row and its scale"))
      return failure();
    dims[*axis] = node.dims(1)[0];
  }
  ArrayRef<DimAttr> axes = ArrayRef<DimAttr>(dims).drop_front(*axis);
  Dims rows(ArrayRef<DimAttr>(dims).take_front(*axis)), statistics = rows;
  rows.push_back(sym::product(&node.model.context, axes));
  statistics.append(axes.size(), node.model.dim(1));
  bool hasBias = node.input(2) != nullptr,
       hasStatistics = node.wants(1) || node.wants(2);
  SmallVector<Value> operands = {node.reshape(node.value(0), rows),
                                 flatParameter(node, 1, axes)};
  if (hasBias)
    operands.push_back(flatParameter(node, 2, axes));
  Operation *norm = node.create<graph::NormalizeOp>(
      operands, node.attrs()
                    .integer("axis", *axis)
                    .real("epsilon", node.real("epsilon"))
                    .flag("rms", isRms)
                    .flag("with_statistics", hasStatistics)
                    .segments({1, 1, hasBias}));
  if (!norm)
    return failure();
  for (size_t i = 0; i < norm->getNumResults(); ++i)
    if (failed(node.set(
            i, node.reshape(norm->getResult(i), i == 0 ? dims : statistics))))
      return failure();
  return success();
}

LogicalResult importLrn(NodeImport &node) {
  return node.set(
      0, node.one<graph::LrnOp>(node.value(0),
                                node.attrs()
                                    .integer("size", node.integer("size"))
                                    .real("alpha", node.real("alpha"))
                                    .real("beta", node.real("beta"))
                                    .real("bias", node.real("bias"))));
}

LogicalResult importLpNorm(NodeImport &node) {
  std::optional<int64_t> axis = node.axis(node.integer("axis"), node.rank(0));
  int64_t p = node.integer("p");
  if (!axis)
    return failure();
  if (p != 1 && p != 2)
    return node.fault(ErrorCode::I005, "p is " + Twine(p), "1 or 2");
  Value x = node.value(0);
  Value norm = node.reduce(p == 1 ? "l1" : "l2", x, *axis, true);
  if (!norm)
    return failure();
  // A zero norm divides nothing: 0 / 1 stays 0.
  Type element = node.type(0).getElementType();
  Value isZero = node.map("equal", {norm, node.scalar(0, element)});
  norm = node.map("select", {isZero, node.scalar(1, element), norm});
  return node.set(0, node.map("div", {x, norm}));
}

LogicalResult importMeanVariance(NodeImport &node) {
  std::optional<SmallVector<int64_t>> axes =
      node.axes(node.integers("axes"), node.rank(0));
  if (!axes)
    return failure();
  Type element = node.type(0).getElementType();
  Value x = node.value(0);
  Value mean = node.reduce("mean", x, *axes, true);
  Value centred = node.map("sub", {x, mean});
  Value variance =
      node.reduce("mean", node.map("mul", {centred, centred}), *axes, true);
  Value deviation = node.map(
      "add", {node.map("sqrt", {variance}), node.scalar(1e-9, element)});
  return node.set(0, node.map("div", {centred, deviation}));
}

} // namespace

void addNormalisation(OpTable &table) {
  table["Softmax"] = importSoftmax;
  table["LogSoftmax"] = importSoftmax;
  table["Hardmax"] = importHardmax;
  table["BatchNormalization"] = importBatchNorm;
  table["InstanceNormalization"] = importInstanceNorm;
  table["GroupNormalization"] = importGroupNorm;
  table["LayerNormalization"] = importNormalize;
  table["RMSNormalization"] = importNormalize;
  table["LRN"] = importLrn;
  table["LpNormalization"] = importLpNorm;
  table["MeanVarianceNormalization"] = importMeanVariance;
}

} // namespace sinter::importer
