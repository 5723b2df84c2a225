// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One counter hands out the numbers, in order.

#include "dialects/Support/Parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

void sinter::parallelFor(unsigned threads, size_t count,
                         const std::function<void(size_t)> &work) {
  std::atomic<size_t> next{0};
  auto loop = [&] {
    for (size_t i; (i = next++) < count;)
      work(i);
  };
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < std::min<size_t>(threads, count); ++i)
    helpers.emplace_back(loop);
  loop();
  for (std::thread &helper : helpers)
    helper.join();
}
