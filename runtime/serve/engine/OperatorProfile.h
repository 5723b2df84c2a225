// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which operators the time of live runs goes to. One run in so many is timed
// record by record, in memory of its lane; what it took is added to a row for
// each node and kernel. Without a rate there is no profile and a run pays the
// look at a pointer.
#ifndef SINTER_SERVE_ENGINE_OPERATORPROFILE_H
#define SINTER_SERVE_ENGINE_OPERATORPROFILE_H

#include "runtime/serve/engine/Description.h"
#include "sinter/sinter.h"

#include <atomic>
#include <map>
#include <mutex>

namespace sinter::serve {

class OperatorProfile {
public:
  /// Records of one run that are kept; of a longer one, the last.
  static constexpr uint32_t mostRecords = 1 << 14;

  explicit OperatorProfile(uint32_t rate) : rate(rate) {}

  /// Whether this run is to be timed.
  bool isDue() {
    return seen.fetch_add(1, std::memory_order_relaxed) % rate == 0;
  }
  /// A run that ended well: the samples as sinter_profile() left them, written
  /// says how many there were.
  void add(const std::vector<sinter_sample> &ring, uint64_t written,
           uint64_t rows);
  void read(const sinter_model *model, ModelProfile &out) const;

private:
  struct Totals {
    uint64_t calls = 0, ns = 0, macs = 0, bytes = 0;
  };
  const uint32_t rate;
  std::atomic<uint64_t> seen{0};
  mutable std::mutex mutex;
  uint64_t runs = 0, rows = 0;
  std::map<std::pair<uint32_t, uint32_t>, Totals> operators; // node, kernel
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_OPERATORPROFILE_H
