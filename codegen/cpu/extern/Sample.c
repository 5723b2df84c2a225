// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values of a picture at places that data decide: grids and deformed kernels.

#include "codegen/cpu/extern/Extern.h"

enum { LINEAR, NEAREST, CUBIC };
enum { ZEROS, BORDER, REFLECTION };
enum { MAX_AXES = 3 };

static double floor_of(double x) {
  double down = (double)(int64_t)x;
  return down > x ? down - 1 : down;
}

static double clamped(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

/* Far outside, and NaN, as a number that still fits an integer. */
static double bounded(double x) { return x == x ? clamped(x, -1e9, 1e9) : -1e9; }

static double rounded(double x) { /* half to even */
  double down = floor_of(x), rest = x - down;
  if (rest > 0.5 || (rest == 0.5 && ((int64_t)down & 1)))
    return down + 1;
  return down;
}

static double reflected(double x, double low, double high) {
  double range = high - low;
  if (range <= 0)
    return low;
  double over = x < low ? low - x : x > high ? x - high : 0;
  if (over == 0)
    return x;
  double turns = floor_of(over / range), rest = over - turns * range;
  int odd = (int64_t)turns & 1;
  return (x < low) != odd ? low + rest : high - rest;
}

typedef struct {
  int64_t n, padding; /* extent */
  double low, high;   /* border */
} sample_axis;

/* The pixel that stands for `i`; -1 for a zero. */
static int64_t pixel_of(const sample_axis *a, int64_t i) {
  if (i >= 0 && i < a->n)
    return i;
  if (a->padding == ZEROS)
    return -1;
  double j = a->padding == BORDER ? (double)i : reflected((double)i, a->low, a->high);
  return (int64_t)clamped(j, 0, (double)(a->n - 1));
}

static void cubic_weights(double t, double *w) {
  const double a = -0.75;
  w[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
  w[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
  w[2] = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1;
  w[3] = ((a * (2 - t) - 5 * a) * (2 - t) + 8 * a) * (2 - t) - 4 * a;
}

/* Taps and weights of one axis at coordinate x; their number. */
static int taps_of(const sample_axis *a, int mode, double x, int64_t *tap, double *w) {
  double down = floor_of(x), t = x - down;
  int64_t first = (int64_t)down - (mode == CUBIC);
  int n = mode == CUBIC ? 4 : mode == LINEAR ? 2 : 1;
  if (mode == NEAREST)
    w[0] = 1;
  else if (mode == LINEAR)
    w[0] = 1 - t, w[1] = t;
  else
    cubic_weights(t, w);
  for (int i = 0; i < n; i++)
    tap[i] = pixel_of(a, first + i);
  return n;
}

/* The pixels that make one sample: where they lie in a plane, and their weights.
   Every channel has the same ones. */
enum { MAX_CORNERS = 64 };
typedef struct {
  int64_t n, at[MAX_CORNERS]; /* bytes */
  double weight[MAX_CORNERS];
} corners;

static void add_corner(corners *c, int64_t at, double weight) {
  c->at[c->n] = at;
  c->weight[c->n++] = weight;
}

/* Neighbouring samples, so that a plane is read for all of them before the next one:
   planes often lie a power of two apart, where a cache holds few of them. */
enum { PLACES = 16 };
typedef struct {
  int64_t n;
  corners corners[PLACES];
  const char *from[PLACES];
  char *to[PLACES];
} places;

/* Every channel of one sample: channels [0, in->dim[1]) of `from` to `to`. */
static void store_channels(const corners *c, const sinter_view *in, const char *from,
                           const sinter_view *out, char *to) {
  int64_t channels = in->dim[1], step = in->stride[1], out_step = out->stride[1];
  if (in->type != TYPE_F32 || out->type != TYPE_F32) {
    for (int64_t k = 0; k < channels; k++) {
      double sum = 0;
      for (int64_t i = 0; i < c->n; i++) {
        number v = load_number(in->type, from + k * step + c->at[i]);
        sum += c->weight[i] * (is_float(in->type) ? v.f : (double)v.i);
      }
      number result = {sum, (int64_t)rounded(sum)};
      store_number(out->type, to + k * out_step, result);
    }
    return;
  }
  float *restrict sums = (float *)to; /* contiguous on both sides */
  for (int64_t k = 0; k < channels; k++)
    sums[k] = 0;
  for (int64_t i = 0; i < c->n; i++) {
    const float *row = (const float *)(from + c->at[i]);
    float w = (float)c->weight[i];
    VECTOR_LOOP
    for (int64_t k = 0; k < channels; k++)
      sums[k] += w * row[k];
  }
}

/* Two neighbours in each of two rows, which nearly all samples are. */
typedef float lanes2 __attribute__((vector_size(8)));
typedef float lanes4 __attribute__((vector_size(16)));
typedef struct {
  lanes4 weights;
  const char *above, *below;
  char *to;
} square;

static int is_square(const corners *c) {
  return c->n == 4 && c->at[1] == c->at[0] + 4 && c->at[3] == c->at[2] + 4;
}

static square square_of(const corners *c, const char *from, char *to) {
  lanes4 weights = {(float)c->weight[0], (float)c->weight[1], (float)c->weight[2],
                    (float)c->weight[3]};
  return (square){weights, from + c->at[0], from + c->at[2], to};
}

static inline float sum_square(const square *s, int64_t plane) {
  lanes2 above, below;
  __builtin_memcpy(&above, s->above + plane, sizeof above);
  __builtin_memcpy(&below, s->below + plane, sizeof below);
  lanes4 all = __builtin_shufflevector(above, below, 0, 1, 2, 3) * s->weights;
  lanes2 sum = __builtin_shufflevector(all, all, 0, 1) + __builtin_shufflevector(all, all, 2, 3);
  return sum[0] + sum[1];
}

static void store_places(places *p, const sinter_view *in, const sinter_view *out) {
  int is_real = in->type == TYPE_F32 && out->type == TYPE_F32;
  int is_plane = is_real && (in->stride[1] != 4 || out->stride[1] != 4);
  square squares[PLACES];
  int64_t n = 0, others[PLACES], m = 0;
  for (int64_t i = 0; i < p->n; i++)
    if (!is_plane)
      store_channels(&p->corners[i], in, p->from[i], out, p->to[i]);
    else if (is_square(&p->corners[i]))
      squares[n++] = square_of(&p->corners[i], p->from[i], p->to[i]);
    else
      others[m++] = i;
  for (int64_t k = 0; n + m && k < in->dim[1]; k++) {
    int64_t plane = k * in->stride[1], to = k * out->stride[1];
    for (int64_t i = 0; i < n; i++)
      *(float *)(squares[i].to + to) = sum_square(&squares[i], plane);
    for (int64_t i = 0; i < m; i++) {
      const corners *c = &p->corners[others[i]];
      float sum = 0;
      for (int64_t j = 0; j < c->n; j++)
        sum += (float)c->weight[j] * *(const float *)(p->from[others[i]] + plane + c->at[j]);
      *(float *)(p->to[others[i]] + to) = sum;
    }
  }
  p->n = 0;
}

/* The same as grid_corners of a linear sample in f32 all of which lies inside a plane;
   false of others. */
static int inner_corners(const sample_axis *axis, int align, const sinter_view *in,
                         const sinter_view *grid, const char *place, corners *c) {
  double w[2][2];
  int64_t at = 0;
  for (int k = 0; k < 2; k++) {
    double g = *(const float *)(place + (1 - k) * grid->stride[3]), size = (double)axis[k].n;
    double x = align ? (g + 1) / 2 * (size - 1) : ((g + 1) * size - 1) / 2;
    if (!(x >= 0 && x < size - 1))
      return 0;
    int64_t down = (int64_t)x;
    w[k][1] = x - (double)down, w[k][0] = 1 - w[k][1];
    at += down * in->stride[k + 2];
  }
  c->n = 0;
  for (int i = 0; i < 4; i++)
    add_corner(c, at + (i >> 1) * in->stride[2] + (i & 1) * in->stride[3],
               w[0][i >> 1] * w[1][i & 1]);
  return 1;
}

/* Corners of the sample that the grid names at `place`. */
static void grid_corners(const sample_axis *axis, int axes, int mode, int align,
                         const sinter_view *in, const sinter_view *grid, const char *place,
                         corners *c) {
  int64_t tap[MAX_AXES][4];
  double w[MAX_AXES][4];
  int n[MAX_AXES] = {1, 1, 1};
  for (int k = 0; k < axes; k++) {
    double g = load_number(grid->type, place + (axes - 1 - k) * grid->stride[axes + 1]).f;
    double size = (double)axis[k].n;
    double x = align ? (g + 1) / 2 * (size - 1) : ((g + 1) * size - 1) / 2;
    x = bounded(x);
    if (mode == NEAREST)
      x = rounded(x);
    if (axis[k].padding == BORDER)
      x = clamped(x, 0, size - 1);
    else if (axis[k].padding == REFLECTION)
      x = reflected(x, axis[k].low, axis[k].high);
    n[k] = taps_of(&axis[k], mode, x, tap[k], w[k]);
  }
  c->n = 0;
  int64_t step[MAX_AXES] = {0, 0, 0};
  for (int k = 0; k < axes; k++)
    step[k] = in->stride[k + 2];
  for (int k = axes; k < MAX_AXES; k++)
    tap[k][0] = 0, w[k][0] = 1;
  for (int i = 0; i < n[0]; i++)
    for (int j = 0; j < n[1]; j++)
      for (int k = 0; k < n[2]; k++)
        if (tap[0][i] >= 0 && tap[1][j] >= 0 && tap[2][k] >= 0)
          add_corner(c, tap[0][i] * step[0] + tap[1][j] * step[1] + tap[2][k] * step[2],
                     w[0][i] * w[1][j] * w[2][k]);
}

/* grid_sample: x [N, C, spatial...], grid [N, out..., axes]; the last of the grid's
   numbers belongs to the first spatial axis. An item is one place of the output. */
SINTER_EXTERN_FUNCTION(grid_sample) {
  const sinter_view *in = &views[0], *grid = &views[1], *out = &views[2];
  int mode = (int)integers[0], align = integers[2] != 0, axes = (int)in->rank - 2;
  int64_t at[SINTER_MAX_RANK];
  sample_axis axis[MAX_AXES];
  places p = {.n = 0};
  if (axes < 1 || axes > MAX_AXES)
    return;
  for (int i = 0; i < axes; i++) {
    axis[i].n = in->dim[i + 2];
    axis[i].padding = integers[1];
    axis[i].low = align ? 0 : -0.5;
    axis[i].high = (double)axis[i].n - (align ? 1 : 0.5);
    if (axis[i].n == 0)
      return;
  }
  for (int64_t item = begin; item < end; item++) {
    visit_item(out, 1, item, begin, at);
    const char *place = grid->data + at[0] * grid->stride[0];
    for (int k = 1; k <= axes; k++)
      place += at[k + 1] * grid->stride[k];
    corners *c = &p.corners[p.n];
    if (mode != LINEAR || axes != 2 || grid->type != TYPE_F32 ||
        !inner_corners(axis, align, in, grid, place, c))
      grid_corners(axis, axes, mode, align, in, grid, place, c);
    p.from[p.n] = in->data + at[0] * in->stride[0];
    p.to[p.n] = address(out, at);
    if (++p.n == PLACES || item + 1 == end)
      store_places(&p, in, out);
  }
}

/* The pixels around (y, x) of a plane; none outside. */
static void bilinear_corners(const sinter_view *in, double y, double x, double factor,
                             corners *c) {
  int64_t h = in->dim[2], w = in->dim[3];
  y = bounded(y), x = bounded(x);
  double fy = floor_of(y), fx = floor_of(x);
  c->n = 0;
  for (int i = 0; i < 4; i++) {
    int64_t py = (int64_t)fy + (i >> 1), px = (int64_t)fx + (i & 1);
    double wy = i >> 1 ? y - fy : 1 - (y - fy), wx = i & 1 ? x - fx : 1 - (x - fx);
    if (py >= 0 && py < h && px >= 0 && px < w)
      add_corner(c, py * in->stride[2] + px * in->stride[3], wy * wx * factor);
  }
}

/* deform_columns: x [N, C, H, W], offset [N, groups * kh * kw * 2, oh, ow], optional
   mask [N, groups * kh * kw, oh, ow]; out [N, C, kh * kw, oh, ow]: what each tap of a
   deformed kernel reads. An item is one tap at one place. */
SINTER_EXTERN_FUNCTION(deform_columns) {
  const sinter_view *in = &views[0], *offset = &views[1], *mask = n_inputs > 2 ? &views[2] : 0;
  const sinter_view *out = &views[n_inputs];
  int64_t groups = integers[0], kw = integers[2], at[SINTER_MAX_RANK];
  int64_t taps = integers[1] * kw, width = in->dim[1] / groups;
  sinter_view part = *in; /* channels of one group */
  part.dim[1] = width;
  places p = {.n = 0};
  for (int64_t group = 0; group < groups; group++)
    for (int64_t item = begin; item < end; item++) {
      visit_item(out, 1, item, begin, at);
      int64_t tap = at[2], y = at[3], x = at[4], row = group * taps + tap;
      const char *dy = offset->data + at[0] * offset->stride[0] + 2 * row * offset->stride[1] +
                       y * offset->stride[2] + x * offset->stride[3];
      double py = (double)(y * integers[3] - integers[5] + tap / kw * integers[7]) +
                  load_number(offset->type, dy).f;
      double px = (double)(x * integers[4] - integers[6] + tap % kw * integers[8]) +
                  load_number(offset->type, dy + offset->stride[1]).f;
      double factor = 1;
      if (mask)
        factor = load_number(mask->type, mask->data + at[0] * mask->stride[0] +
                                             row * mask->stride[1] + y * mask->stride[2] +
                                             x * mask->stride[3]).f;
      bilinear_corners(in, py, px, factor, &p.corners[p.n]);
      p.from[p.n] = in->data + at[0] * in->stride[0] + group * width * in->stride[1];
      p.to[p.n] = address(out, at) + group * width * out->stride[1];
      if (++p.n == PLACES || item + 1 == end)
        store_places(&p, &part, out);
    }
}
