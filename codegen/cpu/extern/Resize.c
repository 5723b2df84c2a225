// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX Resize. Interpolation is separable: an output element is a weighted sum of
// taps along each axis that changes. Axes before the last are resolved once a row;
// when the last axis stays (channels last) whole rows are added, else elements.
//
// Coordinates follow the formulas of the ONNX operator text (Resize-19).

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

/* The source under the taps of axes `axis`..last. */
static double sample(const axis_map *maps, const taps *t, const sinter_view *in,
                     int64_t axis, const char *from) {
  if (axis == in->rank) {
    number n = load_number(in->type, from);
    return is_float(in->type) ? n.f : (double)n.i;
  }
  double sum = 0;
  for (int64_t i = t[axis].low; i < t[axis].low + t[axis].count; i++) {
    double w = weight_of(&maps[axis], &t[axis], i);
    if (w != 0)
      sum += w * sample(maps, t, in, axis + 1,
                        from + clamp_index(i, in->dim[axis]) * in->stride[axis]);
  }
  return sum;
}

/* Adds rows of f32: the last axis stays and is contiguous on both sides. */
static void add_rows(const axis_map *maps, const taps *t, const sinter_view *in,
                     int64_t axis, const char *from, float weight, float *to) {
  if (axis == in->rank - 1) {
    const float *row = (const float *)from;
    VECTOR_LOOP
    for (int64_t i = 0; i < in->dim[axis]; i++)
      to[i] += weight * row[i];
    return;
  }
  for (int64_t i = t[axis].low; i < t[axis].low + t[axis].count; i++) {
    float w = (float)weight_of(&maps[axis], &t[axis], i);
    if (w != 0)
      add_rows(maps, t, in, axis + 1,
               from + clamp_index(i, in->dim[axis]) * in->stride[axis], weight * w, to);
  }
}

static void store_sample(const sinter_view *out, char *to, double value) {
  number n = {value, 0};
  if (!is_float(out->type)) {
    /* Integers round to nearest, ties to even, and stay in their range. */
    double low = floor_of(value), rest = value - low;
    n.i = (int64_t)low + (rest > 0.5 || (rest == 0.5 && ((int64_t)low & 1)));
    if (out->type == TYPE_U8)
      n.i = n.i < 0 ? 0 : n.i > 255 ? 255 : n.i;
    else if (out->type == TYPE_I8)
      n.i = n.i < -128 ? -128 : n.i > 127 ? 127 : n.i;
  }
  store_number(out->type, to, n);
}

SINTER_EXTERN_FUNCTION(resize) {
  const sinter_view *in = &views[0], *out = &views[1];
  options o = {integers[0], integers[1], integers[2], integers[3], integers[4],
               floats[0], floats[1]};
  int64_t rank = in->rank, last = rank - 1, at[SINTER_MAX_RANK];
  axis_map maps[SINTER_MAX_RANK];
  taps t[SINTER_MAX_RANK];
  if (rank == 0) {
    if (begin < end)
      copy_element(out->data, in->data, out->size);
    return;
  }
  for (int64_t i = 0; i < rank; i++) {
    double scale = floats[2 + i];
    if (scale == 0)
      scale = in->dim[i] ? (double)out->dim[i] / (double)in->dim[i] : 1;
    maps[i] = (axis_map){&o, in->dim[i], out->dim[i], scale, floats[2 + rank + i],
                         floats[2 + 2 * rank + i]};
  }
  int keeps_row = in->dim[last] == out->dim[last] && maps[last].scale == 1 &&
                  o.coordinates != 5;
  int adds_rows = keeps_row && in->type == TYPE_F32 && in->stride[last] == 4 &&
                  out->stride[last] == 4;
  for (int64_t item = begin; item < end; item++) {
    int outside = 0;
    decode_item(out, last, item, at);
    for (int64_t i = 0; i < last; i++) {
      t[i] = taps_of(&maps[i], at[i]);
      outside |= t[i].outside;
    }
    char *to = address(out, at);
    if (o.mode == NEAREST && keeps_row && !outside) {
      const char *from = in->data;
      for (int64_t i = 0; i < last; i++)
        from += t[i].low * in->stride[i];
      copy_row(to, out->stride[last], from, in->stride[last], out->dim[last], out->size);
      continue;
    }
    if (adds_rows && !outside) {
      for (int64_t i = 0; i < out->dim[last]; i++)
        ((float *)to)[i] = 0;
      add_rows(maps, t, in, 0, in->data, 1, (float *)to);
      continue;
    }
    for (int64_t j = 0; j < out->dim[last]; j++) {
      t[last] = taps_of(&maps[last], j);
      store_sample(out, to + j * out->stride[last],
                   outside || t[last].outside ? o.extrapolation
                                              : sample(maps, t, in, 0, in->data));
    }
  }
}
