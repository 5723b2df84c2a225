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
  float y1, x1, y2, x2;
} box;

static float smaller_float(float a, float b) { return a < b ? a : b; }
static float larger_float(float a, float b) { return a > b ? a : b; }

static box box_of(const sinter_view *boxes, int64_t batch, int64_t i, int is_centre) {
  const char *p = boxes->data + batch * boxes->stride[0] + i * boxes->stride[1];
  float v[4];
  for (int k = 0; k < 4; k++)
    v[k] = (float)load_number(boxes->type, p + k * boxes->stride[2]).f;
  box b;
  if (is_centre) {
    float hw = v[2] / 2, hh = v[3] / 2;
    b.x1 = v[0] - hw, b.x2 = v[0] + hw;
    b.y1 = v[1] - hh, b.y2 = v[1] + hh;
  } else {
    b.y1 = smaller_float(v[0], v[2]), b.y2 = larger_float(v[0], v[2]);
    b.x1 = smaller_float(v[1], v[3]), b.x2 = larger_float(v[1], v[3]);
  }
  return b;
}

/* Those that were kept, number by number. */
typedef struct {
  float *y1, *x1, *y2, *x2, *area;
  int64_t n;
} kept_boxes;

static float area_of(box b) { return (b.y2 - b.y1) * (b.x2 - b.x1); }

static void keep(kept_boxes *k, box b) {
  k->y1[k->n] = b.y1, k->x1[k->n] = b.x1, k->y2[k->n] = b.y2, k->x2[k->n] = b.x2;
  k->area[k->n++] = area_of(b);
}

/* In float, as every framework compares it with its threshold. */
static int overlaps_any(const kept_boxes *kept, box b, float threshold) {
  enum { BLOCK = 64 };
  float area = area_of(b);
  for (int64_t first = 0; area > 0 && first < kept->n; first += BLOCK) {
    int64_t end = kept->n < first + BLOCK ? kept->n : first + BLOCK;
    int32_t any = 0;
    VECTOR_LOOP
    for (int64_t j = first; j < end; j++) {
      float h = smaller_float(b.y2, kept->y2[j]) - larger_float(b.y1, kept->y1[j]);
      float w = smaller_float(b.x2, kept->x2[j]) - larger_float(b.x1, kept->x1[j]);
      float both = h * w, part = both / (area + kept->area[j] - both);
      any |= (h > 0) & (w > 0) & (kept->area[j] > 0) & (part > threshold);
    }
    if (any)
      return 1;
  }
  return 0;
}

/* The boxes of one class that may be kept, as a heap of words, the best first. */
static inline __attribute__((always_inline)) int64_t
rank_boxes(const sinter_view *scores, int64_t type, const char *line, double least, int has_least,
           uint64_t *words) {
  int64_t n = 0, stride = scores->stride[2];
  for (int64_t i = 0; i < scores->dim[2]; i++) {
    words[n] = ranked_word(type, line + i * stride, i, 1);
    n += !has_least | (load_number(type, line + i * stride).f > least);
  }
  word_heap((char *)words, sizeof *words, n, ~(uint64_t)0);
  return n;
}

/* nms: boxes [B, N, 4], scores [B, C, N], at most (i64), overlap, least score;
   out indices [bound, 3], count, and scratch [4, N] of i64: words of a heap, then what
   was kept. Boxes leave the heap best first, so only those that are looked at are
   ordered. */
SINTER_EXTERN_FUNCTION(nms) {
  const sinter_view *boxes = &views[0], *scores = &views[1];
  const sinter_view *out = &views[5], *count = &views[6], *scratch = &views[7];
  if (begin >= end)
    return;
  int64_t most = *(const int64_t *)views[2].data, found = 0, total = boxes->dim[1];
  float overlap = (float)load_number(views[3].type, views[3].data).f;
  double least = load_number(views[4].type, views[4].data).f;
  uint64_t *words = (uint64_t *)scratch->data;
  float *room = (float *)(words + total);
  if (!has_ranked_words(scores, total)) {
    worker->fault |= SINTER_FAULT_BOUND;
    return;
  }
  for (int64_t line = 0; line < scores->dim[0] * scores->dim[1]; line++) {
    int64_t batch = line / scores->dim[1], class = line % scores->dim[1];
    kept_boxes kept = {room, room + total, room + 2 * total, room + 3 * total, room + 4 * total, 0};
    const char *from = scores->data + batch * scores->stride[0] + class * scores->stride[1];
    int64_t n = scores->type == TYPE_F32
                    ? rank_boxes(scores, TYPE_F32, from, least, integers[1] != 0, words)
                    : rank_boxes(scores, scores->type, from, least, integers[1] != 0, words);
    for (; n > 0 && kept.n < most; n--) {
      int64_t i = (int64_t)(uint32_t)words[0];
      word_pop((char *)words, sizeof *words, n, ~(uint64_t)0);
      box b = box_of(boxes, batch, i, integers[0] != 0);
      if (overlaps_any(&kept, b, overlap))
        continue;
      if (found == out->dim[0]) {
        worker->fault |= SINTER_FAULT_BOUND;
        break;
      }
      keep(&kept, b);
      char *to = out->data + found++ * out->stride[0];
      *(int64_t *)to = batch;
      *(int64_t *)(to + out->stride[1]) = class;
      *(int64_t *)(to + 2 * out->stride[1]) = i;
    }
  }
  *(int64_t *)count->data = found;
}
