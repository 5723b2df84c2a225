// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What to run next, as a pure function of the queue, the clock and the cost
// table: the scheduler and the simulator ask the same one, tests need no
// threads.
//
// A batch grows while one more request in it costs clearly less than a run of
// its own and no deadline in it breaks. An unfull batch waits only when every
// thread is spoken for by it and the next arrival is expected so soon that the
// sum of all latencies falls: with r rows waiting, the next in g, cost c(n),
//     now:  r c(r) + (c(r) - g) + c(1)      wait:  r (g + c(r+1)) + c(r+1)
// A model whose cost is flat waits while g < c / (r + 1); one whose cost grows
// with its rows never waits. Never longer than one run, never past a deadline.
#ifndef SINTER_SERVE_ENGINE_BATCHPOLICY_H
#define SINTER_SERVE_ENGINE_BATCHPOLICY_H

#include "runtime/serve/engine/CostTable.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace sinter::serve {

/// Nanoseconds on any clock that only grows.
using Nanos = int64_t;
constexpr Nanos never = std::numeric_limits<Nanos>::max();

struct PolicyOptions {
  int64_t maxBatch = 1;
  int64_t divisor = 1;    ///< of the rows of a run
  int64_t fixedBatch = 0; ///< the object takes exactly that many rows
  bool mayBatch = false;  ///< rows are independent
  Nanos fixedDelay =
      0; ///< with preferred sizes or alone: Triton's rule in place of ours
  std::vector<int64_t> preferred; ///< ascending
};

struct WaitingItem {
  int64_t rows = 1; ///< those not yet handed out
  Nanos arrival = 0, deadline = never;
  size_t shape = 0; ///< equal ones go together
};

struct PolicyView {
  Nanos now = 0;
  std::vector<WaitingItem> items; ///< in the order of the queue
  uint32_t freeLanes = 1, lanes = 1;
  Nanos gap = never; ///< expected until the next arrival
};

struct Decision {
  std::vector<std::pair<size_t, int64_t>> take; ///< item, rows; empty = wait
  int64_t rows = 0;
  bool wide = false;  ///< on all threads
  Nanos wake = never; ///< look again then, or when something arrives
};

Decision decide(const PolicyView &view, const CostTable &costs,
                const PolicyOptions &options);

/// Time until a request with so many rows before it is answered, rather too
/// long than too short: what is let in must make it. busyFor: until a lane is
/// free.
Nanos expectedTime(int64_t rowsAhead, int64_t rows, Nanos busyFor,
                   uint32_t lanes, const CostTable &costs,
                   const PolicyOptions &options);

/// Time from one arrival to the next, as a moving average; never when nothing
/// came for much longer than that.
class ArrivalRate {
public:
  void arrive(Nanos now);
  Nanos gap(Nanos now) const;

private:
  Nanos last = -1;
  double mean = 0;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_BATCHPOLICY_H
