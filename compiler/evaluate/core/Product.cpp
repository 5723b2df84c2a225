// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix product, convolution and transposed convolution. All three are the one
// loop `accumulate`: 16 results at a time, the terms in index order, each
// product rounded before it is added (this folder is compiled without fused
// multiply-add and with wrapping integers). Gathering 16 columns of the
// right-hand side first makes that loop run over contiguous memory whatever the
// strides, so a whole network takes seconds.
#include "compiler/evaluate/core/Operations.h"

#include "compiler/evaluate/core/Walk.h"

#include <algorithm>

namespace sinter::evaluate {
namespace {

constexpr int64_t lanes = 16;

// sums[j] = start + sum over k of left[k * leftStride] * panel[k][j].
template <typename T>
void accumulate(const T *left, int64_t leftStride, const T *panel,
                int64_t depth, T start, T *sums) {
  T acc[lanes];
  std::fill(acc, acc + lanes, start);
  for (int64_t k = 0; k < depth; ++k) {
    T factor = left[k * leftStride];
    for (int64_t j = 0; j < lanes; ++j)
      acc[j] += factor * panel[k * lanes + j];
  }
  std::copy(acc, acc + lanes, sums);
}

struct Matrix {
  int64_t rows, columns, rowStride, columnStride;
};

Matrix lastTwo(const Value &value, bool transposed) {
  int64_t rows = value.shape[value.rank() - 2],
          columns = value.shape[value.rank() - 1];
  return transposed ? Matrix{columns, rows, 1, columns}
                    : Matrix{rows, columns, columns, 1};
}

template <typename T>
void multiply(const T *a, Matrix ma, const T *b, Matrix mb, T *out,
              int64_t firstColumn) {
  int64_t width = std::min(lanes, mb.columns - firstColumn), depth = mb.rows;
  std::vector<T> panel(depth * lanes);
  for (int64_t k = 0; k < depth; ++k)
    for (int64_t j = 0; j < width; ++j)
      panel[k * lanes + j] =
          b[k * mb.rowStride + (firstColumn + j) * mb.columnStride];
  T sums[lanes];
  for (int64_t m = 0; m < ma.rows; ++m) {
    accumulate(a + m * ma.rowStride, ma.columnStride, panel.data(), depth, T(0),
               sums);
    std::copy(sums, sums + width, out + m * mb.columns + firstColumn);
  }
}

/// The loops of a convolution over up to three (any number of) spatial axes.
struct Window {
  Shape in, out, kernel; // spatial extents
  Ints strides, pads, dilations;
  int64_t taps, inCount, outCount;

