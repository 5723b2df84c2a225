// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shape functions and verifiers of recurrent layers, branches and groups.
#include "dialects/graph/ShapeSupport.h"

using namespace mlir;
using namespace sinter;
using namespace sinter::graph;

static std::optional<int64_t> gatesOf(StringRef cell) {
  if (cell == "lstm")
    return 4;
  if (cell == "gru")
    return 3;
  if (cell == "rnn")
    return 1;
  return std::nullopt;
}

static LogicalResult checkShape(OptionalLocation location, StringRef what,
                                Value value, ArrayRef<DimAttr> expected) {
  if (!value)
    return success();
  Dims found = dimsOf(value);
  bool matches = found.size() == expected.size();
  for (size_t i = 0; matches && i < found.size(); ++i)
    matches = mayBeEqual(found[i], expected[i]);
  if (matches)
    return success();
  return emitOptionalError(location, what, " is ", textOf(found), ", expected ",
                           textOf(expected));
}

LogicalResult RecurrentOp::inferReturnTypes(MLIRContext *context,
                                            OptionalLocation location,
                                            Adaptor op, Types &results) {
  std::optional<int64_t> gates = gatesOf(op.getCell());
  if (!gates)
    return emitOptionalError(location, "cell must be lstm, gru or rnn, found '",
                             op.getCell(), "'");
  if (failed(checkRank(location, "input", op.getInput(), 3)) ||
      failed(checkRank(location, "weights", op.getWeights(), 3)) ||
      failed(checkRank(location, "recurrence", op.getRecurrence(), 3)))
    return failure();
  Dims input = dimsOf(op.getInput());
  bool isOfBytes = elementOf(op.getRecurrence()).isSignlessInteger(8);
  int64_t perUnit = isOfBytes ? 8 : 2;
  DimAttr hidden = dimsOf(op.getRecurrence())[2];
  if (isOfBytes)
    hidden = sym::floorDiv(dimsOf(op.getRecurrence())[1], *gates);
  auto depth = [&](DimAttr size) {
    return isOfBytes ? sym::ceilDiv(size, 4) * 4 : size;
  };
  DimAttr directions =
      constantDim(context, op.getDirection() == "bidirectional" ? 2 : 1);
  Dims state = {directions, input[1], hidden};
  if (failed(checkShape(location, "weights", op.getWeights(),
                        {directions, hidden * *gates, depth(input[2])})) ||
      failed(checkShape(location, "recurrence", op.getRecurrence(),
                        {directions, hidden * *gates, depth(hidden)})) ||
      failed(checkShape(location, "bias", op.getBias(),
                        {directions, hidden * (perUnit * *gates)})) ||
      failed(checkShape(location, "lengths", op.getLengths(), {input[1]})) ||
      failed(checkShape(location, "the initial hidden state", op.getInitialH(),
                        state)) ||
      failed(checkShape(location, "the initial cell state", op.getInitialC(),
                        state)) ||
      failed(checkShape(location, "peephole", op.getPeephole(),
                        {directions, hidden * 3})))
    return failure();
  Type element = elementOf(op.getInput());
  results.push_back(
      sym::tensorOf({input[0], directions, input[1], hidden}, element));
  results.append(op.getCell() == "lstm" ? 2 : 1, sym::tensorOf(state, element));
  return success();
}

LogicalResult RecurrentOp::verify() {
  static constexpr StringRef directions[] = {"forward", "reverse",
                                             "bidirectional"};
  if (!llvm::is_contained(directions, getDirection()))
    return emitOpError(
               "direction must be forward, reverse or bidirectional, found '")
           << getDirection() << "'";
  for (Attribute activation : getActivations())
    if (!scalar::kindOf(cast<StringAttr>(activation).getValue()))
      return emitOpError("has no activation ") << activation;
  // Bytes of an LSTM lie in whole words, and behind the biases are the scales,
  // sums and zero points of their columns.
  bool isOfBytes = elementOf(getRecurrence()).isSignlessInteger(8);
  if (elementOf(getWeights()).isSignlessInteger(8) != isOfBytes ||
      getQuantisedState() != isOfBytes ||
      (isOfBytes && (getCell() != "lstm" || !getBias())))
    return emitOpError("has a quantised state, which is of an lstm with "
                       "weights, recurrence of i8 and a bias");
  return success();
}

static LogicalResult checkYield(Operation *op, Region &region, StringRef what) {
  auto yield = dyn_cast<YieldOp>(region.front().getTerminator());
  if (!yield)
    return op->emitOpError() << what << " must end with graph.yield";
  if (yield->getOperandTypes() != op->getResultTypes())
    return op->emitOpError()
           << what << " yields " << yield->getOperandTypes()
           << ", the operation results in " << op->getResultTypes();
  return success();
}

LogicalResult IfOp::verify() {
  RankedTensorType condition = tensorType(getCondition());
  if (!isBool(condition.getElementType()) || !condition.hasStaticShape() ||
      condition.getNumElements() != 1)
    return emitOpError("condition must be one bool, found ") << condition;
  if (failed(checkYield(*this, getThenRegion(), "the then branch")))
    return failure();
  return checkYield(*this, getElseRegion(), "the else branch");
}

LogicalResult LoopOp::verify() {
  RankedTensorType condition = tensorType(getCondition());
  auto isOne = [](Type type, unsigned bits) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getRank() == 0 &&
           tensor.getElementType().isInteger(bits);
  };
  if (!isOne(condition, 1))
    return emitOpError("condition must be one bool, found ") << condition;
  TypeRange carried = getInitial().getTypes();
  if (carried.empty() || !isOne(carried[0], 64))
    return emitOpError("the first carried value must be one i64");
  if (getBody().getArgumentTypes() != carried)
    return emitOpError("body takes ")
           << getBody().getArgumentTypes() << ", carried are " << carried;
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield)
    return emitOpError("the body must end with graph.yield");
  TypeRange yielded = yield->getOperandTypes(), results = getResultTypes();
  if (yielded.size() != results.size() + 1 || results.size() < carried.size() ||
      !isOne(yielded[0], 1) ||
      yielded.drop_front().take_front(carried.size()) != carried ||
      results.take_front(carried.size()) != carried)
    return emitOpError("yields ")
           << yielded << ", carries " << carried << ", results in " << results;
  for (size_t i = carried.size(); i < results.size(); ++i) {
    auto whole = dyn_cast<RankedTensorType>(results[i]),
         slice = dyn_cast<RankedTensorType>(yielded[i + 1]);
    if (!whole || !slice || whole.getRank() != slice.getRank() + 1 ||
        whole.getElementType() != slice.getElementType() ||
        ArrayRef<DimAttr>(sym::dimsOf(whole)).drop_front() !=
            ArrayRef<DimAttr>(sym::dimsOf(slice)))
      return emitOpError("scans ") << slice << " into " << whole;
  }
  return success();
}

LogicalResult GroupOp::verify() {
  if (getBody().getArgumentTypes() != getInputs().getTypes())
    return emitOpError("body takes ")
           << getBody().getArgumentTypes() << ", inputs are "
           << getInputs().getTypes();
  return checkYield(*this, getBody(), "the body");
}
