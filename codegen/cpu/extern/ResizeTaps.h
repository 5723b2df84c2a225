// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the elements of a Resize come from: source coordinates, and the taps and
// weights around them, in double. Coordinates follow the formulas of the ONNX
// operator text (Resize-19).

#ifndef SINTER_CODEGEN_CPU_RESIZE_TAPS_H
#define SINTER_CODEGEN_CPU_RESIZE_TAPS_H

#include "codegen/cpu/extern/Extern.h"

enum { NEAREST, LINEAR, CUBIC };

typedef struct {
  int64_t mode, coordinates, nearest, exclude_outside, antialias;
  double cubic_a, extrapolation;
} options;

typedef struct {
  const options *o;
  int64_t in, out;
  double scale, roi_start, roi_end;
} axis_map;

static double floor_of(double x) {
  double whole = (double)(int64_t)x;
  return whole > x ? whole - 1 : whole;
}

static double absolute(double x) { return x < 0 ? -x : x; }

static double source_of(const axis_map *m, int64_t x) {
  double in = (double)m->in, out = (double)m->out;
  switch (m->o->coordinates) {
  case 1: return (double)x / m->scale;
  case 2: /* the extent before it was cut to an integer, as ONNX has it */
    return m->out > 1 ? (double)x * (in - 1) / (m->scale * in - 1) : 0;
  case 3: return m->out > 1 ? ((double)x + 0.5) / m->scale - 0.5 : 0;
  case 4: {
    double adjust = out / (m->scale * in), centre = in / 2;
    return centre * (1 - adjust) + ((double)x + 0.5) / m->scale - 0.5;
  }
  case 5:
    return m->out > 1 ? m->roi_start * (in - 1) +
                            (double)x * (m->roi_end - m->roi_start) * (in - 1) / (out - 1)
                      : 0.5 * (m->roi_start + m->roi_end) * (in - 1);
  default: return ((double)x + 0.5) / m->scale - 0.5;
  }
}

static int64_t nearest_of(const axis_map *m, double x) {
  double low = floor_of(x), fraction = x - low;
  int up = m->o->nearest == 0   ? fraction > 0.5
           : m->o->nearest == 1 ? fraction >= 0.5
           : m->o->nearest == 2 ? 0
                                : fraction > 0;
  int64_t index = (int64_t)low + up;
  return index < 0 ? 0 : index >= m->in ? m->in - 1 : index;
}

static double cubic(double x, double a) {
  x = absolute(x);
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2)
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

/* Taps of output coordinate x: source indices [low, low + count), weights by
   weight_of. An axis that stays has one tap of weight 1. */
typedef struct {
  int64_t low, count;
  double centre, shrink, total;
  int outside;
} taps;

static double raw_weight(const axis_map *m, const taps *t, int64_t index) {
  if (m->o->mode == NEAREST || t->count == 1)
    return 1;
  if (m->o->exclude_outside && (index < 0 || index >= m->in))
    return 0;
  double d = ((double)index - t->centre) * t->shrink;
  if (m->o->mode == CUBIC)
    return cubic(d, m->o->cubic_a);
  d = absolute(d);
  return d < 1 ? 1 - d : 0;
}

static double weight_of(const axis_map *m, const taps *t, int64_t index) {
  return raw_weight(m, t, index) / t->total;
}

static taps taps_of(const axis_map *m, int64_t x) {
  taps t = {x, 1, (double)x, 1, 1, 0};
  if (m->in == m->out && m->scale == 1 && m->o->coordinates != 5)
    return t;
  t.centre = source_of(m, x);
  t.outside = m->o->coordinates == 5 && (t.centre < 0 || t.centre > (double)(m->in - 1));
  if (m->o->mode == NEAREST) {
    t.low = nearest_of(m, t.centre);
    return t;
  }
  double reach = m->o->mode == CUBIC ? 2 : 1;
  if (m->o->antialias && m->scale < 1) {
    t.shrink = m->scale;
    reach /= m->scale;
  }
  t.low = (int64_t)floor_of(t.centre - reach) + 1;
  t.count = (int64_t)floor_of(t.centre + reach) - t.low + 1;
  if (t.count < 2)
    t.count = 2;
  t.total = 1;
  double total = 0;
  for (int64_t i = t.low; i < t.low + t.count; i++)
    total += raw_weight(m, &t, i);
  t.total = total == 0 ? 1 : total;
  return t;
}

static int64_t clamp_index(int64_t i, int64_t n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

#endif
