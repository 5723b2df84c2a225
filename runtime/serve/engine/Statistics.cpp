// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Statistics.h"

#include <chrono>

namespace sinter::serve {

namespace {

uint64_t since(TimePoint from, TimePoint to) {
  if (from == TimePoint() || to <= from)
    return 0;
  return uint64_t(
      std::chrono::duration_cast<std::chrono::nanoseconds>(to - from).count());
}

size_t log2Up(uint64_t n) {
  size_t bits = 0;
  while ((uint64_t(1) << bits) < n)
    ++bits;
  return bits;
}

} // namespace

void AtomicHistogram::add(uint64_t durationNs) {
  size_t bucket = 0;
  while (bucket < histogramBoundsUs.size() &&
         durationNs > histogramBoundsUs[bucket] * 1000)
    ++bucket;
  counts[bucket].fetch_add(1, std::memory_order_relaxed);
  sumNs.fetch_add(durationNs, std::memory_order_relaxed);
}

Histogram AtomicHistogram::read() const {
  Histogram copy;
  for (size_t i = 0; i < counts.size(); ++i)
    copy.counts[i] = counts[i].load(std::memory_order_relaxed);
  copy.sumNs = sumNs.load(std::memory_order_relaxed);
  return copy;
}

void Counters::addShadow(bool differed) {
  shadowCompared.fetch_add(1, std::memory_order_relaxed);
  shadowDiffered.fetch_add(differed, std::memory_order_relaxed);
}

Health Counters::health() const {
  Health h;
  h.answers = success.read().count + faults.load(std::memory_order_relaxed);
  h.failures = faults.load(std::memory_order_relaxed);
  h.nans = nans.load(std::memory_order_relaxed);
  h.runs = infer.read().count;
  h.runNs = infer.read().ns;
  return h;
}

Counters::~Counters() {
  for (std::atomic<SizeTotals *> &size : sizes)
    delete size.load();
}

void Counters::addRun(uint64_t runRows, uint64_t paddedRows, uint64_t inputNs,
                      uint64_t inferNs, uint64_t outputNs) {
  input.add(inputNs);
  infer.add(inferNs);
  output.add(outputNs);
  computeTime.add(inputNs + inferNs + outputNs);
  padded.fetch_add(paddedRows, std::memory_order_relaxed);
  size_t slot = runRows <= exactSizes ? size_t(runRows)
                                      : exactSizes + log2Up(runRows) - 7;
  std::atomic<SizeTotals *> &place = sizes[slot < slots ? slot : slots - 1];
  SizeTotals *totals = place.load(std::memory_order_acquire);
  if (!totals) {
    auto *made = new SizeTotals;
    if (place.compare_exchange_strong(totals, made, std::memory_order_acq_rel))
      totals = made;
    else
      delete made;
  }
  totals->input.add(inputNs);
  totals->infer.add(inferNs);
  totals->output.add(outputNs);
  totals->compute.add(inputNs + inferNs + outputNs);
}

void Counters::addAnswer(const Status &status, const Phases &phases,
                         uint64_t answerRows) {
  if (status.ok()) {
    success.add(since(phases.queued, phases.finished));
    requestTime.add(since(phases.queued, phases.finished));
    queueTime.add(since(phases.queued, phases.started));
    rows.fetch_add(answerRows, std::memory_order_relaxed);
    queue.add(since(phases.queued, phases.started));
    auto now = std::chrono::system_clock::now().time_since_epoch();
    lastMs.store(
        uint64_t(
            std::chrono::duration_cast<std::chrono::milliseconds>(now).count()),
        std::memory_order_relaxed);
    return;
  }
  if (status.code == Code::cancelled)
    cancelled.fetch_add(1, std::memory_order_relaxed);
  if (status.code == Code::internal)
    faults.fetch_add(1, std::memory_order_relaxed);
  fail.add(since(phases.queued, phases.finished));
}

void Counters::read(ModelStatistics &out) const {
  out.lastInferenceMs = lastMs.load(std::memory_order_relaxed);
  out.inferenceCount = rows.load(std::memory_order_relaxed);
  out.executionCount = infer.read().count;
  out.success = success.read();
  out.fail = fail.read();
  out.queue = queue.read();
  out.computeInput = input.read();
  out.computeInfer = infer.read();
  out.computeOutput = output.read();
  out.rejected = rejected.load(std::memory_order_relaxed);
  out.cancelled = cancelled.load(std::memory_order_relaxed);
  out.paddedRows = padded.load(std::memory_order_relaxed);
  out.request = requestTime.read();
  out.queueing = queueTime.read();
  out.compute = computeTime.read();
  out.nanAnswers = nans.load(std::memory_order_relaxed);
  out.shadowCompared = shadowCompared.load(std::memory_order_relaxed);
  out.shadowDiffered = shadowDiffered.load(std::memory_order_relaxed);
  for (size_t i = 0; i < slots; ++i)
    if (const SizeTotals *totals = sizes[i].load(std::memory_order_acquire)) {
      uint64_t size = i <= exactSizes ? i : uint64_t(1) << (i - exactSizes + 7);
      out.batches.push_back({size, totals->input.read(), totals->infer.read(),
                             totals->output.read(), totals->compute.read()});
    }
}

} // namespace sinter::serve
