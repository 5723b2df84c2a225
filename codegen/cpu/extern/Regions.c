// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What detectors do with boxes: pool the pixels inside, and keep the best of those
// that overlap.

#include "codegen/cpu/extern/Extern.h"
#include "codegen/cpu/extern/Heap.h"

static double floor_of(double x) {
  double down = (double)(int64_t)x;
  return down > x ? down - 1 : down;
}
static double ceil_of(double x) { return -floor_of(-x); }
static double larger(double a, double b) { return a > b ? a : b; }
static double smaller(double a, double b) { return a < b ? a : b; }
static double bounded(double x) { return x == x ? larger(smaller(x, 1e9), -1e9) : 0; }

static double real_at(const sinter_view *v, int64_t i, int64_t j) {
  return load_number(v->type, v->data + i * v->stride[0] + j * v->stride[1]).f;
}

/* Four pixels around a sample and their weights, which are 0 outside. */
typedef struct {
  int64_t at[4];
  double weight[4];
} corners;

static corners corners_of(const sinter_view *in, double y, double x) {
  int64_t h = in->dim[2], w = in->dim[3];
  corners c = {{0, 0, 0, 0}, {0, 0, 0, 0}};
  if (!(y >= -1 && y <= (double)h && x >= -1 && x <= (double)w))
    return c;
  y = larger(y, 0), x = larger(x, 0);
  int64_t top = (int64_t)y, left = (int64_t)x, bottom = top + 1, right = left + 1;
  if (top >= h - 1)
    top = bottom = h - 1, y = (double)top;
  if (left >= w - 1)
    left = right = w - 1, x = (double)left;
  double ly = y - (double)top, lx = x - (double)left;
  c.at[0] = top * in->stride[2] + left * in->stride[3];
  c.at[1] = top * in->stride[2] + right * in->stride[3];
  c.at[2] = bottom * in->stride[2] + left * in->stride[3];
  c.at[3] = bottom * in->stride[2] + right * in->stride[3];
  c.weight[0] = (1 - ly) * (1 - lx), c.weight[1] = (1 - ly) * lx;
  c.weight[2] = ly * (1 - lx), c.weight[3] = ly * lx;
  return c;
}

/* One channel of a bin from the samples in it. */
static double pool_bin(const corners *c, int64_t n, const sinter_view *in, const char *plane,
                       int is_max) {
  double sum = 0, best = 0;
  for (int64_t s = 0; s < n; s++)
    for (int k = 0; k < 4; k++) {
      double v = c[s].weight[k] * load_number(in->type, plane + c[s].at[k]).f;
      sum += v;
      best = s + k ? larger(best, v) : v;
    }
  return is_max ? best : sum;
}

/* The mean of a bin in f32. The four sums do not wait for each other. */
static float average_bin(const corners *c, int64_t n, const char *plane) {
  float a = 0, b = 0, d = 0, e = 0;
  for (int64_t s = 0; s < n; s++) {
    a += (float)c[s].weight[0] * *(const float *)(plane + c[s].at[0]);
    b += (float)c[s].weight[1] * *(const float *)(plane + c[s].at[1]);
    d += (float)c[s].weight[2] * *(const float *)(plane + c[s].at[2]);
    e += (float)c[s].weight[3] * *(const float *)(plane + c[s].at[3]);
  }
  return (a + b + (d + e)) / (float)n;
}

/* A box over the picture, cut into bins. */
typedef struct {
  double top, left, bin_h, bin_w;
  int64_t n_y, n_x; /* samples of a bin */
} region;

static region region_of(const sinter_view *rois, int64_t r, const sinter_view *out,
                        const int64_t *integers, double scale) {
  double offset = integers[2] ? 0.5 : 0;
  region g;
  g.left = bounded(real_at(rois, r, 0) * scale - offset);
  g.top = bounded(real_at(rois, r, 1) * scale - offset);
  double width = bounded(real_at(rois, r, 2) * scale - offset) - g.left;
  double height = bounded(real_at(rois, r, 3) * scale - offset) - g.top;
  if (!integers[2])
    width = larger(width, 1), height = larger(height, 1);
  g.bin_h = height / (double)out->dim[2], g.bin_w = width / (double)out->dim[3];
  g.n_y = integers[1] > 0 ? integers[1] : (int64_t)ceil_of(g.bin_h);
  g.n_x = integers[1] > 0 ? integers[1] : (int64_t)ceil_of(g.bin_w);
  return g;
}

static corners sample_of(const sinter_view *in, const region *g, int64_t row, int64_t column,
                         int64_t s) {
  double y = (double)row + ((double)(s / g->n_x) + 0.5) / (double)g->n_y;
  double x = (double)column + ((double)(s % g->n_x) + 0.5) / (double)g->n_x;
  return corners_of(in, g->top + g->bin_h * y, g->left + g->bin_w * x);
}

enum { BINS = 8, SAMPLES = 16 };

