// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX Resize. Interpolation is separable: an output element is a weighted sum of
// taps along each axis that changes. Axes before the last give a few corners: rows
// of the source and their weights, resolved again only where a coordinate moved.
// When the last axis stays (channels last) whole rows are added. Else the corners
// of a block of output elements are added to a line first, from which each element
// takes its taps. Rare options and types go element by element, in double.
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

enum { MAX_TAPS = 4, MAX_CORNERS = 64, BLOCK = 64, SPAN = 256 };

/* The taps of f32 at one coordinate of an axis. Those of weight 0 do not count. */
typedef struct {
  int64_t at, n, index[MAX_TAPS]; /* at: the coordinate, -1 for none yet */
  float weight[MAX_TAPS];
} few_taps;

static void resolve(const axis_map *m, int64_t x, few_taps *f) {
  if (f->at == x)
    return;
  taps t = {x, 1, (double)x, 1, 1, 0};
  int is_plain = m->o->mode == LINEAR && !m->o->exclude_outside;
  int stays = m->in == m->out && m->scale == 1;
  if (is_plain && !stays) {
    t.centre = source_of(m, x);
    t.low = (int64_t)floor_of(t.centre), t.count = 2;
  } else {
    t = taps_of(m, x);
  }
  f->at = x, f->n = 0;
  for (int64_t i = t.low; i < t.low + t.count; i++) {
    double d = (double)i - t.centre;
    double w = !is_plain || stays ? weight_of(m, &t, i) : d > 0 ? 1 - d : 1 + d;
    if (w == 0)
      continue;
    f->index[f->n] = clamp_index(i, m->in);
    f->weight[f->n++] = (float)w;
  }
}

typedef struct {
  const char *from;
  float weight;
} corner;

/* Rows of the source under output coordinates `at` of all axes but the last. */
static int64_t corners_of(const axis_map *maps, few_taps *t, const sinter_view *in,
                          const int64_t *at, corner *c) {
  int64_t n = 1;
  c[0] = (corner){in->data, 1};
  for (int64_t axis = 0; axis + 1 < in->rank; axis++) {
    resolve(&maps[axis], at[axis], &t[axis]);
    const few_taps *f = &t[axis];
    for (int64_t k = f->n - 1; k >= 0; k--)
      for (int64_t i = 0; i < n; i++)
        c[k * n + i] = (corner){c[i].from + f->index[k] * in->stride[axis],
                                c[i].weight * f->weight[k]};
    n *= f->n;
  }
  return n;
}

/* to[i] = the corners' weighted sum at element first + i. */
static void add_corners(const corner *c, int64_t n, int64_t first, int64_t count,
                        int64_t stride, float *restrict to) {
  if (stride != 4) {
    for (int64_t i = 0; i < count; i++) {
      float sum = 0;
      for (int64_t k = 0; k < n; k++)
        sum += c[k].weight * *(const float *)(c[k].from + (first + i) * stride);
      to[i] = sum;
    }
    return;
  }
  if (n == 4) {
    const float *p = (const float *)c[0].from + first, *q = (const float *)c[1].from + first;
    const float *r = (const float *)c[2].from + first, *s = (const float *)c[3].from + first;
    float a = c[0].weight, b = c[1].weight, d = c[2].weight, e = c[3].weight;
    VECTOR_LOOP
    for (int64_t i = 0; i < count; i++)
      to[i] = a * p[i] + b * q[i] + d * r[i] + e * s[i];
    return;
  }
  for (int64_t i = 0; i < count; i++)
    to[i] = 0;
  for (int64_t k = 0; k < n; k++) {
    const float *row = (const float *)c[k].from + first;
    float weight = c[k].weight;
    VECTOR_LOOP
    for (int64_t i = 0; i < count; i++)
      to[i] += weight * row[i];
  }
}

/* Taps of outputs [begin, begin + n) of the last axis over `span` source elements. */
typedef struct {
  int64_t first, span, n, taps, index[MAX_TAPS][BLOCK]; /* from `first` */
  float weight[MAX_TAPS][BLOCK];
} line;

