// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linear attention: a matrix of state per head that every token decays, corrects and
// reads. The columns of the state never meet, so a block of them runs through all tokens
// while it stays in the nearest cache.
//
//   S = S * decay;  u = beta * (v - S^T k) or v;  S = S + k u^T;  y = scale * S^T q

#include "codegen/cpu/extern/Extern.h"

enum { COLUMNS = 64, HAS_DECAY = 1, IS_DELTA = 2 };

typedef struct {
  const sinter_view *q, *k, *v, *decay, *beta, *y, *state;
  int64_t batch, head, heads, group, rule, width, first, columns;
  float scale;
} recurrence;

/* Element i of head `head` (of `size` elements) in token t of x [B, T, heads * size]. */
static float *element(const sinter_view *x, const recurrence *r, int64_t t, int64_t head,
                      int64_t size, int64_t i) {
  return (float *)(x->data + r->batch * x->stride[0] + t * x->stride[1] +
                   (head * size + i) * x->stride[2]);
}

/* Row i of the state, the columns of this block. */
static float *state_row(const recurrence *r, int64_t i) {
  const sinter_view *s = r->state;
  return (float *)(s->data + r->batch * s->stride[0] + r->head * s->stride[1] +
                   i * s->stride[2] + r->first * s->stride[3]);
}

static float decay_of(const recurrence *r, int64_t t, int64_t i) {
  if (!(r->rule & HAS_DECAY))
    return 1;
  int64_t size = r->decay->dim[2] == r->heads ? 1 : r->width;
  return *element(r->decay, r, t, r->head, size, size == 1 ? 0 : i);
}

/* What token t adds along k: its value, or what the state got wrong about it. */
static void find_update(const recurrence *r, int64_t t, float *update) {
  int64_t size = r->state->dim[3];
  for (int64_t j = 0; j < r->columns; j++)
    update[j] = 0;
  for (int64_t i = 0; i < r->width; i++) {
    float *row = state_row(r, i), decay = decay_of(r, t, i);
    float k = *element(r->k, r, t, r->head, r->width, i);
    VECTOR_LOOP
    for (int64_t j = 0; j < r->columns; j++) {
      row[j] *= decay;
      update[j] += k * row[j];
    }
  }
  float beta = 1;
  if (r->rule & IS_DELTA)
    beta = *element(r->beta, r, t, r->beta->dim[2] == 1 ? 0 : r->head, 1, 0);
  for (int64_t j = 0; j < r->columns; j++) {
    float v = *element(r->v, r, t, r->head, size, r->first + j);
    update[j] = r->rule & IS_DELTA ? beta * (v - update[j]) : v;
  }
}

static void add_update(const recurrence *r, int64_t t, const float *update) {
  for (int64_t i = 0; i < r->width; i++) {
    float *row = state_row(r, i), k = *element(r->k, r, t, r->head, r->width, i);
    VECTOR_LOOP
    for (int64_t j = 0; j < r->columns; j++)
      row[j] += k * update[j];
  }
}

static void read_state(const recurrence *r, int64_t t, int64_t head) {
  float sum[COLUMNS] = {0};
  for (int64_t i = 0; i < r->width; i++) {
    const float *row = state_row(r, i);
    float q = *element(r->q, r, t, head, r->width, i);
    VECTOR_LOOP
    for (int64_t j = 0; j < r->columns; j++)
      sum[j] += q * row[j];
  }
  for (int64_t j = 0; j < r->columns; j++)
    *element(r->y, r, t, head, r->state->dim[3], r->first + j) = r->scale * sum[j];
}

/* linear_attention: query, key, value [B, T, heads * size], past [B, N, dk, dv], decay
   (its exponential), beta; N, query heads a head, rule; scale; outputs y and the state,
   whose rows have no gaps: all of them of f32 */
SINTER_EXTERN_FUNCTION(linear_attention) {
  const sinter_view *past = &views[3];
  recurrence r = {&views[0], &views[1], &views[2], &views[4], &views[5], &views[6], &views[7],
                  0, 0, integers[0], integers[1], integers[2], past->dim[2], 0, 0,
                  (float)floats[0]};
  float update[COLUMNS];
  for (int64_t item = begin; item < end; item++) {
    r.batch = item / r.heads;
    r.head = item % r.heads;
    for (r.first = 0; r.first < past->dim[3]; r.first += COLUMNS) {
      r.columns = past->dim[3] - r.first < COLUMNS ? past->dim[3] - r.first : COLUMNS;
      for (int64_t i = 0; i < r.width; i++) {
        int64_t at[] = {r.batch, r.head, i, r.first};
        copy_row((char *)state_row(&r, i), 4, address(past, at), past->stride[3], r.columns, 4);
      }
      for (int64_t t = 0; t < r.q->dim[1]; t++) {
        find_update(&r, t, update);
        add_update(&r, t, update);
        for (int64_t g = 0; g < r.group; g++)
          read_state(&r, t, r.head * r.group + g);
      }
    }
  }
}
