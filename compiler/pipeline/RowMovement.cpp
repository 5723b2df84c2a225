// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How rows pass through operations that move elements.
#include "compiler/pipeline/RowTracer.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace sinter;
using namespace mlir;

static sym::DimAttr exactQuotient(sym::DimAttr a, sym::DimAttr b) {
  sym::DimAttr quotient = sym::floorDiv(a, b);
  return quotient * b == a ? quotient : sym::DimAttr();
}

/// Elements keep their order, so the elements behind a row number in row-major
/// order stay as many: the axis that holds the row number is where that count
/// falls.
RowState RowTracer::reshape(graph::ReshapeOp op) const {
  RowState state = stateOf(op.getInput());
  if (!state.isRows())
    return names(op.getResult()) ? mixed() : state;
  Dims from = dimsOf(op.getInput()), to = dimsOf(op.getResult());
  sym::DimAttr behind = state.inner;
  for (unsigned i = state.axis + 1; i < from.size(); ++i)
    behind = behind * from[i];
  sym::DimAttr below = one;
  for (unsigned axis = unsigned(to.size()); axis-- > 0;) {
    sym::DimAttr inner = exactQuotient(behind, below);
    if (inner && exactQuotient(to[axis], batch * inner))
      return rows(axis, inner);
    below = below * to[axis];
  }
  return mixed();
}

RowState RowTracer::concat(graph::ConcatOp op) const {
  RowState state = stateOf(op.getInputs().front());
  for (Value input : op.getInputs())
    if (!(stateOf(input) == state))
      return mixed();
  if (state.isRows() && int64_t(state.axis) == int64_t(op.getAxis()))
    return mixed();
  return state;
}

RowState RowTracer::slice(graph::SliceOp op) const {
  RowState state = stateOf(op.getInput());
  if (!state.isRows())
    return names(op.getResult()) ? mixed() : state;
  unsigned axis = state.axis;
  for (auto [i, start] : llvm::enumerate(op.getStarts().getDims()))
    if (i != axis && names(start))
      return mixed();
  bool isWhole =
      sym::isConstant(op.getStarts().getDims()[axis], 0) &&
      op.getSteps()[axis] == 1 &&
      renamed(op.getSizes().getDims()[axis]) == dimsOf(op.getInput())[axis];
  return isWhole ? state : mixed();
}

RowState RowTracer::gather(graph::GatherOp op) const {
  RowState input = stateOf(op.getInput()), indices = stateOf(op.getIndices());
  unsigned axis = unsigned(op.getAxis()),
           rank = unsigned(dimsOf(op.getIndices()).size());
  if (input.isRows() && indices.isRows())
    return mixed();
  if (indices.isRows())
    return rows(axis + indices.axis, indices.inner);
  if (!input.isRows())
    return input;
  if (input.axis == axis)
    return mixed();
  return rows(input.axis < axis ? input.axis : input.axis + rank - 1,
              input.inner);
}

RowState RowTracer::gatherElements(graph::GatherElementsOp op) const {
  RowState input = stateOf(op.getInput()), indices = stateOf(op.getIndices());
  if (areShared(op->getOperands()))
    return input;
  bool isGood =
      input == indices && int64_t(input.axis) != int64_t(op.getAxis()) &&
      dimsOf(op.getInput())[input.axis] == dimsOf(op.getIndices())[input.axis];
  return isGood ? input : mixed();
}

RowState RowTracer::oneHot(graph::OneHotOp op) const {
  RowState indices = stateOf(op.getIndices());
  if (!areShared(op.getValues()))
    return mixed();
  if (!indices.isRows())
    return names(op.getResult()) ? mixed() : indices;
  unsigned isBefore = int64_t(op.getAxis()) <= int64_t(indices.axis);
  return rows(indices.axis + isBefore, indices.inner);
}

RowState RowTracer::transferMovement(Operation *op) {
  return llvm::TypeSwitch<Operation *, RowState>(op)
      .Case([&](graph::TransposeOp typed) {
        RowState state = stateOf(typed.getInput());
        ArrayRef<int64_t> permutation = typed.getPermutation();
        if (state.isRows())
          state.axis = unsigned(llvm::find(permutation, int64_t(state.axis)) -
                                permutation.begin());
        return state;
      })
      .Case([&](graph::ReshapeOp typed) { return reshape(typed); })
      .Case([&](graph::ConcatOp typed) { return concat(typed); })
      .Case([&](graph::SliceOp typed) { return slice(typed); })
      .Case([&](graph::GatherOp typed) { return gather(typed); })
      .Case(
          [&](graph::GatherElementsOp typed) { return gatherElements(typed); })
      .Case([&](graph::OneHotOp typed) { return oneHot(typed); })
      .Case([&](graph::TriluOp typed) {
        int64_t rank = int64_t(dimsOf(typed.getInput()).size());
        return names(typed.getK())
                   ? mixed()
                   : keep(typed.getInput(), {rank - 2, rank - 1});
      })
      .Case([&](graph::PadOp typed) {
        SmallVector<int64_t> padded;
        for (auto [axis, low, high] : llvm::enumerate(
                 typed.getLow().getDims(), typed.getHigh().getDims()))
          if (!sym::isConstant(low, 0) || !sym::isConstant(high, 0))
            padded.push_back(int64_t(axis));
        bool isShared = !typed.getValue() || areShared(typed.getValue());
        return isShared ? keep(typed.getInput(), padded) : mixed();
      })
      .Case([&](graph::ResizeOp typed) {
        SmallVector<int64_t> resized;
        for (auto [axis, from, to] : llvm::enumerate(dimsOf(typed.getInput()),
                                                     dimsOf(typed.getResult())))
          if (from != to ||
              typed.getScales()[axis] * (typed.getScales()[axis] - 1) != 0)
            resized.push_back(int64_t(axis));
        return typed.getRoi().empty() ? keep(typed.getInput(), resized)
                                      : mixed();
      })
      .Case([&](graph::FromDimsOp typed) {
        return llvm::any_of(typed.getDims().getDims(),
                            [&](sym::DimAttr dim) { return names(dim); })
                   ? mixed()
                   : RowState();
      })
      .Default([&](Operation *other) {
        bool isShared = areShared(other->getOperands());
        for (Value result : other->getResults())
          isShared &= !names(result);
        return isShared ? RowState() : mixed();
      });
}
