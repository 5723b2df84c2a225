// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How one direction of a recurrent layer is cut up. Items are blocks of batch
// rows: every step needs all units of the step before, so cutting units over
// threads would need a barrier a step. Shared by the schedule, which states the
// scratch, and the emitter, which fills it. Independent of the machine.
//
// With a quantised state, panels are of i8 and their k is padded to words of
// four. The extras end with three views [2*n] of f32, of the columns of weights
// and behind them of recurrence: scales, sums of the numbers, each less its
// zero point, and zero points. Input and h meet them rounded to u8, the input
// with one scale for all of it, h with one for each row and step.

#ifndef SINTER_DIALECTS_KERNEL_RECURRENTPLAN_H
#define SINTER_DIALECTS_KERNEL_RECURRENTPLAN_H

#include "dialects/kernel/KernelOps.h"

namespace sinter::kernel {

/// How a row was rounded to bytes: its scale (f32), its zero point (i32), the
/// sum of its bytes (i32).
constexpr int64_t kRoundingBytes = 12;

struct RecurrentPlan {
  bool isLstm = false, isGru = false;
  int64_t gates = 1, states = 1; // states: h, and c of an LSTM
  int64_t inputSize = 0, hidden = 0;
  int64_t units = 0;   // hidden, rounded up to whole panels
  int64_t columns = 0; // gates * units: columns of the panels
  sym::DimAttr batch;

  int64_t rowBlock = 1; // batch rows of one item
  int64_t chunk = 1;    // steps whose input products are made at once

  // Scratch, in bytes: rows of `units` floats for each state, then the products
  // of input and weights, `columns` floats for each step and row.
  int64_t oldHidden = 0, newHidden = 0, cell = 0;
  int64_t gated = 0, update = 0; // GRU without linear_before_reset
  int64_t products = 0;
  // With weights of bytes: rows of the input for each step and row, those of h
  // for each row, and how each was rounded.
  bool isOfBytes = false;
  int64_t inputBytes = 0, inputRounding = 0;
  int64_t hiddenBytes = 0, hiddenRounding = 0;
  int64_t scratch = 0;

  int64_t stateRow() const { return units * 4; }
  int64_t productRow() const { return columns * 4; }
  int64_t byteRow(int64_t length) const { return (length + 15) / 16 * 16; }
  /// Steps of a product over `length` elements: of words where they are bytes.
  int64_t depth(int64_t length) const {
    return isOfBytes ? (length + 3) / 4 : length;
  }
};

RecurrentPlan planOf(RecurrentOp op);

} // namespace sinter::kernel

#endif // SINTER_DIALECTS_KERNEL_RECURRENTPLAN_H
