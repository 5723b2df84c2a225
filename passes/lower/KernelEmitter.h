// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds one kernel.define and its exec.launch. Sizes that depend on symbols
// become formal parameters p0, p1, ... in order of appearance, so that kernels
// which differ only in names are one.

#ifndef SINTER_PASSES_LOWER_KERNELEMITTER_H
#define SINTER_PASSES_LOWER_KERNELEMITTER_H

#include "passes/lower/Lowering.h"

namespace sinter::lower {

class KernelEmitter {
public:
  KernelEmitter(Lowering &lowering, mlir::Location loc, llvm::StringRef name)
      : lowering(lowering), loc(loc), name(name) {}

  /// Arguments of the kernel, in order; the outputs must be last. A scalar
  /// becomes a view of one element along one axis, unless `keepScalar`.
  void addView(const Place &place, bool keepScalar = false);
  void addPanels(mlir::Value buffer, int64_t groups, int64_t n, int64_t k,
                 mlir::Type element);

  /// The dimension in terms of formal parameters.
  sym::DimAttr formal(sym::DimAttr actual);

  /// Makes the define (or finds an equal one) and the launch. `root` builds the
  /// root from the block arguments.
  void
  launch(unsigned numOutputs,
         llvm::function_ref<void(mlir::OpBuilder &, mlir::ValueRange)> root,
         bool noWait = false);

private:
  Lowering &lowering;
  mlir::Location loc;
  llvm::StringRef name;
  llvm::SmallVector<mlir::Type> types;
  llvm::SmallVector<mlir::Value> buffers;
  sym::Dims offsets, actuals;
};

/// Fills `region` with the scalar code of elementwise operations. `arguments`
/// are (graph value, scalar type) pairs; a null value is an argument only
/// `start` looks at. `start` turns the block's arguments into the scalar of
/// `root`.
struct RegionSpec {
  llvm::SmallVector<std::pair<mlir::Value, mlir::Type>> arguments;
  llvm::ArrayRef<mlir::Operation *> ops;
  llvm::SmallVector<mlir::Value> yields;
  mlir::Value root;
  std::function<mlir::Value(mlir::OpBuilder &, mlir::ValueRange)> start;
};
void emitRegion(mlir::Region &region, const RegionSpec &spec);

/// Operands of `ops` that come from outside them, splats left out, in order.
llvm::SmallVector<mlir::Value>
externalOperands(llvm::ArrayRef<mlir::Operation *> ops, mlir::Value root);

/// `x` converted to `type`, or `x`.
mlir::Value castTo(mlir::OpBuilder &builder, mlir::Value x, mlir::Type type);
/// A scalar constant.
mlir::Value constant(mlir::OpBuilder &builder, mlir::TypedAttr value);
mlir::Value apply(mlir::OpBuilder &builder, llvm::StringRef kind,
                  mlir::ValueRange operands);

} // namespace sinter::lower

#endif // SINTER_PASSES_LOWER_KERNELEMITTER_H
