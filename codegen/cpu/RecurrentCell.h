// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gate math of LSTM, GRU and RNN on registers, with any activation, clipping
// and peepholes. Same formulas as the evaluator (compiler/evaluate/core).

#ifndef SINTER_CODEGEN_CPU_RECURRENTCELL_H
#define SINTER_CODEGEN_CPU_RECURRENTCELL_H

#include "codegen/cpu/KernelBuilder.h"
#include "dialects/kernel/KernelOps.h"

namespace sinter::cpu {

/// Values of the peepholes i, o, f for the units at hand; null without them.
struct Peepholes {
  mlir::Value input, output, forget;
};

class RecurrentCell {
public:
  RecurrentCell(KernelBuilder &kb, kernel::RecurrentOp op) : kb(kb), op(op) {}

  struct State {
    mlir::Value h, c;
  };
  /// `gates`: sums of i, o, f, c.
  State lstm(llvm::ArrayRef<mlir::Value> gates, mlir::Value c,
             const Peepholes &peepholes);
  /// The activation of z or r on its sum.
  mlir::Value gruGate(mlir::Value sum);
  /// (1 - z) * candidate + z * h.
  mlir::Value gru(mlir::Value update, mlir::Value candidateSum, mlir::Value h);
  mlir::Value rnn(mlir::Value sum);

private:
  /// Activation `i` of the operation, on a clipped sum.
  mlir::Value activate(unsigned i, mlir::Value sum);
  mlir::Value activation(unsigned i, mlir::Value x);
  mlir::Value peep(mlir::Value weight, mlir::Value c, mlir::Value sum);

  KernelBuilder &kb;
  kernel::RecurrentOp op;
};

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_RECURRENTCELL_H
