// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walking a tensor: strides, broadcasting and "the lines along one axis", the
// three loops that all operations are made of.

#ifndef SINTER_COMPILER_EVALUATE_CORE_WALK_H
#define SINTER_COMPILER_EVALUATE_CORE_WALK_H

#include "compiler/evaluate/core/Tensor.h"

#include <functional>
#include <type_traits>

namespace sinter::evaluate {

/// Row-major strides, in elements.
std::vector<int64_t> stridesOf(const Shape &shape);
/// Strides of `shape` when it is read as the larger `target`: 0 where it
/// repeats.
std::vector<int64_t> broadcastStrides(const Shape &shape, const Shape &target);
/// The NumPy broadcast of two shapes that agree.
Shape broadcastShape(const Shape &a, const Shape &b);

/// Calls visit(coordinates, linear index) for every element in row-major order.
template <typename Visit> void forEachIndex(const Shape &shape, Visit visit) {
  int64_t count = elementCount(shape);
  Shape at(shape.size(), 0);
  for (int64_t linear = 0; linear < count; ++linear) {
    visit(static_cast<const Shape &>(at), linear);
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++at[axis] < shape[axis])
        break;
      at[axis] = 0;
    }
  }
}

inline int64_t offsetOf(const Shape &at, const std::vector<int64_t> &strides) {
  int64_t offset = 0;
  for (size_t axis = 0; axis < at.size(); ++axis)
    offset += at[axis] * strides[axis];
  return offset;
}

/// Float to integer truncates and saturates; NaN becomes the least number.
int64_t toInteger(double x, ElementKind kind);

/// A tensor seen as [outer, extent, inner] around one axis.
struct Around {
  int64_t outer = 1, extent = 1, inner = 1;
  Around(const Shape &shape, int64_t axis) {
    for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i)
      (i < axis ? outer : i == axis ? extent : inner) *= shape[i];
  }
};

/// Calls body(vector of the input's storage, vector of the result's) where both
/// have the same storage type T.
template <typename Body>
void withStorage(const Value &input, Value &result, Body body) {
  std::visit(
      [&](const auto &in) {
        using Vector = std::decay_t<decltype(in)>;
        body(in, std::get<Vector>(result.data));
      },
      input.data);
}

/// Runs body(0) .. body(count - 1) on a few threads; each index must write only
/// its own part of a result, so the outcome does not depend on their number.
/// `work` is the number of multiply-adds of all: little work stays on one
/// thread.
void inParallel(int64_t count, int64_t work,
                const std::function<void(int64_t)> &body);

} // namespace sinter::evaluate

#endif // SINTER_COMPILER_EVALUATE_CORE_WALK_H
