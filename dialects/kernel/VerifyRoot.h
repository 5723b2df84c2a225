// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the verifiers of the roots are written in. Each function states one
// clause and reports a broken one at the operation.
#ifndef SINTER_DIALECTS_KERNEL_VERIFYROOT_H
#define SINTER_DIALECTS_KERNEL_VERIFYROOT_H

#include "dialects/kernel/KernelOps.h"

namespace sinter::kernel {

using Types = llvm::SmallVector<mlir::Type, 4>;

inline llvm::ArrayRef<sym::DimAttr> dimsOf(mlir::Value view) {
  return mlir::cast<ViewType>(view.getType()).getDims();
}
inline mlir::Type elementOf(mlir::Value view) {
  return mlir::cast<ViewType>(view.getType()).getElement();
}
Types elementsOf(mlir::ValueRange views);
std::string describe(llvm::ArrayRef<sym::DimAttr> dims);

mlir::LogicalResult verifyDims(mlir::Operation *op, mlir::ValueRange views,
                               llvm::StringRef name,
                               llvm::ArrayRef<sym::DimAttr> expected);
mlir::LogicalResult verifyDim(mlir::Operation *op, const llvm::Twine &what,
                              sym::DimAttr found, sym::DimAttr expected);
mlir::LogicalResult verifyLength(mlir::Operation *op, llvm::StringRef name,
                                 size_t found, size_t expected);
/// At least one output, every output and every extra with the same dims.
mlir::LogicalResult verifyOutputs(mlir::Operation *op, mlir::ValueRange extras,
                                  mlir::ValueRange outputs);
/// `view` has the rank of the output, and at least `least`.
mlir::LogicalResult verifySameRank(mlir::Operation *op, llvm::StringRef name,
                                   mlir::Value view, mlir::Value output,
                                   size_t least);
/// A region takes `inputs` and yields `results`; empty, it passes inputs on.
/// A null entry in `results` accepts any type.
mlir::LogicalResult verifyRegion(mlir::Operation *op, mlir::Region &region,
                                 llvm::StringRef name, const Types &inputs,
                                 const Types &results, bool hasIndex = false);
mlir::LogicalResult verifyEpilogue(mlir::Operation *op, mlir::Region &epilogue,
                                   Types values, mlir::ValueRange extras,
                                   mlir::ValueRange outputs);
mlir::LogicalResult verifyPanels(mlir::Operation *op, PanelsType panels,
                                 int64_t groups, sym::DimAttr n,
                                 sym::DimAttr k);
/// Attributes of a sliding window: one entry of at least `least` a spatial
/// axis.
mlir::LogicalResult verifySteps(mlir::Operation *op, llvm::StringRef name,
                                llvm::ArrayRef<int64_t> values, size_t spatial,
                                int64_t least);

/// The opening of every root with one leading operand: outputs that agree and
/// an operand of their rank.
template <typename Op>
mlir::LogicalResult verifyOpening(Op op, llvm::StringRef name, mlir::Value view,
                                  size_t least) {
  if (failed(verifyOutputs(op, op.getExtras(), op.getOutputs())))
    return mlir::failure();
  return verifySameRank(op, name, view, op.getOutputs()[0], least);
}

/// Kernel, strides and dilations of a window that slides over the input.
template <typename Op> mlir::LogicalResult verifySlide(Op op, size_t spatial) {
  return mlir::success(
      succeeded(verifySteps(op, "kernel", op.getKernel(), spatial, 1)) &&
      succeeded(verifySteps(op, "strides", op.getStrides(), spatial, 1)) &&
      succeeded(verifySteps(op, "dilations", op.getDilations(), spatial, 1)));
}

} // namespace sinter::kernel

#endif // SINTER_DIALECTS_KERNEL_VERIFYROOT_H
