// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX Resize. The result is separable: along each axis every output position
// is a weighted sum of input positions, so the axes are done one after the
// other. Positions and weights are computed in double in both modes: they are
// not part of the model's arithmetic.
#include "compiler/evaluate/core/Operations.h"

#include "compiler/evaluate/core/Walk.h"

#include <algorithm>
#include <cmath>

namespace sinter::evaluate {
namespace {

struct Tap {
  int64_t position;
  double weight;
};

struct Axis {
  int64_t in, out;
  double scale, roiBegin, roiEnd;
};

// Where output x lies on the input's axis.
double sourceOf(const Resize &r, const Axis &a, int64_t x) {
  double at = static_cast<double>(x), in = static_cast<double>(a.in);
  double out = in * a.scale; // the extent before it was cut to an integer
  if (r.coordinateMode == "asymmetric")
    return at / a.scale;
  if (r.coordinateMode == "align_corners")
    return a.out == 1 ? 0 : at * (in - 1) / (out - 1);
  if (r.coordinateMode == "pytorch_half_pixel" && a.out <= 1)
    return 0;
  if (r.coordinateMode == "tf_half_pixel_for_nn")
    return (at + 0.5) / a.scale;
  if (r.coordinateMode == "tf_crop_and_resize")
    return a.out > 1 ? a.roiBegin * (in - 1) +
                           at * (a.roiEnd - a.roiBegin) * (in - 1) /
                               static_cast<double>(a.out - 1)
                     : 0.5 * (a.roiBegin + a.roiEnd) * (in - 1);
  double half = (at + 0.5) / a.scale - 0.5;
  if (r.coordinateMode == "half_pixel_symmetric") {
    double adjustment = static_cast<double>(a.out) / out, center = in / 2;
    return center * (1 - adjustment) + half;
  }
  return half;
}

double roundNearest(const std::string &mode, double x) {
  if (mode == "round_prefer_ceil")
    return std::floor(x + 0.5);
  if (mode == "floor")
    return std::floor(x);
  if (mode == "ceil")
    return std::ceil(x);
  return std::ceil(x - 0.5); // round_prefer_floor
}

double cubic(double a, double x) {
  x = std::fabs(x);
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

double triangle(double x) { return std::max(0.0, 1 - std::fabs(x)); }

// The kernel's weights around `source`, stretched by 1/scale when antialiasing.
std::vector<Tap> kernelTaps(const Resize &r, const Axis &a, double source) {
  bool isCubic = r.mode == "cubic";
  double stretch = r.antialias ? std::min(a.scale, 1.0) : 1.0;
  double reach = (isCubic ? 2 : 1) / stretch;
  int64_t first = static_cast<int64_t>(std::floor(source - reach)) + 1;
  int64_t last = static_cast<int64_t>(std::ceil(source + reach)) - 1;
  std::vector<Tap> taps;
  double sum = 0;
  for (int64_t i = first; i <= last; ++i) {
    double distance = (static_cast<double>(i) - source) * stretch;
    double weight =
        isCubic ? cubic(r.cubicCoeffA, distance) : triangle(distance);
    if (r.excludeOutside && (i < 0 || i >= a.in))
      weight = 0;
    sum += weight;
    taps.push_back({std::clamp<int64_t>(i, 0, a.in - 1), weight});
  }
  if (r.antialias || r.excludeOutside)
    for (Tap &tap : taps)
      tap.weight /= sum;
  return taps;
}

std::vector<Tap> tapsOf(const Resize &r, const Axis &a, double source) {
  if (r.mode != "nearest")
    return kernelTaps(r, a, source);
  int64_t nearest = static_cast<int64_t>(roundNearest(r.nearestMode, source));
  return {{std::clamp<int64_t>(nearest, 0, a.in - 1), 1.0}};
}

Value resizeAxis(const Value &input, int64_t axis, const Resize &r,
                 const Axis &a, std::vector<bool> &outside) {
  Shape shape = input.shape;
  shape[axis] = a.out;
  Value out = makeLike(input, shape);
  Around around(input.shape, axis);
  withStorage(input, out, [&](const auto &x, auto &y) {
    using T = typename std::decay_t<decltype(x)>::value_type;
    for (int64_t position = 0; position < a.out; ++position) {
      double source = sourceOf(r, a, position);
      outside[position] = source < 0 || source > static_cast<double>(a.in - 1);
      std::vector<Tap> taps = tapsOf(r, a, source);
      for (int64_t o = 0; o < around.outer; ++o)
        for (int64_t i = 0; i < around.inner; ++i) {
          double sum = 0;
          for (const Tap &tap : taps)
            sum += tap.weight *
                   static_cast<double>(
                       x[(o * a.in + tap.position) * around.inner + i]);
          y[(o * a.out + position) * around.inner + i] = static_cast<T>(sum);
        }
    }
  });
  return out;
}

} // namespace

Value resize(const Value &input, const Shape &shape, const Resize &r) {
  if (elementCount(shape) == 0 || input.count() == 0)
    return makeLike(input, shape);
  Value out = input;
  std::vector<std::vector<bool>> outside;
  bool crops = r.coordinateMode == "tf_crop_and_resize";
  size_t rank = shape.size();
  for (size_t axis = 0; axis < rank; ++axis) {
    double scale = r.scales[axis] != 0
                       ? r.scales[axis]
                       : static_cast<double>(shape[axis]) /
                             static_cast<double>(input.shape[axis]);
    Axis a{input.shape[axis], shape[axis], scale, 0, 1};
    if (crops && r.roi.size() == 2 * rank)
      a = {a.in, a.out, scale, r.roi[axis], r.roi[rank + axis]};
    outside.emplace_back(shape[axis], false);
    if (a.in == a.out && scale == 1 && !crops)
      continue;
    out = resizeAxis(out, static_cast<int64_t>(axis), r, a, outside.back());
  }
  if (!crops)
    return out;
  std::visit(
      [&](auto &y) {
        using T = typename std::decay_t<decltype(y)>::value_type;
        forEachIndex(shape, [&](const Shape &at, int64_t i) {
          for (size_t axis = 0; axis < rank; ++axis)
            if (outside[axis][at[axis]])
              y[i] = static_cast<T>(r.extrapolationValue);
        });
      },
      out.data);
  return out;
}

} // namespace sinter::evaluate
