// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which dimension of a model is its batch, and whether rows of a batch leave
// each other alone. A server may put requests together only where this is
// proved: then row i of every output follows from row i of the inputs, and,
// since the order of a sum belongs to the kernel, it has the same bits alone
// and in any batch.
//
// The proof follows one symbol through the graph. A value is shared (no row
// decides it), in rows (one axis counts rows; an axis may hold several elements
// of a row side by side, as [B * S, H] does), or mixed. What the rules do not
// know is mixed: a "no" may be wrong, a "yes" never is.
#ifndef SINTER_COMPILER_PIPELINE_BATCHROWS_H
#define SINTER_COMPILER_PIPELINE_BATCHROWS_H

#include "compiler/pipeline/CompileOptions.h"
#include "dialects/exec/ExecOps.h"
#include "dialects/graph/GraphOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace sinter {

struct BatchRows {
  /// The batch dimension: symbols that a check holds equal, the one to show
  /// first. Empty: the model has none.
  std::vector<std::string> symbols;
  /// The axis of each input and output that counts rows; -1: none.
  std::vector<int64_t> inputs, outputs;
  bool areIndependent = false;
  std::string why; // what mixes rows, where they are not independent
};

/// `function` is a model on the graph floor. Prefers a dimension whose rows are
/// independent, then the first axis of an input, then the order of inputs.
BatchRows findBatchRows(mlir::func::FuncOp function);

/// The batch size of a program whose tensors all have the same constant first
/// dimension, where its rows are independent: proved on the same model with
/// that dimension left open. 0 else.
int64_t fixedBatchOf(const CompileOptions &options, exec::ProgramOp program);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_BATCHROWS_H
