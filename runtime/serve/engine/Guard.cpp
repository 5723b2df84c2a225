// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Guard.h"

#include "runtime/serve/engine/Options.h"

#include <algorithm>

namespace sinter::serve {

Health since(const Health &now, const Health &begin) {
  return {now.answers - begin.answers, now.failures - begin.failures,
          now.nans - begin.nans, now.runs - begin.runs,
          now.runNs - begin.runNs};
}

static double percent(uint64_t part, uint64_t whole) {
  return whole ? 100.0 * double(part) / double(whole) : 0;
}

std::string judge(const Health &canary, const Health &stable,
                  const ModelOptions &options) {
  if (!options.guardAnswers || canary.answers < options.guardAnswers)
    return "";
  double failing = percent(canary.failures, canary.answers);
  if (failing >
      percent(stable.failures, stable.answers) + options.guardErrorPercent)
    return std::to_string(canary.failures) + " of " +
           std::to_string(canary.answers) + " requests failed";
  if (percent(canary.nans, canary.answers) >
      percent(stable.nans, stable.answers) + options.guardErrorPercent)
    return std::to_string(canary.nans) + " of " +
           std::to_string(canary.answers) + " answers hold NaN";
  if (options.guardLatencyFactor <= 0 ||
      stable.runs < options.guardAnswers / 4 || !canary.runs || !stable.runs)
    return "";
  double own = double(canary.runNs) / double(canary.runs),
         old = double(stable.runNs) / double(stable.runs);
  // Below 20 us the clock and the caches decide, not the model.
  if (own > 20'000 && own > old * options.guardLatencyFactor)
    return "a run takes " + std::to_string(int64_t(own / 1000)) +
           " us, before it took " + std::to_string(int64_t(old / 1000));
  return "";
}

bool Breaker::allows(Nanos now, const ModelOptions &options) {
  if (!openUntil || !options.breakerFailures)
    return true;
  if (now < openUntil)
    return false;
  // This one tries; the others wait as long again.
  openUntil = now + Nanos(options.breakerOpenMs) * 1'000'000;
  return true;
}

bool Breaker::record(bool failed, Nanos now, const ModelOptions &options) {
  if (!failed) {
    bool closed = openUntil != 0;
    failures = 0;
    openUntil = 0;
    return closed;
  }
  failures = std::min(failures + 1, 1u << 30);
  if (!options.breakerFailures || failures < options.breakerFailures)
    return false;
  bool opened = openUntil == 0;
  openUntil = now + Nanos(options.breakerOpenMs) * 1'000'000;
  return opened;
}

uint32_t Breaker::retryMs(Nanos now) const {
  return uint32_t(std::clamp<Nanos>((openUntil - now) / 1'000'000, 1, 60'000));
}

} // namespace sinter::serve
