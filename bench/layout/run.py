#!/usr/bin/env python3
# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which activation layout lets a register tile run at peak?

Generates a C kernel per tile (rows x columns; every row has its own pointer, the
walk over kernel rows and channels is one offset common to all), compiles it and
prints GMAC/s of one thread for channels-last rows of stride C, rows padded by 16,
and channel blocks of 16. The evidence of docs/rfcs/0008-activation-layout.md.

  bench/layout/run.py            AVX-512 tiles where the CPU has it, and AVX2's
"""
import pathlib
import subprocess
import tempfile

TILES = [(6, 16, 8), (8, 32, 16), (12, 32, 16), (14, 32, 16), (8, 48, 16), (6, 64, 16)]
# height, width, channels in, channels out, kernel size
SHAPES = [(56, 56, 64, 64, 3), (14, 14, 256, 256, 3), (7, 7, 512, 512, 3),
          (56, 56, 256, 64, 1), (14, 14, 1024, 256, 1), (7, 7, 2048, 512, 1)]

PRELUDE = r"""
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
typedef void (*Kernel)(const float *const *rows, const float *panels, long panel,
                       long runs, long runStride, long run, float *out, long outRow);
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}
static float *random_floats(long n) {
  float *p = aligned_alloc(4096, (n * 4 + 65536) / 4096 * 4096);
  for (long i = 0; i < n; i++) p[i] = (float)rand() / (float)RAND_MAX - 0.5f;
  return p;
}
static double gmacs(Kernel f, int mr, int nr, long h, long w, long c, long n, long k,
                    long pixel, long rowPixels, long runs, long runStride, long run, long total) {
  float *in = random_floats(total), *weights = random_floats((n + 64) * k * k * c);
  float *out = random_floats((h * w + 16) * n);
  long pixels = h * w, depth = k * k * c, block = 192 * 1024 / (c * 4 * k) / mr * mr;
  if (block < mr) block = mr;
  double best = 1e9;
  for (int repeat = 0; repeat < 12; repeat++) {
    double start = now();
    for (long p0 = 0; p0 < pixels; p0 += block)
      for (long j = 0; j + nr <= n; j += nr)
        for (long p = p0; p + mr <= pixels && p < p0 + block; p += mr) {
          const float *rows[16];
          for (int i = 0; i < mr; i++)
            rows[i] = in + ((p + i) / w * rowPixels + (p + i) % w) * pixel;
          f(rows, weights + j * depth, 16 * depth, runs, runStride, run, out + p * n + j, n);
        }
    double time = now() - start;
    if (time < best) best = time;
  }
  free(in), free(weights), free(out);
  return (double)(pixels / mr * mr) * (n / nr * nr) * depth / best * 1e-9;
}
"""


def kernel(rows, columns, lanes):
    vector, prefix = ("__m512", "_mm512") if lanes == 16 else ("__m256", "_mm256")
    vectors, panels = columns // lanes, columns // 16
    out = [f"__attribute__((noinline)) static void k{rows}x{columns}(const float *const *rows,"
           "const float *panels, long panel, long runs, long runStride, long run,"
           "float *out, long outRow) {"]
    out += [f"const float *r{i} = rows[{i}];" for i in range(rows)]
    out += [f"const float *p{j} = panels + {j} * panel;" for j in range(panels)]
    out += [f"{vector} c{i}_{j} = {prefix}_setzero_ps();" for i in range(rows) for j in range(vectors)]
    out.append("for (long s = 0; s < runs; s++) { long o = s * runStride;"
               "for (long k = 0; k < run; k += 4, o += 4) {")
    for u in range(4):
        for j in range(vectors):
            out.append(f"{vector} v{u}_{j} = {prefix}_loadu_ps(p{j * lanes // 16} + {u * 16 + j * lanes % 16});")
        for i in range(rows):
            out.append(f"{{ {vector} a = {prefix}_set1_ps(r{i}[o + {u}]);")
            out += [f"c{i}_{j} = {prefix}_fmadd_ps(a, v{u}_{j}, c{i}_{j});" for j in range(vectors)]
            out.append("}")
    out += [f"p{j} += 64;" for j in range(panels)]
    out.append("}}")
    out += [f"{prefix}_storeu_ps(out + {i} * outRow + {j * lanes}, c{i}_{j});"
            for i in range(rows) for j in range(vectors)]
    return "\n".join(out + ["}"])


def calls(h, w, c, n, k, rows, columns):
    name, halo = f"k{rows}x{columns}", k // 2
    padded = w + 2 * halo
    pixels = (h + 2 * halo) * padded
    common = f"{name},{rows},{columns},{h},{w},{c},{n},{k}"
    yield f"gmacs({common},{c},{padded},{k},{padded * c},{k * c},{pixels * c})"
    if k == 1:
        yield f"gmacs({common},{c + 16},{w},1,0,{c},{pixels * (c + 16)})"
        yield f"gmacs({common},16,{w},{c // 16},{pixels * 16},16,{pixels * c})"


def main():
    cpu = pathlib.Path("/proc/cpuinfo").read_text()
    has512 = "avx512f" in cpu
    model = next(line.split(":")[1].strip() for line in cpu.splitlines() if line.startswith("model name"))
    tiles = [t for t in TILES if t[2] == 8 or has512]
    body = [kernel(*tile) for tile in tiles] + ["int main(void) {"]
    for h, w, c, n, k in SHAPES:
        for rows, columns, _ in tiles:
            body.append(f'printf("{k}x{k} {c}->{n} @{h}  {rows}x{columns}");')
            body += [f'printf("  %6.1f", {call});' for call in calls(h, w, c, n, k, rows, columns)]
            body.append('printf("\\n");')
    body.append("}")
    flags = ["-mavx2", "-mfma"] + (["-mavx512f", "-mprefer-vector-width=512"] if has512 else [])
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "layout.c")
        source.write_text(PRELUDE + "\n".join(body))
        program = str(pathlib.Path(folder, "layout"))
        subprocess.run(["clang-22", "-O3", *flags, str(source), "-o", program], check=True)
        print(f"{model}; GMAC/s of one thread: rows of stride C, of C + 16, blocks of 16")
        subprocess.run([program], check=True)


if __name__ == "__main__":
    main()