/* Channel k of one bin with any number of samples. */
static double sampled(const sinter_view *in, const region *g, const int64_t *at,
                      const char *plane, int is_max) {
  double sum = 0;
  int64_t n = g->n_y * g->n_x;
  for (int64_t s = 0; s < n; s++) {
    corners one = sample_of(in, g, at[2], at[3], s);
    double v = pool_bin(&one, 1, in, plane, is_max);
    sum = !is_max ? sum + v : s ? larger(sum, v) : v;
  }
  return is_max ? sum : sum / larger((double)n, 1);
}

/* roi_align: x [N, C, H, W], rois [R, 4], picture of each [R]; out [R, C, ph, pw].
   Integers: is_max, samples along an axis (0: as the box is large), half_pixel.
   An item is one bin of all channels. Means of f32 place the samples of some bins
   once, then read plane by plane. */
SINTER_EXTERN_FUNCTION(roi_align) {
  const sinter_view *in = &views[0], *rois = &views[1], *batch = &views[2], *out = &views[3];
  int is_max = integers[0] != 0;
  int64_t at[SINTER_MAX_RANK], n[BINS], bins = 0;
  corners c[BINS][SAMPLES];
  const char *from[BINS];
  char *to[BINS];
  if (in->dim[2] == 0 || in->dim[3] == 0 || in->dim[0] == 0)
    return;
  for (int64_t item = begin; item < end; item++) {
    visit_item(out, 1, item, begin, at);
    int64_t r = at[0];
    int64_t picture = load_index(batch, batch->data + r * batch->stride[0], in->dim[0], worker);
    const char *plane = in->data + picture * in->stride[0];
    region g = region_of(rois, r, out, integers, floats[0]);
    if (g.n_y > 4096 || g.n_x > 4096) {
      worker->fault |= SINTER_FAULT_BOUND;
      g.n_y = g.n_x = 1;
    }
    int64_t samples = g.n_y > 0 && g.n_x > 0 ? g.n_y * g.n_x : 0;
    if (!is_max && in->type == TYPE_F32 && samples > 0 && samples <= SAMPLES) {
      from[bins] = plane, to[bins] = address(out, at), n[bins] = samples;
      for (int64_t s = 0; s < samples; s++)
        c[bins][s] = sample_of(in, &g, at[2], at[3], s);
      bins++;
    } else {
      for (int64_t k = 0; k < in->dim[1]; k++) {
        number result = {sampled(in, &g, at, plane + k * in->stride[1], is_max), 0};
        store_number(out->type, address(out, at) + k * out->stride[1], result);
      }
    }
    if (bins < BINS && item + 1 < end)
      continue;
    for (int64_t k = 0; k < in->dim[1]; k++)
      for (int64_t i = 0; i < bins; i++)
        *(float *)(to[i] + k * out->stride[1]) =
            average_bin(c[i], n[i], from[i] + k * in->stride[1]);
    bins = 0;
  }
}

static double round_away(double x) {
  return x < 0 ? -floor_of(-x + 0.5) : floor_of(x + 0.5);
}

/* max_roi_pool: x [N, C, H, W], rois [R, 5] (picture, x1, y1, x2, y2). */
SINTER_EXTERN_FUNCTION(max_roi_pool) {
  const sinter_view *in = &views[0], *rois = &views[1], *out = &views[2];
  int64_t at[SINTER_MAX_RANK];
  for (int64_t item = begin; item < end; item++) {
    decode_item(out, 3, item, at);
    int64_t r = at[0], picture = (int64_t)bounded(real_at(rois, r, 0));
    if (picture < 0 || picture >= in->dim[0]) {
      worker->fault |= SINTER_FAULT_INDEX;
      continue;
    }
    const char *plane = in->data + picture * in->stride[0] + at[1] * in->stride[1];
    double x1 = round_away(bounded(real_at(rois, r, 1) * floats[0]));
    double y1 = round_away(bounded(real_at(rois, r, 2) * floats[0]));
    double x2 = round_away(bounded(real_at(rois, r, 3) * floats[0]));
    double y2 = round_away(bounded(real_at(rois, r, 4) * floats[0]));
    double bin_h = larger(y2 - y1 + 1, 1) / (double)out->dim[2];
    double bin_w = larger(x2 - x1 + 1, 1) / (double)out->dim[3];
    double h = (double)in->dim[2], w = (double)in->dim[3];
    double top = larger(smaller(floor_of((double)at[2] * bin_h) + y1, h), 0);
    double bottom = larger(smaller(ceil_of((double)(at[2] + 1) * bin_h) + y1, h), 0);
    for (int64_t i = 0; i < row_length(out); i++) {
      double left = larger(smaller(floor_of((double)i * bin_w) + x1, w), 0);
      double right = larger(smaller(ceil_of((double)(i + 1) * bin_w) + x1, w), 0);
      number best = {0, 0};
      int has_best = 0;
      for (int64_t y = (int64_t)top; y < (int64_t)bottom; y++)
        for (int64_t x = (int64_t)left; x < (int64_t)right; x++) {
          number v = load_number(in->type, plane + y * in->stride[2] + x * in->stride[3]);
          if (!has_best || v.f > best.f)
            best = v, has_best = 1;
        }
      store_number(out->type, address(out, at) + i * row_stride(out), best);
    }
  }
}

