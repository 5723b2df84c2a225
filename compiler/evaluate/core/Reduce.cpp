// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions, softmax and running sums. Each works line by line: the elements
// that fold into one result, in index order.
#include "compiler/evaluate/core/Operations.h"

#include "compiler/evaluate/core/Walk.h"
#include "dialects/Support/Check.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sinter::evaluate {
namespace {

template <typename T> using Line = std::vector<T>;

template <typename T> T largestOf(const Line<T> &line, T start) {
  T best = start;
  for (T x : line)
    best = x > best || x != x ? x : best;
  return best;
}

template <typename T> T smallestOf(const Line<T> &line, T start) {
  T best = start;
  for (T x : line)
    best = x < best || x != x ? x : best;
  return best;
}

template <typename T, typename Term> T sumOf(const Line<T> &line, Term term) {
  T sum = 0;
  for (T x : line)
    sum += term(x);
  return sum;
}

// What the reduction of an empty line is, and the neutral start of max and min.
struct Bounds {
  int64_t lowest, highest;
};

Bounds boundsOf(ElementKind kind) {
  unsigned bits = bitWidth(kind);
  if (kind == ElementKind::Bool)
    return {0, 1};
  if (isUnsigned(kind))
    return {0, static_cast<int64_t>(~uint64_t(0) >> (64 - bits))};
  int64_t highest = static_cast<int64_t>(~uint64_t(0) >> (65 - bits));
  return {-highest - 1, highest};
}

template <typename T> T logSumExp(const Line<T> &line) {
  T top = largestOf(line, -std::numeric_limits<T>::infinity());
  if (std::isinf(top))
    return top;
  return top + std::log(sumOf(line, [&](T x) { return std::exp(x - top); }));
}

template <typename T>
T fold(ReduceKind kind, const Line<T> &line, ElementKind element) {
  constexpr bool isInteger = std::is_same_v<T, int64_t>;
  auto same = [](T x) { return x; };
  auto square = [](T x) { return x * x; };
  auto magnitude = [](T x) { return x < 0 ? -x : x; };
  auto asReal = [](T x) { return static_cast<double>(x); };
  // Sums of integers wrap, so that a root or a logarithm may be of less than 0.
  auto fromReal = [&](double x) {
    if constexpr (isInteger)
      return toInteger(x, element);
    else
      return static_cast<T>(x);
  };
  switch (kind) {
  case ReduceKind::Sum:
    return sumOf(line, same);
  case ReduceKind::Mean:
    if (isInteger && line.empty())
      return 0;
    return sumOf(line, same) / static_cast<T>(line.size());
  case ReduceKind::Prod: {
    T product = 1;
    for (T x : line)
      product *= x;
    return product;
  }
  case ReduceKind::Max:
  case ReduceKind::Min: {
    bool largest = kind == ReduceKind::Max;
    T start;
    if constexpr (isInteger)
      start = largest ? boundsOf(element).lowest : boundsOf(element).highest;
    else
      start = largest ? -std::numeric_limits<T>::infinity()
                      : std::numeric_limits<T>::infinity();
    return largest ? largestOf(line, start) : smallestOf(line, start);
  }
  case ReduceKind::L1:
    return sumOf(line, magnitude);
  case ReduceKind::SumSquare:
    return sumOf(line, square);
  case ReduceKind::L2:
    return fromReal(std::sqrt(asReal(sumOf(line, square))));
  case ReduceKind::LogSum:
    return fromReal(std::log(asReal(sumOf(line, same))));
  case ReduceKind::LogSumExp:
    if constexpr (isInteger)
      return fromReal(logSumExp(Line<double>(line.begin(), line.end())));
    else
      return logSumExp(line);
  }
  SINTER_UNREACHABLE("all reductions are listed");
}

} // namespace

