// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A picture from its blocks, as columns have them: the sum of all that lie on a pixel.

#include "codegen/cpu/extern/Extern.h"

typedef struct {
  int64_t block, dilation, pad, stride, count; /* blocks along the axis */
} block_axis;

typedef float lanes16 __attribute__((vector_size(64)));
typedef float lanes4 __attribute__((vector_size(16)));

/* Adds what is left from i on, `lanes` at a time. */
#define ADD_LANES(lanes)                                                                           \
  for (int64_t width = sizeof(lanes) / 4; i + width <= n; i += width) {                            \
    lanes sum, part;                                                                               \
    __builtin_memcpy(&sum, sums + i, sizeof sum);                                                  \
    __builtin_memcpy(&part, row + i, sizeof part);                                                 \
    sum += part;                                                                                   \
    __builtin_memcpy(sums + i, &sum, sizeof sum);                                                  \
  }

static void add_row(float *sums, const float *row, int64_t n) {
  int64_t i = 0;
  ADD_LANES(lanes16)
  ADD_LANES(lanes4)
  for (; i < n; i++)
    sums[i] += row[i];
}

/* Divisors are often 1, and a division costs as much as a row. */
static int64_t quotient(int64_t x, int64_t by) { return by == 1 ? x : x / by; }

/* Adds to pixels [begin, end) of a row what one tap of the blocks says of them: block b
   has that tap `lies` pixels after the start of the row for b = 0. */
static inline __attribute__((always_inline)) void
add_tap(const block_axis *a, int64_t lies, int64_t type, const char *from, int64_t step,
        int64_t begin, int64_t end, float *reals, number *sums) {
  int64_t first = begin - lies > 0 ? quotient(begin - lies + a->stride - 1, a->stride) : 0;
  if (type == TYPE_F32) {
    int64_t start = first * a->stride + lies, count = a->count - first;
    const char *row = from + first * step;
    if (start >= end)
      return;
    int64_t fits = quotient(end - start + a->stride - 1, a->stride);
    count = count < fits ? count : fits;
    reals += start - begin;
    if (a->stride == 1 && step == 4) {
      add_row(reals, (const float *)row, count);
      return;
    }
    for (int64_t i = 0; i < count; i++)
      reals[i * a->stride] += *(const float *)(row + i * step);
    return;
  }
  for (int64_t b = first, x = b * a->stride + lies; b < a->count && x < end; b++, x += a->stride) {
    number n = load_number(type, from + b * step);
    sums[x - begin].f += n.f;
    sums[x - begin].i = (int64_t)((uint64_t)sums[x - begin].i + (uint64_t)n.i);
  }
}

/* col2im: x [N, C * taps, blocks]; out [N, C, spatial...]: every pixel sums what the
   blocks above it say. Integers: block..., dilations..., begin pads..., strides...,
   numbers of blocks along each axis... */
SINTER_EXTERN_FUNCTION(col2im) {
  enum { PIXELS = 128 };
  const sinter_view *in = &views[0], *out = &views[1];
  int64_t n = out->rank - 2, at[SINTER_MAX_RANK], taps = 1, blocks = 1;
  int is_real = in->type == TYPE_F32;
  block_axis axes[SINTER_MAX_RANK], *last = &axes[n - 1];
  for (int64_t k = 0; k < n; k++) {
    axes[k] = (block_axis){integers[k], integers[n + k], integers[2 * n + k], integers[3 * n + k],
                           integers[4 * n + k]};
    taps *= axes[k].block, blocks *= axes[k].count;
  }
  if (n < 1 || blocks > in->dim[2]) {
    worker->fault |= SINTER_FAULT_BOUND;
    return;
  }
  for (int64_t item = begin; item < end; item++) {
    visit_item(out, last_axis(out), item, begin, at);
    for (int64_t x = 0; x < row_length(out); x += PIXELS) {
      int64_t stop = row_length(out) < x + PIXELS ? row_length(out) : x + PIXELS;
      number sums[PIXELS];
      float reals[PIXELS]; /* instead, where all is f32 */
      for (int64_t i = 0; i < stop - x; i++)
        if (is_real)
          reals[i] = 0;
        else
          sums[i] = (number){0, 0};
      for (int64_t line = 0; line < taps; line += last->block) { /* taps of one row */
        int64_t rest = line / last->block, where = 0, step = last->count, fits = 1;
        for (int64_t k = n - 2; k >= 0; k--) {
          int64_t tap = k ? rest % axes[k].block : rest;
          int64_t y = at[k + 2] + axes[k].pad - tap * axes[k].dilation;
          int64_t block = quotient(y, axes[k].stride);
          rest = k ? rest / axes[k].block : 0;
          fits &= y >= 0 && block * axes[k].stride == y && block < axes[k].count;
          where += block * step;
          step *= axes[k].count;
        }
        if (!fits)
          continue;
        const char *from = in->data + at[0] * in->stride[0] +
                           (at[1] * taps + line) * in->stride[1] + where * in->stride[2];
        int64_t lies = -last->pad;
        for (int64_t tap = 0; tap < last->block; tap++) {
          if (is_real)
            add_tap(last, lies, TYPE_F32, from, in->stride[2], x, stop, reals, sums);
          else
            add_tap(last, lies, in->type, from, in->stride[2], x, stop, reals, sums);
          lies += last->dilation, from += in->stride[1];
        }
      }
      char *to = address(out, at) + x * row_stride(out);
      if (is_real)
        copy_row(to, row_stride(out), (const char *)reals, 4, stop - x, 4);
      else
        for (int64_t i = 0; i < stop - x; i++)
          store_number(out->type, to + i * row_stride(out), sums[i]);
    }
  }
}
