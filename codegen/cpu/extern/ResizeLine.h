// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The taps of a block of coordinates along one axis of a Resize, in f32. Where the
// axis grows, eight outputs in a row lie under eight neighbours of the source: they
// are one permutation of them (vpermps) instead of eight loads.

#ifndef SINTER_CODEGEN_CPU_RESIZE_LINE_H
#define SINTER_CODEGEN_CPU_RESIZE_LINE_H

#include "codegen/cpu/extern/ResizeTaps.h"

enum { MAX_TAPS = 4, MAX_CORNERS = 64, BLOCK = 256, SPAN = 512, LANES = 8 };

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef float loose_lanes __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t lane_numbers __attribute__((vector_size(4 * LANES)));

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

/* Taps of outputs [begin, begin + n) of an axis over `span` source elements from
   `first`, from which the indices count. `base`: where the eight neighbours start that
   hold tap k of eight outputs, whose indices then count from there; -1 for none. Past
   the taps of an output and past n weights are 0. */
typedef struct {
  int64_t first, span, n, taps;
  int32_t base[MAX_TAPS][BLOCK / LANES];
  lane_numbers index[MAX_TAPS][BLOCK / LANES];
  lanes weight[MAX_TAPS][BLOCK / LANES];
} line;

/* The eight outputs of tap k from number 8 g: relative to the lowest where all are
   near it. Room for eight elements from each base is `room`. */
static void gather_group(line *l, int64_t k, int64_t g, int64_t room) {
  int32_t *index = (int32_t *)&l->index[k][g], low = index[0], high = index[0];
  for (int64_t i = 1; i < LANES; i++) {
    low = index[i] < low ? index[i] : low;
    high = index[i] > high ? index[i] : high;
  }
  low = low + LANES > room ? (int32_t)room - LANES : low;
  l->base[k][g] = low >= 0 && high - low < LANES ? low : -1;
  if (l->base[k][g] >= 0)
    for (int64_t i = 0; i < LANES; i++)
      index[i] -= low;
}

/* `limit`: how many source elements the outputs may span. */
static void make_line(const axis_map *m, int64_t begin, int64_t limit, line *l) {
  l->first = 0, l->span = 0, l->taps = 1;
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
    if (high - low > limit)
      break;
    l->first = low, l->span = high - low;
    l->taps = f.n > l->taps ? f.n : l->taps;
    for (int64_t k = 0; k < MAX_TAPS; k++) {
      ((int32_t *)l->index[k])[l->n] = (int32_t)(k < f.n ? f.index[k] : low);
      ((float *)l->weight[k])[l->n] = k < f.n ? f.weight[k] : 0;
    }
  }
  for (int64_t k = 0; k < MAX_TAPS; k++) {
    int32_t *index = (int32_t *)l->index[k];
    for (int64_t j = 0; j < l->n; j++)
      index[j] = index[j] < l->first ? 0 : index[j] - (int32_t)l->first;
    for (int64_t j = l->n; j % LANES; j++) {
      index[j] = index[l->n - 1];
      ((float *)l->weight[k])[j] = 0;
    }
  }
}

/* For take_taps: `room` elements may be read from the first on. */
static void make_groups(line *l, int64_t room) {
  for (int64_t k = 0; k < l->taps; k++)
    for (int64_t g = 0; g * LANES < l->n; g++)
      gather_group(l, k, g, room);
}

static inline lanes take_tap(const line *l, int64_t k, int64_t g, const float *values) {
  lane_numbers index = l->index[k][g];
  if (l->base[k][g] >= 0)
    return __builtin_shufflevector(*(const loose_lanes *)(values + l->base[k][g]), index);
  lanes v;
  for (int64_t i = 0; i < LANES; i++)
    v[i] = values[index[i]];
  return v;
}

/* An element of weight 0 does not count, be it infinite. */
static inline lanes weighted(lanes weight, lanes v) {
  return (lanes)((lane_numbers)(weight * v) & (weight != 0));
}

#endif
