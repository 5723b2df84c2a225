// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations that only move elements: for each element of the result, where it
// comes from.
#include "compiler/evaluate/core/Operations.h"

#include "compiler/evaluate/core/Walk.h"

#include <algorithm>

namespace sinter::evaluate {
namespace {

// result[at] = input[start + sum of at * strides].
Value view(const Value &input, Shape shape, int64_t start,
           const Ints &strides) {
  Value out = makeLike(input, std::move(shape));
  withStorage(input, out, [&](const auto &x, auto &y) {
    forEachIndex(out.shape, [&](const Shape &at, int64_t i) {
      y[i] = x[start + offsetOf(at, strides)];
    });
  });
  return out;
}

// Where padding in `mode` takes position x of an axis from; -1: the constant.
int64_t padSource(PadMode mode, int64_t x, int64_t extent) {
  if (x >= 0 && x < extent)
    return x;
  switch (mode) {
  case PadMode::Constant:
    return -1;
  case PadMode::Edge:
    return std::clamp<int64_t>(x, 0, extent - 1);
  case PadMode::Wrap:
    return (x % extent + extent) % extent;
  case PadMode::Reflect: {
    int64_t period = 2 * (extent - 1);
    if (period == 0)
      return 0;
    int64_t phase = (x % period + period) % period;
    return phase < extent ? phase : period - phase;
  }
  }
  return -1;
}

} // namespace

Value transpose(const Value &input, const Ints &permutation) {
  Ints own = stridesOf(input.shape), strides;
  Shape shape;
  for (int64_t axis : permutation) {
    shape.push_back(input.shape[axis]);
    strides.push_back(own[axis]);
  }
  return view(input, shape, 0, strides);
}

Value reshape(const Value &input, Shape shape) {
  Value out = input;
  out.shape = std::move(shape);
  return out;
}

Value broadcast(const Value &input, const Shape &shape) {
  return view(input, shape, 0, broadcastStrides(input.shape, shape));
}

Value concat(const std::vector<const Value *> &inputs, int64_t axis) {
  Shape shape = inputs[0]->shape;
  shape[axis] = 0;
  for (const Value *input : inputs)
    shape[axis] += input->shape[axis];
  Value out = makeLike(*inputs[0], shape);
  Around whole(shape, axis);
  int64_t first = 0;
  for (const Value *input : inputs) {
    Around part(input->shape, axis);
    int64_t run = part.extent * part.inner;
    withStorage(*input, out, [&](const auto &x, auto &y) {
      for (int64_t o = 0; o < part.outer; ++o)
        std::copy_n(x.begin() + o * run, run,
                    y.begin() + o * whole.extent * whole.inner +
                        first * whole.inner);
    });
    first += part.extent;
  }
  return out;
}

Value slice(const Value &input, const Ints &starts, const Ints &sizes,
            const Ints &steps) {
  Ints own = stridesOf(input.shape), strides;
  int64_t start = 0;
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    start += starts[axis] * own[axis];
    strides.push_back(own[axis] * steps[axis]);
  }
  return view(input, sizes, start, strides);
}

Value pad(const Value &input, Maybe value, PadMode mode, const Ints &low,
          const Ints &high, Fault &fault) {
  Shape shape = input.shape;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    shape[axis] = std::max<int64_t>(0, shape[axis] + low[axis] + high[axis]);
    if (mode != PadMode::Constant && input.shape[axis] == 0 &&
        shape[axis] > 0) {
      fault.set("pad repeats elements of an axis that has none");
      return makeLike(input, shape);
    }
  }
  Value out = makeLike(input, shape);
  Ints strides = stridesOf(input.shape);
  withStorage(input, out, [&](const auto &x, auto &y) {
    using Vector = std::decay_t<decltype(x)>;
    auto filler = value ? std::get<Vector>(value->data)[0]
                        : typename Vector::value_type(0);
    forEachIndex(shape, [&](const Shape &at, int64_t i) {
      int64_t offset = 0;
      for (size_t axis = 0; axis < shape.size() && offset >= 0; ++axis) {
        int64_t source =
            padSource(mode, at[axis] - low[axis], input.shape[axis]);
        offset = source < 0 ? -1 : offset + source * strides[axis];
      }
      y[i] = offset < 0 ? filler : x[offset];
    });
  });
  return out;
}

Value trilu(const Value &input, int64_t k, bool upper) {
  Value out = input;
  int64_t rows = input.shape[input.rank() - 2],
          columns = input.shape[input.rank() - 1];
  std::visit(
      [&](auto &y) {
        for (int64_t i = 0; i < static_cast<int64_t>(y.size()); ++i) {
          int64_t row = i / columns % rows, diagonal = i % columns - row;
          if (upper ? diagonal < k : diagonal > k)
            y[i] = 0;
        }
      },
      out.data);
  return out;
}

} // namespace sinter::evaluate
