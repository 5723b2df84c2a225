// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a batch of n rows costs, in nanoseconds: the compiler's estimate first,
// then measured and kept true by live traffic. Two columns: one thread, and all
// of them. A plain value: the scheduler guards its own, the simulator has one.
//
// Decisions go by the mean. Beside it is kept how the runs spread, and how late
// threads wake, for whoever asks what latencies will be.
#ifndef SINTER_SERVE_ENGINE_COSTTABLE_H
#define SINTER_SERVE_ENGINE_COSTTABLE_H

#include "runtime/serve/engine/Spread.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sinter::serve {

class CostTable {
public:
  /// threads: how many the wide column runs on; 1 = there is no wide column.
  explicit CostTable(uint32_t threads = 1) : threads(threads) {}

  /// From the compiler; a measurement of the same size replaces it.
  void estimate(int64_t rows, int64_t ns);
  /// One run. The first replaces an estimate, and scales the others; the best
  /// of the first few counts, later ones move the average. A size that was not
  /// run for long is doubted again.
  void measure(int64_t rows, bool wide, int64_t ns);

  /// What one run took of its thread, with all that the thread did around it.
  /// Of a size that is not known: as one of the nearest.
  void observe(int64_t rows, bool wide, double ns, double weight = 1);

  /// The other's measurements, when the estimates of both say that they cost
  /// the same: a new version of a model is one it has known for long.
  void inherit(const CostTable &other);

  /// Between known sizes it is a line, past the last a line through the last
  /// two.
  int64_t cost(int64_t rows, bool wide = false) const;
  /// The q-quantile of what a run takes. Of a size that ran too rarely to tell,
  /// as the nearest one that did not; the cost where nothing was observed.
  int64_t quantile(int64_t rows, bool wide, double q) const;
  bool isKnown() const { return !points.empty(); }
  bool varies() const; ///< anything was observed
  bool isMeasured(int64_t rows, bool wide = false) const;
  uint32_t width() const { return threads; }
  std::vector<int64_t> sizes() const;
  std::vector<Spread::Step> runs(int64_t rows, bool wide) const;

  /// How late a thread begins that slept when there was something to run.
  Spread wakes;

private:
  struct Point {
    int64_t rows;
    double ns[2];        // one thread, all threads; 0 = unknown
    double estimated;    // by the compiler, as it said it; 0 = it did not
    uint32_t samples[2]; // 0 = estimated
    uint32_t age[2];     // runs of other sizes since
    Spread runs[2];      // observed
  };
  Point &at(int64_t rows);
  Point &nearest(int64_t rows);
  const Point *observed(int64_t rows, bool wide) const;
  double raw(const Point &point, bool wide) const;
  double column(size_t index, bool wide) const;

  uint32_t threads;
  std::vector<Point> points; // by rows
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_COSTTABLE_H
