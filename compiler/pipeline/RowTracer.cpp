// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walk over a function, and the rules of arithmetic. RowMovement.cpp has
// those of operations that only move elements.
#include "compiler/pipeline/RowTracer.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace sinter;
using namespace mlir;

RowTracer::RowTracer(MLIRContext *context, ArrayRef<std::string> names)
    : context(context), batch(sym::symbolDim(context, names.front())),
      one(sym::constantDim(context, 1)) {
  for (const std::string &name : names)
    symbols.insert(name);
}

sym::DimAttr RowTracer::renamed(sym::DimAttr dim) const {
  return sym::substitute(dim, [&](StringRef name) {
    return symbols.contains(name) ? batch : sym::DimAttr();
  });
}

sym::Dims RowTracer::dimsOf(Value value) const {
  Dims dims;
  for (sym::DimAttr dim : sym::dimsOf(cast<RankedTensorType>(value.getType())))
    dims.push_back(renamed(dim));
  return dims;
}

bool RowTracer::names(sym::DimAttr dim) const {
  bool found = false;
  sym::forEachSymbol(dim,
                     [&](StringRef name) { found |= symbols.contains(name); });
  return found;
}

bool RowTracer::names(Value value) const {
  return llvm::any_of(dimsOf(value),
                      [&](sym::DimAttr dim) { return names(dim); });
}

bool RowTracer::areShared(ValueRange values) const {
  return llvm::all_of(values, [&](Value value) {
    return stateOf(value).kind == RowState::Shared;
  });
}

int64_t RowTracer::batchAxis(RankedTensorType type) const {
  int64_t found = -1;
  for (auto [axis, dim] : llvm::enumerate(sym::dimsOf(type)))
    if (names(dim)) {
      if (found >= 0 || renamed(dim) != batch)
        return -1;
      found = int64_t(axis);
    }
  return found;
}

//===- The walk -----------------------------------------------------------===//

std::vector<RowState> RowTracer::trace(func::FuncOp function) {
  Block &body = function.getBody().front();
  for (BlockArgument argument : body.getArguments()) {
    int64_t axis = batchAxis(cast<RankedTensorType>(argument.getType()));
    states[argument] = axis >= 0         ? rows(unsigned(axis), one)
                       : names(argument) ? mixed()
                                         : RowState();
  }
  visit(body);
  std::vector<RowState> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(isTied ? mixed() : stateOf(value));
  return results;
}

void RowTracer::visit(Block &block) {
  for (Operation &op : block.without_terminator())
    visit(&op);
}

/// What decides the extents of the whole batch from the contents of rows, or
/// its size from anything.
bool RowTracer::tiesRows(Operation *op) const {
  if (auto bind = dyn_cast<graph::BindDimOp>(op))
    return !areShared(bind.getSource());
  auto check = dyn_cast<graph::CheckOp>(op);
  return check && (names(check.getLeft()) || names(check.getRight())) &&
         renamed(check.getLeft()) != renamed(check.getRight());
}

void RowTracer::visit(Operation *op) {
  if (auto branch = dyn_cast<graph::IfOp>(op))
    visitIf(branch);
  else if (auto group = dyn_cast<graph::GroupOp>(op))
    visitGroup(group);
  else
    for (auto [result, state] : llvm::zip(op->getResults(), transfer(op)))
      states[result] = state;
  bool mixes = tiesRows(op);
  isTied |= mixes;
  for (Value result : op->getResults())
    mixes |= stateOf(result).kind == RowState::Mixed;
  if (mixes && !firstMixer)
    firstMixer = op;
}

void RowTracer::visitIf(graph::IfOp op) {
  SmallVector<SmallVector<RowState>> yielded;
  for (Region &region : op->getRegions()) {
    visit(region.front());
    SmallVector<RowState> &states = yielded.emplace_back();
    for (Value value : region.front().getTerminator()->getOperands())
      states.push_back(stateOf(value));
  }
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    bool agree = areShared(op.getCondition()) && yielded[0][i] == yielded[1][i];
    states[result] = agree ? yielded[0][i] : mixed();
  }
}

