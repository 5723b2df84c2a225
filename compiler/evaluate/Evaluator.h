// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walk over one function: what is computed so far, and the symbols.

#ifndef SINTER_COMPILER_EVALUATE_EVALUATOR_H
#define SINTER_COMPILER_EVALUATE_EVALUATOR_H

#include "compiler/evaluate/Evaluate.h"
#include "compiler/evaluate/RunOperation.h"
#include "llvm/ADT/DenseMap.h"

namespace sinter::evaluate {

class Evaluator {
public:
  explicit Evaluator(const Options &options) : options(options) {
    env.mode = options.mode;
  }

  mlir::LogicalResult bindInputs(mlir::func::FuncOp function,
                                 llvm::ArrayRef<Tensor> inputs);
  mlir::LogicalResult checkRanges(mlir::func::FuncOp function);
  /// Runs the operations of a block up to its terminator; `results` are the
  /// terminator's operands.
  mlir::LogicalResult runBlock(mlir::Block &block, Results &results);
  mlir::LogicalResult runOperation(mlir::Operation &op);
  Environment env;

private:
  mlir::LogicalResult fail(mlir::Operation &op, const std::string &text);
  mlir::LogicalResult bindInput(mlir::BlockArgument argument,
                                const Tensor &input);
  mlir::LogicalResult runIf(graph::IfOp op);
  mlir::LogicalResult startLoop(graph::LoopOp op, Results &carried,
                                Results &scanned);
  mlir::LogicalResult runLoop(graph::LoopOp op);
  mlir::LogicalResult runGroup(graph::GroupOp op);
  mlir::LogicalResult check(graph::CheckOp op);
  mlir::LogicalResult bindDim(graph::BindDimOp op);
  mlir::LogicalResult define(mlir::Operation &op, Results &&results);
  std::optional<std::string> mismatch(mlir::Value value,
                                      const Value &computed) const;
  const Value *lookUp(mlir::Value value);
  void release(mlir::Operation &op);

  const Options &options;
  llvm::DenseMap<mlir::Value, std::unique_ptr<Value>> values;
  llvm::DenseMap<mlir::Value, int64_t> usesLeft;
  unsigned loops = 0; // around the operation that runs
};

} // namespace sinter::evaluate

#endif // SINTER_COMPILER_EVALUATE_EVALUATOR_H
