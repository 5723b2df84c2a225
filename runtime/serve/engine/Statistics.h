// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counters of one version. Every thread adds without a lock; readers take a
// copy that may be a few requests old.
#ifndef SINTER_SERVE_ENGINE_STATISTICS_H
#define SINTER_SERVE_ENGINE_STATISTICS_H

#include "runtime/serve/engine/Description.h"
#include "runtime/serve/engine/Request.h"

#include <array>
#include <atomic>

namespace sinter::serve {

struct Total {
  std::atomic<uint64_t> count{0}, ns{0};
  void add(uint64_t duration) {
    count.fetch_add(1, std::memory_order_relaxed);
    ns.fetch_add(duration, std::memory_order_relaxed);
  }
  Duration read() const {
    return {count.load(std::memory_order_relaxed),
            ns.load(std::memory_order_relaxed)};
  }
};

class AtomicHistogram {
public:
  void add(uint64_t durationNs);
  Histogram read() const;

private:
  std::array<std::atomic<uint64_t>, histogramBoundsUs.size() + 1> counts{};
  std::atomic<uint64_t> sumNs{0};
};

struct SizeTotals {
  Total input, infer, output;
  AtomicHistogram compute;
};

/// What a guard compares of two versions.
struct Health {
  uint64_t answers = 0, failures = 0, nans = 0, runs = 0, runNs = 0;
};

class Counters {
public:
  ~Counters();
  /// A run of so many rows, and how long its three parts took.
  void addRun(uint64_t rows, uint64_t padded, uint64_t inputNs,
              uint64_t inferNs, uint64_t outputNs);
  void addAnswer(const Status &status, const Phases &phases, uint64_t rows);
  void addRejected() { rejected.fetch_add(1, std::memory_order_relaxed); }
  void addNan() { nans.fetch_add(1, std::memory_order_relaxed); }
  void addShadow(bool differed);
  void read(ModelStatistics &out) const;
  Health health() const;

private:
  // Sizes over 128 share a counter with their next power of two.
  static constexpr size_t exactSizes = 128, slots = exactSizes + 40;
  std::array<std::atomic<SizeTotals *>, slots> sizes{};
  std::atomic<uint64_t> lastMs{0}, rows{0}, padded{0}, rejected{0};
  std::atomic<uint64_t> cancelled{0}, faults{0}, nans{0}, shadowCompared{0},
      shadowDiffered{0};
  AtomicHistogram requestTime, queueTime, computeTime;
  Total success, fail, queue, input, infer, output;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_STATISTICS_H