void RowTracer::visitGroup(graph::GroupOp op) {
  Block &body = op.getBody().front();
  for (auto [argument, input] : llvm::zip(body.getArguments(), op.getInputs()))
    states[argument] = stateOf(input);
  visit(body);
  for (auto [result, value] :
       llvm::zip(op.getResults(), body.getTerminator()->getOperands()))
    states[result] = stateOf(value);
}

//===- Rules --------------------------------------------------------------===//

/// Operands broadcast: every one in rows has them on the same axis of the
/// result, and has that axis whole.
RowState RowTracer::elementwise(ValueRange operands, Value result) const {
  Dims to = dimsOf(result);
  std::optional<RowState> found;
  for (Value operand : operands) {
    RowState state = stateOf(operand);
    if (state.kind == RowState::Shared)
      continue;
    Dims from = dimsOf(operand);
    unsigned axis = state.axis + unsigned(to.size() - from.size());
    if (state.kind == RowState::Mixed || from[state.axis] != to[axis])
      return mixed();
    RowState aligned = rows(axis, state.inner);
    if (found && !(*found == aligned))
      return mixed();
    found = aligned;
  }
  if (found)
    return *found;
  // A shared value spread over the batch is the same in every row.
  auto type = cast<RankedTensorType>(result.getType());
  int64_t axis = batchAxis(type);
  return axis >= 0       ? rows(unsigned(axis), one)
         : names(result) ? mixed()
                         : RowState();
}

/// The same axis, which must not be one of those whose elements meet.
RowState RowTracer::keep(Value input, ArrayRef<int64_t> mixedAxes) const {
  RowState state = stateOf(input);
  if (state.isRows() && llvm::is_contained(mixedAxes, int64_t(state.axis)))
    return mixed();
  return state;
}

/// Images, one behind the other, each with the same shared weights.
RowState RowTracer::firstAxis(Operation *op) const {
  RowState state = stateOf(op->getOperand(0));
  bool isGood =
      state.isRows() ? state.axis == 0 : state.kind == RowState::Shared;
  return isGood && areShared(op->getOperands().drop_front()) ? state : mixed();
}

RowState RowTracer::matmul(graph::MatMulOp op) const {
  unsigned rank = unsigned(dimsOf(op.getResult()).size());
  std::optional<RowState> found;
  for (bool isA : {true, false}) {
    Value operand = isA ? op.getA() : op.getB();
    RowState state = stateOf(operand);
    if (state.kind == RowState::Mixed)
      return mixed();
    if (!state.isRows())
      continue;
    Dims dims = dimsOf(operand);
    unsigned own = unsigned(dims.size()), axis = state.axis + (rank - own);
    bool isTransposed = isA ? op.getTransposeA() : op.getTransposeB();
    if (state.axis + 2 >= own) { // a column of A's rows, or of B's columns
      unsigned inMatrix = state.axis + 2 - own;
      unsigned kept = (isA ? 0u : 1u) ^ unsigned(isTransposed);
      if (inMatrix != kept || !areShared(isA ? op.getB() : op.getA()))
        return mixed();
      axis = rank - (isA ? 2 : 1);
    } else if (dims[state.axis] != dimsOf(op.getResult())[axis]) {
      return mixed();
    }
    RowState aligned = rows(axis, state.inner);
    if (found && !(*found == aligned))
      return mixed();
    found = aligned;
  }
  return found.value_or(RowState());
}

RowState RowTracer::reduced(Value input, ArrayRef<int64_t> axes,
                            bool keepDims) const {
  RowState state = keep(input, axes);
  if (state.isRows() && !keepDims)
    state.axis -= llvm::count_if(
        axes, [&](int64_t axis) { return axis < int64_t(state.axis); });
  return state;
}

