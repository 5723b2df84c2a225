// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Urgency.h"

#include <csignal>
#include <cstdint>
#include <memory>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sinter::serve {
namespace {

constexpr int lowest = 19;
constexpr uint64_t shortest = 100'000; // nanoseconds; the kernel's least

// As the kernel has it; the C library of Debian 12 knows no sched_setattr.
struct Attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t slice, deadline, period; // slice 0 = the kernel's default
};

// Only where the operator left things as they are: a server that was started as
// a batch or real-time process stays one. What the kernel refuses stays, too.
void schedule(int nice, uint64_t slice) {
  if (sched_getscheduler(0) != SCHED_OTHER)
    return;
  Attributes wanted = {};
  wanted.size = sizeof wanted;
  wanted.policy = SCHED_OTHER;
  wanted.nice = nice;
  wanted.slice = slice;
  syscall(SYS_sched_setattr, 0, &wanted, 0);
}

} // namespace

void runLast() { schedule(lowest, shortest); }

void runFirst(bool first) {
  // Of this thread alone, on Linux.
  schedule(getpriority(PRIO_PROCESS, 0), first ? shortest : 0);
}

std::thread quietThread(std::function<void()> body) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  return thread;
}

// std::thread throws where none is to be had; this says so.
static bool makeThread(pthread_t &thread, void *(*run)(void *), void *with) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int refused = pthread_create(&thread, nullptr, run, with);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  return !refused;
}

bool startDetached(std::function<void()> body) {
  auto *kept = new std::function<void()>(std::move(body));
  auto run = [](void *body) -> void * {
    std::unique_ptr<std::function<void()>> kept(
        static_cast<std::function<void()> *>(body));
    (*kept)();
    return nullptr;
  };
  pthread_t thread;
  bool isMade = makeThread(thread, run, kept);
  if (isMade)
    pthread_detach(thread);
  else
    delete kept;
  return isMade;
}

// Without a thread on the caller's, which keeps its urgency: what was lowered
// needs a privilege to be raised again.
void runQuietly(const std::function<void()> &body) {
  auto run = [](void *body) -> void * {
    runLast();
    (*static_cast<const std::function<void()> *>(body))();
    return nullptr;
  };
  pthread_t thread;
  if (makeThread(thread, run, const_cast<std::function<void()> *>(&body)))
    pthread_join(thread, nullptr);
  else
    body();
}

} // namespace sinter::serve
