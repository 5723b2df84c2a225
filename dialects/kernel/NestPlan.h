// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A nest as loops: axes of one element dropped, axes ordered by the memory of
// the output, neighbours merged where every view allows. An NCHW shape over
// NHWC memory becomes one long axis:
//
//   [1, 64, 56, 56] strides [200704, 1, 3584, 64]  ==>  [200704] stride [1]
//
// Everything here follows from the define alone, so the order of a reduction
// does as well.

#ifndef SINTER_DIALECTS_KERNEL_NESTPLAN_H
#define SINTER_DIALECTS_KERNEL_NESTPLAN_H

#include "dialects/kernel/ItemPlan.h"

namespace sinter::kernel {

struct NestPlan {
  struct Operand {
    unsigned buffer;
    mlir::Type element;
    sym::Dims strides; // in elements; parallel axes, then reduced ones
  };
  sym::Dims extents;     // parallel axes, then reduced ones
  unsigned parallel = 0; // how many are parallel
  llvm::SmallVector<Operand, 4> inputs, extras, outputs;
  /// The axis of `extents` that an axis of the domain became; -1: one element.
  /// Only meaningful for axes that a kernel.index names: others may be merged.
  llvm::SmallVector<int> axisOf;

  /// Axis along which vectors lie; -1 when there is none (a single element).
  int vectorAxis = -1;
  /// Axis along which inputs are contiguous that are not along vectorAxis:
  /// tiles of both axes are transposed in registers. -1: none.
  int transposeAxis = -1;
  /// Vectors lie along the last reduced axis, in 16 virtual lanes.
  bool hasVirtualLanes = false;

  unsigned reduced() const { return extents.size() - parallel; }
};

NestPlan planOf(NestOp op);
/// The axes of a row are the reduced ones; outputs have strides there as well.
NestPlan planOf(RowOp op);

} // namespace sinter::kernel

#endif // SINTER_DIALECTS_KERNEL_NESTPLAN_H
