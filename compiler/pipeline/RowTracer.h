// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules of BatchRows.h: how rows pass through each operation.
#ifndef SINTER_COMPILER_PIPELINE_ROWTRACER_H
#define SINTER_COMPILER_PIPELINE_ROWTRACER_H

#include "dialects/graph/GraphOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

namespace sinter {

/// How a value depends on rows. Element t along `axis` belongs to row
/// (t / inner) mod batch.
struct RowState {
  enum Kind { Shared, Rows, Mixed } kind = Shared;
  unsigned axis = 0;
  sym::DimAttr inner;

  bool isRows() const { return kind == Rows; }
  bool operator==(const RowState &other) const {
    return kind == other.kind &&
           (kind != Rows || (axis == other.axis && inner == other.inner));
  }
};

class RowTracer {
public:
  /// `symbols` are equal to each other: the batch.
  RowTracer(mlir::MLIRContext *context, llvm::ArrayRef<std::string> symbols);

  /// The states of the results of `function`; mixed ones when anything in it
  /// ties rows together.
  std::vector<RowState> trace(mlir::func::FuncOp function);
  /// The first operation that mixed rows; null when none did.
  mlir::Operation *mixer() const { return firstMixer; }
  /// The axis of a tensor that is exactly the batch; -1 when none or several.
  int64_t batchAxis(mlir::RankedTensorType type) const;

private:
  using Dims = sym::Dims;

  RowState stateOf(mlir::Value value) const { return states.lookup(value); }
  Dims dimsOf(mlir::Value value) const;
  sym::DimAttr renamed(sym::DimAttr dim) const;
  bool names(sym::DimAttr dim) const;
  bool names(mlir::Value value) const;
  bool areShared(mlir::ValueRange values) const;
  RowState rows(unsigned axis, sym::DimAttr inner) const {
    return {RowState::Rows, axis, inner};
  }
  static RowState mixed() { return {RowState::Mixed, 0, {}}; }

  bool isDivided(mlir::Value value, const RowState &state) const;

  void visit(mlir::Block &block);
  void visit(mlir::Operation *op);
  void visitIf(graph::IfOp op);
  void visitGroup(graph::GroupOp op);
  bool tiesRows(mlir::Operation *op) const;
  llvm::SmallVector<RowState> transfer(mlir::Operation *op);
  RowState transferOne(mlir::Operation *op);
  RowState transferMovement(mlir::Operation *op);

  RowState elementwise(mlir::ValueRange operands, mlir::Value result) const;
  RowState keep(mlir::Value input, llvm::ArrayRef<int64_t> mixedAxes) const;
  RowState firstAxis(mlir::Operation *op) const;
  RowState matmul(graph::MatMulOp op) const;
  RowState reduced(mlir::Value input, llvm::ArrayRef<int64_t> axes,
                   bool keepDims) const;
  RowState reshape(graph::ReshapeOp op) const;
  RowState concat(graph::ConcatOp op) const;
  RowState slice(graph::SliceOp op) const;
  RowState gather(graph::GatherOp op) const;
  RowState gatherElements(graph::GatherElementsOp op) const;
  RowState oneHot(graph::OneHotOp op) const;
  llvm::SmallVector<RowState> recurrent(graph::RecurrentOp op) const;

  mlir::MLIRContext *context;
  llvm::StringSet<> symbols;
  sym::DimAttr batch, one;
  llvm::DenseMap<mlir::Value, RowState> states;
  bool isTied = false;
  mlir::Operation *firstMixer = nullptr;
};

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_ROWTRACER_H