static void make_line(const axis_map *m, int64_t begin, line *l) {
  l->first = 0, l->span = 0, l->taps = 0;
  for (l->n = 0; l->n < BLOCK && begin + l->n < m->out; l->n++) {
    few_taps f = {.at = -1};
    resolve(m, begin + l->n, &f);
    int64_t low = l->first, high = l->first + l->span;
    for (int64_t k = 0; k < f.n; k++) {
      if (high == low)
        low = high = f.index[k];
      low = f.index[k] < low ? f.index[k] : low;
      high = f.index[k] + 1 > high ? f.index[k] + 1 : high;
    }
    if (high - low > SPAN)
      break;
    l->first = low, l->span = high - low;
    l->taps = f.n > l->taps ? f.n : l->taps;
    for (int64_t k = 0; k < MAX_TAPS; k++) {
      l->index[k][l->n] = k < f.n ? f.index[k] : low;
      l->weight[k][l->n] = k < f.n ? f.weight[k] : 0;
    }
  }
  for (int64_t k = 0; k < MAX_TAPS; k++)
    for (int64_t j = 0; j < l->n; j++)
      l->index[k][j] -= l->first;
}

static void take_taps(const line *l, const float *values, char *to, int64_t stride) {
  for (int64_t j = 0; j < l->n; j++) {
    float sum = 0;
    for (int64_t k = 0; k < l->taps; k++) {
      float v = values[l->index[k][j]], w = l->weight[k][j];
      sum += w == 0 ? 0 : w * v;
    }
    *(float *)(to + j * stride) = sum;
  }
}

/* f32 with at most MAX_TAPS taps an axis. */
static void resize_lines(const axis_map *maps, const sinter_view *in, const sinter_view *out,
                         int64_t begin, int64_t end, int keeps_row) {
  int64_t last = in->rank - 1, at[SINTER_MAX_RANK];
  int adds_rows = keeps_row && in->stride[last] == 4 && out->stride[last] == 4;
  few_taps t[SINTER_MAX_RANK];
  corner c[MAX_CORNERS];
  line l = {.n = 0};
  float values[SPAN];
  for (int64_t i = 0; i < last; i++)
    t[i].at = -1;
  for (int64_t j = 0; j < out->dim[last]; j += adds_rows ? out->dim[last] : l.n) {
    if (!adds_rows)
      make_line(&maps[last], j, &l);
    for (int64_t item = begin; item < end; item++) {
      visit_item(out, last, item, begin, at);
      int64_t n = corners_of(maps, t, in, at, c);
      char *to = address(out, at) + j * out->stride[last];
      if (adds_rows) {
        add_corners(c, n, 0, out->dim[last], 4, (float *)to);
        continue;
      }
      add_corners(c, n, l.first, l.span, in->stride[last], values);
      take_taps(&l, values, to, out->stride[last]);
    }
  }
}

/* Whether resize_lines can: no more taps and corners than it has room for. */
static int has_few_taps(const options *o, const axis_map *maps, const sinter_view *in) {
  int64_t corners = 1;
  if (in->type != TYPE_F32 || o->coordinates == 5)
    return 0;
  for (int64_t i = 0; i < in->rank; i++) {
    if (in->dim[i] == 0 || (o->antialias && maps[i].scale < 1))
      return 0;
    if (i + 1 < in->rank && (maps[i].in != maps[i].out || maps[i].scale != 1))
      corners *= o->mode == CUBIC ? 4 : o->mode == LINEAR ? 2 : 1;
  }
  return corners <= MAX_CORNERS;
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
  int64_t rank = in->rank, last = rank - 1, at[SINTER_MAX_RANK], old[SINTER_MAX_RANK];
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
  if (has_few_taps(&o, maps, in) && !(o.mode == NEAREST && keeps_row)) {
    resize_lines(maps, in, out, begin, end, keeps_row);
    return;
  }
  for (int64_t item = begin; item < end; item++) {
    int outside = 0;
    visit_item(out, last, item, begin, at);
    for (int64_t i = 0; i < last; i++) {
      if (item == begin || at[i] != old[i])
        t[i] = taps_of(&maps[i], at[i]);
      old[i] = at[i];
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
    for (int64_t j = 0; j < out->dim[last]; j++) {
      t[last] = taps_of(&maps[last], j);
      store_sample(out, to + j * out->stride[last],
                   outside || t[last].outside ? o.extrapolation
                                              : sample(maps, t, in, 0, in->data));
    }
  }
}
