// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations that hold operations: branches, loops, groups.
#include "compiler/evaluate/Evaluator.h"

#include "compiler/evaluate/Convert.h"

using namespace mlir;
using namespace sinter::graph;

namespace sinter::evaluate {

LogicalResult Evaluator::runIf(IfOp op) {
  const Value *condition = lookUp(op.getCondition());
  if (!condition)
    return fail(*op, "the bytes of a constant are missing");
  bool taken = integers(*condition)[0] != 0;
  Region &region = taken ? op.getThenRegion() : op.getElseRegion();
  Results results;
  if (failed(runBlock(region.front(), results)))
    return failure();
  release(*op);
  return define(*op, std::move(results));
}

/// Copies a trip's slice to its place in the whole.
static void placeSlice(const Value &slice, int64_t trip, Value &whole) {
  std::visit(
      [&](const auto &from) {
        auto &to = std::get<std::decay_t<decltype(from)>>(whole.data);
        std::copy(from.begin(), from.end(),
                  to.begin() + trip * int64_t(from.size()));
      },
      slice.data);
}

LogicalResult Evaluator::startLoop(LoopOp op, Results &carried,
                                   Results &scanned) {
  for (mlir::Value initial : op.getInitial()) {
    const Value *value = lookUp(initial);
    if (!value)
      return fail(*op, "the bytes of a constant are missing");
    carried.push_back(*value);
  }
  for (size_t i = carried.size(); i < op.getNumResults(); ++i) {
    auto type = mlir::cast<RankedTensorType>(op.getResult(i).getType());
    Shape shape = env.shapeOf(op.getResult(i));
    if (env.fault)
      return fail(*op, env.fault.message);
    scanned.push_back(
        makeValue(*kindOf(type.getElementType()), shape, env.mode));
  }
  return success();
}

LogicalResult Evaluator::runLoop(LoopOp op) {
  Results carried, scanned;
  const Value *condition = lookUp(op.getCondition());
  if (!condition)
    return fail(*op, "the bytes of a constant are missing");
  bool runs = integers(*condition)[0] != 0;
  if (failed(startLoop(op, carried, scanned)))
    return failure();
  Block &body = op.getBody().front();
  ++loops;
  for (int64_t trip = 0; runs; ++trip) {
    env.symbols[op.getCounter()] = trip;
    for (auto [argument, value] : llvm::zip(body.getArguments(), carried))
      values[argument] = std::make_unique<Value>(value);
    Results yielded;
    if (failed(runBlock(body, yielded)))
      return failure();
    runs = integers(yielded[0])[0] != 0;
    for (size_t i = 0; i < carried.size(); ++i)
      carried[i] = std::move(yielded[i + 1]);
    for (size_t i = 0; i < scanned.size(); ++i) {
      if (trip >= scanned[i].shape[0])
        return fail(*op, "runs more often than its results have slices");
      placeSlice(yielded[i + 1 + carried.size()], trip, scanned[i]);
    }
  }
  --loops;
  std::move(scanned.begin(), scanned.end(), std::back_inserter(carried));
  release(*op);
  return define(*op, std::move(carried));
}

LogicalResult Evaluator::runGroup(GroupOp op) {
  Block &body = op.getBody().front();
  for (auto [argument, operand] :
       llvm::zip(body.getArguments(), op.getInputs())) {
    const Value *value = lookUp(operand);
    if (!value)
      return fail(*op, "the bytes of a constant are missing");
    values[argument] = std::make_unique<Value>(*value);
  }
  Results results;
  if (failed(runBlock(body, results)))
    return failure();
  release(*op);
  return define(*op, std::move(results));
}

} // namespace sinter::evaluate
