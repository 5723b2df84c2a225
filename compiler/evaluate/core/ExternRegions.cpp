// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Boxes: pooling inside them, and the best among those that overlap.
#include "compiler/evaluate/core/Extern.h"

#include "compiler/evaluate/core/Walk.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sinter::evaluate {
namespace {

double bounded(double x) {
  return std::isnan(x) ? 0 : std::clamp(x, -1e9, 1e9);
}

/// One axis of a bilinear sample: two pixels and their weights.
struct Tap {
  int64_t first = 0, second = 0;
  double firstWeight = 0, secondWeight = 0;
};

Tap tapOf(double x, int64_t extent) {
  Tap tap;
  x = std::max(x, 0.0);
  tap.first = std::min(int64_t(x), extent - 1);
  tap.second = std::min(tap.first + 1, extent - 1);
  tap.secondWeight = tap.first == tap.second ? 0 : x - double(tap.first);
  tap.firstWeight = 1 - tap.secondWeight;
  return tap;
}

struct Pooling {
  double sum = 0, best = -std::numeric_limits<double>::infinity();
  void add(double x) {
    sum += x;
    best = std::max(best, x);
  }
};

void addSample(Pooling &pooling, const Value &data, int64_t plane, double y,
               double x) {
  int64_t height = data.shape[2], width = data.shape[3];
  if (!(y >= -1 && y <= double(height) && x >= -1 && x <= double(width)))
    return pooling.add(0);
  Tap down = tapOf(y, height), across = tapOf(x, width);
  auto pixel = [&](int64_t row, int64_t column) {
    return realAt(data, (plane * height + row) * width + column);
  };
  pooling.add(down.firstWeight * across.firstWeight *
              pixel(down.first, across.first));
  pooling.add(down.firstWeight * across.secondWeight *
              pixel(down.first, across.second));
  pooling.add(down.secondWeight * across.firstWeight *
              pixel(down.second, across.first));
  pooling.add(down.secondWeight * across.secondWeight *
              pixel(down.second, across.second));
}

struct Box {
  float low[2], high[2];
};

Box boxOf(const Value &boxes, int64_t at, bool isCentre) {
  float v[4];
  for (int i = 0; i < 4; ++i)
    v[i] = float(realAt(boxes, at * 4 + i));
  if (isCentre)
    return {{v[1] - v[3] / 2, v[0] - v[2] / 2},
            {v[1] + v[3] / 2, v[0] + v[2] / 2}};
  return {{std::min(v[0], v[2]), std::min(v[1], v[3])},
          {std::max(v[0], v[2]), std::max(v[1], v[3])}};
}

float areaOf(const Box &box) {
  return (box.high[0] - box.low[0]) * (box.high[1] - box.low[1]);
}

bool overlap(const Box &a, const Box &b, float threshold) {
  float height = std::min(a.high[0], b.high[0]) - std::max(a.low[0], b.low[0]);
  float width = std::min(a.high[1], b.high[1]) - std::max(a.low[1], b.low[1]);
  if (!(height > 0 && width > 0) || !(areaOf(a) > 0) || !(areaOf(b) > 0))
    return false;
  float both = height * width;
  return both / (areaOf(a) + areaOf(b) - both) > threshold;
}

} // namespace

