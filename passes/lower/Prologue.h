// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operations in front of a root that reads rows.

#ifndef SINTER_PASSES_LOWER_PROLOGUE_H
#define SINTER_PASSES_LOWER_PROLOGUE_H

#include "passes/lower/Epilogue.h"

namespace sinter::lower {

/// The value a root reads, computed from `inputs`, over the root's input
/// domain.
class Prologue {
public:
  Prologue(Lowering &lowering, Cluster &cluster, mlir::Value value,
           llvm::ArrayRef<sym::DimAttr> dims);

  /// `finish` has the last word on the root's value. Leaves the region empty
  /// when it would pass the input on.
  void emit(mlir::Region &region,
            std::function<mlir::Value(mlir::OpBuilder &, mlir::Value)> finish =
                {}) const;

  llvm::SmallVector<Place> inputs;

private:
  llvm::ArrayRef<mlir::Operation *> ops;
  mlir::Value value;
  llvm::SmallVector<mlir::Value> externals;
};

/// Everything that is reshaped together.
llvm::SmallVector<Place *> allPlaces(Epilogue &epilogue,
                                     llvm::SmallVector<Place> &inputs);

} // namespace sinter::lower

#endif // SINTER_PASSES_LOWER_PROLOGUE_H
