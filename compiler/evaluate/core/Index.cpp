// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations whose addresses are data. Every index is checked before it is
// used; a negative one counts from the end.
#include "compiler/evaluate/core/Operations.h"

#include "compiler/evaluate/core/Walk.h"
#include "dialects/Support/Check.h"

#include <algorithm>
#include <numeric>

namespace sinter::evaluate {
namespace {

// The position that `index` names on an axis of `extent`; 0 after a fault.
int64_t resolve(int64_t index, int64_t extent, Fault &fault) {
  int64_t position = index < 0 ? index + extent : index;
  if (position >= 0 && position < extent)
    return position;
  fault.set("index " + std::to_string(index) + " is outside an axis of " +
            std::to_string(extent));
  return 0;
}

template <typename T> T combined(Combine how, T old, T update) {
  switch (how) {
  case Combine::None:
    return update;
  case Combine::Add:
    return old + update;
  case Combine::Mul:
    return old * update;
  case Combine::Min:
    return update < old ? update : old;
  case Combine::Max:
    return old < update ? update : old;
  }
  SINTER_UNREACHABLE("all reductions are listed");
}

// A strict order also with NaN, which counts as the largest.
template <typename T> bool isBelow(T a, T b) {
  return a < b || (b != b && a == a);
}

// Offset of the slice that row `row` of `indices` (tuples of `length`) names in
// the axes of `shape` from `firstAxis`.
int64_t tupleOffset(const std::vector<int64_t> &indices, int64_t row,
                    int64_t length, const Shape &shape, const Ints &strides,
                    int64_t firstAxis, Fault &fault) {
  int64_t offset = 0;
  for (int64_t i = 0; i < length; ++i)
    offset += resolve(indices[row * length + i], shape[firstAxis + i], fault) *
              strides[firstAxis + i];
  return offset;
}

} // namespace

Value gather(const Value &input, const Value &indices, int64_t axis,
             Fault &fault) {
  Around a(input.shape, axis);
  Shape shape(input.shape.begin(), input.shape.begin() + axis);
  shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
  shape.insert(shape.end(), input.shape.begin() + axis + 1, input.shape.end());
  Value out = makeLike(input, shape);
  std::vector<int64_t> positions;
  for (int64_t index : integers(indices))
    positions.push_back(resolve(index, a.extent, fault));
  if (fault)
    return out;
  withStorage(input, out, [&](const auto &x, auto &y) {
    int64_t at = 0;
    for (int64_t o = 0; o < a.outer; ++o)
      for (int64_t position : positions)
        for (int64_t i = 0; i < a.inner; ++i)
          y[at++] = x[(o * a.extent + position) * a.inner + i];
  });
  return out;
}

Value gatherElements(const Value &input, const Value &indices, int64_t axis,
                     Fault &fault) {
  Value out = makeLike(input, indices.shape);
  Ints strides = stridesOf(input.shape);
  const std::vector<int64_t> &index = integers(indices);
  withStorage(input, out, [&](const auto &x, auto &y) {
    forEachIndex(indices.shape, [&](const Shape &at, int64_t i) {
      int64_t position = resolve(index[i], input.shape[axis], fault);
      if (!fault)
        y[i] = x[offsetOf(at, strides) + (position - at[axis]) * strides[axis]];
    });
  });
  return out;
}

Value gatherND(const Value &input, const Value &indices, int64_t batchDims,
               Fault &fault) {
  int64_t length = indices.shape.back();
  Shape shape(indices.shape.begin(), indices.shape.end() - 1);
  Shape slice(input.shape.begin() + batchDims + length, input.shape.end());
  shape.insert(shape.end(), slice.begin(), slice.end());
  Value out = makeLike(input, shape);
  Ints strides = stridesOf(input.shape);
  int64_t run = elementCount(slice), batches = 1;
  for (int64_t i = 0; i < batchDims; ++i)
    batches *= indices.shape[i];
  int64_t rows = run ? out.count() / run : 0,
          rowsPerBatch = batches ? rows / batches : 0;
  int64_t batchStride = batchDims ? strides[batchDims - 1] : 0;
  withStorage(input, out, [&](const auto &x, auto &y) {
    for (int64_t row = 0; row < rows; ++row) {
      int64_t from = tupleOffset(integers(indices), row, length, input.shape,
                                 strides, batchDims, fault);
      if (fault)
        return;
      from += row / rowsPerBatch * batchStride;
      std::copy_n(x.begin() + from, run, y.begin() + row * run);
    }
  });
  return out;
}

Value scatterElements(const Value &input, const Value &indices,
                      const Value &updates, int64_t axis, Combine combine,
                      Fault &fault) {
  Value out = input;
  Ints strides = stridesOf(input.shape);
  const std::vector<int64_t> &index = integers(indices);
  withStorage(updates, out, [&](const auto &u, auto &y) {
    forEachIndex(indices.shape, [&](const Shape &at, int64_t i) {
      int64_t position = resolve(index[i], input.shape[axis], fault);
      if (fault)
        return;
      auto &cell =
          y[offsetOf(at, strides) + (position - at[axis]) * strides[axis]];
      cell = combined(combine, cell, u[i]);
    });
  });
  return out;
}

Value scatterND(const Value &input, const Value &indices, const Value &updates,
                Combine combine, Fault &fault) {
  Value out = input;
  Ints strides = stridesOf(input.shape);
  int64_t length = indices.shape.back();
  int64_t rows =
      elementCount(Shape(indices.shape.begin(), indices.shape.end() - 1));
  int64_t run =
      elementCount(Shape(input.shape.begin() + length, input.shape.end()));
  withStorage(updates, out, [&](const auto &u, auto &y) {
    for (int64_t row = 0; row < rows; ++row) {
      int64_t to = tupleOffset(integers(indices), row, length, input.shape,
                               strides, 0, fault);
      if (fault)
        return;
      for (int64_t i = 0; i < run; ++i)
        y[to + i] = combined(combine, y[to + i], u[row * run + i]);
    }
  });
  return out;
}

Value range(const Value &start, const Value &delta, int64_t count) {
  Value out = makeLike(start, {count});
  withStorage(start, out, [&](const auto &first, auto &y) {
    using Vector = std::decay_t<decltype(first)>;
    auto step = std::get<Vector>(delta.data)[0];
    for (int64_t i = 0; i < count; ++i)
      y[i] = first[0] + static_cast<typename Vector::value_type>(i) * step;
  });
  return out;
}

Value oneHot(const Value &indices, const Value &offOn, int64_t axis,
             int64_t depth) {
  Shape shape = indices.shape;
  shape.insert(shape.begin() + axis, depth);
  Around a(shape, axis);
  Value out = makeLike(offOn, shape);
  // Indices may be of a float type; an index outside [-depth, depth) sets
  // nothing.
  std::vector<double> index;
  std::visit([&](const auto &x) { index.assign(x.begin(), x.end()); },
             indices.data);
  withStorage(offOn, out, [&](const auto &values, auto &y) {
    std::fill(y.begin(), y.end(), values[0]);
    for (int64_t i = 0; i < static_cast<int64_t>(index.size()); ++i) {
      double wanted =
          index[i] < 0 ? index[i] + static_cast<double>(depth) : index[i];
      if (wanted < 0 || wanted >= static_cast<double>(depth))
        continue;
      int64_t position = static_cast<int64_t>(wanted);
      y[(i / a.inner * depth + position) * a.inner + i % a.inner] = values[1];
    }
  });
  return out;
}

TopK topK(const Value &input, int64_t k, int64_t axis, bool largest) {
  Around a(input.shape, axis);
  Shape shape = input.shape;
  shape[axis] = k;
  TopK out{makeLike(input, shape),
           makeValue(ElementKind::I64, shape, Mode::Declared)};
  std::vector<int64_t> &indices = out.indices.as<int64_t>();
  std::vector<int64_t> order(a.extent);
  withStorage(input, out.values, [&](const auto &x, auto &y) {
    for (int64_t line = 0; line < a.outer * a.inner; ++line) {
      int64_t outer = line / a.inner, inner = line % a.inner;
      auto element = [&](int64_t i) {
        return x[(outer * a.extent + i) * a.inner + inner];
      };
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
        auto a = element(largest ? j : i), b = element(largest ? i : j);
        return isBelow(a, b) || (!isBelow(b, a) && i < j);
      });
      for (int64_t i = 0; i < k; ++i) {
        int64_t to = (outer * k + i) * a.inner + inner;
        y[to] = element(order[i]);
        indices[to] = order[i];
      }
    }
  });
  return out;
}

Value nonZero(const Value &input) {
  std::vector<Shape> found;
  std::visit(
      [&](const auto &x) {
        forEachIndex(input.shape, [&](const Shape &at, int64_t i) {
          if (x[i] != 0)
            found.push_back(at);
        });
      },
      input.data);
  int64_t count = static_cast<int64_t>(found.size());
  Value out =
      makeValue(ElementKind::I64, {input.rank(), count}, Mode::Declared);
  std::vector<int64_t> &y = out.as<int64_t>();
  for (int64_t i = 0; i < count; ++i)
    for (int64_t axis = 0; axis < input.rank(); ++axis)
      y[axis * count + i] = found[i][axis];
  return out;
}

} // namespace sinter::evaluate
