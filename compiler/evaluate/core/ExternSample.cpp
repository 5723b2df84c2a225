// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sampling at places that data decide, in float64, one axis after the other.
#include "compiler/evaluate/core/Extern.h"

#include "compiler/evaluate/core/Walk.h"

#include <cmath>

namespace sinter::evaluate {
namespace {

enum Padding { Zeros, Border, Reflection };
enum Interpolation { Linear, Nearest, Cubic };

struct Grid {
  int64_t interpolation, padding;
  bool alignsCorners;

  double low() const { return alignsCorners ? 0 : -0.5; }
  double high(int64_t extent) const {
    return double(extent) - (alignsCorners ? 1 : 0.5);
  }
  double reflect(double x, int64_t extent) const {
    double range = high(extent) - low();
    if (range <= 0)
      return low();
    double period = std::fmod(std::fabs(x - low()), 2 * range);
    return low() + (period > range ? 2 * range - period : period);
  }
  double coordinate(double g, int64_t extent) const {
    double x = alignsCorners ? (g + 1) / 2 * double(extent - 1)
                             : ((g + 1) * double(extent) - 1) / 2;
    x = std::isnan(x) ? -1e9 : std::min(std::max(x, -1e9), 1e9);
    if (interpolation == Nearest)
      x = std::nearbyint(x);
    if (padding == Border)
      x = std::min(std::max(x, 0.0), double(extent - 1));
    else if (padding == Reflection && (x < low() || x > high(extent)))
      x = reflect(x, extent);
    return x;
  }
  /// The pixel that stands for `i`; -1: zero.
  int64_t pixel(int64_t i, int64_t extent) const {
    if (i >= 0 && i < extent)
      return i;
    if (padding == Zeros)
      return -1;
    double x = padding == Border ? double(i) : reflect(double(i), extent);
    return std::min<int64_t>(std::max<int64_t>(int64_t(x), 0), extent - 1);
  }
  std::vector<double> weights(double t) const {
    if (interpolation == Nearest)
      return {1};
    if (interpolation == Linear)
      return {1 - t, t};
    auto near = [](double d) { return (1.25 * d - 2.25) * d * d + 1; };
    auto far = [](double d) { return ((-0.75 * d + 3.75) * d - 6) * d + 3; };
    return {far(t + 1), near(t), near(1 - t), far(2 - t)};
  }
};

/// The value at x[axis...] of the slice of `data` that starts at `offset`.
double sampled(const Grid &grid, const Value &data, const Ints &strides,
               const std::vector<double> &x, size_t axis, int64_t offset) {
  if (axis == x.size())
    return realAt(data, offset);
  double down = std::floor(x[axis]), sum = 0;
  int64_t first = int64_t(down) - (grid.interpolation == Cubic);
  std::vector<double> weights = grid.weights(x[axis] - down);
  for (size_t i = 0; i < weights.size(); ++i) {
    int64_t at = grid.pixel(first + int64_t(i), data.shape[axis + 2]);
    if (at >= 0)
      sum += weights[i] * sampled(grid, data, strides, x, axis + 1,
                                  offset + at * strides[axis + 2]);
  }
  return sum;
}

} // namespace

void gridSample(ExternCall &call) {
  const Value &data = *call.inputs[0], &places = *call.inputs[1];
  Grid grid{call.integers[0], call.integers[1], call.integers[2] != 0};
  size_t axes = data.shape.size() - 2;
  Ints strides = stridesOf(data.shape);
  int64_t perPicture = 1, perPlane = 1;
  for (size_t k = 0; k < axes; ++k) {
    perPicture *= places.shape[k + 1];
    perPlane *= data.shape[k + 2];
  }
  if (perPlane == 0)
    return;
  for (int64_t plane = 0; plane < data.shape[0] * data.shape[1]; ++plane)
    for (int64_t i = 0; i < perPicture; ++i) {
      int64_t from = (plane / data.shape[1] * perPicture + i) * int64_t(axes);
      std::vector<double> x;
      for (size_t k = 0; k < axes; ++k)
        x.push_back(grid.coordinate(realAt(places, from + axes - 1 - k),
                                    data.shape[k + 2]));
      double value = sampled(grid, data, strides, x, 0, plane * perPlane);
      setReal(call.results[0], plane * perPicture + i,
              isFloat(data.kind) ? value : std::nearbyint(value));
    }
}

void deformColumns(ExternCall &call) {
  const Value &data = *call.inputs[0], &offset = *call.inputs[1];
  const Value *mask = call.inputs.size() > 2 ? call.inputs[2] : nullptr;
  const Ints &n = call.integers; // groups, kernel, strides, pads, dilations
  int64_t taps = n[1] * n[2], channels = data.shape[1];
  Ints strides = stridesOf(data.shape), places = stridesOf(offset.shape),
       masks = mask ? stridesOf(mask->shape) : Ints();
  Grid grid{Linear, Zeros, true};
  forEachIndex(call.results[0].shape, [&](const Shape &at, int64_t linear) {
    int64_t row = at[1] * n[0] / channels * taps + at[2];
    int64_t place = at[0] * places[0] + 2 * row * places[1] +
                    at[3] * places[2] + at[4] * places[3];
    std::vector<double> x = {double(at[3] * n[3] - n[5] + at[2] / n[2] * n[7]) +
                                 realAt(offset, place),
                             double(at[4] * n[4] - n[6] + at[2] % n[2] * n[8]) +
                                 realAt(offset, place + places[1])};
    for (double &one : x)
      one = std::isnan(one) ? -1e9 : std::min(std::max(one, -1e9), 1e9);
    double value = sampled(grid, data, strides, x, 0,
                           at[0] * strides[0] + at[1] * strides[1]);
    if (mask)
      value *= realAt(*mask, at[0] * masks[0] + row * masks[1] +
                                 at[3] * masks[2] + at[4] * masks[3]);
    setReal(call.results[0], linear, value);
  });
}

void col2im(ExternCall &call) {
  const Value &blocks = *call.inputs[0];
  Value &image = call.results[0];
  size_t axes = image.shape.size() - 2;
  auto list = [&](size_t i) {
    return Ints(call.integers.begin() + i * axes,
                call.integers.begin() + (i + 1) * axes);
  };
  Ints block = list(0), dilation = list(1), pad = list(2), stride = list(3),
       count = list(4);
  Shape walk = {image.shape[0], image.shape[1]};
  walk.insert(walk.end(), block.begin(), block.end());
  walk.insert(walk.end(), count.begin(), count.end());
  Ints strides = stridesOf(image.shape);
  if (elementCount(walk) > blocks.count())
    return;
  // The blocks in row-major order are exactly the input's elements.
  forEachIndex(walk, [&](const Shape &at, int64_t linear) {
    int64_t to = at[0] * strides[0] + at[1] * strides[1];
    bool isInside = true;
    for (size_t k = 0; k < axes; ++k) {
      int64_t place =
          at[2 + axes + k] * stride[k] + at[2 + k] * dilation[k] - pad[k];
      isInside &= place >= 0 && place < image.shape[k + 2];
      to += place * strides[k + 2];
    }
    if (isInside)
      setReal(image, to, realAt(image, to) + realAt(blocks, linear));
  });
}

} // namespace sinter::evaluate
