// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that make a tensor out of a number or a shape: constants, ranges,
// the identity matrix.
#include "compiler/import/NodeImport.h"
#include "compiler/import/Texts.h"
#include "compiler/import/UpperBounds.h"
#include "compiler/import/Values.h"

using namespace mlir;

namespace sinter::importer {
namespace {

LogicalResult importConstant(NodeImport &node) {
  if (node.node.attributes.size() != 1)
    return node.fault(ErrorCode::I005,
                      "carries " + Twine(node.node.attributes.size()) +
                          " attributes",
                      "exactly one that holds the value");
  StringRef name(node.node.attributes[0].name.data(),
                 node.node.attributes[0].name.size());
  const onnx::Attribute *attribute = node.attribute(name);
  if (!attribute)
    return node.fault(ErrorCode::I005,
                      "refers to an attribute that the call does not give");
  if (name == "sparse_value")
    return node.fault(ErrorCode::I013, "holds " + name);
  bool isText = name.starts_with("value_string");
  onnx::Tensor tensor;
  if (name == "value")
    tensor = attribute->tensors[0];
  std::vector<char> bytes;
  auto put = [&](auto number) {
    bytes.insert(bytes.end(), reinterpret_cast<char *>(&number),
                 reinterpret_cast<char *>(&number) + sizeof number);
  };
  if (name == "value_string")
    put(handleOf(node.model, attribute->s));
  for (onnx::Text text : attribute->strings)
    put(handleOf(node.model, text));
  bool isReal = name.starts_with("value_float");
  if (name == "value_int")
    put(attribute->i);
  for (int64_t number : attribute->ints)
    put(number);
  if (name == "value_float")
    put(attribute->f);
  for (float number : attribute->floats)
    put(number);
  std::optional<TensorValue> value;
  if (name == "value") {
    value = node.model.constantOf(tensor,
                                  node.node.outputs[0].empty()
                                      ? node.name()
                                      : std::string(node.node.outputs[0]),
                                  node.name(), "Constant");
    if (!value)
      return failure();
  } else {
    Type element = isReal   ? Type(node.model.builder.getF32Type())
                   : isText ? textType(node.model.context)
                            : Type(node.model.builder.getI64Type());
    SmallVector<int64_t> shape;
    if (name.ends_with("s"))
      shape.push_back(isReal   ? attribute->floats.size()
                      : isText ? attribute->strings.size()
                               : attribute->ints.size());
    value = node.model.constantOf(RankedTensorType::get(shape, element),
                                  std::move(bytes), node.name());
  }
  return node.setSame(0, *value);
}

LogicalResult importConstantOfShape(NodeImport &node) {
  std::optional<Dims> dims = node.dimsOrBound(0, "extent");
  if (!dims || !node.requireExtents(*dims))
    return failure();
  TensorValue value;
  if (const onnx::Attribute *attribute = node.attribute("value")) {
    std::optional<TensorValue> found = node.model.constantOf(
        attribute->tensors[0], "", node.name(), "ConstantOfShape");
    if (!found)
      return failure();
    value = *found;
    if (value.type.getNumElements() != 1)
      return node.fault(ErrorCode::I005,
                        "attribute 'value' has " +
                            Twine(value.type.getNumElements()) + " elements",
                        "one element");
  } else {
    value = node.model.constantOf(
        RankedTensorType::get({1}, node.model.builder.getF32Type()),
        std::vector<char>(4), "");
  }
  Type element = value.type.getElementType();
  RankedTensorType type = sym::tensorOf(*dims, element);
  if (hasAtMost(type, 1024) && value.known)
    return node.setKnown(0, Dims(type.getNumElements(), (*value.known)[0]),
                         type);
  if (type.hasStaticShape())
    return node.set(
        0, node.one<graph::ConstantOp>(
               {},
               {node.model.builder.getNamedAttr(
                   "value", DenseElementsAttr::get(
                                type, elementAt(element, value.bytes, 0)))},
               {type}));
  Value one = node.model.materialise(value, node.location);
  return node.set(0, node.broadcast(one, *dims));
}

/// What the extent of a range that counts upwards from a known number cannot
/// exceed, when its limit is bounded; else null.
DimAttr mostOfRange(NodeImport &node) {
  TensorValue *start = node.input(0), *delta = node.input(2);
  std::vector<UpperBound> limit = boundsOf(node.model, *node.input(1));
  if (!start->known || !delta->known || limit.size() != 1)
    return {};
  std::optional<int64_t> step = sym::asConstant((*delta->known)[0]);
  DimAttr most = mostOf(node.model, limit[0]);
  if (!most || !step || *step < 1)
    return {};
  return node.model.maxOf(sym::ceilDiv(most - (*start->known)[0], *step),
                          node.model.dim(0));
}

/// The extent of a range whose ends are computed at run time.
DimAttr boundExtent(NodeImport &node) {
  Type f64 = node.model.builder.getF64Type(),
       i64 = node.model.builder.getI64Type();
  Value difference = node.map("sub", {node.value(1), node.value(0)});
  Value count = node.map(
      "div", {node.cast(difference, f64), node.cast(node.value(2), f64)});
  count = node.map("max", {node.map("ceil", {count}), node.scalar(0, f64)});
  count = node.cast(count, i64);
  if (!count)
    return {};
  DimAttr symbol =
      node.model.freshSymbol(node.name() + "_extent", 0, int64_t(1) << 31);
  auto bind = graph::BindDimOp::create(node.model.builder, node.location, count,
                                       node.model.builder.getI64IntegerAttr(0),
                                       symbol.getName());
  if (DimAttr most = mostOfRange(node))
    bind->setAttr("graph.bound", most);
  return symbol;
}

LogicalResult importRange(NodeImport &node) {
  TensorValue *start = node.input(0), *limit = node.input(1),
              *delta = node.input(2);
  Type element = start->type.getElementType();
  for (size_t i = 0; i < 3; ++i)
    if (node.type(i).getRank() > 1 || !node.type(i).hasStaticShape() ||
        node.type(i).getNumElements() != 1)
      return node.fault(ErrorCode::S001,
                        "start, limit and delta must be scalars");
  DimAttr extent;
  std::optional<int64_t> step;
  if (delta->known)
    step = sym::asConstant((*delta->known)[0]);
  if (step && *step == 0)
    return node.fault(ErrorCode::S001, "delta is 0");
  if (start->known && limit->known && step) {
    DimAttr length = (*limit->known)[0] - (*start->known)[0];
    DimAttr count = *step > 0 ? sym::ceilDiv(length, *step)
                              : sym::ceilDiv(length * -1, -*step);
    extent = node.model.maxOf(count, node.model.dim(0));
    std::optional<int64_t> known = sym::asConstant(extent);
    if (known && *known <= 1024) {
      Dims contents;
      for (int64_t i = 0; i < *known; ++i)
        contents.push_back((*start->known)[0] + i * *step);
      return node.setKnown(0, contents, sym::tensorOf({extent}, element));
    }
  } else if (start->isConstant && limit->isConstant && delta->isConstant) {
    double first = (*node.constantReals(0))[0],
           last = (*node.constantReals(1))[0];
    double by = (*node.constantReals(2))[0],
           count = std::ceil((last - first) / by);
    if (!(count < 1e12))
      return node.fault(ErrorCode::S001, "the range never ends");
    extent =
        node.model.dim(std::max<int64_t>(0, int64_t(std::max(count, 0.0))));
  } else {
    extent = boundExtent(node);
    if (!extent)
      return failure();
  }
  Value from = node.reshape(node.value(0), {}),
        by = node.reshape(node.value(2), {});
  return node.set(0, node.one<graph::RangeOp>(
                         {from, by}, {}, {sym::tensorOf({extent}, element)}));
}

LogicalResult importEyeLike(NodeImport &node) {
  Dims dims = node.dims(0);
  if (dims.size() != 2)
    return node.fault(ErrorCode::S001, "input has rank " + Twine(dims.size()),
                      "2");
  Type element = node.type(0).getElementType(),
       i64 = node.model.builder.getI64Type();
  if (node.attribute("dtype"))
    element = typeOf(node.model.context, onnx::DataType(node.integer("dtype")));
  if (!element)
    return node.fault(ErrorCode::I005,
                      "attribute 'dtype' is no type of numbers");
  Value one = node.scalar(1, i64);
  Value rows =
      node.one<graph::RangeOp>({node.scalar(node.integer("k"), i64), one}, {},
                               {sym::tensorOf({dims[0]}, i64)});
  Value columns = node.one<graph::RangeOp>({node.scalar(0, i64), one}, {},
                                           {sym::tensorOf({dims[1]}, i64)});
  Value equal = node.map(
      "equal", {node.reshape(rows, {dims[0], node.model.dim(1)}), columns});
  return node.set(0, node.cast(equal, element));
}

} // namespace

void addCreation(OpTable &table) {
  table["Constant"] = importConstant;
  table["ConstantOfShape"] = importConstantOfShape;
  table["Range"] = importRange;
  table["EyeLike"] = importEyeLike;
}

} // namespace sinter::importer