  Window(const Shape &in, const Shape &out, const Shape &kernel,
         const ConvGeometry &g)
      : in(in), out(out), kernel(kernel), strides(g.strides), pads(g.pads),
        dilations(g.dilations), taps(elementCount(kernel)),
        inCount(elementCount(in)), outCount(elementCount(out)) {}
};

Shape spatialOf(const Value &value) {
  return Shape(value.shape.begin() + 2, value.shape.end());
}

Shape coordinatesOf(int64_t linear, const Shape &shape) {
  Shape at(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    at[axis] = linear % shape[axis];
    linear /= shape[axis];
  }
  return at;
}

// Offset of the input element under `tap` of the window at `pixel`, or -1.
int64_t sourceOf(const Window &w, const Shape &pixel, const Shape &tap) {
  int64_t offset = 0;
  for (size_t axis = 0; axis < w.in.size(); ++axis) {
    int64_t x = pixel[axis] * w.strides[axis] + tap[axis] * w.dilations[axis] -
                w.pads[axis];
    if (x < 0 || x >= w.in[axis])
      return -1;
    offset = offset * w.in[axis] + x;
  }
  return offset;
}

// As sourceOf for a transposed convolution: the input element that `tap`
// carried to `pixel` of the result.
int64_t transposedSourceOf(const Window &w, const Shape &pixel,
                           const Shape &tap) {
  int64_t offset = 0;
  for (size_t axis = 0; axis < w.in.size(); ++axis) {
    int64_t x = pixel[axis] + w.pads[axis] - tap[axis] * w.dilations[axis];
    if (x < 0 || x % w.strides[axis] != 0 || x / w.strides[axis] >= w.in[axis])
      return -1;
    offset = offset * w.in[axis] + x / w.strides[axis];
  }
  return offset;
}

using SourceFunction = int64_t (*)(const Window &, const Shape &,
                                   const Shape &);

// panel[c * taps + tap][j] = input channel c under `tap` at result pixel first
// + j.
template <typename T>
void gatherPanel(const Window &w, SourceFunction source, const T *input,
                 int64_t channels, int64_t first, int64_t width,
                 std::vector<T> &panel) {
  std::fill(panel.begin(), panel.end(), T(0));
  for (int64_t j = 0; j < width; ++j) {
    Shape pixel = coordinatesOf(first + j, w.out);
    forEachIndex(w.kernel, [&](const Shape &at, int64_t tap) {
      int64_t offset = source(w, pixel, at);
      if (offset < 0)
        return;
      for (int64_t c = 0; c < channels; ++c)
        panel[(c * w.taps + tap) * lanes + j] = input[c * w.inCount + offset];
    });
  }
}

struct Channels {
  int64_t batch, in, out, group;
  int64_t inGroup() const { return in / group; }
  int64_t outGroup() const { return out / group; }
};

// `filter` is [out, in/group, taps] here.
template <typename T>
void convolve(const Window &w, SourceFunction source, Channels ch,
              const T *input, const T *filter, const T *bias, T *out) {
  int64_t depth = ch.inGroup() * w.taps,
          blocks = (w.outCount + lanes - 1) / lanes;
  int64_t work = ch.batch * ch.out * w.outCount * depth;
  inParallel(ch.batch * ch.group * blocks, work, [&](int64_t item) {
    int64_t block = item % blocks, g = item / blocks % ch.group,
            n = item / blocks / ch.group;
    int64_t first = block * lanes, width = std::min(lanes, w.outCount - first);
    std::vector<T> panel(depth * lanes);
    const T *image = input + (n * ch.in + g * ch.inGroup()) * w.inCount;
    gatherPanel(w, source, image, ch.inGroup(), first, width, panel);
    T sums[lanes];
    for (int64_t m = g * ch.outGroup(); m < (g + 1) * ch.outGroup(); ++m) {
      accumulate(filter + m * depth, int64_t(1), panel.data(), depth,
                 bias ? bias[m] : T(0), sums);
      std::copy(sums, sums + width,
                out + (n * ch.out + m) * w.outCount + first);
    }
  });
}

// Filters of a transposed convolution, [in, out/group, taps], as [out,
// in/group, taps].
template <typename T>
std::vector<T> swapFilter(const std::vector<T> &filter, Channels ch,
                          int64_t taps) {
  std::vector<T> swapped(filter.size());
  for (int64_t m = 0; m < ch.out; ++m)
    for (int64_t c = 0; c < ch.inGroup(); ++c)
      for (int64_t tap = 0; tap < taps; ++tap) {
        int64_t in = m / ch.outGroup() * ch.inGroup() + c;
        swapped[(m * ch.inGroup() + c) * taps + tap] =
            filter[(in * ch.outGroup() + m % ch.outGroup()) * taps + tap];
      }
  return swapped;
}

} // namespace

// Numbers of every integer type lie in 64 bits, so only the name differs.
static Value sumsLike(const Value &operand, const Shape &shape) {
  Value sums = makeLike(operand, shape);
  if (sums.kind == ElementKind::I16 || sums.kind == ElementKind::U8)
    sums.kind = ElementKind::I32;
  return sums;
}

Value matmul(const Value &a, const Value &b, bool transposeA, bool transposeB) {
  Matrix ma = lastTwo(a, transposeA), mb = lastTwo(b, transposeB);
  Shape batchA(a.shape.begin(), a.shape.end() - 2),
      batchB(b.shape.begin(), b.shape.end() - 2);
  Shape batch = broadcastShape(batchA, batchB), shape = batch;
  shape.insert(shape.end(), {ma.rows, mb.columns});
  Value out = sumsLike(a, shape);

  std::vector<int64_t> offsetsA, offsetsB;
  Ints stridesA = broadcastStrides(batchA, batch),
       stridesB = broadcastStrides(batchB, batch);
  forEachIndex(batch, [&](const Shape &at, int64_t) {
    offsetsA.push_back(offsetOf(at, stridesA) * ma.rows * ma.columns);
    offsetsB.push_back(offsetOf(at, stridesB) * mb.rows * mb.columns);
  });
  int64_t matrices = static_cast<int64_t>(offsetsA.size());
  int64_t blocks = (mb.columns + lanes - 1) / lanes;
  int64_t work = matrices * ma.rows * mb.columns * mb.rows;
  withStorage(a, out, [&](const auto &left, auto &result) {
    const auto &right = std::get<std::decay_t<decltype(left)>>(b.data);
    inParallel(matrices * blocks, work, [&](int64_t item) {
      int64_t i = item / blocks;
      multiply(left.data() + offsetsA[i], ma, right.data() + offsetsB[i], mb,
               result.data() + i * ma.rows * mb.columns, item % blocks * lanes);
    });
  });
  return out;
}

Value conv(const Value &input, const Value &filter, Maybe bias,
           const ConvGeometry &g) {
  Shape in = spatialOf(input), kernel = spatialOf(filter), spatial(in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    int64_t room = in[i] + g.pads[i] + g.pads[i + in.size()] -
                   g.dilations[i] * (kernel[i] - 1) - 1;
    spatial[i] = room < 0 ? 0 : room / g.strides[i] + 1;
  }
  Shape shape{input.shape[0], filter.shape[0]};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  Value out = sumsLike(input, shape);
  Window window(in, spatial, kernel, g);
  Channels channels{input.shape[0], input.shape[1], filter.shape[0], g.group};
  withStorage(input, out, [&](const auto &x, auto &y) {
    using Vector = std::decay_t<decltype(x)>;
    convolve(window, sourceOf, channels, x.data(),
             std::get<Vector>(filter.data).data(),
             bias ? std::get<Vector>(bias->data).data() : nullptr, y.data());
  });
  return out;
}

Value convTranspose(const Value &input, const Value &filter, Maybe bias,
                    const ConvGeometry &g) {
  Shape in = spatialOf(input), kernel = spatialOf(filter), spatial(in.size());
  for (size_t i = 0; i < in.size(); ++i)
    spatial[i] = (in[i] - 1) * g.strides[i] + g.outputPadding[i] +
                 (kernel[i] - 1) * g.dilations[i] + 1 - g.pads[i] -
                 g.pads[i + in.size()];
  for (int64_t &extent : spatial)
    extent = std::max<int64_t>(extent, 0);
  Channels channels{input.shape[0], input.shape[1], filter.shape[1] * g.group,
                    g.group};
  Shape shape{channels.batch, channels.out};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  Value out = makeLike(input, shape);
  Window window(in, spatial, kernel, g);
  withStorage(input, out, [&](const auto &x, auto &y) {
    using Vector = std::decay_t<decltype(x)>;
    Vector swapped =
        swapFilter(std::get<Vector>(filter.data), channels, window.taps);
    convolve(window, transposedSourceOf, channels, x.data(), swapped.data(),
             bias ? std::get<Vector>(bias->data).data() : nullptr, y.data());
  });
  return out;
}

} // namespace sinter::evaluate
