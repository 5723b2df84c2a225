// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gather, scatter and what selects by data. Gathers from known shapes stay
// known.
#include "compiler/import/NodeImport.h"

#include <cmath>

using namespace mlir;

namespace sinter::importer {
namespace {

/// An integral element of a dense constant.
std::optional<DimAttr> constantElement(NodeImport &node, graph::ConstantOp op,
                                       DimAttr index) {
  auto elements = op->getAttrOfType<DenseElementsAttr>("value");
  std::optional<int64_t> at = sym::asConstant(index);
  if (!elements || !at || *at < 0 || *at >= elements.getNumElements())
    return std::nullopt;
  if (isa<IntegerType>(elements.getElementType()))
    return node.model.dim(
        (*(elements.value_begin<APInt>() + *at)).getSExtValue());
  if (!elements.getElementType().isF32() && !elements.getElementType().isF64())
    return std::nullopt;
  double value = (*(elements.value_begin<APFloat>() + *at)).convertToDouble();
  bool isWhole = value == std::floor(value) && std::abs(value) < 1 << 24;
  return isWhole ? std::optional(node.model.dim(int64_t(value))) : std::nullopt;
}

std::optional<DimAttr> elementOf(NodeImport &node, Value data, DimAttr index,
                                 unsigned depth);

/// The part of a list that holds the element, from either end.
std::optional<DimAttr> joinedElement(NodeImport &node, graph::ConcatOp op,
                                     DimAttr index, unsigned depth) {
  SmallVector<Value> parts(op->getOperands());
  auto extentOf = [](Value part) {
    return sym::dimsOf(cast<RankedTensorType>(part.getType()))[0];
  };
  if (sym::asConstant(index)) {
    for (Value part : parts) {
      std::optional<int64_t> extent = sym::asConstant(extentOf(part));
      if (!extent || *sym::asConstant(index) < *extent)
        return extent ? elementOf(node, part, index, depth) : std::nullopt;
      index = index - *extent;
    }
    return std::nullopt;
  }
  DimAttr end =
      sym::dimsOf(cast<RankedTensorType>(op->getResult(0).getType()))[0];
  for (Value part : llvm::reverse(parts)) {
    DimAttr begin = end - extentOf(part);
    std::optional<int64_t> behind = sym::asConstant(end - index),
                           extent = sym::asConstant(extentOf(part));
    if (!behind)
      return std::nullopt;
    if (!extent || *behind <= *extent)
      return elementOf(node, part, index - begin, depth);
    end = begin;
  }
  return std::nullopt;
}

/// Element `index` of a list that is made of ranges: their ends say how long
/// they are, which is how scripts find a length again. The index is inside.
std::optional<DimAttr> elementOf(NodeImport &node, Value data, DimAttr index,
                                 unsigned depth) {
  Operation *op = data ? data.getDefiningOp() : nullptr;
  if (!op || ++depth > 16)
    return std::nullopt;
  auto type = cast<RankedTensorType>(data.getType());
  bool isOne = type.hasStaticShape() && type.getNumElements() == 1;
  if (type.getElementType().isInteger(1) || (type.getRank() != 1 && !isOne))
    return std::nullopt;
  if (auto constant = dyn_cast<graph::ConstantOp>(op))
    return constantElement(node, constant, index);
  if (auto dims = dyn_cast<graph::FromDimsOp>(op)) {
    std::optional<int64_t> at = sym::asConstant(index);
    ArrayRef<DimAttr> values = dims.getDims().getDims();
    return at && *at >= 0 && *at < int64_t(values.size())
               ? std::optional(values[*at])
               : std::nullopt;
  }
  if (isa<graph::CastOp>(op) || (isa<graph::ReshapeOp>(op) && isOne))
    return elementOf(node, op->getOperand(0), index, depth);
  if (auto slice = dyn_cast<graph::SliceOp>(op))
    return elementOf(
        node, op->getOperand(0),
        slice.getStarts().getDims()[0] + index * slice.getSteps()[0], depth);
  if (auto join = dyn_cast<graph::ConcatOp>(op))
    return joinedElement(node, join, index, depth);
  if (!isa<graph::RangeOp>(op))
    return std::nullopt;
  DimAttr zero = node.model.dim(0);
  std::optional<DimAttr> from = elementOf(node, op->getOperand(0), zero, depth),
                         by = elementOf(node, op->getOperand(1), zero, depth);
  return from && by ? std::optional(*from + *by * index) : std::nullopt;
}

LogicalResult importGather(NodeImport &node) {
  std::optional<int64_t> axis = node.axis(node.integer("axis"), node.rank(0));
  if (!axis)
    return failure();
  TensorValue *data = node.input(0), *indices = node.input(1);
  if (data->known && indices->known && node.rank(0) == 1) {
    Dims contents;
    for (DimAttr index : *indices->known) {
      std::optional<int64_t> position = sym::asConstant(index);
      int64_t length = data->known->size();
      if (!position)
        break;
      if (*position < -length || *position >= length)
        return node.fault(ErrorCode::S001, "index " + Twine(*position) +
                                               " is outside a tensor of " +
                                               Twine(length) + " elements");
      contents.push_back(
          (*data->known)[*position < 0 ? *position + length : *position]);
    }
    if (contents.size() == indices->known->size())
      return node.setKnown(0, contents,
                           sym::tensorOf(sym::dimsOf(indices->type),
                                         data->type.getElementType()));
  }
  if (data->value && indices->known && indices->known->size() == 1 &&
      node.rank(0) == 1)
    if (std::optional<int64_t> at = sym::asConstant(indices->known->front())) {
      DimAttr index = *at < 0 ? node.dims(0)[0] + *at : node.model.dim(*at);
      if (std::optional<DimAttr> element =
              elementOf(node, data->value, index, 0))
        return node.setKnown(0, {*element},
                             sym::tensorOf(sym::dimsOf(indices->type),
                                           data->type.getElementType()));
    }
  return node.set(
      0, node.one<graph::GatherOp>({node.value(0), node.value(1)},
                                   node.attrs().integer("axis", *axis)));
}

/// Indices of the *Elements operators stay inside the data on the other axes.
bool fitsInside(NodeImport &node, int64_t axis, bool hasUpdates) {
  Dims data = node.dims(0), indices = node.dims(1);
  if (indices.size() != data.size())
    return true; // the operation itself says so
  for (int64_t i = 0; i < int64_t(data.size()); ++i) {
    if (i != axis &&
        !node.requireAtMost(indices[i], data[i], "an extent of the indices"))
      return false;
    if (hasUpdates && node.dims(2).size() == data.size() &&
        !node.requireEqual(indices[i], node.dims(2)[i],
                           "extents of indices and updates"))
      return false;
  }
  return true;
}

/// The leading axes that GatherND and ScatterND share with their indices.
bool shareLeading(NodeImport &node, size_t first, size_t second, size_t count) {
  Dims a = node.dims(first), b = node.dims(second);
  for (size_t i = 0; i < std::min({count, a.size(), b.size()}); ++i)
    if (!node.requireEqual(a[i], b[i], "leading extents"))
      return false;
  return true;
}

LogicalResult importGatherElements(NodeImport &node) {
  std::optional<int64_t> axis = node.axis(node.integer("axis"), node.rank(0));
  if (!axis || !fitsInside(node, *axis, false))
    return failure();
  return node.set(0, node.one<graph::GatherElementsOp>(
                         {node.value(0), node.value(1)},
                         node.attrs().integer("axis", *axis)));
}

LogicalResult importGatherND(NodeImport &node) {
  if (!shareLeading(node, 0, 1, node.integer("batch_dims", 0)))
    return failure();
  return node.set(0, node.one<graph::GatherNDOp>(
                         {node.value(0), node.value(1)},
                         node.attrs().integer("batch_dims",
                                              node.integer("batch_dims", 0))));
}

std::string reductionOf(NodeImport &node) {
  std::string reduction = node.text("reduction");
  return reduction.empty() ? "none" : reduction;
}

LogicalResult importScatterElements(NodeImport &node) {
  std::optional<int64_t> axis = node.axis(node.integer("axis"), node.rank(0));
  if (!axis || !fitsInside(node, *axis, true))
    return failure();
  return node.set(0, node.one<graph::ScatterElementsOp>(
                         {node.value(0), node.value(1), node.value(2)},
                         node.attrs()
                             .integer("axis", *axis)
                             .text("reduction", reductionOf(node))));
}

LogicalResult importScatterND(NodeImport &node) {
  if (node.rank(1) > 0) {
    if (!shareLeading(node, 1, 2, node.rank(1) - 1))
      return failure();
    // Behind the indices, an update is as large as the part that it replaces.
    Dims data = node.dims(0), updates = node.dims(2);
    size_t depth = sym::asConstant(node.dims(1).back()).value_or(data.size()),
           first = node.rank(1) - 1;
    for (size_t i = 0; depth + i < data.size() && first + i < updates.size();
         ++i)
      if (!node.requireEqual(updates[first + i], data[depth + i],
                             "extents of updates and data"))
        return failure();
  }
  return node.set(0, node.one<graph::ScatterNDOp>(
                         {node.value(0), node.value(1), node.value(2)},
                         node.attrs().text("reduction", reductionOf(node))));
}

LogicalResult importOneHot(NodeImport &node) {
  std::optional<int64_t> axis =
      node.axis(node.integer("axis"), node.rank(0) + 1);
  std::optional<Dims> depth = node.dimsOrBound(1, "depth");
  if (!axis || !depth)
    return failure();
  if (depth->size() != 1)
    return node.fault(ErrorCode::S001,
                      "depth has " + Twine(depth->size()) + " elements", "one");
  if (std::optional<int64_t> known = sym::asConstant((*depth)[0]);
      known && *known < 1)
    return node.fault(ErrorCode::S001, "depth is " + Twine(*known),
                      "1 or more");
  if (!node.requireRank(2, 1) ||
      !node.requireEqual(node.dims(2)[0], node.model.dim(2),
                         "the values and their number, off and on,"))
    return failure();
  Dims dims = node.dims(0);
  dims.insert(dims.begin() + *axis, (*depth)[0]);
  Value indices = node.cast(node.value(0), node.model.builder.getI64Type());
  return node.set(0, node.one<graph::OneHotOp>(
                         {indices, node.value(2)},
                         node.attrs().integer("axis", *axis),
                         {sym::tensorOf(dims, node.type(2).getElementType())}));
}

/// Coordinates of the non-zero elements, their number a bound symbol.
Value nonZero(NodeImport &node, Value input) {
  if (!input)
    return {};
  auto type = cast<RankedTensorType>(input.getType());
  Type i64 = node.model.builder.getI64Type();
  DimAttr most = sym::elementCount(type);
  DimAttr count = node.model.freshSymbol(node.name() + "_count", 0,
                                         node.model.rangeOf(most).max);
  Operation *op = node.create<graph::NonZeroOp>(
      input, {},
      {sym::tensorOf({node.model.dim(type.getRank()), count}, i64),
       sym::tensorOf({}, i64)});
  if (!op)
    return {};
  auto bind = graph::BindDimOp::create(
      node.model.builder, node.location, op->getResult(1),
      node.model.builder.getI64IntegerAttr(0), count.getName());
  bind->setAttr("graph.bound", most); // what memory must be reserved for
  return op->getResult(0);
}

LogicalResult importNonZero(NodeImport &node) {
  return node.set(0, nonZero(node, node.value(0)));
}

LogicalResult importCompress(NodeImport &node) {
  Value data = node.value(0);
  int64_t axis = 0;
  if (node.attribute("axis")) {
    std::optional<int64_t> given =
        node.axis(node.integer("axis"), node.rank(0));
    if (!given)
      return failure();
    axis = *given;
  } else {
    data =
        node.reshape(data, {sym::product(&node.model.context, node.dims(0))});
  }
  Value chosen = nonZero(node, node.value(1));
  if (!chosen)
    return failure();
  DimAttr count = sym::dimsOf(cast<RankedTensorType>(chosen.getType()))[1];
  return node.set(
      0, node.one<graph::GatherOp>({data, node.reshape(chosen, {count})},
                                   node.attrs().integer("axis", axis)));
}

/// y[t] = t < length ? x[length - 1 - t] : x[t], along the time axis.
LogicalResult importReverseSequence(NodeImport &node) {
  int64_t time = node.integer("time_axis"), batch = node.integer("batch_axis");
  if (node.rank(0) < 2 || time + batch != 1 || time * batch != 0)
    return node.fault(ErrorCode::I005,
                      "time_axis is " + Twine(time) + ", batch_axis is " +
                          Twine(batch),
                      "0 and 1");
  Dims dims = node.dims(0), steps(2, node.model.dim(1)), lanes = steps;
  steps[time] = dims[time];
  lanes[batch] = dims[batch];
  Type i64 = node.model.builder.getI64Type();
  Value position =
      node.one<graph::RangeOp>({node.scalar(0, i64), node.scalar(1, i64)}, {},
                               {sym::tensorOf({dims[time]}, i64)});
  position = node.reshape(position, steps);
  Value length = node.reshape(node.value(1), lanes);
  Value last = node.map("sub", {length, node.scalar(1, i64)});
  Value source =
      node.map("select", {node.map("less", {position, length}),
                          node.map("sub", {last, position}), position});
  // What lies behind the two axes moves as a whole: step (t, b) is row t * B +
  // b or b * T + t. A step beyond the last one is a row beyond the last one.
  auto extent = [&](DimAttr dim) -> Value {
    if (std::optional<int64_t> known = sym::asConstant(dim))
      return node.scalar(double(*known), i64);
    return node.one<graph::FromDimsOp>(
        {}, node.attrs().dims("dims", {dim}),
        {sym::tensorOf({node.model.dim(1)}, i64)});
  };
  DimAttr count = dims[0] * dims[1];
  Value row = node.reshape(
      node.one<graph::RangeOp>({node.scalar(0, i64), node.scalar(1, i64)}, {},
                               {sym::tensorOf({count}, i64)}),
      {dims[0], dims[1]});
  Value moved = node.map("sub", {source, position});
  if (time == 0)
    moved = node.map("mul", {moved, extent(dims[1])});
  Value rows =
      node.map("select", {node.map("less", {source, extent(dims[time])}),
                          node.map("add", {row, moved}), extent(count)});
  Dims flat(dims.begin() + 1, dims.end());
  flat[0] = count;
  return node.set(
      0, node.one<graph::GatherOp>({node.reshape(node.value(0), flat), rows},
                                   node.attrs().integer("axis", 0)));
}

} // namespace

void addIndexing(OpTable &table) {
  table["Gather"] = importGather;
  table["GatherElements"] = importGatherElements;
  table["GatherND"] = importGatherND;
  table["ScatterElements"] = importScatterElements;
  table["Scatter"] = importScatterElements;
  table["ScatterND"] = importScatterND;
  table["OneHot"] = importOneHot;
  table["NonZero"] = importNonZero;
  table["Compress"] = importCompress;
  table["ReverseSequence"] = importReverseSequence;
}

} // namespace sinter::importer
