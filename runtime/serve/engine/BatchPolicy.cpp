// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/BatchPolicy.h"

#include <algorithm>

namespace sinter::serve {
namespace {

// Part of its own run that a request must save to go with others: they all wait
// for the whole batch, and measured costs are off by some percent.
constexpr Nanos worthJoining = 16;

// What a run of so many rows costs, padding included.
Nanos price(const CostTable &costs, const PolicyOptions &options, int64_t rows,
            bool wide) {
  return costs.cost(options.fixedBatch ? options.fixedBatch : rows, wide);
}

struct Forming {
  Decision decision;
  Nanos deadline = never, oldest = never;
};

void add(Forming &batch, const WaitingItem &item, size_t index, int64_t rows) {
  batch.decision.take.emplace_back(index, rows);
  batch.decision.rows += rows;
  batch.deadline = std::min(batch.deadline, item.deadline);
  batch.oldest = std::min(batch.oldest, item.arrival);
}

// The head of the queue and whoever gains by going with it.
Forming gather(const PolicyView &view, const CostTable &costs,
               const PolicyOptions &options, int64_t most) {
  Forming batch;
  const WaitingItem &head = view.items[0];
  add(batch, head, 0, options.mayBatch ? std::min(head.rows, most) : head.rows);
  for (size_t i = 1;
       options.mayBatch && i < view.items.size() && batch.decision.rows < most;
       ++i) {
    const WaitingItem &item = view.items[i];
    int64_t rows = std::min(item.rows, most - batch.decision.rows),
            sum = batch.decision.rows + rows;
    if (item.shape != head.shape)
      continue;
    Nanos together = price(costs, options, sum, false);
    Nanos own = price(costs, options, rows, false);
    Nanos apart = price(costs, options, batch.decision.rows, false) + own;
    Nanos deadline = std::min(batch.deadline, item.deadline);
    bool breaks = deadline != never && view.now + together > deadline;
    // A size that never ran is tried: nothing else would correct its estimate.
    Nanos gain = costs.isMeasured(sum) ? own / worthJoining : -rows;
    if (together > apart - gain || breaks)
      continue;
    add(batch, item, i, rows);
  }
  return batch;
}

// Rows a lane should take when several are free: as few as finish soonest.
int64_t shareOf(const PolicyView &view, const CostTable &costs,
                const PolicyOptions &options, int64_t waiting) {
  int64_t most = options.fixedBatch ? options.fixedBatch : options.maxBatch;
  if (options.fixedBatch || view.freeLanes < 2 || waiting < 2 ||
      !costs.isKnown())
    return most;
  int64_t share = (waiting + view.freeLanes - 1) / view.freeLanes;
  share = (share + options.divisor - 1) / options.divisor * options.divisor;
  int64_t whole = std::min(waiting, most);
  // A second thread for a gain of a few percent is one less for somebody else.
  bool worth = price(costs, options, share, false) * 5 <
               price(costs, options, whole, false) * 4;
  return worth ? std::min(share, most) : most;
}

// All threads for one run: only when they are all free and what waits ends
// clearly sooner; the measurements are noisy, and threads that meet cost the
// others. Two that wait are two runs side by side, in the time of one.
bool goesWide(const PolicyView &view, const CostTable &costs,
              const PolicyOptions &options, int64_t share, int64_t whole,
              int64_t waiting) {
  if (view.lanes < 2 || view.freeLanes < view.lanes || costs.width() < 2)
    return false;
  auto rounds = [](int64_t count, int64_t each) {
    return (count + each - 1) / std::max<int64_t>(each, 1);
  };
  Nanos after =
      options.mayBatch ? rounds(waiting, whole) : int64_t(view.items.size());
  Nanos beside = options.mayBatch
                     ? rounds(waiting, share * view.lanes)
                     : rounds(int64_t(view.items.size()), view.lanes);
  return after * price(costs, options, whole, true) * 8 <
         beside * price(costs, options, share, false) * 7;
}

Nanos fixedWait(const Forming &batch, const PolicyOptions &options) {
  for (int64_t size : options.preferred)
    if (size == batch.decision.rows)
      return 0;
  return batch.oldest + options.fixedDelay;
}

Nanos costWait(const PolicyView &view, const Forming &batch,
               const CostTable &costs, const PolicyOptions &options) {
  if (view.freeLanes > 1 || view.gap == never || !costs.isKnown())
    return 0;
  int64_t r = batch.decision.rows;
  double count = double(batch.decision.take.size()), gap = double(view.gap);
  double now = double(price(costs, options, r, false)),
         one = double(price(costs, options, 1, false));
  double joined = double(price(costs, options, r + 1, false));
  double start = count * now + std::max(now - gap, 0.0) + one;
  double wait = count * (gap + joined) + joined;
  if (wait >= start)
    return 0;
  return std::min(view.now + 2 * view.gap, batch.oldest + Nanos(now));
}

// The largest preferred size that the batch fills; the rest stays.
void trim(Forming &batch, const PolicyOptions &options) {
  int64_t size = 0;
  for (int64_t preferred : options.preferred)
    if (preferred <= batch.decision.rows && preferred % options.divisor == 0)
      size = preferred;
  while (size && batch.decision.rows > size) {
    auto &last = batch.decision.take.back();
    int64_t over = std::min(batch.decision.rows - size, last.second);
    last.second -= over;
    batch.decision.rows -= over;
    if (!last.second)
      batch.decision.take.pop_back();
  }
}

} // namespace

Decision decide(const PolicyView &view, const CostTable &costs,
                const PolicyOptions &options) {
  if (view.items.empty() || !view.freeLanes)
    return {};
  int64_t waiting = 0,
          most = options.fixedBatch ? options.fixedBatch : options.maxBatch;
  for (const WaitingItem &item : view.items)
    waiting += item.shape == view.items[0].shape ? item.rows : 0;
  int64_t share = options.mayBatch ? shareOf(view, costs, options, waiting)
                                   : view.items[0].rows;
  int64_t whole =
      options.mayBatch ? std::min(waiting, most) : view.items[0].rows;
  bool wide = goesWide(view, costs, options, share, whole, waiting);
  Forming batch = gather(view, costs, options, wide ? most : share);
  batch.decision.wide = wide;
  bool full = batch.decision.rows >= most || !options.mayBatch;
  if (full || view.freeLanes > 1)
    if (full || !options.fixedDelay)
      return batch.decision;
  Nanos until = options.fixedDelay ? fixedWait(batch, options)
                                   : costWait(view, batch, costs, options);
  // The head must still make it when nobody comes.
  if (batch.deadline != never) {
    Nanos run = price(costs, options, batch.decision.rows, false);
    until = std::min(until, batch.deadline - run - run / 8);
  }
  if (until <= view.now) {
    if (options.fixedDelay)
      trim(batch, options);
    return batch.decision;
  }
  Decision wait;
  wait.wake = until;
  return wait;
}

Nanos expectedTime(int64_t rowsAhead, int64_t rows, Nanos busyFor,
                   uint32_t lanes, const CostTable &costs,
                   const PolicyOptions &options) {
  int64_t most = std::max<int64_t>(
      options.fixedBatch ? options.fixedBatch : options.maxBatch, 1);
  if (!options.mayBatch)
    most = 1;
  Nanos full = price(costs, options, most, false);
  Nanos ahead = rowsAhead / most * full / std::max(lanes, 1u);
  // Its own run may be as large as what waits now makes it.
  int64_t company = std::max(std::min(rowsAhead + rows, most), rows);
  // Real runs take a little longer now and then, and each of those before it
  // may: an eighth of the wait is kept for that. A free machine promises all.
  Nanos wait = busyFor + ahead;
  return wait + wait / 8 + price(costs, options, company, false);
}

void ArrivalRate::arrive(Nanos now) {
  if (last >= 0) {
    double gap = double(now - last);
    // A pause is not a rate.
    mean = mean > 0 ? mean + 0.125 * (std::min(gap, 8 * mean) - mean) : gap;
  }
  last = now;
}

Nanos ArrivalRate::gap(Nanos now) const {
  if (mean <= 0 || double(now - last) > 4 * mean + 1e4)
    return never;
  return Nanos(mean);
}

} // namespace sinter::serve
