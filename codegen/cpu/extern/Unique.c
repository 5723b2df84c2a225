// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Distinct slices of a tensor along its first axis, by a heap sort of their numbers.

#include "codegen/cpu/extern/Extern.h"
#include "codegen/cpu/extern/Heap.h"

/* Below, equal or above, element by element; NaN above all. */
static int compare(const sinter_view *x, int64_t a, int64_t b) {
  int64_t at[SINTER_MAX_RANK], size = 1;
  for (int64_t axis = 1; axis < x->rank; axis++)
    size *= x->dim[axis];
  for (int64_t i = 0; i < size; i++) {
    decode_item(x, 0, i, at);
    const char *p = address(x, at);
    number u = load_number(x->type, p + a * x->stride[0]);
    number v = load_number(x->type, p + b * x->stride[0]);
    int u_nan = u.f != u.f, v_nan = v.f != v.f;
    if (u_nan != v_nan)
      return u_nan ? 1 : -1;
    if (u_nan)
      continue;
    if (number_less(x->type, u, v))
      return -1;
    if (number_less(x->type, v, u))
      return 1;
  }
  return 0;
}

static int comes_after(const void *slices, int64_t a, int64_t b) {
  int order = compare(slices, a, b);
  return order ? order > 0 : a > b;
}

static void sort(const sinter_view *x, int64_t *order, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    order[i] = i;
  heap h = {(char *)order, sizeof *order, n, comes_after, x};
  heap_make(&h);
  while (h.n > 1)
    heap_pop(&h);
}

/* Groups numbered by their first slice instead of by value. */
static void by_appearance(int64_t n, int64_t groups, int64_t *first, int64_t *inverse,
                          int64_t *counts, int64_t *scratch) {
  int64_t next = 0;
  for (int64_t i = 0; i < n; i++)
    if (first[inverse[i]] == i)
      scratch[inverse[i]] = next++;
  for (int64_t g = 0; g < groups; g++)
    counts[g] = 0;
  for (int64_t i = 0; i < n; i++)
    counts[inverse[i] = scratch[inverse[i]]]++;
  for (int64_t i = n - 1; i >= 0; i--)
    first[inverse[i]] = i;
}

/* unique: x [n, ...]; out slices [n, ...], number of each one's first [n], group of
   each slice [n], sizes of groups [n], number of groups, scratch [n] of i64. */
SINTER_EXTERN_FUNCTION(unique) {
  const sinter_view *x = &views[0], *out = &views[1];
  int64_t *first = (int64_t *)views[2].data, *inverse = (int64_t *)views[3].data;
  int64_t *counts = (int64_t *)views[4].data, *order = (int64_t *)views[6].data;
  int64_t n = x->dim[0], groups = 0, at[SINTER_MAX_RANK], size = 1;
  if (begin >= end)
    return;
  sort(x, order, n);
  for (int64_t i = 0; i < n; i++) {
    if (i == 0 || compare(x, order[i - 1], order[i]) != 0) {
      first[groups] = order[i];
      counts[groups++] = 0;
    }
    inverse[order[i]] = groups - 1;
    counts[groups - 1]++;
  }
  if (!integers[0])
    by_appearance(n, groups, first, inverse, counts, order);
  for (int64_t axis = 1; axis < x->rank; axis++)
    size *= x->dim[axis];
  for (int64_t i = 0; i < size; i++) {
    decode_item(x, 0, i, at);
    for (int64_t g = 0; g < groups; g++)
      copy_element(address(out, at) + g * out->stride[0],
                   address(x, at) + first[g] * x->stride[0], x->size);
  }
  *(int64_t *)views[5].data = groups;
}
