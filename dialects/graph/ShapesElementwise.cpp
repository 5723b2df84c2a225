// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shape functions and verifiers of constants, graph.map and conversions.
#include "dialects/graph/ShapeSupport.h"
#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;
using namespace sinter;
using namespace sinter::graph;

scalar::Kind MapOp::getScalarKind() {
  std::optional<scalar::Kind> kind = scalar::kindOf(getKind());
  SINTER_CHECK(kind, "graph.map with an unknown kind passed the verifier");
  return *kind;
}

static bool fits(scalar::Domain domain, Type type) {
  switch (domain) {
  case scalar::Domain::Number:
    return isa<FloatType>(type) || (isa<IntegerType>(type) && !isBool(type));
  case scalar::Domain::Float:
    return isa<FloatType>(type);
  case scalar::Domain::Integer:
    return isa<IntegerType>(type) && !isBool(type);
  case scalar::Domain::Bool:
    return isBool(type);
  case scalar::Domain::Any:
    return isa<FloatType, IntegerType>(type);
  }
  return false;
}

static StringRef nameOf(scalar::Domain domain) {
  switch (domain) {
  case scalar::Domain::Number:
    return "floats or integers";
  case scalar::Domain::Float:
    return "floats";
  case scalar::Domain::Integer:
    return "integers";
  case scalar::Domain::Bool:
    return "bools";
  case scalar::Domain::Any:
    return "numbers or bools";
  }
  return "";
}

/// Kind, number and element types of the operands of graph.map.
static LogicalResult checkMapOperands(OptionalLocation location, StringRef name,
                                      ValueRange operands) {
  std::optional<scalar::Kind> kind = scalar::kindOf(name);
  if (!kind)
    return emitOptionalError(location, "no scalar operation is called '", name,
                             "'");
  const scalar::Row &row = scalar::rowOf(*kind);
  if (operands.size() != row.arity)
    return emitOptionalError(location, "'", name, "' takes ", row.arity,
                             " operands, found ", operands.size());
  bool isSelect = *kind == scalar::Kind::k_select;
  if (isSelect && !isBool(elementOf(operands[0])))
    return emitOptionalError(location,
                             "the condition of 'select' must be bool, found ",
                             elementOf(operands[0]));
  Type element = elementOf(operands[isSelect ? 1 : 0]);
  for (Value operand : operands.drop_front(isSelect ? 1 : 0)) {
    if (elementOf(operand) != element)
      return emitOptionalError(location, "element types of '", name,
                               "' differ: ", element, " and ",
                               elementOf(operand));
    if (!fits(row.operands, elementOf(operand)))
      return emitOptionalError(location, "'", name, "' works on ",
                               nameOf(row.operands), ", found ",
                               elementOf(operand));
  }
  return success();
}

LogicalResult MapOp::inferReturnTypes(MLIRContext *context,
                                      OptionalLocation location, Adaptor op,
                                      Types &results) {
  ValueRange operands = op.getOperands_();
  if (failed(checkMapOperands(location, op.getKind(), operands)))
    return failure();
  Dims dims = dimsOf(operands[0]);
  for (Value operand : operands.drop_front()) {
    std::optional<Dims> wider = broadcastDims(dims, dimsOf(operand));
    if (!wider)
      return emitOptionalError(location, "shapes ", textOf(dims), " and ",
                               textOf(dimsOf(operand)), " do not broadcast");
    dims = *wider;
  }
  scalar::Kind kind = *scalar::kindOf(op.getKind());
  Type element = scalar::rowOf(kind).result == scalar::Result::Bool
                     ? Type(IntegerType::get(context, 1))
                     : elementOf(operands.back());
  results.push_back(sym::tensorOf(dims, element));
  return success();
}

LogicalResult MapOp::verify() {
  return checkMapOperands(getLoc(), getKind(), getOperands_());
}

LogicalResult CastOp::verify() {
  if (dimsOf(getInput()) != dimsOf(getResult()))
    return emitOpError("changes the shape from ")
           << textOf(dimsOf(getInput())) << " to "
           << textOf(dimsOf(getResult()));
  return success();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ConstantOp::verify() {
  RankedTensorType type = tensorType(getResult());
  if (!type.hasStaticShape())
    return emitOpError("must have a static shape, found ") << type;
  if (isa<WeightAttr>(getValue()))
    return success();
  auto dense = dyn_cast<DenseElementsAttr>(getValue());
  if (!dense)
    return emitOpError(
               "value must be a dense attribute or #graph.weight, found ")
           << getValue();
  if (dense.getType() != type)
    return emitOpError("value has type ")
           << dense.getType() << ", result has " << type;
  if (!dense.isSplat() && dense.getRawData().size() > 4096)
    return emitOpError("holds ")
           << dense.getRawData().size()
           << " bytes; above 4096 it must be a #graph.weight";
  return success();
}

LogicalResult FromDimsOp::verify() {
  RankedTensorType type = tensorType(getResult());
  if (type.getRank() > 1 || !type.hasStaticShape() ||
      type.getNumElements() != int64_t(getDims().getDims().size()))
    return emitOpError("holds ") << getDims().getDims().size()
                                 << " dimensions, result type is " << type;
  if (!isa<IntegerType>(type.getElementType()))
    return emitOpError("result must hold integers, found ")
           << type.getElementType();
  return success();
}
