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

struct SizeTotals {
  Total input, infer, output;
};

class Counters {
public:
  ~Counters();
  /// A run of so many rows, and how long its three parts took.
  void addRun(uint64_t rows, uint64_t padded, uint64_t inputNs,
              uint64_t inferNs, uint64_t outputNs);
  void addAnswer(const Status &status, const Phases &phases, uint64_t rows);
  void addRejected() { rejected.fetch_add(1, std::memory_order_relaxed); }
  void read(ModelStatistics &out) const;

private:
  // Sizes over 128 share a counter with their next power of two.
  static constexpr size_t exactSizes = 128, slots = exactSizes + 40;
  std::array<std::atomic<SizeTotals *>, slots> sizes{};
  std::atomic<uint64_t> lastMs{0}, rows{0}, padded{0}, rejected{0},
      cancelled{0};
  Total success, fail, queue, input, infer, output;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_STATISTICS_H
