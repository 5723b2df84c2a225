// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reference evaluator: what a graph means. It folds constants and judges
// every test; it is never the way a model runs.
//
// Faults of data or shapes (an index outside its axis, an input that does not
// fit its type, a graph.check that does not hold) come back as a sentence that
// names the ONNX node.

#ifndef SINTER_COMPILER_EVALUATE_EVALUATE_H
#define SINTER_COMPILER_EVALUATE_EVALUATE_H

#include "compiler/evaluate/core/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Support/LLVM.h"
#include <functional>

namespace sinter::evaluate {

struct Options {
  Mode mode = Mode::Declared;
  /// Called for every value that an operation computes, in order of execution
  /// (not for constants). The tensor dies with the call.
  std::function<void(mlir::Value, const Value &)> observer;
};

/// Runs `function` on `inputs`, one for each argument, of the argument's
/// element type or, in Double mode, f64 in the place of another float. In
/// Double mode float results are f64. On failure `error` holds the reason.
mlir::FailureOr<std::vector<Tensor>> evaluate(mlir::func::FuncOp function,
                                              llvm::ArrayRef<Tensor> inputs,
                                              const Options &options,
                                              std::string &error);

/// Runs one operation of the graph dialect without regions, in Declared mode,
/// with no symbol bound: what a constant folder needs.
mlir::FailureOr<std::vector<Tensor>> evaluateOp(mlir::Operation *op,
                                                llvm::ArrayRef<Tensor> inputs,
                                                std::string &error);

} // namespace sinter::evaluate

#endif // SINTER_COMPILER_EVALUATE_EVALUATE_H
