// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that read or change shapes: their shape inputs are followed as
// dimensions and never become tensors.
#include "compiler/import/NodeImport.h"
#include "compiler/import/Values.h"
#include "dialects/graph/Broadcast.h"

using namespace mlir;

namespace sinter::importer {
namespace {

RankedTensorType vectorType(NodeImport &node, size_t length) {
  return sym::tensorOf({node.model.dim(length)},
                       node.model.builder.getI64Type());
}

LogicalResult importShape(NodeImport &node) {
  Dims dims = node.dims(0);
  int64_t rank = dims.size();
  auto clamp = [&](int64_t position) {
    return std::clamp<int64_t>(position < 0 ? position + rank : position, 0,
                               rank);
  };
  int64_t start = clamp(node.integer("start", 0));
  int64_t end = clamp(node.integer("end", rank));
  Dims part;
  for (int64_t i = start; i < end; ++i)
    part.push_back(dims[i]);
  return node.setKnown(0, part, vectorType(node, part.size()));
}

LogicalResult importSize(NodeImport &node) {
  return node.setKnown(
      0, {sym::product(&node.model.context, node.dims(0))},
      RankedTensorType::get({}, node.model.builder.getI64Type()));
}

LogicalResult importIdentity(NodeImport &node) {
  return node.setSame(0, *node.input(0));
}

LogicalResult importDropout(NodeImport &node) {
  if (node.inputCount() > 2 && node.input(2)) {
    std::optional<SmallVector<int64_t>> training = node.constantInts(2);
    if (!training)
      return failure();
    if (training->size() == 1 && (*training)[0] != 0)
      return node.fault(ErrorCode::I004, "training_mode is true",
                        "a model exported for inference");
  }
  if (node.wants(1)) {
    Type element = node.since() >= 10 ? Type(node.model.builder.getI1Type())
                                      : node.type(0).getElementType();
    if (failed(
            node.set(1, node.broadcast(node.scalar(1, element), node.dims(0)))))
      return failure();
  }
  return node.setSame(0, *node.input(0));
}

/// Same elements in another shape; known contents stay known.
LogicalResult setReshaped(NodeImport &node, ArrayRef<DimAttr> dims) {
  TensorValue *input = node.input(0);
  RankedTensorType type = sym::tensorOf(dims, input->type.getElementType());
  if (input->known && type.hasStaticShape() &&
      type.getNumElements() == int64_t(input->known->size()))
    return node.setKnown(0, *input->known, type);
  if (input->isConstant && type.hasStaticShape() &&
      type.getNumElements() == input->type.getNumElements()) {
    TensorValue same = *input;
    same.type = type;
    same.value = Value();
    return node.setSame(0, same);
  }
  return node.set(0, node.reshape(node.value(0), dims));
}

/// A target shape that is data: zeros and -1 are resolved by operations, then
/// one symbol is bound to each extent.
LogicalResult reshapeToData(NodeImport &node) {
  Dims dims = node.dims(0);
  Type i64 = node.model.builder.getI64Type();
  int64_t rank = node.type(1).getDimSize(0);
  Value target = node.value(1), zero = node.scalar(0, i64),
        one = node.scalar(1, i64);
  auto tensor = [&](Dims contents) {
    TensorValue value =
        node.model.knownOf(contents, vectorType(node, contents.size()));
    return node.model.materialise(value, node.location);
  };
  if (node.integer("allowzero") == 0) {
    Dims copied(dims);
    copied.resize(rank, node.model.dim(0));
    target = node.map(
        "select", {node.map("equal", {target, zero}), tensor(copied), target});
  }
  Value isOpen = node.map("equal", {target, node.scalar(-1, i64)});
  Value rest =
      node.reduce("prod", node.map("select", {isOpen, one, target}), {0}, true);
  Value open =
      node.map("div", {tensor({sym::product(&node.model.context, dims)}),
                       node.map("max", {rest, one})});
  Value extents = node.map("select", {isOpen, open, target});
  if (!extents)
    return failure();
  Dims result;
  for (int64_t i = 0; i < rank; ++i) {
    result.push_back(node.model.freshSymbol(
        node.name() + "_extent" + std::to_string(i), 0, int64_t(1) << 31));
    graph::BindDimOp::create(node.model.builder, node.location, extents,
                             node.model.builder.getI64IntegerAttr(i),
                             result.back().getName());
  }
  return node.set(0, node.reshape(node.value(0), result));
}

LogicalResult importReshape(NodeImport &node) {
  if (!node.input(1)->known && node.rank(1) == 1 && hasAtMost(node.type(1), 32))
    return reshapeToData(node);
  std::optional<Dims> target = node.knownDims(1);
  if (!target)
    return failure();
  bool allowsZero = node.integer("allowzero") != 0;
  Dims input = node.dims(0);
  std::optional<size_t> open;
  DimAttr rest = node.model.dim(1);
  for (size_t i = 0; i < target->size(); ++i) {
    DimAttr &dim = (*target)[i];
    if (sym::isConstant(dim, -1)) {
      if (open)
        return node.fault(ErrorCode::S001, "the target shape has -1 twice");
      open = i;
      continue;
    }
    if (sym::isConstant(dim, 0) && !allowsZero) {
      if (i >= input.size())
        return node.fault(ErrorCode::S001,
                          "the target shape copies axis " + Twine(i) +
                              " of a tensor of rank " + Twine(input.size()));
      dim = input[i];
    }
    if (!node.requireExtents(dim))
      return failure();
    rest = rest * dim;
  }
  if (open) {
    DimAttr total = sym::product(&node.model.context, input);
    if (sym::isConstant(rest, 0))
      return node.fault(ErrorCode::S001,
                        "-1 beside an extent of 0 has no value");
    (*target)[*open] = sym::floorDiv(total, rest);
  }
  return setReshaped(node, *target);
}

LogicalResult importFlatten(NodeImport &node) {
  Dims dims = node.dims(0);
  int64_t rank = dims.size(), axis = node.integer("axis");
  if (axis < -rank || axis > rank)
    return node.fault(ErrorCode::S001, "axis " + Twine(axis) +
                                           " is outside a tensor of rank " +
                                           Twine(rank));
  ArrayRef<DimAttr> all = dims;
  size_t split = axis < 0 ? axis + rank : axis;
  return setReshaped(
      node, {sym::product(&node.model.context, all.take_front(split)),
             sym::product(&node.model.context, all.drop_front(split))});
}

/// Axes from the attribute or, since opset 13, from the second input.
std::optional<SmallVector<int64_t>> axesOf(NodeImport &node, int64_t rank) {
  if (node.since() < 13)
    return node.axes(node.integers("axes"), rank);
  std::optional<SmallVector<int64_t>> given = node.constantInts(1);
  return given ? node.axes(*given, rank) : std::nullopt;
}

LogicalResult importSqueeze(NodeImport &node) {
  Dims dims = node.dims(0), result;
  bool hasAxes = node.since() < 13 ? node.attribute("axes") != nullptr
                                   : node.input(1) != nullptr;
  SmallVector<int64_t> axes;
  if (hasAxes) {
    std::optional<SmallVector<int64_t>> given = axesOf(node, dims.size());
    if (!given)
      return failure();
    axes = *given;
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    bool isListed = hasAxes ? llvm::is_contained(axes, int64_t(i))
                            : sym::isConstant(dims[i], 1);
    if (!isListed) {
      result.push_back(dims[i]);
      if (!hasAxes && !sym::asConstant(dims[i]))
        node.model.unsqueezed.push_back(dims[i]);
    } else if (!node.requireEqual(dims[i], node.model.dim(1),
                                  "a squeezed extent and 1")) {
      return failure();
    }
  }
  return setReshaped(node, result);
}

LogicalResult importUnsqueeze(NodeImport &node) {
  Dims dims = node.dims(0), result;
  size_t added = node.since() < 13 ? node.integers("axes").size()
                                   : node.type(1).getNumElements();
  std::optional<SmallVector<int64_t>> axes = axesOf(node, dims.size() + added);
  if (!axes)
    return failure();
  for (size_t i = 0, next = 0; i < dims.size() + added; ++i)
    result.push_back(llvm::is_contained(*axes, int64_t(i)) ? node.model.dim(1)
                                                           : dims[next++]);
  return setReshaped(node, result);
}

LogicalResult importExpand(NodeImport &node) {
  std::optional<Dims> shape = node.dimsOrBound(1, "extent");
  if (!shape || !node.requireExtents(*shape))
    return failure();
  Dims input = node.dims(0);
  std::optional<Dims> dims = graph::broadcastDims(input, *shape);
  if (!dims)
    return node.fault(ErrorCode::S001,
                      "the input and the target shape do not broadcast");
  // A target may be 1 (or equal) where the input is not: check what is
  // unproved.
  for (size_t i = 1; i <= std::min(input.size(), shape->size()); ++i)
    if (!node.requireEqual(input[input.size() - i], (*shape)[shape->size() - i],
                           "extents", true))
      return failure();
  TensorValue *value = node.input(0);
  RankedTensorType type = sym::tensorOf(*dims, value->type.getElementType());
  if (value->known && value->known->size() == 1 && hasAtMost(type, 1024))
    return node.setKnown(0, Dims(type.getNumElements(), (*value->known)[0]),
                         type);
  Value result = node.value(0);
  if (!result || Dims(*dims) == input)
    return node.set(0, result);
  return node.set(0, node.one<graph::BroadcastOp>(result, {}, {type}));
}

} // namespace

void addShapes(OpTable &table) {
  table["Shape"] = importShape;
  table["Size"] = importSize;
  table["Identity"] = importIdentity;
  table["Dropout"] = importDropout;
  table["Reshape"] = importReshape;
  table["Flatten"] = importFlatten;
  table["Squeeze"] = importSqueeze;
  table["Unsqueeze"] = importUnsqueeze;
  table["Expand"] = importExpand;
}

} // namespace sinter::importer
