// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shape functions and verifiers of gather, scatter, selection and resize.
#include "dialects/graph/ShapeSupport.h"

using namespace mlir;
using namespace sinter;
using namespace sinter::graph;

static LogicalResult checkIndices(OptionalLocation location, Value indices) {
  if (elementOf(indices).isInteger(32) || elementOf(indices).isInteger(64))
    return success();
  return emitOptionalError(location, "indices must be i32 or i64, found ",
                           elementOf(indices));
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext *,
                                         OptionalLocation location, Adaptor op,
                                         Types &results) {
  Dims dims = dimsOf(op.getInput());
  if (failed(checkAxis(location, op.getAxis(), dims.size())) ||
      failed(checkIndices(location, op.getIndices())))
    return failure();
  ArrayRef<DimAttr> input = dims;
  Dims result(input.take_front(op.getAxis()));
  llvm::append_range(result, dimsOf(op.getIndices()));
  llvm::append_range(result, input.drop_front(op.getAxis() + 1));
  results.push_back(sym::tensorOf(result, elementOf(op.getInput())));
  return success();
}

LogicalResult GatherElementsOp::inferReturnTypes(MLIRContext *,
                                                 OptionalLocation location,
                                                 Adaptor op, Types &results) {
  if (failed(checkAxis(location, op.getAxis(), rankOf(op.getInput()))) ||
      failed(checkRank(location, "indices", op.getIndices(),
                       rankOf(op.getInput()))) ||
      failed(checkIndices(location, op.getIndices())))
    return failure();
  results.push_back(
      sym::tensorOf(dimsOf(op.getIndices()), elementOf(op.getInput())));
  return success();
}

/// Length of the last axis of the indices of GatherND and ScatterND.
static FailureOr<int64_t> tupleLength(OptionalLocation location, Value indices,
                                      int64_t available) {
  Dims dims = dimsOf(indices);
  std::optional<int64_t> length;
  if (!dims.empty())
    length = sym::asConstant(dims.back());
  if (!length)
    return emitOptionalError(location, "the last axis of the indices ",
                             textOf(dims), " must be known");
  if (*length < 0 || *length > available)
    return emitOptionalError(location, "the last axis of the indices is ",
                             *length, ", expected at most ", available);
  return *length;
}

LogicalResult GatherNDOp::inferReturnTypes(MLIRContext *,
                                           OptionalLocation location,
                                           Adaptor op, Types &results) {
  Dims input = dimsOf(op.getInput()), indices = dimsOf(op.getIndices());
  int64_t batch = op.getBatchDims();
  if (batch < 0 || size_t(batch) >= std::max<size_t>(indices.size(), 1) ||
      size_t(batch) > input.size())
    return emitOptionalError(location, "batch_dims ", batch, " does not fit ",
                             textOf(input), " and ", textOf(indices));
  FailureOr<int64_t> length =
      tupleLength(location, op.getIndices(), int64_t(input.size()) - batch);
  if (failed(length) || failed(checkIndices(location, op.getIndices())))
    return failure();
  Dims result(ArrayRef<DimAttr>(indices).drop_back());
  llvm::append_range(result,
                     ArrayRef<DimAttr>(input).drop_front(batch + *length));
  results.push_back(sym::tensorOf(result, elementOf(op.getInput())));
  return success();
}

static LogicalResult checkReduction(OptionalLocation location,
                                    StringRef reduction) {
  static constexpr StringRef kinds[] = {"none", "add", "mul", "min", "max"};
  if (llvm::is_contained(kinds, reduction))
    return success();
  return emitOptionalError(location, "no reduction is called '", reduction,
                           "'");
}

LogicalResult ScatterElementsOp::inferReturnTypes(MLIRContext *,
                                                  OptionalLocation location,
                                                  Adaptor op, Types &results) {
  int64_t rank = rankOf(op.getInput());
  if (failed(checkReduction(location, op.getReduction())) ||
      failed(checkAxis(location, op.getAxis(), rank)) ||
      failed(checkRank(location, "indices", op.getIndices(), rank)) ||
      failed(checkRank(location, "updates", op.getUpdates(), rank)) ||
      failed(checkIndices(location, op.getIndices())) ||
      failed(checkSameElement(location, op.getInput(), op.getUpdates())))
    return failure();
  for (auto [a, b] :
       llvm::zip(dimsOf(op.getIndices()), dimsOf(op.getUpdates())))
    if (failed(checkEqual(location, "an extent of the indices", a,
                          "that of the updates", b)))
      return failure();
  results.push_back(op.getInput().getType());
  return success();
}

