// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Determinant and inverse of small square matrices by elimination with pivots, in
// double. Both work in a copy that the caller gives: nothing here allocates.

#include "codegen/cpu/extern/Extern.h"

static double size_of(double x) { return x < 0 ? -x : x; }

/* Brings the largest entry of column k at or below the diagonal to row k. True when
   rows changed places. */
static int pivot(double *m, double *other, int64_t n, int64_t k) {
  int64_t best = k;
  for (int64_t row = k + 1; row < n; row++)
    if (size_of(m[row * n + k]) > size_of(m[best * n + k]))
      best = row;
  if (best == k)
    return 0;
  for (int64_t column = 0; column < n; column++) {
    double kept = m[k * n + column];
    m[k * n + column] = m[best * n + column], m[best * n + column] = kept;
    if (other) {
      kept = other[k * n + column];
      other[k * n + column] = other[best * n + column], other[best * n + column] = kept;
    }
  }
  return 1;
}

static int64_t matrices(const sinter_view *v) {
  int64_t count = 1;
  for (int64_t axis = 0; axis + 2 < v->rank; axis++)
    count *= v->dim[axis];
  return count;
}

/* Entry (row, column) of matrix `item`. */
static char *entry(const sinter_view *v, int64_t item, int64_t row, int64_t column) {
  char *p = v->data + row * v->stride[v->rank - 2] + column * v->stride[v->rank - 1];
  for (int64_t axis = v->rank - 3; axis >= 0; axis--) {
    p += item % v->dim[axis] * v->stride[axis];
    item /= v->dim[axis];
  }
  return p;
}

static void load(const sinter_view *in, int64_t item, int64_t n, double *m) {
  for (int64_t i = 0; i < n * n; i++)
    m[i] = load_number(in->type, entry(in, item, i / n, i % n)).f;
}

/* det: x [..., n, n]; out [...], scratch [n, n] of double */
SINTER_EXTERN_FUNCTION(det) {
  const sinter_view *in = &views[0], *out = &views[1];
  int64_t n = in->dim[in->rank - 1], at[SINTER_MAX_RANK];
  double *m = (double *)views[2].data;
  for (int64_t item = 0; begin < end && item < matrices(in); item++) {
    number product = {1, 0};
    load(in, item, n, m);
    for (int64_t k = 0; k < n; k++) {
      if (pivot(m, 0, n, k))
        product.f = -product.f;
      product.f *= m[k * n + k];
      for (int64_t row = k + 1; m[k * n + k] != 0 && row < n; row++) {
        double factor = m[row * n + k] / m[k * n + k];
        for (int64_t column = k; column < n; column++)
          m[row * n + column] -= factor * m[k * n + column];
      }
    }
    decode_item(out, -1, item, at);
    store_number(out->type, address(out, at), product);
  }
}

/* inverse: x [..., n, n]; out the same, scratch [2, n, n] of double */
SINTER_EXTERN_FUNCTION(inverse) {
  const sinter_view *in = &views[0], *out = &views[1];
  int64_t n = in->dim[in->rank - 1];
  double *m = (double *)views[2].data, *result = m + n * n;
  for (int64_t item = 0; begin < end && item < matrices(in); item++) {
    load(in, item, n, m);
    for (int64_t i = 0; i < n * n; i++)
      result[i] = i / n == i % n;
    for (int64_t k = 0; k < n; k++) {
      pivot(m, result, n, k);
      double by = m[k * n + k];
      for (int64_t column = 0; column < n; column++)
        m[k * n + column] /= by, result[k * n + column] /= by;
      for (int64_t row = 0; row < n; row++) {
        double factor = m[row * n + k];
        for (int64_t column = 0; row != k && column < n; column++) {
          m[row * n + column] -= factor * m[k * n + column];
          result[row * n + column] -= factor * result[k * n + column];
        }
      }
    }
    for (int64_t i = 0; i < n * n; i++) {
      number value = {result[i], 0};
      store_number(out->type, entry(out, item, i / n, i % n), value);
    }
  }
}
