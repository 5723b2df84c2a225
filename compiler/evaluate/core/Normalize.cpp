// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Batch, layer, RMS, group and local response normalisation. Mean first, then
// the mean of squared differences: two passes, no cancellation.
#include "compiler/evaluate/core/Operations.h"

#include "compiler/evaluate/core/Walk.h"

#include <algorithm>
#include <cmath>

namespace sinter::evaluate {
namespace {

template <typename T> T meanOf(const T *line, int64_t count) {
  T sum = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += line[i];
  return sum / static_cast<T>(count);
}

template <typename T> T meanSquare(const T *line, int64_t count, T center) {
  T sum = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += (line[i] - center) * (line[i] - center);
  return sum / static_cast<T>(count);
}

template <typename T> T inverseRoot(T variance, double epsilon) {
  return static_cast<T>(1 / std::sqrt(variance + static_cast<T>(epsilon)));
}

} // namespace

Value batchNorm(const Value &input, const Value &scale, const Value &bias,
                const Value &mean, const Value &variance, double epsilon,
                int64_t axis) {
  Around a(input.shape, axis);
  Value out = makeLike(input, input.shape);
  withStorage(input, out, [&](const auto &x, auto &y) {
    using Vector = std::decay_t<decltype(x)>;
    using T = typename Vector::value_type;
    const Vector &s = std::get<Vector>(scale.data),
                 &b = std::get<Vector>(bias.data);
    const Vector &m = std::get<Vector>(mean.data),
                 &v = std::get<Vector>(variance.data);
    for (int64_t i = 0; i < static_cast<int64_t>(x.size()); ++i) {
      int64_t c = i / a.inner % a.extent;
      y[i] = (x[i] - m[c]) * inverseRoot<T>(v[c], epsilon) * s[c] + b[c];
    }
  });
  return out;
}

Normalized normalize(const Value &input, Maybe scale, Maybe bias, int64_t axis,
                     double epsilon, bool rms) {
  Shape inner(input.shape.begin() + axis, input.shape.end()),
      statistics = input.shape;
  std::fill(statistics.begin() + axis, statistics.end(), 1);
  Normalized out{makeLike(input, input.shape), makeLike(input, statistics),
                 makeLike(input, statistics)};
  int64_t count = elementCount(inner), lines = elementCount(statistics);
  // Scale and bias broadcast against the whole tensor.
  Ints scaleStrides, biasStrides;
  if (scale)
    scaleStrides = broadcastStrides(scale->shape, input.shape);
  if (bias)
    biasStrides = broadcastStrides(bias->shape, input.shape);
  withStorage(input, out.result, [&](const auto &x, auto &y) {
    using Vector = std::decay_t<decltype(x)>;
    using T = typename Vector::value_type;
    Vector &means = std::get<Vector>(out.mean.data);
    Vector &inverses = std::get<Vector>(out.inverseDeviation.data);
    for (int64_t line = 0; line < lines; ++line) {
      const T *from = x.data() + line * count;
      means[line] = rms ? T(0) : meanOf(from, count);
      inverses[line] =
          inverseRoot<T>(meanSquare(from, count, means[line]), epsilon);
    }
    forEachIndex(input.shape, [&](const Shape &at, int64_t i) {
      int64_t line = i / count;
      T result = (x[i] - means[line]) * inverses[line];
      if (scale)
        result *= std::get<Vector>(scale->data)[offsetOf(at, scaleStrides)];
      if (bias)
        result += std::get<Vector>(bias->data)[offsetOf(at, biasStrides)];
      y[i] = result;
    });
  });
  return out;
}

Value groupNorm(const Value &input, const Value &scale, const Value &bias,
                int64_t groups, double epsilon) {
  int64_t channels = input.shape[1], pixels = Around(input.shape, 1).inner;
  int64_t perGroup = groups ? channels / groups : 0, count = perGroup * pixels;
  Value out = makeLike(input, input.shape);
  withStorage(input, out, [&](const auto &x, auto &y) {
    using Vector = std::decay_t<decltype(x)>;
    using T = typename Vector::value_type;
    const Vector &s = std::get<Vector>(scale.data),
                 &b = std::get<Vector>(bias.data);
    for (int64_t line = 0; line < input.shape[0] * groups; ++line) {
      const T *from = x.data() + line * count;
      T mean = meanOf(from, count);
      T inverse = inverseRoot<T>(meanSquare(from, count, mean), epsilon);
      for (int64_t i = 0; i < count; ++i) {
        int64_t c = line % groups * perGroup + i / pixels;
        y[line * count + i] = (from[i] - mean) * inverse * s[c] + b[c];
      }
    }
  });
  return out;
}

Value lrn(const Value &input, int64_t size, double alpha, double beta,
          double bias) {
  Around a(input.shape, 1);
  Value out = makeLike(input, input.shape);
  int64_t before = (size - 1) / 2, after = size - 1 - before;
  withStorage(input, out, [&](const auto &x, auto &y) {
    using T = typename std::decay_t<decltype(x)>::value_type;
    for (int64_t i = 0; i < static_cast<int64_t>(x.size()); ++i) {
      int64_t c = i / a.inner % a.extent;
      int64_t first = std::max<int64_t>(0, c - before),
              last = std::min(a.extent - 1, c + after);
      T sum = 0;
      for (int64_t k = first; k <= last; ++k) {
        T neighbour = x[i + (k - c) * a.inner];
        sum += neighbour * neighbour;
      }
      T base = static_cast<T>(bias) +
               static_cast<T>(alpha) / static_cast<T>(size) * sum;
      y[i] = static_cast<T>(x[i] / std::pow(base, static_cast<T>(beta)));
    }
  });
  return out;
}

} // namespace sinter::evaluate
