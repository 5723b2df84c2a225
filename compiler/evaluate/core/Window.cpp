// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// graph.pool. A window covers its taps inside the padded input; with ceil_mode
// the last window may hang over, but must start inside the input or its begin
// padding. Cells beyond the end padding never count, not even for
// count_include_pad.
#include "compiler/evaluate/core/Operations.h"

#include "compiler/evaluate/core/Walk.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sinter::evaluate {
namespace {

int64_t pooledExtent(const Pool &pool, int64_t in, size_t axis, size_t rank) {
  int64_t begin = pool.pads[axis], end = pool.pads[axis + rank],
          stride = pool.strides[axis];
  int64_t room =
      in + begin + end - pool.dilations[axis] * (pool.kernel[axis] - 1) - 1;
  // Division towards zero, as in ONNX Runtime: an input that is too short by
  // less than a stride still has one window.
  if (!pool.ceilMode || room < 0)
    return std::max<int64_t>(0, room / stride + 1);
  int64_t extent = (room + stride - 1) / stride + 1;
  return (extent - 1) * stride >= in + begin ? extent - 1 : extent;
}

// One window: which input elements it sees, and how many cells of input and
// padding together (the divisor of count_include_pad).
struct Cells {
  std::vector<int64_t> offsets;
  int64_t padded = 0;
};

Cells cellsOf(const Pool &pool, const Shape &in, const Shape &at) {
  Cells cells;
  forEachIndex(pool.kernel, [&](const Shape &tap, int64_t) {
    int64_t offset = 0;
    bool inside = true, insidePadding = true;
    for (size_t axis = 0; axis < in.size(); ++axis) {
      int64_t x = at[axis] * pool.strides[axis] +
                  tap[axis] * pool.dilations[axis] - pool.pads[axis];
      insidePadding &= x < in[axis] + pool.pads[axis + in.size()];
      inside &= x >= 0 && x < in[axis];
      offset = offset * in[axis] + x;
    }
    cells.padded += insidePadding;
    if (inside)
      cells.offsets.push_back(offset);
  });
  return cells;
}

template <typename T>
int64_t argMax(const T *plane, const std::vector<int64_t> &offsets) {
  int64_t best = -1;
  for (int64_t offset : offsets)
    if (best < 0 || plane[offset] > plane[best] ||
        (plane[offset] != plane[offset] && plane[best] == plane[best]))
      best = offset;
  return best;
}

template <typename T>
T average(const T *plane, const Cells &cells, bool includePad) {
  T sum = 0;
  for (int64_t offset : cells.offsets)
    sum += plane[offset];
  int64_t count =
      includePad ? cells.padded : static_cast<int64_t>(cells.offsets.size());
  return count ? sum / static_cast<T>(count) : T(0);
}

template <typename T> T lpNorm(const T *plane, const Cells &cells, int64_t p) {
  double sum = 0;
  for (int64_t offset : cells.offsets)
    sum += std::pow(std::fabs(static_cast<double>(plane[offset])),
                    static_cast<double>(p));
  return static_cast<T>(std::pow(sum, 1.0 / static_cast<double>(p)));
}

template <typename T> T lowest() {
  return std::is_integral_v<T> ? std::numeric_limits<T>::lowest()
                               : -std::numeric_limits<T>::infinity();
}

// Flat index in the whole tensor; column-major counts the spatial axes from the
// first one.
int64_t reportedIndex(const Pool &pool, const Shape &in, int64_t plane,
                      int64_t offset) {
  int64_t base = plane * elementCount(in);
  if (!pool.columnMajorIndices)
    return base + offset;
  int64_t flat = 0, scale = elementCount(in);
  for (size_t axis = in.size(); axis-- > 0;) {
    scale /= in[axis];
    flat += offset % in[axis] * scale;
    offset /= in[axis];
  }
  return base + flat;
}

} // namespace

Value pool(const Value &input, const Pool &pool, Value *indices) {
  size_t rank = pool.kernel.size();
  Shape in(input.shape.begin() + 2, input.shape.end()), spatial(rank);
  for (size_t axis = 0; axis < rank; ++axis)
    spatial[axis] = pooledExtent(pool, in[axis], axis, rank);
  Shape shape{input.shape[0], input.shape[1]};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  Value out = makeLike(input, shape);
  if (indices)
    *indices = makeValue(ElementKind::I64, shape, Mode::Declared);

  int64_t planes = shape[0] * shape[1], inCount = elementCount(in),
          outCount = elementCount(spatial);
  withStorage(input, out, [&](const auto &x, auto &y) {
    using T = typename std::decay_t<decltype(x)>::value_type;
    forEachIndex(spatial, [&](const Shape &at, int64_t pixel) {
      Cells cells = cellsOf(pool, in, at);
      for (int64_t p = 0; p < planes; ++p) {
        const T *plane = x.data() + p * inCount;
        T &result = y[p * outCount + pixel];
        if (pool.kind == PoolKind::Average) {
          result = average(plane, cells, pool.countIncludePad);
        } else if (pool.kind == PoolKind::Lp) {
          result = lpNorm(plane, cells, pool.p);
        } else {
          int64_t best = argMax(plane, cells.offsets);
          result = best < 0 ? lowest<T>() : plane[best];
          if (indices)
            indices->as<int64_t>()[p * outCount + pixel] =
                best < 0 ? -1 : reportedIndex(pool, in, p, best);
        }
      }
    });
  });
  return out;
}

} // namespace sinter::evaluate
