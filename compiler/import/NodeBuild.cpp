// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations that nearly every operator's code composes.
#include "compiler/import/NodeImport.h"
#include "compiler/import/SmallTypes.h"
#include "compiler/import/Values.h"
#include "dialects/graph/Broadcast.h"

using namespace mlir;

namespace sinter::importer {

static Dims dimsOf(Value value) {
  return sym::dimsOf(mlir::cast<RankedTensorType>(value.getType()));
}
static Type elementOf(Value value) {
  return mlir::cast<RankedTensorType>(value.getType()).getElementType();
}

/// A window that is larger than what it slides over would leave an extent below
/// zero: the run says so, and what follows may rely on it.
static void demandExtents(NodeImport &node, RankedTensorType type) {
  for (DimAttr dim : sym::dimsOf(type)) {
    ModelImporter &model = node.model;
    sym::Range range = model.rangeOf(dim);
    if (range.min >= 0 || range.max < 0)
      continue;
    graph::CheckOp::create(model.builder, node.location,
                           sym::minDim(dim, model.dim(0)), model.dim(0),
                           UnitAttr());
    model.extents.know(dim);
  }
}

Operation *NodeImport::createInferred(OperationState &state) {
  std::string problem;
  ScopedDiagnosticHandler capture(&model.context, [&](Diagnostic &diagnostic) {
    if (problem.empty())
      problem = diagnostic.str();
    return success();
  });
  if (auto *inference = state.name.getInterface<InferTypeOpInterface>()) {
    SmallVector<Type> types;
    if (failed(inference->inferReturnTypes(
            &model.context, location, state.operands,
            state.attributes.getDictionary(&model.context),
            state.getRawProperties(), {}, types))) {
      (void)fault(ErrorCode::S001, problem);
      return nullptr;
    }
    state.types.assign(types.begin(), types.end());
    for (Type type : types)
      if (auto tensor = dyn_cast<RankedTensorType>(type))
        demandExtents(*this, tensor);
  }
  Operation *op = model.builder.create(state);
  if (failed(op->getName().verifyInvariants(op))) {
    (void)fault(ErrorCode::S001, problem);
    op->erase();
    return nullptr;
  }
  return op;
}

bool NodeImport::requireEqual(DimAttr a, DimAttr b, StringRef what,
                              bool orOne) {
  if (a == b || (orOne && (sym::isConstant(a, 1) || sym::isConstant(b, 1))))
    return true;
  if (orOne &&
      (graph::isProvedBroadcast(a, b) || graph::isProvedBroadcast(b, a)))
    return true;
  sym::Range difference = model.rangeOf(a - b);
  bool cannotHold = difference.min > 0 || difference.max < 0;
  if (cannotHold && orOne) {
    sym::Range left = model.rangeOf(a), right = model.rangeOf(b);
    cannotHold = left.min > 1 && right.min > 1;
  }
  if (cannotHold) {
    (void)fault(ErrorCode::S001, what + " differ: " + sym::toString(a) +
                                     " and " + sym::toString(b));
    return false;
  }
  // Neither can be 1 alone: a broadcast is an equality.
  if (graph::impliesOne(a, b) && graph::impliesOne(b, a))
    orOne = false;
  graph::CheckOp::create(model.builder, location, a, b,
                         orOne ? model.builder.getUnitAttr() : UnitAttr());
  return true;
}

bool NodeImport::requireAtMost(DimAttr a, DimAttr b, StringRef what) {
  if (model.isProvedLessEqual(a, b))
    return true;
  if (model.rangeOf(a - b).min > 0) {
    (void)fault(ErrorCode::S001, what + " is " + sym::toString(a),
                "at most " + sym::toString(b));
    return false;
  }
  graph::CheckOp::create(model.builder, location, sym::minDim(a, b), a,
                         UnitAttr());
  return true;
}

bool NodeImport::requireExtents(ArrayRef<DimAttr> dims) {
  for (DimAttr dim : dims)
    if (model.rangeOf(dim).max < 0) {
      (void)fault(ErrorCode::S001, "an extent is " + sym::toString(dim),
                  "0 or more");
      return false;
    }
  return true;
}

/// `value` with the extents of `wide` where both must be equal: a check stands
/// before it, and everything behind it sees one form of the shape.
Value NodeImport::agree(Value value, ArrayRef<DimAttr> wide) {
  Dims from = dimsOf(value), to = from;
  size_t offset = wide.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i)
    if (!sym::asConstant(from[i]) && from[i] != wide[offset + i] &&
        graph::impliesOne(from[i], wide[offset + i]) &&
        graph::impliesOne(wide[offset + i], from[i]))
      to[i] = wide[offset + i];
  if (to == from)
    return value;
  return one<graph::ReshapeOp>(value, {},
                               {sym::tensorOf(to, elementOf(value))});
}

