// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Forests of decision trees and classes in pairs, once more: the table of nodes
// is that of codegen/cpu/extern/Trees.c, the minimum that of Pairs.c.
#include "compiler/evaluate/core/Extern.h"

#include <algorithm>
#include <cmath>

namespace sinter::evaluate {
namespace {

enum { Feature, Comparison, WhenTrue, WhenFalse, Fields };
constexpr int64_t kLeaf = 6, kTracksNan = 8;

bool holds(int64_t comparison, double value, double split) {
  if (std::isnan(value) && comparison >= kTracksNan)
    return true;
  switch (comparison % kTracksNan) {
  case 0:
    return value <= split;
  case 1:
    return value < split;
  case 2:
    return value >= split;
  case 3:
    return value > split;
  case 4:
    return value == split;
  default:
    return value != split;
  }
}

} // namespace

void trees(ExternCall &call, Fault &fault) {
  const Value &x = *call.inputs[0], &nodes = *call.inputs[1],
              &splits = *call.inputs[2], &targets = *call.inputs[3],
              &weights = *call.inputs[4], &roots = *call.inputs[5];
  Value &out = call.results[0];
  int64_t features = x.shape[1], width = out.shape[1], kind = call.integers[0];
  auto field = [&](int64_t node, int64_t column) {
    return int64_t(realAt(nodes, node * Fields + column));
  };
  for (int64_t row = 0; row < x.shape[0]; ++row) {
    std::vector<std::vector<double>> found(width);
    for (int64_t tree = 0; tree < roots.shape[0]; ++tree) {
      int64_t node = int64_t(realAt(roots, tree)), steps = 0;
      for (; field(node, Comparison) != kLeaf; ++steps) {
        if (steps > nodes.shape[0])
          return fault.set("a tree has a cycle");
        double value = realAt(x, row * features + field(node, Feature));
        bool isTrue =
            holds(field(node, Comparison), value, realAt(splits, node));
        node = field(node, isTrue ? WhenTrue : WhenFalse);
      }
      int64_t first = field(node, WhenTrue);
      for (int64_t i = first; i < first + field(node, WhenFalse); ++i)
        found[int64_t(realAt(targets, i))].push_back(realAt(weights, i));
    }
    for (int64_t t = 0; t < width; ++t) {
      const std::vector<double> &list = found[t];
      double sum = 0;
      if (kind >= 2 && !list.empty())
        sum = kind == 2 ? *std::min_element(list.begin(), list.end())
                        : *std::max_element(list.begin(), list.end());
      for (double weight : list)
        sum += kind < 2 ? weight : 0;
      if (kind == 1 && roots.shape[0])
        sum /= double(roots.shape[0]);
      setReal(out, row * width + t, sum);
    }
  }
}

void pairProbabilities(ExternCall &call) {
  const Value &x = *call.inputs[0];
  int64_t n = call.results[0].shape[1], pairs = x.shape[1];
  for (int64_t row = 0; row < x.shape[0]; ++row) {
    std::vector<double> wins(n * n), q(n * n), p(n, 1.0 / double(n)), qp(n);
    for (int64_t a = 0, pair = 0; a < n; ++a)
      for (int64_t b = a + 1; b < n; ++b, ++pair) {
        wins[a * n + b] = realAt(x, row * pairs + pair);
        wins[b * n + a] = 1 - wins[a * n + b];
      }
    for (int64_t a = 0; a < n; ++a)
      for (int64_t b = 0; b < n; ++b)
        if (a != b) {
          q[a * n + b] = -wins[b * n + a] * wins[a * n + b];
          q[a * n + a] += wins[b * n + a] * wins[b * n + a];
        }
    for (int64_t i = 0; i < std::max<int64_t>(100, n); ++i) {
      double total = 0, most = 0;
      for (int64_t a = 0; a < n; ++a) {
        qp[a] = 0;
        for (int64_t b = 0; b < n; ++b)
          qp[a] += q[a * n + b] * p[b];
        total += p[a] * qp[a];
      }
      for (double value : qp)
        most = std::max(most, std::fabs(value - total));
      if (most < 0.005 / double(n))
        break;
      for (int64_t a = 0; a < n; ++a) {
        double by = (total - qp[a]) / q[a * n + a];
        total = (total + by * (by * q[a * n + a] + 2 * qp[a])) / (1 + by) /
                (1 + by);
        p[a] += by;
        for (int64_t b = 0; b < n; ++b) {
          qp[b] = (qp[b] + by * q[a * n + b]) / (1 + by);
          p[b] /= 1 + by;
        }
      }
    }
    for (int64_t a = 0; a < n; ++a)
      setReal(call.results[0], row * n + a, p[a]);
  }
}

} // namespace sinter::evaluate
