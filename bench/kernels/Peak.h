// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ceiling that every figure of the kernel benchmark is a share of: fused
// multiply-adds on registers and nothing else.

#ifndef SINTER_BENCH_KERNELS_PEAK_H
#define SINTER_BENCH_KERNELS_PEAK_H

namespace sinter::bench {

/// Billions of float multiply-adds a second of one core, best of several runs.
double peakGmacs(unsigned vectorBits);

} // namespace sinter::bench

#endif // SINTER_BENCH_KERNELS_PEAK_H
