// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How often each of a list of n-grams stands in a row of tokens. The list is in
// ascending order, so that a window is looked up by halving.

#include "codegen/cpu/extern/Extern.h"

static int64_t token(const sinter_view *v, int64_t row, int64_t column) {
  return *(const int64_t *)(v->data + row * v->stride[0] + column * v->stride[1]);
}

/* The gram whose tokens stand in the row at start, start + step, ...; else -1. */
static int64_t find(const sinter_view *grams, const sinter_view *x, int64_t row, int64_t start,
                    int64_t step) {
  int64_t low = 0, high = grams->dim[0], n = grams->dim[1];
  while (low < high) {
    int64_t middle = low + (high - low) / 2, i = 0;
    while (i < n && token(grams, middle, i) == token(x, row, start + i * step))
      i++;
    if (i == n)
      return middle;
    if (token(grams, middle, i) < token(x, row, start + i * step))
      low = middle + 1;
    else
      high = middle;
  }
  return -1;
}

/* ngrams: x [N, C], grams [P, n], columns [P], all of i64; steps; out [N, D] of f32 */
SINTER_EXTERN_FUNCTION(ngrams) {
  const sinter_view *x = &views[0], *grams = &views[1], *columns = &views[2], *out = &views[3];
  int64_t n = grams->dim[1];
  for (int64_t item = begin; item < end; item++) {
    char *row = out->data + item * out->stride[0];
    for (int64_t column = 0; column < out->dim[1]; column++)
      *(float *)(row + column * out->stride[1]) = 0;
    for (int64_t step = 1; step <= integers[0] && (n - 1) * step < x->dim[1]; step++)
      for (int64_t start = 0; start + (n - 1) * step < x->dim[1]; start++) {
        int64_t gram = find(grams, x, item, start, step);
        if (gram < 0)
          continue;
        int64_t column = *(const int64_t *)(columns->data + gram * columns->stride[0]);
        if (column < 0 || column >= out->dim[1])
          worker->fault |= SINTER_FAULT_INDEX;
        else
          *(float *)(row + column * out->stride[1]) += 1;
      }
  }
}