LogicalResult ScatterNDOp::inferReturnTypes(MLIRContext *,
                                            OptionalLocation location,
                                            Adaptor op, Types &results) {
  Dims input = dimsOf(op.getInput()), indices = dimsOf(op.getIndices());
  FailureOr<int64_t> length =
      tupleLength(location, op.getIndices(), input.size());
  if (failed(length) || failed(checkReduction(location, op.getReduction())) ||
      failed(checkIndices(location, op.getIndices())) ||
      failed(checkSameElement(location, op.getInput(), op.getUpdates())))
    return failure();
  Dims expected(ArrayRef<DimAttr>(indices).drop_back());
  llvm::append_range(expected, ArrayRef<DimAttr>(input).drop_front(*length));
  if (failed(checkRank(location, "updates", op.getUpdates(), expected.size())))
    return failure();
  for (auto [found, wanted] : llvm::zip(dimsOf(op.getUpdates()), expected))
    if (failed(checkEqual(location, "an extent of the updates", found,
                          "the one expected", wanted)))
      return failure();
  results.push_back(op.getInput().getType());
  return success();
}

LogicalResult TopKOp::inferReturnTypes(MLIRContext *context,
                                       OptionalLocation location, Adaptor op,
                                       Types &results) {
  Dims dims = dimsOf(op.getInput());
  if (failed(checkAxis(location, op.getAxis(), dims.size())))
    return failure();
  std::optional<int64_t> extent = sym::asConstant(dims[op.getAxis()]),
                         k = sym::asConstant(op.getK());
  if ((k && *k < 0) || (k && extent && *k > *extent))
    return emitOptionalError(location, "k is ", *k, " but axis ", op.getAxis(),
                             " has extent ", sym::toString(dims[op.getAxis()]));
  dims[op.getAxis()] = op.getK();
  results.push_back(sym::tensorOf(dims, elementOf(op.getInput())));
  results.push_back(sym::tensorOf(dims, IntegerType::get(context, 64)));
  return success();
}

LogicalResult ResizeOp::verify() {
  static constexpr StringRef modes[] = {"nearest", "linear", "cubic"};
  size_t rank = rankOf(getInput());
  if (!llvm::is_contained(modes, getMode()))
    return emitOpError("mode must be nearest, linear or cubic, found '")
           << getMode() << "'";
  if (failed(checkSameElement(getLoc(), getInput(), getResult())) ||
      failed(checkRank(getLoc(), "result", getResult(), rank)) ||
      failed(checkCount(getLoc(), "scales", getScales().size(), rank)))
    return failure();
  if (!getRoi().empty())
    return checkCount(getLoc(), "roi", getRoi().size(), 2 * rank);
  return success();
}

LogicalResult RangeOp::verify() {
  if (failed(checkSameElement(getLoc(), getStart(), getResult())) ||
      failed(checkSameElement(getLoc(), getDelta(), getResult())))
    return failure();
  return checkRank(getLoc(), "result", getResult(), 1);
}

LogicalResult OneHotOp::verify() {
  int64_t rank = rankOf(getIndices());
  if (failed(checkRank(getLoc(), "result", getResult(), rank + 1)) ||
      failed(checkAxis(getLoc(), getAxis(), rank + 1)) ||
      failed(checkRank(getLoc(), "values", getValues(), 1)) ||
      failed(checkSameElement(getLoc(), getValues(), getResult())))
    return failure();
  Dims dims = dimsOf(getResult());
  dims.erase(dims.begin() + getAxis());
  if (dims != dimsOf(getIndices()))
    return emitOpError("result ")
           << textOf(dimsOf(getResult())) << " does not extend the indices "
           << textOf(dimsOf(getIndices()));
  return success();
}

LogicalResult NonZeroOp::verify() {
  Dims dims = dimsOf(getResult());
  if (dims.size() != 2 || !sym::isConstant(dims[0], rankOf(getInput())))
    return emitOpError("result must be [rank, count], found ") << textOf(dims);
  if (!elementOf(getResult()).isInteger(64) ||
      !elementOf(getCount()).isInteger(64))
    return emitOpError("results must hold i64");
  return checkRank(getLoc(), "count", getCount(), 0);
}

LogicalResult ExternOp::verify() {
  static constexpr StringRef names[] = {
#define SINTER_EXTERN(name, items, signature) #name,
#include "dialects/kernel/ExternTable.def"
  };
  if (!llvm::is_contained(names, getCallee()))
    return emitOpError("no function is named '") << getCallee() << "'";
  if (getResults().empty())
    return emitOpError("must have a result");
  return success();
}
