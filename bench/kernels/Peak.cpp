// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Twelve independent chains: more than latency times ports of any core we know.
// Written as assembly, so that no compiler moves a register in between.

#include "bench/kernels/Peak.h"

#include <algorithm>
#include <chrono>

namespace sinter::bench {
namespace {

constexpr long kRounds = 1000000;

// clang-format off: it does not come to rest on these macros.
#define SINTER_FMA(r, n) "vfmadd231ps %%" r "14, %%" r "15, %%" r #n "\n\t"
#define SINTER_CHAINS(r)                                                       \
  SINTER_FMA(r, 0)                                                             \
  SINTER_FMA(r, 1)                                                             \
  SINTER_FMA(r, 2) SINTER_FMA(r, 3) SINTER_FMA(r, 4) SINTER_FMA(r, 5)          \
      SINTER_FMA(r, 6) SINTER_FMA(r, 7) SINTER_FMA(r, 8) SINTER_FMA(r, 9)      \
          SINTER_FMA(r, 10) SINTER_FMA(r, 11)
#define SINTER_BURN(r)                                                         \
  long left = kRounds;                                                         \
  __asm__ volatile("vzeroall\n\t.p2align 6\n1:\n\t" SINTER_CHAINS(r)           \
                       SINTER_CHAINS(r) "subq $2, %0\n\tjnz 1b\n\tvzeroall"    \
                   : "+r"(left)                                                \
                   :                                                           \
                   : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",   \
                     "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",        \
                     "xmm13", "xmm14", "xmm15", "cc")
// clang-format on

void burn256() { SINTER_BURN("ymm"); }
void burn512() { SINTER_BURN("zmm"); }

} // namespace

double peakGmacs(unsigned vectorBits) {
  double best = 1e9;
  for (int run = 0; run < 100; ++run) {
    auto start = std::chrono::steady_clock::now();
    vectorBits == 512 ? burn512() : burn256();
    std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count());
  }
  return 12.0 * double(kRounds) * (vectorBits / 32) / best / 1e9;
}

} // namespace sinter::bench
