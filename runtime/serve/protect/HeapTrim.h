// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives memory back that a load has left in the heap. Bodies and answers come
// from malloc, whose arenas keep what is freed for the next burst: right while
// it lasts, tens of megabytes for nothing after it. When a busy server becomes
// calm the heap is trimmed, once; under load nothing is done, so it costs
// nothing.
#ifndef SINTER_SERVE_PROTECT_HEAPTRIM_H
#define SINTER_SERVE_PROTECT_HEAPTRIM_H

#include <cstdint>

namespace sinter::serve {

class HeapTrim {
public:
  /// How this process uses its time; both in nanoseconds, both only grow.
  /// True when the heap should be trimmed now.
  bool isDue(int64_t now, int64_t processorTime);
  /// Asks the clocks, and trims when it is due.
  void look();

private:
  int64_t lastNow = 0, lastUsed = 0;
  bool wasBusy = true; // a start loads models
};

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTECT_HEAPTRIM_H
