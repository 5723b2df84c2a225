// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every root shares: the elementwise operations behind it, the views they
// read and the places of the results.

#ifndef SINTER_PASSES_LOWER_EPILOGUE_H
#define SINTER_PASSES_LOWER_EPILOGUE_H

#include "passes/lower/KernelEmitter.h"

namespace sinter::lower {

class Epilogue {
public:
  /// `rootExtras` are operands (inside values) that `start` combines with the
  /// root's value, in front of the extras of the elementwise operations.
  Epilogue(Lowering &lowering, Cluster &cluster, mlir::ValueRange rootExtras);

  /// All extras and outputs, to be reshaped together with the root's operands.
  llvm::SmallVector<Place *> places();
  /// Applies one view to all of them.
  void forEach(llvm::function_ref<Place(const Place &)> change);
  /// A bias: an extra in front of all others, for `start`.
  void addBias(const Place &place) {
    extras.insert(extras.begin(), place);
    ++numRootExtras;
  }
  /// Replaces outputs whose last axis has gaps by temporaries; finish() copies.
  void makeOutputsRowContiguous();

  void addTo(KernelEmitter &emitter) const;
  /// Fills `region`; `value` is the scalar type of the root's value, which
  /// comes `copies` times. Leaves it empty when it would pass the value on.
  void emit(mlir::Region &region, mlir::Type value,
            std::function<mlir::Value(mlir::OpBuilder &, mlir::ValueRange)>
                start = {},
            size_t copies = 1) const;
  void finish(mlir::Location loc);

  llvm::SmallVector<Place> extras, outputs;

private:
  Lowering &lowering;
  Cluster &cluster;
  llvm::SmallVector<mlir::Value> externals;
  size_t numRootExtras;
  std::vector<std::pair<Place, Place>> copies;
};

} // namespace sinter::lower

#endif // SINTER_PASSES_LOWER_EPILOGUE_H
