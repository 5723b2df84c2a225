// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a time spreads from one occasion to the next. A mean plans batches; what
// the slowest requests wait for is the tail that it hides, so `--simulate`
// draws from this. Steps of a sixteenth of an octave, each with the mean of
// what fell into it: a time that never varies comes out as it went in, and
// memory is bounded by the octaves. The last thousands count: older ones fade.
#ifndef SINTER_SERVE_ENGINE_SPREAD_H
#define SINTER_SERVE_ENGINE_SPREAD_H

#include <cstdint>
#include <vector>

namespace sinter::serve {

class Spread {
public:
  struct Step {
    double ns, weight;
  };

  void add(double ns, double weight = 1);
  double weight() const { return total; }
  /// What a share q of all, 0 <= q < 1, did not exceed; 0 of nothing.
  int64_t quantile(double q) const;
  /// Ascending.
  std::vector<Step> steps() const;

private:
  struct Bucket {
    uint32_t index;
    double ns, weight; // ns: the mean
  };
  void fade();

  std::vector<Bucket> buckets; // by index
  double total = 0;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_SPREAD_H
