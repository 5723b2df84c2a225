// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where a tensor lies: a strided window of a storage. Transposes, slices,
// broadcasts and most reshapes are arithmetic on places and cost nothing; a
// copy is made only where a kernel cannot take the strides.

#ifndef SINTER_PASSES_LOWER_PLACE_H
#define SINTER_PASSES_LOWER_PLACE_H

#include "dialects/sym/Dim.h"
#include "mlir/IR/Value.h"
#include <optional>

namespace sinter::lower {

/// A buffer of its own: the tensor that owns it, and a halo of zeros around
/// some of its axes for the convolutions that read it.
struct Storage {
  enum Kind : uint8_t { Arena, Weight, Caller } kind = Arena;
  sym::Dims dims;
  mlir::Type element;
  llvm::SmallVector<int64_t> low, high; // halo, an entry an axis
  /// Axis i of the storage is axis order[i] of the tensor that owns it; empty
  /// when the orders are the same.
  llvm::SmallVector<int64_t> order;
  mlir::Value buffer;     // !exec.buffer; null for a weight
  mlir::Attribute source; // of a weight
  bool isZeroed = false;  // the halo has been written

  bool hasHalo() const;
};

/// Offset and strides count elements.
struct Place {
  Storage *storage = nullptr;
  sym::DimAttr offset;
  sym::Dims dims, strides;

  mlir::Type element() const { return storage->element; }
  unsigned rank() const { return dims.size(); }
};

/// The whole of a storage, halo left out, in the order of the tensor's axes.
Place wholeOf(Storage &storage);
/// Row-major strides of `dims`.
sym::Dims rowMajor(mlir::MLIRContext *context,
                   llvm::ArrayRef<sym::DimAttr> dims);

Place transpose(const Place &place, llvm::ArrayRef<int64_t> permutation);
Place slice(const Place &place, llvm::ArrayRef<sym::DimAttr> starts,
            llvm::ArrayRef<sym::DimAttr> sizes, llvm::ArrayRef<int64_t> steps);
/// NumPy broadcast to `dims`; axes in front are added.
Place broadcast(const Place &place, llvm::ArrayRef<sym::DimAttr> dims);
/// The same elements in row-major order under other dims; nullopt when no
/// strides describe that.
std::optional<Place> reshape(const Place &place,
                             llvm::ArrayRef<sym::DimAttr> dims);
/// The order in which to store the axes of `place` so that a copy can be
/// reshaped to `dims` and still follows the order of the source in memory.
llvm::SmallVector<int64_t> orderForReshape(const Place &place,
                                           llvm::ArrayRef<sym::DimAttr> dims);
/// Axes from the widest stride to the narrowest.
llvm::SmallVector<int64_t> memoryOrder(const Place &place);
llvm::SmallVector<int64_t> inverse(llvm::ArrayRef<int64_t> permutation);
/// `place` with `low` and `high` elements more on each axis.
Place grow(const Place &place, llvm::ArrayRef<int64_t> low,
           llvm::ArrayRef<int64_t> high);

/// Whether the elements lie row-major without gaps.
bool isContiguous(const Place &place);
/// Whether the last axis has stride 1 (or a single element).
bool isRowContiguous(const Place &place);

/// Joins neighbouring axes of [begin, end) where every place allows it, and
/// drops axes of extent 1, leaving at least `keep` axes in the range. All
/// places have equal dims there. Returns the new end.
unsigned collapse(llvm::ArrayRef<Place *> places, unsigned begin, unsigned end,
                  unsigned keep);

} // namespace sinter::lower

#endif // SINTER_PASSES_LOWER_PLACE_H
