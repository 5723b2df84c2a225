// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Four rows share one reading of the weights, which is what a recurrent layer
// spends its time on. Rows with lengths of their own end at different steps and
// go alone.

#include "dialects/kernel/RecurrentPlan.h"

using namespace mlir;

namespace sinter::kernel {
namespace {

constexpr int64_t kRowBlock = 4;
constexpr int64_t kProductBytes = 192 << 10; // stays in L2
constexpr int64_t kMaxChunk = 48;
constexpr int64_t kTall = 6; // rows of a tile of products, at most

void placeScratch(RecurrentPlan &plan, bool keepsGates) {
  int64_t at = 0;
  auto take = [&](int64_t bytes) {
    int64_t begin = at;
    at += (bytes + 63) / 64 * 64;
    return begin;
  };
  int64_t state = plan.rowBlock * plan.stateRow();
  plan.oldHidden = take(state);
  plan.newHidden = take(state);
  plan.cell = take(plan.isLstm ? state : 0);
  plan.gated = take(keepsGates ? state : 0);
  plan.update = take(keepsGates ? state : 0);
  int64_t rows = plan.chunk * plan.rowBlock;
  plan.products = take(rows * plan.productRow());
  if (plan.isOfBytes) {
    plan.inputBytes = take(rows * plan.byteRow(plan.inputSize));
    plan.inputRounding = take(rows * kRoundingBytes);
    plan.hiddenBytes = take(plan.rowBlock * plan.byteRow(plan.hidden));
    plan.hiddenRounding = take(plan.rowBlock * kRoundingBytes);
  }
  plan.scratch = at;
}

} // namespace

RecurrentPlan planOf(RecurrentOp op) {
  RecurrentPlan plan;
  plan.isLstm = op.getCell() == "lstm";
  plan.isGru = op.getCell() == "gru";
  plan.gates = plan.isLstm ? 4 : plan.isGru ? 3 : 1;
  plan.states = plan.isLstm ? 2 : 1;
  auto constantOf = [](Value view, unsigned axis) {
    return *sym::asConstant(cast<ViewType>(view.getType()).getDims()[axis]);
  };
  plan.inputSize = constantOf(op.getInput(), 2);
  plan.hidden = constantOf(op.getOutputs()[0], 2);
  plan.isOfBytes = op.getQuantisedState();
  plan.units = (plan.hidden + 15) / 16 * 16;
  plan.columns = plan.gates * plan.units;
  auto input = cast<ViewType>(op.getInput().getType());
  plan.batch = input.getDims()[1];
  int64_t rows = sym::asConstant(plan.batch).value_or(kRowBlock);
  if (!op.getHasLengths())
    plan.rowBlock = std::max<int64_t>(1, std::min(rows, kRowBlock));
  int64_t step = std::max<int64_t>(64, plan.rowBlock * plan.productRow());
  plan.chunk = std::max<int64_t>(8, std::min(kProductBytes / step, kMaxChunk));
  plan.chunk = (plan.chunk + kTall - 1) / kTall * kTall;
  if (std::optional<int64_t> steps = sym::asConstant(input.getDims()[0]))
    plan.chunk = std::max<int64_t>(1, std::min(*steps, plan.chunk));
  placeScratch(plan, plan.isGru && !op.getLinearBeforeReset());
  return plan;
}

} // namespace sinter::kernel