void roiAlign(ExternCall &call, Fault &fault) {
  const Value &data = *call.inputs[0], &rois = *call.inputs[1];
  const std::vector<int64_t> &pictures = integers(*call.inputs[2]);
  bool isMax = call.integers[0], isHalf = call.integers[2];
  double offset = isHalf ? 0.5 : 0, scale = call.floats[0];
  if (data.count() == 0)
    return;
  forEachIndex(call.results[0].shape, [&](const Shape &at, int64_t linear) {
    int64_t picture = pictures[at[0]];
    picture += picture < 0 ? data.shape[0] : 0;
    if (picture < 0 || picture >= data.shape[0])
      return fault.set("a box names a picture outside the batch");
    auto edge = [&](int64_t i) {
      return bounded(realAt(rois, at[0] * 4 + i) * scale - offset);
    };
    double left = edge(0), top = edge(1), width = edge(2) - left,
           height = edge(3) - top;
    if (!isHalf) {
      width = std::max(width, 1.0);
      height = std::max(height, 1.0);
    }
    double binHeight = height / double(call.results[0].shape[2]),
           binWidth = width / double(call.results[0].shape[3]);
    int64_t rows = call.integers[1], columns = rows;
    if (rows <= 0) {
      rows = int64_t(std::ceil(binHeight));
      columns = int64_t(std::ceil(binWidth));
    }
    if (rows > 4096 || columns > 4096)
      return fault.set("a box is larger than 4096 samples a bin");
    Pooling pooling;
    for (int64_t y = 0; y < rows; ++y)
      for (int64_t x = 0; x < columns; ++x)
        addSample(pooling, data, picture * data.shape[1] + at[1],
                  top + binHeight *
                            (double(at[2]) + (double(y) + 0.5) / double(rows)),
                  left + binWidth * (double(at[3]) +
                                     (double(x) + 0.5) / double(columns)));
    double samples = std::max(double(rows * columns), 1.0);
    bool isEmpty = rows <= 0 || columns <= 0;
    setReal(call.results[0], linear,
            isEmpty ? 0
            : isMax ? pooling.best
                    : pooling.sum / samples);
  });
}

void maxRoiPool(ExternCall &call, Fault &fault) {
  const Value &data = *call.inputs[0], &rois = *call.inputs[1];
  Value &out = call.results[0];
  forEachIndex(out.shape, [&](const Shape &at, int64_t linear) {
    int64_t picture = int64_t(bounded(realAt(rois, at[0] * 5)));
    if (picture < 0 || picture >= data.shape[0])
      return fault.set("a box names a picture outside the batch");
    auto edge = [&](int64_t i) {
      return std::round(bounded(realAt(rois, at[0] * 5 + i) * call.floats[0]));
    };
    int64_t from[2], to[2];
    for (int axis = 0; axis < 2; ++axis) {
      double low = edge(axis == 0 ? 2 : 1), high = edge(axis == 0 ? 4 : 3);
      double bin = std::max(high - low + 1, 1.0) / double(out.shape[2 + axis]);
      double extent = double(data.shape[2 + axis]), i = double(at[2 + axis]);
      from[axis] = int64_t(std::clamp(std::floor(i * bin) + low, 0.0, extent));
      to[axis] =
          int64_t(std::clamp(std::ceil((i + 1) * bin) + low, 0.0, extent));
    }
    Pooling pooling;
    int64_t plane = picture * data.shape[1] + at[1];
    for (int64_t y = from[0]; y < to[0]; ++y)
      for (int64_t x = from[1]; x < to[1]; ++x)
        pooling.add(
            realAt(data, (plane * data.shape[2] + y) * data.shape[3] + x));
    setReal(out, linear, std::isinf(pooling.best) ? 0 : pooling.best);
  });
}

void suppress(ExternCall &call, Fault &fault) {
  const Value &boxes = *call.inputs[0], &scores = *call.inputs[1];
  int64_t most = integers(*call.inputs[2])[0], total = boxes.shape[1];
  float threshold = float(realAt(*call.inputs[3], 0));
  double least = realAt(*call.inputs[4], 0);
  std::vector<int64_t> &out = call.results[0].as<int64_t>();
  int64_t found = 0;
  for (int64_t line = 0; line < scores.shape[0] * scores.shape[1]; ++line) {
    auto score = [&](int64_t i) { return realAt(scores, line * total + i); };
    int64_t batch = line / scores.shape[1];
    Ints order;
    for (int64_t i = 0; i < total; ++i)
      if (!call.integers[1] || score(i) > least)
        order.push_back(i);
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return score(a) != score(b) ? score(a) > score(b) : a < b;
    });
    std::vector<Box> kept;
    for (int64_t i : order) {
      if (int64_t(kept.size()) >= most)
        break;
      Box box = boxOf(boxes, batch * total + i, call.integers[0]);
      if (std::any_of(kept.begin(), kept.end(), [&](const Box &other) {
            return overlap(box, other, threshold);
          }))
        continue;
      kept.push_back(box);
      if (found == call.results[0].shape[0])
        return fault.set("more boxes than the bound are kept");
      out[found * 3] = batch;
      out[found * 3 + 1] = line % scores.shape[1];
      out[found * 3 + 2] = i;
      ++found;
    }
  }
  call.results[1].as<int64_t>()[0] = found;
}

} // namespace sinter::evaluate
