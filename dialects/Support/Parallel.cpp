// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One counter hands out the numbers, in order. Threads by pthreads:
// std::thread throws where none is to be had, and we build without exceptions.

#include "dialects/Support/Parallel.h"

#include <algorithm>
#include <atomic>
#include <pthread.h>
#include <vector>

static void *callWork(void *work) {
  (*static_cast<const std::function<void()> *>(work))();
  return nullptr;
}

void sinter::onThreads(size_t threads, const std::function<void()> &work) {
  std::vector<pthread_t> helpers;
  auto *argument = const_cast<std::function<void()> *>(&work);
  for (size_t i = 1; i < threads; ++i) {
    pthread_t helper;
    if (pthread_create(&helper, nullptr, callWork, argument))
      break; // fewer then
    helpers.push_back(helper);
  }
  work();
  for (pthread_t helper : helpers)
    pthread_join(helper, nullptr);
}

void sinter::parallelFor(unsigned threads, size_t count,
                         const std::function<void(size_t)> &work) {
  std::atomic<size_t> next{0};
  onThreads(std::min<size_t>(threads, count), [&] {
    for (size_t i; (i = next++) < count;)
      work(i);
  });
}
