// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Support vector machines compare classes in pairs. The probabilities p of the classes
// are those that agree best with the probabilities r(a, b) of all pairs: the minimum of
// sum (r(b, a) p(a) - r(a, b) p(b))^2 with sum p = 1, approached by improving one p after
// the other until the conditions of the minimum hold to 0.005 / classes (Wu, Lin and
// Weng, "Probability estimates for multi-class classification by pairwise coupling").

#include "codegen/cpu/extern/Extern.h"

typedef struct {
  const sinter_view *pairs;
  const char *row;
  int64_t n;
} rivals;

/* How likely a is where only a and b are left. */
static double wins(const rivals *r, int64_t a, int64_t b) {
  int64_t low = a < b ? a : b, high = a < b ? b : a;
  int64_t pair = low * r->n - low * (low + 1) / 2 + high - low - 1;
  if (pair >= r->pairs->dim[1])
    return 0.5;
  double value = *(const float *)(r->row + pair * r->pairs->stride[1]);
  return a < b ? value : 1 - value;
}

/* The largest violation of the conditions; what the matrix Q makes of p, and p Q p. */
static double gradient(const rivals *r, const double *p, const double *diagonal, double *qp,
                       double *total) {
  *total = 0;
  for (int64_t a = 0; a < r->n; a++) {
    qp[a] = diagonal[a] * p[a];
    for (int64_t b = 0; b < r->n; b++)
      if (b != a)
        qp[a] -= wins(r, b, a) * wins(r, a, b) * p[b];
    *total += p[a] * qp[a];
  }
  double most = 0;
  for (int64_t a = 0; a < r->n; a++) {
    double away = qp[a] < *total ? *total - qp[a] : qp[a] - *total;
    most = away > most ? away : most;
  }
  return most;
}

static void improve(const rivals *r, double *p, const double *diagonal, double *qp, double total) {
  for (int64_t a = 0; a < r->n; a++) {
    double step = (total - qp[a]) / diagonal[a], grown = 1 + step;
    p[a] += step;
    total = (total + step * (step * diagonal[a] + 2 * qp[a])) / grown / grown;
    for (int64_t b = 0; b < r->n; b++) {
      double q = b == a ? diagonal[a] : -wins(r, b, a) * wins(r, a, b);
      qp[b] = (qp[b] + step * q) / grown;
      p[b] /= grown;
    }
  }
}

/* pair_probabilities: x [N, pairs] of f32; out [N, n] of f32, room [N, 3, n] of f64 */
SINTER_EXTERN_FUNCTION(pair_probabilities) {
  const sinter_view *out = &views[1], *room = &views[2];
  rivals r = {&views[0], 0, out->dim[1]};
  for (int64_t item = begin; item < end; item++) {
    double *p = (double *)(room->data + item * room->stride[0]);
    double *diagonal = p + r.n, *qp = diagonal + r.n, total;
    r.row = r.pairs->data + item * r.pairs->stride[0];
    for (int64_t a = 0; a < r.n; a++) {
      p[a] = 1 / (double)r.n;
      diagonal[a] = 0;
      for (int64_t b = 0; b < r.n; b++)
        if (b != a)
          diagonal[a] += wins(&r, b, a) * wins(&r, b, a);
    }
    for (int64_t i = 0; i < (r.n > 100 ? r.n : 100); i++) {
      if (gradient(&r, p, diagonal, qp, &total) < 0.005 / (double)r.n)
        break;
      improve(&r, p, diagonal, qp, total);
    }
    for (int64_t a = 0; a < r.n; a++)
      *(float *)(out->data + item * out->stride[0] + a * out->stride[1]) = (float)p[a];
  }
}
