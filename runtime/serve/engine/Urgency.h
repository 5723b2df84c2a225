// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which threads the kernel lets run first. Loading, self-tests, warm-up and
// unmapping take what requests leave; threads that read and write connections
// have little to do each time and somebody waits for it.
//
// A nice value alone does not say that: since Linux 6.6 a thread that runs
// keeps its processor for a slice of some milliseconds, whoever wakes up
// meanwhile, and for a request of half a millisecond that is the tail of its
// latency. So slices are set, too (sched_setattr(2), Linux 6.12; an older
// kernel ignores them, and prefers by nice values).
#ifndef SINTER_SERVE_ENGINE_URGENCY_H
#define SINTER_SERVE_ENGINE_URGENCY_H

#include <functional>
#include <thread>

namespace sinter::serve {

/// This thread takes time that nobody else wants, from now on for good.
void runLast();
/// This thread, and those that it starts, come before others that compute; or
/// as all others do again.
void runFirst(bool first);

/// A thread that takes no signals: those belong to the program's own.
std::thread quietThread(std::function<void()> body);
/// The body on a thread that nobody joins; false where the machine has none to
/// give.
bool startDetached(std::function<void()> body);
/// The body on a thread of its own that runs last; returns when it is done.
void runQuietly(const std::function<void()> &body);

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_URGENCY_H
