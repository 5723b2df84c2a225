// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shape functions of reductions, norms and running sums.
#include "dialects/graph/ShapeSupport.h"

using namespace mlir;
using namespace sinter;
using namespace sinter::graph;

/// Extent 1 or nothing where `isReduced`.
static Dims reducedDims(ArrayRef<DimAttr> dims, ArrayRef<int64_t> axes,
                        bool keep) {
  Dims result;
  for (auto [axis, dim] : llvm::enumerate(dims)) {
    if (!llvm::is_contained(axes, int64_t(axis)))
      result.push_back(dim);
    else if (keep)
      result.push_back(constantDim(dim.getContext(), 1));
  }
  return result;
}

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *,
                                         OptionalLocation location, Adaptor op,
                                         Types &results) {
  Dims dims = dimsOf(op.getInput());
  for (auto [position, axis] : llvm::enumerate(op.getAxes())) {
    if (failed(checkAxis(location, axis, dims.size())))
      return failure();
    if (llvm::is_contained(op.getAxes().take_front(position), axis))
      return emitOptionalError(location, "axis ", axis, " is listed twice");
  }
  results.push_back(
      sym::tensorOf(reducedDims(dims, op.getAxes(), op.getKeepDims()),
                    elementOf(op.getInput())));
  return success();
}

LogicalResult ReduceOp::verify() {
  static constexpr StringRef kinds[] = {
      "sum", "mean", "prod",    "min",         "max",
      "l1",  "l2",   "log_sum", "log_sum_exp", "sum_square"};
  if (!llvm::is_contained(kinds, getKind()))
    return emitOpError("has no kind '") << getKind() << "'";
  return success();
}

LogicalResult ArgReduceOp::inferReturnTypes(MLIRContext *context,
                                            OptionalLocation location,
                                            Adaptor op, Types &results) {
  Dims dims = dimsOf(op.getInput());
  int64_t axis = op.getAxis();
  if (failed(checkAxis(location, axis, dims.size())))
    return failure();
  results.push_back(sym::tensorOf(reducedDims(dims, axis, op.getKeepDims()),
                                  IntegerType::get(context, 64)));
  return success();
}

LogicalResult ArgReduceOp::verify() {
  if (getKind() != "max" && getKind() != "min")
    return emitOpError("kind must be max or min, found '") << getKind() << "'";
  return success();
}

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext *,
                                          OptionalLocation location, Adaptor op,
                                          Types &results) {
  results.push_back(op.getInput().getType());
  return checkAxis(location, op.getAxis(), rankOf(op.getInput()));
}

LogicalResult CumSumOp::inferReturnTypes(MLIRContext *,
                                         OptionalLocation location, Adaptor op,
                                         Types &results) {
  results.push_back(op.getInput().getType());
  return checkAxis(location, op.getAxis(), rankOf(op.getInput()));
}

LogicalResult LrnOp::inferReturnTypes(MLIRContext *, OptionalLocation location,
                                      Adaptor op, Types &results) {
  if (rankOf(op.getInput()) < 2)
    return emitOptionalError(location, "input has no channel axis: rank ",
                             rankOf(op.getInput()));
  if (op.getSize() < 1)
    return emitOptionalError(location, "size is ", op.getSize(),
                             ", expected 1 or more");
  results.push_back(op.getInput().getType());
  return success();
}

/// Every one of `values` is a vector with one element a channel.
static LogicalResult checkPerChannel(OptionalLocation location,
                                     ValueRange values, DimAttr channels) {
  static constexpr StringRef names[] = {"scale", "bias", "mean", "variance"};
  for (auto [value, name] : llvm::zip(values, names))
    if (failed(checkRank(location, name, value, 1)) ||
        failed(checkEqual(location, name.str() + " length", dimsOf(value)[0],
                          "the number of channels", channels)))
      return failure();
  return success();
}

LogicalResult BatchNormOp::inferReturnTypes(MLIRContext *,
                                            OptionalLocation location,
                                            Adaptor op, Types &results) {
  Dims dims = dimsOf(op.getInput());
  if (dims.empty())
    return emitOptionalError(location,
                             "input is a scalar, expected [N, C, ...]");
  DimAttr channels = op.getChannelsLast() ? dims.back()
                     : dims.size() > 1 ? dims[1]
                                       : constantDim(dims[0].getContext(), 1);
  results.push_back(op.getInput().getType());
  return checkPerChannel(
      location, {op.getScale(), op.getBias(), op.getMean(), op.getVariance()},
      channels);
}

LogicalResult GroupNormOp::inferReturnTypes(MLIRContext *,
                                            OptionalLocation location,
                                            Adaptor op, Types &results) {
  Dims dims = dimsOf(op.getInput());
  if (dims.size() < 2)
    return emitOptionalError(location, "input has rank ", dims.size(),
                             ", expected [N, C, ...]");
  std::optional<int64_t> channels = sym::asConstant(dims[1]);
  if (op.getGroups() < 1 || (channels && *channels % op.getGroups() != 0))
    return emitOptionalError(location, sym::toString(dims[1]),
                             " channels cannot be split into ", op.getGroups(),
                             " groups");
  results.push_back(op.getInput().getType());
  return checkPerChannel(location, {op.getScale(), op.getBias()}, dims[1]);
}

LogicalResult NormalizeOp::inferReturnTypes(MLIRContext *context,
                                            OptionalLocation location,
                                            Adaptor op, Types &results) {
  Dims dims = dimsOf(op.getInput());
  int64_t axis = op.getAxis();
  if (failed(checkAxis(location, axis, dims.size())))
    return failure();
  for (Value value : {op.getScale(), op.getBias()}) {
    if (!value)
      continue;
    std::optional<Dims> wide = broadcastDims(dims, dimsOf(value));
    if (!wide || *wide != dims)
      return emitOptionalError(
          location, "scale or bias ", textOf(dimsOf(value)),
          " does not broadcast to the input ", textOf(dims));
  }
  results.push_back(op.getInput().getType());
  if (!op.getWithStatistics())
    return success();
  for (size_t i = axis; i < dims.size(); ++i)
    dims[i] = constantDim(context, 1);
  Type statistics = sym::tensorOf(dims, Float32Type::get(context));
  results.append(2, statistics);
  return success();
}