Value NodeImport::written(Value value, int64_t axis, DimAttr dim) {
  if (!value || dimsOf(value)[axis] == dim)
    return value;
  Dims to = dimsOf(value);
  to[axis] = dim;
  return one<graph::ReshapeOp>(value, {},
                               {sym::tensorOf(to, elementOf(value))});
}

Value NodeImport::map(StringRef kind, ValueRange operands) {
  Dims wide;
  for (Value operand : operands) {
    if (!operand)
      return {};
    Dims next = dimsOf(operand);
    for (size_t i = 1; i <= std::min(wide.size(), next.size()); ++i)
      if (!requireEqual(wide[wide.size() - i], next[next.size() - i], "extents",
                        true))
        return {};
    std::optional<Dims> joined = graph::broadcastDims(wide, next);
    if (!joined) // the operation itself says why
      return one<graph::MapOp>(operands, attrs().text("kind", kind));
    wide = *joined;
  }
  SmallVector<Value> agreed;
  for (Value operand : operands)
    agreed.push_back(agree(operand, wide));
  return one<graph::MapOp>(agreed, attrs().text("kind", kind));
}

Value NodeImport::cast(Value value, Type element, bool saturate) {
  if (!value || elementOf(value) == element)
    return value;
  if (wideTypeOf(element))
    value = roundedTo(*this, value, element, saturate);
  if (!value)
    return {};
  return one<graph::CastOp>(value, attrs().boolean("saturate", saturate),
                            {sym::tensorOf(dimsOf(value), element)});
}

Value NodeImport::reshape(Value value, ArrayRef<DimAttr> dims) {
  if (!value || dimsOf(value) == Dims(dims))
    return value;
  if (!requireEqual(sym::product(&model.context, dimsOf(value)),
                    sym::product(&model.context, dims), "numbers of elements"))
    return {};
  return one<graph::ReshapeOp>(value, {},
                               {sym::tensorOf(dims, elementOf(value))});
}

Value NodeImport::broadcast(Value value, ArrayRef<DimAttr> dims) {
  if (!value || dimsOf(value) == Dims(dims))
    return value;
  Dims from = dimsOf(value);
  if (from.size() <= dims.size())
    for (size_t i = 1; i <= from.size(); ++i) {
      DimAttr extent = from[from.size() - i];
      if (!graph::isProvedBroadcast(extent, dims[dims.size() - i]) &&
          !requireEqual(extent, dims[dims.size() - i], "extents",
                        /*orOne=*/!sym::asConstant(extent)))
        return {};
    }
  return one<graph::BroadcastOp>(value, {},
                                 {sym::tensorOf(dims, elementOf(value))});
}

Value NodeImport::transpose(Value value, ArrayRef<int64_t> permutation) {
  bool isIdentity = true;
  for (auto [i, axis] : llvm::enumerate(permutation))
    isIdentity &= int64_t(i) == axis;
  if (isIdentity && value && dimsOf(value).size() == permutation.size())
    return value;
  return one<graph::TransposeOp>(value,
                                 attrs().integers("permutation", permutation));
}

Value NodeImport::slice(Value value, Dims starts, Dims sizes,
                        ArrayRef<int64_t> steps) {
  if (!value)
    return {};
  bool isWhole = sizes == dimsOf(value);
  for (auto [start, step] : llvm::zip(starts, steps))
    isWhole &= sym::isConstant(start, 0) && step == 1;
  if (isWhole)
    return value;
  return one<graph::SliceOp>(value, attrs()
                                        .dims("starts", starts)
                                        .dims("sizes", sizes)
                                        .integers("steps", steps));
}

Value NodeImport::reduce(StringRef kind, Value value, ArrayRef<int64_t> axes,
                         bool keepDims) {
  if (axes.empty() &&
      (kind == "min" || kind == "max" || kind == "sum" || kind == "mean"))
    return value; // of a scalar, or over no axis
  SmallVector<int64_t> sorted(axes);
  llvm::sort(sorted);
  return one<graph::ReduceOp>(value, attrs()
                                         .text("kind", kind)
                                         .integers("axes", sorted)
                                         .flag("keep_dims", keepDims));
}

Value NodeImport::scalar(double value, Type element) {
  auto type = RankedTensorType::get({}, element);
  Attribute number;
  if (auto real = dyn_cast<FloatType>(element)) {
    APFloat converted(value);
    bool losesInfo;
    converted.convert(real.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                      &losesInfo);
    number = FloatAttr::get(real, converted);
  } else {
    number = IntegerAttr::get(
        element, APInt(element.getIntOrFloatBitWidth(), int64_t(value),
                       /*isSigned=*/true, /*implicitTrunc=*/true));
  }
  return one<graph::ConstantOp>(
      {},
      {model.builder.getNamedAttr("value",
                                  DenseElementsAttr::get(type, number))},
      {type});
}

} // namespace sinter::importer