SmallVector<RowState> RowTracer::recurrent(graph::RecurrentOp op) const {
  auto isOn = [&](Value value, unsigned axis) {
    return !value || stateOf(value) == rows(axis, one);
  };
  SmallVector<RowState> results(op->getNumResults(), mixed());
  if (areShared(op->getOperands()))
    results.assign(op->getNumResults(), RowState());
  else if (!op.getQuantisedState() && isOn(op.getInput(), 1) &&
           isOn(op.getLengths(), 0) && isOn(op.getInitialH(), 1) &&
           isOn(op.getInitialC(), 1) &&
           areShared({op.getWeights(), op.getRecurrence()}) &&
           (!op.getBias() || areShared(op.getBias())) &&
           (!op.getPeephole() || areShared(op.getPeephole())))
    for (unsigned i = 0; i < results.size(); ++i)
      results[i] = rows(i == 0 ? 2 : 1, one);
  return results;
}

static SmallVector<int64_t> axesFrom(int64_t axis, Value value) {
  SmallVector<int64_t> axes;
  for (int64_t i = axis; i < cast<RankedTensorType>(value.getType()).getRank();
       ++i)
    axes.push_back(i);
  return axes;
}

RowState RowTracer::transferOne(Operation *op) {
  return llvm::TypeSwitch<Operation *, RowState>(op)
      .Case<graph::MapOp, graph::CastOp, graph::BroadcastOp>(
          [&](Operation *typed) {
            return elementwise(typed->getOperands(), typed->getResult(0));
          })
      .Case<graph::ConvOp, graph::ConvTransposeOp, graph::BatchNormOp,
            graph::GroupNormOp, graph::LrnOp, graph::PoolOp>(
          [&](Operation *typed) { return firstAxis(typed); })
      .Case([&](graph::MatMulOp typed) { return matmul(typed); })
      .Case([&](graph::ReduceOp typed) {
        return reduced(typed.getInput(), typed.getAxes(), typed.getKeepDims());
      })
      .Case([&](graph::ArgReduceOp typed) {
        return reduced(typed.getInput(), {int64_t(typed.getAxis())},
                       typed.getKeepDims());
      })
      .Case<graph::SoftmaxOp, graph::CumSumOp>([&](auto typed) {
        return keep(typed.getInput(), {int64_t(typed.getAxis())});
      })
      .Case([&](graph::TopKOp typed) {
        return names(typed.getK())
                   ? mixed()
                   : keep(typed.getInput(), {int64_t(typed.getAxis())});
      })
      .Case([&](graph::NormalizeOp typed) {
        Value input = typed.getInput();
        return areShared(op->getOperands().drop_front())
                   ? keep(input, axesFrom(typed.getAxis(), input))
                   : mixed();
      })
      .Default([&](Operation *other) { return transferMovement(other); });
}

/// The extents must say the same as the state: the number of rows stands on the
/// axis of the rows alone.
bool RowTracer::isDivided(Value value, const RowState &state) const {
  for (auto [axis, dim] : llvm::enumerate(dimsOf(value))) {
    if (!state.isRows() || axis != state.axis) {
      if (names(dim))
        return false;
      continue;
    }
    sym::DimAttr each = batch * state.inner, blocks = sym::floorDiv(dim, each);
    if (blocks * each != dim || names(blocks) || names(state.inner))
      return false;
  }
  return true;
}

SmallVector<RowState> RowTracer::transfer(Operation *op) {
  for (Value operand : op->getOperands())
    if (stateOf(operand).kind == RowState::Mixed)
      return SmallVector<RowState>(op->getNumResults(), mixed());
  if (auto typed = dyn_cast<graph::RecurrentOp>(op))
    return recurrent(typed);
  if (op->getNumResults() == 0)
    return {};
  SmallVector<RowState> results;
  RowState state = transferOne(op);
  for (Value result : op->getResults())
    results.push_back(isDivided(result, state) ? state : mixed());
  // The flat index of a maximum counts the elements of the rows before.
  if (isa<graph::PoolOp>(op) && results.size() == 2 && results[1].isRows())
    results[1] = mixed();
  return results;
}
