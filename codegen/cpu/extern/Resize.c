// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX Resize. Interpolation is separable: an output element is a weighted sum of
// taps along each axis that changes. The taps of the innermost axis that changes are
// made once for a block of its coordinates, those of the axes before give a few
// corners: rows of the source and their weights, resolved again only where a
// coordinate moved. When the last axis stays (channels last) whole rows are added.
// Else the corners are added to a line first, from which eight elements at a time
// take their taps by a permutation. Rare options and types go element by element, in
// double.

#include "codegen/cpu/extern/ResizeLine.h"

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

typedef struct {
  const char *from;
  float weight;
} corner;

/* Rows of the source under output coordinates `at` of the first `axes` axes. */
static int64_t corners_of(const axis_map *maps, int64_t axes, few_taps *t,
                          const sinter_view *in, const int64_t *at, corner *c) {
  int64_t n = 1;
  c[0] = (corner){in->data, 1};
  for (int64_t axis = 0; axis < axes; axis++) {
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
  if (n == 0) {
    for (int64_t i = 0; i < count; i++)
      to[i] = 0;
    return;
  }
  const float *p = (const float *)c[0].from + first, *q = (const float *)c[n > 1].from + first;
  float a = c[0].weight, b = c[n > 1].weight;
  if (n == 4) {
    const float *r = (const float *)c[2].from + first, *s = (const float *)c[3].from + first;
    float d = c[2].weight, e = c[3].weight;
    VECTOR_LOOP
    for (int64_t i = 0; i < count; i++)
      to[i] = a * p[i] + b * q[i] + d * r[i] + e * s[i];
    return;
  }
  if (n == 2) {
    VECTOR_LOOP
    for (int64_t i = 0; i < count; i++)
      to[i] = a * p[i] + b * q[i];
    return;
  }
  VECTOR_LOOP
  for (int64_t i = 0; i < count; i++)
    to[i] = a * p[i];
  for (int64_t k = 1; k < n; k++) {
    const float *row = (const float *)c[k].from + first;
    float weight = c[k].weight;
    VECTOR_LOOP
    for (int64_t i = 0; i < count; i++)
      to[i] += weight * row[i];
  }
}

static void take_taps(const line *l, const float *values, char *to, int64_t stride) {
  for (int64_t g = 0; g * LANES < l->n; g++) {
    lanes sum = weighted(l->weight[0][g], take_tap(l, 0, g, values));
    for (int64_t k = 1; k < l->taps; k++)
      sum += weighted(l->weight[k][g], take_tap(l, k, g, values));
    int64_t left = l->n - g * LANES;
    char *at = to + g * LANES * stride;
    if (stride == 4 && left >= LANES)
      *(loose_lanes *)at = sum;
    else
      for (int64_t i = 0; i < LANES && i < left; i++)
        *(float *)(at + i * stride) = sum[i];
  }
}

/* f32 whose last axis changes, with at most MAX_TAPS taps an axis. */
static void resize_lines(const axis_map *maps, const sinter_view *in, const sinter_view *out,
                         int64_t begin, int64_t end) {
  int64_t last = in->rank - 1, at[SINTER_MAX_RANK];
  few_taps t[SINTER_MAX_RANK];
  corner c[MAX_CORNERS];
  line l = {.n = 0};
  float values[SPAN + LANES] = {0};
  for (int64_t i = 0; i < last; i++)
    t[i].at = -1;
  for (int64_t j = 0; j < out->dim[last]; j += l.n) {
    make_line(&maps[last], j, SPAN, &l);
    make_groups(&l, SPAN + LANES);
    for (int64_t item = begin; item < end; item++) {
      visit_item(out, last, item, begin, at);
      int64_t n = corners_of(maps, last, t, in, at, c);
      add_corners(c, n, l.first, l.span, in->stride[last], values);
      take_taps(&l, values, address(out, at) + j * out->stride[last], out->stride[last]);
    }
  }
}

/* Outputs [low, high) of the axis before the last, whose line begins at `origin`, from
   the corners of the axes before it. */
static void add_rows(const corner *c, int64_t n, const line *l, int64_t origin, int64_t low,
                     int64_t high, const sinter_view *in, const sinter_view *out, char *to) {
  int64_t last = in->rank - 1, step = in->stride[last - 1];
  corner all[MAX_CORNERS];
  for (int64_t x = low; x < high; x++, to += out->stride[last - 1]) {
    int64_t count = 0;
    for (int64_t k = 0; k < l->taps; k++) {
      float weight = ((const float *)l->weight[k])[x - origin];
      int64_t at = (((const int32_t *)l->index[k])[x - origin] + l->first) * step;
      for (int64_t i = 0; i < n && weight != 0; i++)
        all[count++] = (corner){c[i].from + at, c[i].weight * weight};
    }
    add_corners(all, count, 0, out->dim[last], 4, (float *)to);
  }
}

/* f32 whose last axis stays: rows of it are added. */
static void resize_rows(const axis_map *maps, const sinter_view *in, const sinter_view *out,
                        int64_t begin, int64_t end) {
  int64_t axis = in->rank - 2, width = out->dim[axis], at[SINTER_MAX_RANK];
  few_taps t[SINTER_MAX_RANK];
  corner c[MAX_CORNERS];
  line l = {.n = 0};
  for (int64_t i = 0; i < axis; i++)
    t[i].at = -1;
  for (int64_t j = 0; j < width; j += l.n) {
    make_line(&maps[axis], j, INT32_MAX, &l);
    for (int64_t item = begin, next; item < end; item = next) {
      int64_t x = item % width, low = x > j ? x : j, high = j + l.n;
      next = item - x + width < end ? item - x + width : end;
      high = x + (next - item) < high ? x + (next - item) : high;
      if (low >= high)
        continue;
      decode_item(out, axis + 1, item - x + low, at);
      int64_t n = corners_of(maps, axis, t, in, at, c);
      add_rows(c, n, &l, j, low, high, in, out, address(out, at));
    }
  }
}

/* One element of each of n outputs: that under its only tap. */
static void take_nearest(const line *l, const char *from, int64_t stride, char *to,
                         int64_t to_stride, int64_t size) {
  from += l->first * stride;
  if (size == 4 && stride == 4 && to_stride == 4) {
    for (int64_t g = 0; g * LANES < l->n; g++) {
      lanes v = take_tap(l, 0, g, (const float *)from);
      int64_t left = l->n - g * LANES;
      if (left >= LANES)
        *(loose_lanes *)(to + g * LANES * 4) = v;
      else
        memcpy(to + g * LANES * 4, &v, (size_t)left * 4);
    }
    return;
  }
  for (int64_t i = 0; i < l->n; i++)
    copy_element(to + i * to_stride, from + ((const int32_t *)l->index[0])[i] * stride, size);
}

/* The nearest elements of any type, the last axis changing. A row of the same source
   as the one before it is its copy. */
static void resize_nearest(const axis_map *maps, const sinter_view *in, const sinter_view *out,
                           int64_t begin, int64_t end) {
  int64_t last = in->rank - 1, size = out->size, at[SINTER_MAX_RANK];
  few_taps t[SINTER_MAX_RANK];
  corner c[MAX_CORNERS];
  line l = {.n = 0};
  for (int64_t i = 0; i < last; i++)
    t[i].at = -1;
  for (int64_t j = 0; j < out->dim[last]; j += l.n) {
    const char *from = 0, *copied = 0;
    make_line(&maps[last], j, INT32_MAX, &l);
    if (size == 4 && in->stride[last] == 4 && out->stride[last] == 4)
      make_groups(&l, in->dim[last] - l.first);
    for (int64_t item = begin; item < end; item++) {
      visit_item(out, last, item, begin, at);
      corners_of(maps, last, t, in, at, c);
      char *to = address(out, at) + j * out->stride[last];
      if (c[0].from == from && out->stride[last] == size)
        memcpy(to, copied, (size_t)(l.n * size));
      else
        take_nearest(&l, c[0].from, in->stride[last], to, out->stride[last], size);
      from = c[0].from, copied = to;
    }
  }
}

/* Whether resize_nearest can. */
static int has_one_tap(const options *o, const sinter_view *in) {
  int64_t largest = 1;
  for (int64_t i = 0; i < in->rank; i++)
    largest = in->dim[i] == 0 || in->dim[i] > largest ? in->dim[i] : largest;
  return o->coordinates != 5 && !is_empty(in) && largest <= INT32_MAX;
}

/* Whether the functions above can: no more taps and corners than they have room for. */
static int has_few_taps(const options *o, const axis_map *maps, const sinter_view *in) {
  int64_t corners = 1;
  if (in->type != TYPE_F32 || o->coordinates == 5)
    return 0;
  for (int64_t i = 0; i < in->rank; i++) {
    if (in->dim[i] == 0 || in->dim[i] > INT32_MAX || (o->antialias && maps[i].scale < 1))
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
  int is_copy = keeps_row && o.mode == NEAREST;
  if (o.mode == NEAREST && !keeps_row && has_one_tap(&o, in)) {
    resize_nearest(maps, in, out, begin, end);
    return;
  }
  if (!is_copy && has_few_taps(&o, maps, in)) {
    int adds_rows = keeps_row && rank > 1 && in->stride[last] == 4 && out->stride[last] == 4;
    (adds_rows ? resize_rows : resize_lines)(maps, in, out, begin, end);
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
