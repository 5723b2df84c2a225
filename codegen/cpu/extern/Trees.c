// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Forests of decision trees. A node is a row of integers (feature, comparison, where
// to go when it holds and when not) beside its split; a leaf names a range of
// (target, weight) pairs. Trees are walked one after the other for each row of x, sums
// are kept in double: no order of threads or rows changes a bit.

#include "codegen/cpu/extern/Extern.h"

enum { FEATURE, COMPARISON, WHEN_TRUE, WHEN_FALSE };
enum { LEQ, LT, GTE, GT, EQ, NEQ, LEAF, TRACKS_NAN = 8 };
enum { SUM, AVERAGE, MIN, MAX };
enum { TARGETS = 16 }; /* finished in one walk over the forest */

typedef struct {
  const sinter_view *x, *nodes, *splits;
  const char *row;
  sinter_worker *worker;
} forest;

static int64_t integer_at(const sinter_view *v, int64_t i) {
  return *(const int32_t *)(v->data + i * v->stride[0]);
}

static int64_t field(const forest *f, int64_t node, int64_t column) {
  return *(const int32_t *)(f->nodes->data + node * f->nodes->stride[0] +
                            column * f->nodes->stride[1]);
}

static double real_at(const sinter_view *v, const char *p) {
  return v->type == TYPE_F32 ? (double)*(const float *)p : *(const double *)p;
}

static int holds(int64_t comparison, double value, double split) {
  switch (comparison & (TRACKS_NAN - 1)) {
  case LEQ: return value <= split;
  case LT: return value < split;
  case GTE: return value >= split;
  case GT: return value > split;
  case EQ: return value == split;
  default: return value != split;
  }
}

/* The leaf that the row falls into; -1 when the table is damaged. */
static int64_t leaf_of(const forest *f, int64_t node) {
  int64_t count = f->nodes->dim[0], features = f->x->dim[1];
  for (int64_t step = 0; step <= count && node >= 0 && node < count; step++) {
    int64_t comparison = field(f, node, COMPARISON), feature = field(f, node, FEATURE);
    if (comparison == LEAF)
      return node;
    if (feature < 0 || feature >= features)
      break;
    double value = real_at(f->x, f->row + feature * f->x->stride[1]);
    double split = real_at(f->splits, f->splits->data + node * f->splits->stride[0]);
    int is_true = value != value && comparison >= TRACKS_NAN ? 1 : holds(comparison, value, split);
    node = field(f, node, is_true ? WHEN_TRUE : WHEN_FALSE);
  }
  f->worker->fault |= SINTER_FAULT_INDEX;
  return -1;
}

static void gather(double *sum, int *is_set, double weight, int64_t kind) {
  if (kind == SUM || kind == AVERAGE)
    *sum += weight;
  else if (!*is_set || (kind == MIN ? weight < *sum : weight > *sum))
    *sum = weight;
  *is_set = 1;
}

/* trees: x [N, F], nodes [n, 4], splits [n], targets [m], weights [m], roots [t]; kind */
SINTER_EXTERN_FUNCTION(trees) {
  const sinter_view *targets = &views[3], *weights = &views[4], *roots = &views[5];
  const sinter_view *out = &views[6];
  forest f = {&views[0], &views[1], &views[2], 0, worker};
  int64_t kind = integers[0];
  for (int64_t item = begin; item < end; item++) {
    f.row = f.x->data + item * f.x->stride[0];
    for (int64_t first = 0; first < out->dim[1]; first += TARGETS) {
      double sums[TARGETS] = {0};
      int is_set[TARGETS] = {0};
      for (int64_t tree = 0; tree < roots->dim[0]; tree++) {
        int64_t leaf = leaf_of(&f, integer_at(roots, tree));
        int64_t from = leaf < 0 ? 0 : field(&f, leaf, WHEN_TRUE);
        int64_t to = leaf < 0 ? 0 : from + field(&f, leaf, WHEN_FALSE);
        for (int64_t i = from < 0 ? 0 : from; i < to && i < targets->dim[0]; i++) {
          int64_t target = integer_at(targets, i) - first;
          if (target >= 0 && target < TARGETS)
            gather(&sums[target], &is_set[target],
                   real_at(weights, weights->data + i * weights->stride[0]), kind);
        }
      }
      for (int64_t t = 0; t < TARGETS && first + t < out->dim[1]; t++) {
        number value = {sums[t], 0};
        if (kind == AVERAGE && roots->dim[0])
          value.f /= (double)roots->dim[0];
        store_number(out->type,
                     out->data + item * out->stride[0] + (first + t) * out->stride[1], value);
      }
    }
  }
}