Value reduce(const Value &input, ReduceKind kind, const Ints &axes,
             bool keepDims) {
  std::vector<bool> reduced(input.shape.size(), false);
  for (int64_t axis : axes)
    reduced[axis] = true;
  Shape kept, inner, shape;
  Ints all = stridesOf(input.shape), keptStrides, innerStrides;
  for (size_t axis = 0; axis < input.shape.size(); ++axis) {
    (reduced[axis] ? inner : kept).push_back(input.shape[axis]);
    (reduced[axis] ? innerStrides : keptStrides).push_back(all[axis]);
    if (!reduced[axis] || keepDims)
      shape.push_back(reduced[axis] ? 1 : input.shape[axis]);
  }
  std::vector<int64_t> offsets;
  forEachIndex(inner, [&](const Shape &at, int64_t) {
    offsets.push_back(offsetOf(at, innerStrides));
  });
  Value out = makeLike(input, shape);
  withStorage(input, out, [&](const auto &x, auto &y) {
    using T = typename std::decay_t<decltype(x)>::value_type;
    Line<T> line(offsets.size());
    forEachIndex(kept, [&](const Shape &at, int64_t linear) {
      int64_t base = offsetOf(at, keptStrides);
      for (size_t i = 0; i < offsets.size(); ++i)
        line[i] = x[base + offsets[i]];
      y[linear] = fold(kind, line, input.kind);
    });
  });
  return out;
}

Value argReduce(const Value &input, bool largest, int64_t axis, bool keepDims,
                bool selectLast) {
  Around a(input.shape, axis);
  Shape shape = input.shape;
  shape[axis] = 1;
  if (!keepDims)
    shape.erase(shape.begin() + axis);
  Value out = makeValue(ElementKind::I64, shape, Mode::Declared);
  std::vector<int64_t> &result = out.as<int64_t>();
  std::visit(
      [&](const auto &x) {
        for (int64_t line = 0; line < a.outer * a.inner; ++line) {
          int64_t base = line / a.inner * a.extent * a.inner + line % a.inner,
                  best = 0;
          for (int64_t i = 1; i < a.extent; ++i) {
            auto candidate = x[base + i * a.inner],
                 top = x[base + best * a.inner];
            bool better = largest ? candidate > top : candidate < top;
            if (better || (selectLast && candidate == top))
              best = i;
          }
          result[line] = best;
        }
      },
      input.data);
  return out;
}

Value softmax(const Value &input, int64_t axis, bool log) {
  Around a(input.shape, axis);
  Value out = makeLike(input, input.shape);
  withStorage(input, out, [&](const auto &x, auto &y) {
    using T = typename std::decay_t<decltype(x)>::value_type;
    for (int64_t line = 0; line < a.outer * a.inner && a.extent; ++line) {
      int64_t base = line / a.inner * a.extent * a.inner + line % a.inner;
      auto at = [&](int64_t i) { return base + i * a.inner; };
      T top = x[base], sum = 0;
      for (int64_t i = 1; i < a.extent; ++i)
        top = std::max(top, x[at(i)]);
      for (int64_t i = 0; i < a.extent; ++i) {
        y[at(i)] = static_cast<T>(std::exp(x[at(i)] - top));
        sum += y[at(i)];
      }
      for (int64_t i = 0; i < a.extent; ++i)
        y[at(i)] = log ? static_cast<T>(x[at(i)] - top - std::log(sum))
                       : y[at(i)] / sum;
    }
  });
  return out;
}

Value cumsum(const Value &input, int64_t axis, bool exclusive, bool reverse) {
  Around a(input.shape, axis);
  Value out = makeLike(input, input.shape);
  withStorage(input, out, [&](const auto &x, auto &y) {
    using T = typename std::decay_t<decltype(x)>::value_type;
    for (int64_t line = 0; line < a.outer * a.inner; ++line) {
      int64_t base = line / a.inner * a.extent * a.inner + line % a.inner;
      T sum = 0;
      for (int64_t step = 0; step < a.extent; ++step) {
        int64_t at = base + (reverse ? a.extent - 1 - step : step) * a.inner;
        T before = sum;
        sum += x[at];
        y[at] = exclusive ? before : sum;
      }
    }
  });
  return out;
}

} // namespace sinter::evaluate
