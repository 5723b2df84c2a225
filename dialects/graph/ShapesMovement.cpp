// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shape functions and verifiers of operations that only move elements.
#include "dialects/graph/ShapeSupport.h"

using namespace mlir;
using namespace sinter;
using namespace sinter::graph;

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *,
                                            OptionalLocation location,
                                            Adaptor op, Types &results) {
  Dims dims = dimsOf(op.getInput()), moved;
  ArrayRef<int64_t> permutation = op.getPermutation();
  if (failed(
          checkCount(location, "permutation", permutation.size(), dims.size())))
    return failure();
  for (auto [position, axis] : llvm::enumerate(permutation)) {
    if (failed(checkAxis(location, axis, dims.size())))
      return failure();
    if (llvm::is_contained(permutation.take_front(position), axis))
      return emitOptionalError(location, "axis ", axis, " is listed twice");
    moved.push_back(dims[axis]);
  }
  results.push_back(sym::tensorOf(moved, elementOf(op.getInput())));
  return success();
}

LogicalResult TransposeOp::verify() {
  return checkCount(getLoc(), "permutation", getPermutation().size(),
                    rankOf(getInput()));
}

LogicalResult ReshapeOp::verify() {
  if (failed(checkSameElement(getLoc(), getInput(), getResult())))
    return failure();
  return checkEqual(getLoc(), "the number of elements",
                    sym::elementCount(tensorType(getInput())),
                    "that of the result",
                    sym::elementCount(tensorType(getResult())));
}

LogicalResult BroadcastOp::verify() {
  if (failed(checkSameElement(getLoc(), getInput(), getResult())))
    return failure();
  Dims from = dimsOf(getInput()), to = dimsOf(getResult());
  if (from.size() > to.size())
    return emitOpError("cannot drop axes: ")
           << textOf(from) << " to " << textOf(to);
  for (auto [source, target] : llvm::zip(
           from, ArrayRef<DimAttr>(to).drop_front(to.size() - from.size())))
    if (!sym::isConstant(source, 1) && !mayBeEqual(source, target))
      return emitOpError("cannot widen ")
             << textOf(from) << " to " << textOf(to);
  return success();
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *,
                                         OptionalLocation location, Adaptor op,
                                         Types &results) {
  ValueRange inputs = op.getInputs();
  if (inputs.empty())
    return emitOptionalError(location, "nothing to join");
  Dims dims = dimsOf(inputs[0]);
  size_t axis = op.getAxis();
  if (failed(checkAxis(location, op.getAxis(), dims.size())))
    return failure();
  for (Value input : inputs.drop_front()) {
    Dims next = dimsOf(input);
    if (failed(checkSameElement(location, inputs[0], input)))
      return failure();
    if (next.size() != dims.size())
      return emitOptionalError(location, "inputs have ranks ", dims.size(),
                               " and ", next.size());
    for (size_t i = 0; i < dims.size(); ++i) {
      if (i == axis) {
        dims[i] = dims[i] + next[i];
        continue;
      }
      if (!mayBeEqual(dims[i], next[i]))
        return emitOptionalError(location, "inputs differ in axis ", i, ": ",
                                 textOf(dimsOf(inputs[0])), " and ",
                                 textOf(next));
      dims[i] = preferKnown(dims[i], next[i]);
    }
  }
  results.push_back(sym::tensorOf(dims, elementOf(inputs[0])));
  return success();
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *,
                                        OptionalLocation location, Adaptor op,
                                        Types &results) {
  size_t rank = rankOf(op.getInput());
  ArrayRef<DimAttr> sizes = op.getSizes().getDims();
  if (failed(checkCount(location, "starts", op.getStarts().getDims().size(),
                        rank)) ||
      failed(checkCount(location, "sizes", sizes.size(), rank)) ||
      failed(checkCount(location, "steps", op.getSteps().size(), rank)))
    return failure();
  if (llvm::is_contained(op.getSteps(), 0))
    return emitOptionalError(location, "a step of 0 never ends");
  Dims dims = dimsOf(op.getInput());
  for (size_t i = 0; i < rank; ++i) {
    std::optional<int64_t> extent = sym::asConstant(dims[i]),
                           size = sym::asConstant(sizes[i]);
    std::optional<int64_t> start = sym::asConstant(op.getStarts().getDims()[i]);
    if (size && *size < 0)
      return emitOptionalError(location, "size of axis ", i, " is ", *size);
    if (!extent || !size || !start || *size == 0)
      continue;
    int64_t last = 0;
    if (llvm::MulOverflow(*size - 1, op.getSteps()[i], last) ||
        llvm::AddOverflow(last, *start, last) || std::min(*start, last) < 0 ||
        std::max(*start, last) >= *extent)
      return emitOptionalError(location, "elements ", *start, " to ", last,
                               " of axis ", i, " are outside its extent ",
                               *extent);
  }
  results.push_back(sym::tensorOf(sizes, elementOf(op.getInput())));
  return success();
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *, OptionalLocation location,
                                      Adaptor op, Types &results) {
  Dims dims = dimsOf(op.getInput());
  ArrayRef<DimAttr> low = op.getLow().getDims(), high = op.getHigh().getDims();
  if (failed(checkCount(location, "low", low.size(), dims.size())) ||
      failed(checkCount(location, "high", high.size(), dims.size())))
    return failure();
  if (op.getValue() &&
      failed(checkSameElement(location, op.getInput(), op.getValue())))
    return failure();
  for (size_t i = 0; i < dims.size(); ++i) {
    dims[i] = dims[i] + low[i] + high[i];
    if (std::optional<int64_t> extent = sym::asConstant(dims[i]);
        extent && *extent < 0)
      return emitOptionalError(location, "axis ", i, " would have extent ",
                               *extent);
  }
  results.push_back(sym::tensorOf(dims, elementOf(op.getInput())));
  return success();
}

LogicalResult PadOp::verify() {
  static constexpr StringRef modes[] = {"constant", "edge", "reflect", "wrap"};
  if (!llvm::is_contained(modes, getMode()))
    return emitOpError("mode must be constant, edge, reflect or wrap, found '")
           << getMode() << "'";
  if (getValue() && tensorType(getValue()).getNumElements() != 1)
    return emitOpError("value must be one element");
  return success();
}

LogicalResult TriluOp::inferReturnTypes(MLIRContext *,
                                        OptionalLocation location, Adaptor op,
                                        Types &results) {
  if (rankOf(op.getInput()) < 2)
    return emitOptionalError(location, "input has rank ", rankOf(op.getInput()),
                             ", expected 2 or more");
  results.push_back(op.getInput().getType());
  return success();
}
