// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two judgements as pure functions: whether a canary is worse than what it is
// to replace, and whether a version that keeps failing should be left alone.
#ifndef SINTER_SERVE_ENGINE_GUARD_H
#define SINTER_SERVE_ENGINE_GUARD_H

#include "runtime/serve/engine/BatchPolicy.h"
#include "runtime/serve/engine/Statistics.h"

#include <string>

namespace sinter::serve {

struct ModelOptions;

/// Since the canary began. A reason to take it back, or empty.
std::string judge(const Health &canary, const Health &stable,
                  const ModelOptions &options);

Health since(const Health &now, const Health &begin);

/// Failures in a row open it; when its time is over one request may try, and
/// closes it or opens it again.
class Breaker {
public:
  bool allows(Nanos now, const ModelOptions &options);
  /// True when this one opened or closed it.
  bool record(bool failed, Nanos now, const ModelOptions &options);
  bool isOpen() const { return openUntil != 0; }
  uint32_t retryMs(Nanos now) const;

private:
  uint32_t failures = 0;
  Nanos openUntil = 0; // 0 = closed
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_GUARD_H