//===----------------------------------------------------------------------===//
// Non-maximum suppression
//===----------------------------------------------------------------------===//

typedef struct {
  double y1, x1, y2, x2;
} box;

static box box_of(const sinter_view *boxes, int64_t batch, int64_t i, int is_centre) {
  const char *p = boxes->data + batch * boxes->stride[0] + i * boxes->stride[1];
  double v[4];
  for (int k = 0; k < 4; k++)
    v[k] = load_number(boxes->type, p + k * boxes->stride[2]).f;
  box b;
  if (is_centre) {
    float hw = (float)v[2] / 2, hh = (float)v[3] / 2;
    b.x1 = (float)v[0] - hw, b.x2 = (float)v[0] + hw;
    b.y1 = (float)v[1] - hh, b.y2 = (float)v[1] + hh;
  } else {
    b.y1 = smaller(v[0], v[2]), b.y2 = larger(v[0], v[2]);
    b.x1 = smaller(v[1], v[3]), b.x2 = larger(v[1], v[3]);
  }
  return b;
}

/* In float, as every framework compares it with its threshold. */
static int overlaps(box a, box b, float threshold) {
  float h = (float)smaller(a.y2, b.y2) - (float)larger(a.y1, b.y1);
  float w = (float)smaller(a.x2, b.x2) - (float)larger(a.x1, b.x1);
  if (!(h > 0 && w > 0))
    return 0;
  float both = h * w;
  float area_a = ((float)a.y2 - (float)a.y1) * ((float)a.x2 - (float)a.x1);
  float area_b = ((float)b.y2 - (float)b.y1) * ((float)b.x2 - (float)b.x1);
  if (!(area_a > 0 && area_b > 0))
    return 0;
  return both / (area_a + area_b - both) > threshold;
}

typedef struct {
  const char *scores;
  int64_t stride, type;
} score_line;

static int is_better(const void *line, int64_t a, int64_t b) {
  const score_line *s = line;
  double x = load_number(s->type, s->scores + a * s->stride).f;
  double y = load_number(s->type, s->scores + b * s->stride).f;
  return x > y || (x == y && a < b);
}

/* nms: boxes [B, N, 4], scores [B, C, N], at most (i64), overlap, least score;
   out indices [bound, 3], count, and scratch [N] of i64. Boxes leave a heap best
   first, so only those that are looked at are ordered. */
SINTER_EXTERN_FUNCTION(nms) {
  const sinter_view *boxes = &views[0], *scores = &views[1];
  const sinter_view *out = &views[5], *count = &views[6], *scratch = &views[7];
  if (begin >= end)
    return;
  int64_t most = *(const int64_t *)views[2].data, found = 0, total = boxes->dim[1];
  float overlap = (float)load_number(views[3].type, views[3].data).f;
  double least = load_number(views[4].type, views[4].data).f;
  int64_t *boxes_left = (int64_t *)scratch->data;
  for (int64_t line = 0; line < scores->dim[0] * scores->dim[1]; line++) {
    int64_t batch = line / scores->dim[1], class = line % scores->dim[1], first = found;
    score_line s = {scores->data + batch * scores->stride[0] + class * scores->stride[1],
                    scores->stride[2], scores->type};
    heap h = {(char *)boxes_left, sizeof *boxes_left, 0, is_better, &s};
    for (int64_t i = 0; i < total; i++)
      if (!integers[1] || load_number(s.type, s.scores + i * s.stride).f > least)
        boxes_left[h.n++] = i;
    heap_make(&h);
    while (h.n > 0 && found - first < most) {
      int64_t i = boxes_left[0], is_kept = 1;
      heap_pop(&h);
      box b = box_of(boxes, batch, i, integers[0] != 0);
      for (int64_t j = first; is_kept && j < found; j++) {
        int64_t other = *(int64_t *)(out->data + j * out->stride[0] + 2 * out->stride[1]);
        is_kept = !overlaps(b, box_of(boxes, batch, other, integers[0] != 0), overlap);
      }
      if (!is_kept)
        continue;
      if (found == out->dim[0]) {
        worker->fault |= SINTER_FAULT_BOUND;
        break;
      }
      char *to = out->data + found++ * out->stride[0];
      *(int64_t *)to = batch;
      *(int64_t *)(to + out->stride[1]) = class;
      *(int64_t *)(to + 2 * out->stride[1]) = i;
    }
  }
  *(int64_t *)count->data = found;
}
