// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/protect/HeapTrim.h"

#include <ctime>
#include <malloc.h>

namespace sinter::serve {
namespace {

// Shares of one processor. Between the two nothing changes: who is at one of
// them for long would else be trimmed again and again.
constexpr double busy = 0.2, calm = 0.05;

int64_t nanosOf(clockid_t clock) {
  timespec time = {};
  clock_gettime(clock, &time);
  return int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

} // namespace

bool HeapTrim::isDue(int64_t now, int64_t processorTime) {
  double share = double(processorTime - lastUsed) /
                 double(now > lastNow ? now - lastNow : 1);
  bool isFirst = !lastNow;
  lastNow = now;
  lastUsed = processorTime;
  if (isFirst || share >= calm) {
    wasBusy |= share >= busy;
    return false;
  }
  bool isDue = wasBusy;
  wasBusy = false;
  return isDue;
}

void HeapTrim::look() {
  if (isDue(nanosOf(CLOCK_MONOTONIC), nanosOf(CLOCK_PROCESS_CPUTIME_ID)))
    malloc_trim(0);
}

} // namespace sinter::serve
