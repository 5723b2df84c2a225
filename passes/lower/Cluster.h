// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What one kernel computes, as the lowering sees it: a graph.group, or one
// operation outside of any.

#ifndef SINTER_PASSES_LOWER_CLUSTER_H
#define SINTER_PASSES_LOWER_CLUSTER_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

namespace sinter::lower {

/// A root with the elementwise operations around it, or either alone. Values
/// inside a graph.group are its block arguments; `outside` maps them.
struct Cluster {
  explicit Cluster(mlir::Location loc) : loc(loc) {}

  mlir::Operation *root = nullptr;
  llvm::SmallVector<mlir::Operation *> before, after; // elementwise, in order
  llvm::SmallVector<mlir::Value> yields;              // inside
  llvm::SmallVector<mlir::Value> results;             // outside, one per yield
  llvm::DenseMap<mlir::Value, mlir::Value> outside;
  mlir::Location loc;

  mlir::Value outer(mlir::Value inside) const {
    auto it = outside.find(inside);
    return it == outside.end() ? inside : it->second;
  }
};

} // namespace sinter::lower

#endif // SINTER_PASSES_LOWER_CLUSTER_H
