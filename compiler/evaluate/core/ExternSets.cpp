// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Distinct slices, determinants and inverses, running products; and the table
// of all extern functions.
#include "compiler/evaluate/core/Extern.h"

#include "compiler/evaluate/core/Walk.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace sinter::evaluate {

void unique(ExternCall &call) {
  const Value &input = *call.inputs[0];
  int64_t count = input.shape[0], size = count ? input.count() / count : 0;
  auto &first = call.results[1].as<int64_t>(),
       &inverse = call.results[2].as<int64_t>(),
       &sizes = call.results[3].as<int64_t>();
  std::visit(
      [&](const auto &data) {
        using T = std::decay_t<decltype(data[0])>;
        auto isBelow = [](T a, T b) { return a < b || (b != b && a == a); };
        auto less = [&](int64_t a, int64_t b) {
          return std::lexicographical_compare(
              data.begin() + a * size, data.begin() + (a + 1) * size,
              data.begin() + b * size, data.begin() + (b + 1) * size, isBelow);
        };
        Ints order(count);
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), less);
        std::vector<Ints> groups;
        for (int64_t i : order) {
          if (groups.empty() || less(groups.back()[0], i))
            groups.emplace_back();
          groups.back().push_back(i);
        }
        if (!call.integers[0])
          std::sort(groups.begin(), groups.end(),
                    [](const Ints &a, const Ints &b) { return a[0] < b[0]; });
        auto &out = std::get<std::vector<T>>(call.results[0].data);
        for (size_t g = 0; g < groups.size(); ++g) {
          std::copy_n(data.begin() + groups[g][0] * size, size,
                      out.begin() + int64_t(g) * size);
          first[g] = groups[g][0];
          sizes[g] = int64_t(groups[g].size());
          for (int64_t i : groups[g])
            inverse[i] = int64_t(g);
        }
        call.results[4].as<int64_t>()[0] = int64_t(groups.size());
      },
      input.data);
}

/// Gauss-Jordan on [m | result]; the determinant of m.
static double eliminate(std::vector<double> &m, std::vector<double> &result,
                        int64_t n) {
  double product = 1;
  for (int64_t k = 0; k < n; ++k) {
    int64_t best = k;
    for (int64_t row = k; row < n; ++row)
      if (std::fabs(m[row * n + k]) > std::fabs(m[best * n + k]))
        best = row;
    for (int64_t i = 0; best != k && i < n; ++i) {
      std::swap(m[k * n + i], m[best * n + i]);
      std::swap(result[k * n + i], result[best * n + i]);
    }
    double by = m[k * n + k];
    product *= best == k ? by : -by;
    for (int64_t i = 0; i < n; ++i) {
      m[k * n + i] /= by;
      result[k * n + i] /= by;
    }
    for (int64_t row = 0; row < n; ++row) {
      double factor = m[row * n + k];
      for (int64_t i = 0; row != k && i < n; ++i) {
        m[row * n + i] -= factor * m[k * n + i];
        result[row * n + i] -= factor * result[k * n + i];
      }
    }
    if (by == 0)
      return 0;
  }
  return product;
}

/// The inverse and determinant of every matrix of the first input.
template <typename Use> static void forEachInverse(ExternCall &call, Use use) {
  const Value &input = *call.inputs[0];
  int64_t n = input.shape.back(), count = n ? input.count() / (n * n) : 0;
  for (int64_t item = 0; item < count; ++item) {
    std::vector<double> m(n * n), result(n * n);
    for (int64_t i = 0; i < n * n; ++i) {
      m[i] = realAt(input, item * n * n + i);
      result[i] = i / n == i % n;
    }
    double product = eliminate(m, result, n);
    use(item, product, result);
  }
}

void determinant(ExternCall &call) {
  forEachInverse(call, [&](int64_t item, double product, const auto &) {
    setReal(call.results[0], item, product);
  });
}

void inverse(ExternCall &call) {
  forEachInverse(call, [&](int64_t item, double, const auto &result) {
    for (size_t i = 0; i < result.size(); ++i)
      setReal(call.results[0], item * int64_t(result.size()) + int64_t(i),
              result[i]);
  });
}

void cumulativeProduct(ExternCall &call) {
  Around a(call.inputs[0]->shape, call.integers[0]);
  bool isExclusive = call.integers[1], isReverse = call.integers[2];
  withStorage(*call.inputs[0], call.results[0], [&](const auto &x, auto &y) {
    using T = typename std::decay_t<decltype(x)>::value_type;
    for (int64_t line = 0; line < a.outer * a.inner; ++line) {
      int64_t base = line / a.inner * a.extent * a.inner + line % a.inner;
      T product = 1;
      for (int64_t step = 0; step < a.extent; ++step) {
        int64_t at = base + (isReverse ? a.extent - 1 - step : step) * a.inner;
        T next = product * x[at];
        y[at] = isExclusive ? product : next;
        product = next;
      }
    }
  });
}

bool runExtern(ExternCall &call, Fault &fault) {
  using Function = void (*)(ExternCall &, Fault &);
  static const std::map<std::string, Function> functions = {
      {"grid_sample", [](ExternCall &c, Fault &) { gridSample(c); }},
      {"deform_columns", [](ExternCall &c, Fault &) { deformColumns(c); }},
      {"col2im", [](ExternCall &c, Fault &) { col2im(c); }},
      {"roi_align", roiAlign},
      {"max_roi_pool", maxRoiPool},
      {"nms", suppress},
      {"trees", trees},
      {"pair_probabilities",
       [](ExternCall &c, Fault &) { pairProbabilities(c); }},
      {"write_rows", writeRows},
      {"linear_attention", [](ExternCall &c, Fault &) { linearAttention(c); }},
      {"ngrams", [](ExternCall &c, Fault &) { ngrams(c); }},
      {"bit_cast", [](ExternCall &c, Fault &) { bitCast(c); }},
      {"unique", [](ExternCall &c, Fault &) { unique(c); }},
      {"det", [](ExternCall &c, Fault &) { determinant(c); }},
      {"inverse", [](ExternCall &c, Fault &) { inverse(c); }},
      {"cumprod", [](ExternCall &c, Fault &) { cumulativeProduct(c); }}};
  auto found = functions.find(call.callee);
  if (found == functions.end())
    return false;
  found->second(call, fault);
  return true;
}

} // namespace sinter::evaluate
