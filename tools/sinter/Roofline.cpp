// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The machine's two limits are measured here, on one core, just before; a model
// on N threads may reach N times the first.
#include "tools/sinter/Roofline.h"

#include "sinter/model.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <chrono>
#include <map>

using namespace sinter;
using Clock = std::chrono::steady_clock;

namespace {

struct Peak {
  double gmacs, gbytes; // a second, one core
};

// All launches of one kernel in a run.
struct Row {
  double ns = 0, macs = 0, bytes = 0;
  unsigned launches = 0;
  uint32_t node = 0xFFFFFFFFu;
};

} // namespace

typedef float Wide __attribute__((vector_size(64)));
typedef float Half __attribute__((vector_size(32)));

// Chains enough to hide the latency of a fused multiply-add on any core of
// today.
#define SINTER_PEAK(name, Vector, features)                                    \
  __attribute__((target(features))) static double name(long rounds) {          \
    Vector a[12], b, c;                                                        \
    for (unsigned i = 0; i < sizeof b / 4; ++i) {                              \
      b[i] = 0.999f;                                                           \
      c[i] = 0.001f;                                                           \
    }                                                                          \
    for (Vector &x : a)                                                        \
      x = c;                                                                   \
    auto begin = Clock::now();                                                 \
    for (long i = 0; i < rounds; ++i)                                          \
      _Pragma("clang loop unroll(full)") for (int k = 0; k < 12; ++k) {        \
        a[k] = a[k] * b + c;                                                   \
        __asm__ volatile("" : "+v"(a[k]));                                     \
      }                                                                        \
    double ns = std::chrono::duration<double, std::nano>(Clock::now() - begin) \
                    .count();                                                  \
    volatile float sink = a[0][0];                                             \
    (void)sink;                                                                \
    return rounds * 12.0 * (sizeof(Vector) / 4) / ns;                          \
  }

#pragma clang fp contract(fast)
SINTER_PEAK(peakOfAvx512, Wide, "avx512f,fma")
SINTER_PEAK(peakOfAvx2, Half, "avx2,fma")
#undef SINTER_PEAK

static double readBandwidth() {
  std::vector<uint64_t> memory(size_t(64) << 17, 1); // 64 MB
  double best = 0;
  for (int round = 0; round < 4; ++round) {
    auto begin = Clock::now();
    uint64_t sum[8] = {};
    for (size_t i = 0; i < memory.size(); i += 8)
      for (int k = 0; k < 8; ++k)
        sum[k] += memory[i + k];
    volatile uint64_t sink = sum[0] + sum[7];
    (void)sink;
    double ns =
        std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
    best = std::max(best, memory.size() * 8.0 / ns);
  }
  return best;
}

static Peak measurePeak() {
  constexpr long rounds =
      200000; // a millisecond: short enough to run undisturbed
  uint64_t features = sinter_host_features();
  double gmacs = 1;
  for (int round = 0; round < 40; ++round) {
    if ((features & SINTER_ISA_X86_64_V4) == SINTER_ISA_X86_64_V4)
      gmacs = std::max(gmacs, peakOfAvx512(rounds));
    else if ((features & SINTER_ISA_X86_64_V3) == SINTER_ISA_X86_64_V3)
      gmacs = std::max(gmacs, peakOfAvx2(rounds));
  }
  return {gmacs, readBandwidth()};
}

llvm::Error sinter::printRoofline(Session &session,
                                  const std::vector<HostTensor> &inputs,
                                  unsigned threads, double seconds) {
  Peak peak = measurePeak();
  std::vector<sinter_sample> ring(1 << 16), least;
  auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                std::chrono::duration<double>(seconds));
  do { // the least time of every record over all runs
    auto samples = session.profile(inputs, ring);
    if (!samples)
      return samples.takeError();
    if (least.size() != *samples)
      least.assign(ring.begin(), ring.begin() + *samples);
    for (size_t i = 0; i < least.size(); ++i)
      if (ring[i].end - ring[i].begin < least[i].end - least[i].begin)
        least[i] = ring[i];
  } while (Clock::now() < end);
  std::map<uint32_t, Row> kernels;
  double total = 0;
  for (const sinter_sample &sample : least) {
    Row &row = kernels[sample.kernel];
    row.ns += sample.end - sample.begin;
    row.macs += sample.macs;
    row.bytes += sample.bytes;
    row.node = row.launches++ ? row.node : sample.node;
    total += sample.end - sample.begin;
  }
  std::vector<std::pair<uint32_t, Row>> rows(kernels.begin(), kernels.end());
  std::sort(rows.begin(), rows.end(),
            [](auto &a, auto &b) { return a.second.ns > b.second.ns; });
  llvm::outs()
      << llvm::formatv(
             "one core: {0:F1} GMAC/s, {1:F1} GB/s; {2} records, {3:F3} ms\n",
             peak.gmacs, peak.gbytes, least.size(), total * 1e-6)
      << llvm::formatv(
             "{0,8} {1,6} {2,7} {3,7} {4,7} {5,7}  kernel, first node\n", "ms",
             "share", "GMAC/s", "peak", "GB/s", "runs");
  for (auto &[kernel, row] : rows) {
    const char *name = sinter_kernel_name(session.getModel(), kernel);
    const char *node = sinter_node_name(session.getModel(), row.node);
    double bound =
        std::max(row.macs / (peak.gmacs * threads), row.bytes / peak.gbytes);
    llvm::outs() << llvm::formatv(
        "{0,8:F3} {1,6:P1} {2,7:F1} {3,7:P0} {4,7:F1} {5,7}  {6} {7}\n",
        row.ns * 1e-6, row.ns / total, row.macs / row.ns, bound / row.ns,
        row.bytes / row.ns, row.launches, name ? name : "(no kernel)",
        node ? node : "");
  }
  return llvm::Error::success();
}
