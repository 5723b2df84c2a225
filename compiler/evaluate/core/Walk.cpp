// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Strides, broadcasting and the one place of the evaluator that uses threads.
#include "compiler/evaluate/core/Walk.h"

#include "dialects/Support/Check.h"
#include "dialects/Support/Parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace sinter::evaluate {

std::vector<int64_t> stridesOf(const Shape &shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

std::vector<int64_t> broadcastStrides(const Shape &shape, const Shape &target) {
  SINTER_CHECK(shape.size() <= target.size(), "broadcast to a smaller rank");
  std::vector<int64_t> own = stridesOf(shape), strides(target.size(), 0);
  size_t missing = target.size() - shape.size();
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    bool repeats = shape[axis] == 1;
    SINTER_CHECK(repeats || shape[axis] == target[axis + missing],
                 "shapes that do not broadcast");
    strides[axis + missing] = repeats ? 0 : own[axis];
  }
  return strides;
}

Shape broadcastShape(const Shape &a, const Shape &b) {
  const Shape &longer = a.size() >= b.size() ? a : b;
  const Shape &shorter = a.size() >= b.size() ? b : a;
  Shape shape = longer;
  size_t missing = longer.size() - shorter.size();
  for (size_t axis = 0; axis < shorter.size(); ++axis)
    if (shorter[axis] != 1)
      shape[axis + missing] = shorter[axis];
  return shape;
}

void inParallel(int64_t count, int64_t work,
                const std::function<void(int64_t)> &body) {
  constexpr int64_t workWorthAThread = 1 << 20;
  int64_t width = std::min<int64_t>(std::thread::hardware_concurrency(), count);
  width = std::min<int64_t>(width, work / workWorthAThread);
  std::atomic<int64_t> next{0};
  onThreads(static_cast<size_t>(std::max<int64_t>(width, 1)), [&] {
    for (int64_t i; (i = next.fetch_add(1)) < count;)
      body(i);
  });
}

} // namespace sinter::evaluate
