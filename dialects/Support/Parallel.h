// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Independent pieces of work on a few threads. Which thread does which piece is
// open, so a piece may write only what belongs to its number.

#ifndef SINTER_DIALECTS_SUPPORT_PARALLEL_H
#define SINTER_DIALECTS_SUPPORT_PARALLEL_H

#include <cstddef>
#include <functional>

namespace sinter {

/// Calls `work` on `threads` threads, the caller's among them, and returns when
/// all calls have ended. Threads that the machine refuses (memory, a limit on
/// processes) are missing, but never the caller's: `work` must be complete with
/// any number of them.
void onThreads(size_t threads, const std::function<void()> &work);

/// work(0) .. work(count - 1), each once, on at most `threads` threads, the
/// caller's among them. Returns when all are done.
void parallelFor(unsigned threads, size_t count,
                 const std::function<void(size_t)> &work);

} // namespace sinter

#endif // SINTER_DIALECTS_SUPPORT_PARALLEL_H
