// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What this machine offers: CPU features as the CPU and the system report them
// (CPUID and XCR0, HWCAP on Arm; never a CPU's name), and how many threads this
// process may use without fighting its cgroup's quota.

#define _GNU_SOURCE
#include "runtime/core/Runtime.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

static uint64_t bit_if(uint32_t word, int bit, uint64_t feature) {
  return word >> bit & 1 ? feature : 0;
}

static uint64_t vector_state(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static uint64_t avx512_features(uint32_t b, uint32_t c, uint32_t d,
                                uint32_t a1) {
  return bit_if(b, 16, SINTER_ISA(AVX512F)) |
         bit_if(b, 17, SINTER_ISA(AVX512DQ)) |
         bit_if(b, 28, SINTER_ISA(AVX512CD)) |
         bit_if(b, 30, SINTER_ISA(AVX512BW)) |
         bit_if(b, 31, SINTER_ISA(AVX512VL)) |
         bit_if(c, 1, SINTER_ISA(AVX512VBMI)) |
         bit_if(c, 11, SINTER_ISA(AVX512VNNI)) |
         bit_if(d, 23, SINTER_ISA(AVX512FP16)) |
         bit_if(a1, 5, SINTER_ISA(AVX512BF16));
}

uint64_t sinter_host_features(void) {
  uint32_t a, b, c, d, a1 = 0, unused;
  if (!__get_cpuid(1, &a, &b, &c, &d))
    return 0;
  uint64_t has =
      bit_if(c, 0, SINTER_ISA(SSE3)) | bit_if(c, 9, SINTER_ISA(SSSE3)) |
      bit_if(c, 19, SINTER_ISA(SSE41)) | bit_if(c, 20, SINTER_ISA(SSE42)) |
      bit_if(c, 22, SINTER_ISA(MOVBE)) | bit_if(c, 23, SINTER_ISA(POPCNT));
  uint64_t state = c >> 27 & 1 ? vector_state() : 0;
  bool ymm = (state & 0x6) == 0x6, zmm = (state & 0xE6) == 0xE6;
  if (ymm)
    has |= bit_if(c, 28, SINTER_ISA(AVX)) | bit_if(c, 12, SINTER_ISA(FMA)) |
           bit_if(c, 29, SINTER_ISA(F16C));
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    if (a >= 1)
      __get_cpuid_count(7, 1, &a1, &unused, &unused, &unused);
    has |= bit_if(b, 3, SINTER_ISA(BMI1)) | bit_if(b, 8, SINTER_ISA(BMI2));
    if (ymm)
      has |=
          bit_if(b, 5, SINTER_ISA(AVX2)) | bit_if(a1, 4, SINTER_ISA(AVXVNNI));
    if (zmm)
      has |= avx512_features(b, c, d, a1);
  }
  if (__get_cpuid(0x80000001, &a, &b, &c, &d))
    has |= bit_if(c, 5, SINTER_ISA(LZCNT));
  return has;
}
#elif defined(__aarch64__)
#include <sys/auxv.h>

uint64_t sinter_host_features(void) {
  unsigned long one = getauxval(AT_HWCAP), two = getauxval(AT_HWCAP2);
  uint64_t has = one & 2 ? SINTER_ISA(NEON) : 0;
  has |= one >> 20 & 1 ? SINTER_ISA(DOTPROD) : 0;
  has |= one >> 10 & 1 ? SINTER_ISA(FP16) : 0;
  has |= one >> 22 & 1 ? SINTER_ISA(SVE) : 0;
  has |= two >> 13 & 1 ? SINTER_ISA(I8MM) : 0;
  has |= two >> 14 & 1 ? SINTER_ISA(BF16) : 0;
  return has;
}
#endif

/* First line of a small file. */
static bool read_line(const char *path, char *line, size_t n) {
  FILE *file = fopen(path, "re");
  if (!file)
    return false;
  bool ok = fgets(line, (int)n, file) != 0;
  fclose(file);
  return ok;
}

static double min_quota(double limit, const char *folder) {
  char path[1200], line[128];
  double quota, period;
  snprintf(path, sizeof path, "%s/cpu.max", folder);
  if (read_line(path, line, sizeof line) &&
      sscanf(line, "%lf %lf", &quota, &period) == 2 && quota > 0 &&
      period > 0 && quota / period < limit)
    limit = quota / period;
  snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
  if (!read_line(path, line, sizeof line) || (quota = atof(line)) <= 0)
    return limit;
  snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
  if (read_line(path, line, sizeof line) && (period = atof(line)) > 0 &&
      quota / period < limit)
    limit = quota / period;
  return limit;
}

/* Version 2: from our group up to the root. Version 1: the mounted folder. */
static double cgroup_cpus(double limit) {
  char line[600], folder[1000];
  limit = min_quota(limit, "/sys/fs/cgroup/cpu");
  if (!read_line("/proc/self/cgroup", line, sizeof line) ||
      strncmp(line, "0::/", 4))
    return min_quota(limit, "/sys/fs/cgroup");
  line[strcspn(line, "\n")] = 0;
  snprintf(folder, sizeof folder, "/sys/fs/cgroup%s", line + 3);
  for (char *slash; (slash = strrchr(folder, '/')) && slash - folder > 7;
       *slash = 0)
    limit = min_quota(limit, folder);
  return limit;
}

uint32_t cpu_count(void) {
  cpu_set_t set;
  double cpus = 1;
  CPU_ZERO(&set);
  if (!sched_getaffinity(0, sizeof set, &set))
    cpus = CPU_COUNT(&set);
  double allowed = cgroup_cpus(cpus);
  uint32_t whole = (uint32_t)allowed;
  return whole + (allowed > whole ? 1 : 0);
}
