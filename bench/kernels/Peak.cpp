// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Twelve independent chains: more than latency times ports of any core we know.

#include "bench/kernels/Peak.h"

#include <algorithm>
#include <chrono>
#include <immintrin.h>

namespace sinter::bench {
namespace {

constexpr long kRounds = 2000000;

__attribute__((target("avx2,fma"))) void burn256() {
  __m256 x[12];
  for (int i = 0; i < 12; ++i)
    x[i] = _mm256_set1_ps(float(i));
  __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
  for (long round = 0; round < kRounds; ++round) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; ++i)
      x[i] = _mm256_fmadd_ps(x[i], a, b);
    __asm__ volatile(""
                     : "+x"(x[0]), "+x"(x[1]), "+x"(x[2]), "+x"(x[3]),
                       "+x"(x[4]), "+x"(x[5]));
  }
  for (__m256 &v : x)
    __asm__ volatile("" ::"x"(v));
}

__attribute__((target("avx512f"))) void burn512() {
  __m512 x[12];
  for (int i = 0; i < 12; ++i)
    x[i] = _mm512_set1_ps(float(i));
  __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
  for (long round = 0; round < kRounds; ++round) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; ++i)
      x[i] = _mm512_fmadd_ps(x[i], a, b);
    __asm__ volatile(""
                     : "+v"(x[0]), "+v"(x[1]), "+v"(x[2]), "+v"(x[3]),
                       "+v"(x[4]), "+v"(x[5]));
  }
  for (__m512 &v : x)
    __asm__ volatile("" ::"v"(v));
}

} // namespace

double peakGmacs(unsigned vectorBits) {
  double best = 1e9;
  for (int run = 0; run < 8; ++run) {
    auto start = std::chrono::steady_clock::now();
    vectorBits == 512 ? burn512() : burn256();
    best = std::min(best, std::chrono::duration<double>(
                              std::chrono::steady_clock::now() - start)
                              .count());
  }
  return 12.0 * double(kRounds) * (vectorBits / 32) / best / 1e9;
}

} // namespace sinter::bench
