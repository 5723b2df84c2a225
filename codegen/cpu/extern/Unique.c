// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Distinct slices of a tensor along its first axis: a heap sort of their numbers, or of
// single ones a sort by their bytes, the last byte first.

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

/* Bits in the order of the numbers that they stand for; NaN above all, zeros equal. */
static uint64_t key_of(const sinter_view *x, int64_t i) {
  const uint64_t sign = (uint64_t)1 << 63;
  number n = load_number(x->type, x->data + i * x->stride[0]);
  if (!is_float(x->type))
    return (uint64_t)n.i ^ (x->type == TYPE_U64 ? 0 : sign);
  union { double f; uint64_t u; } pun = {n.f == 0 ? 0 : n.f};
  if (n.f != n.f)
    return UINT64_MAX;
  return pun.u & sign ? ~pun.u : pun.u | sign;
}

/* Sorts order[0 .. n), equal keys by index; `keys` and `other` have room for n. */
static void sort_single(const sinter_view *x, int64_t *order, int64_t *other, uint64_t *keys,
                        int64_t n) {
  uint64_t all = 0, none = 0; /* bits that some key has, and some lacks */
  for (int64_t i = 0; i < n; i++) {
    order[i] = i, keys[i] = key_of(x, i);
    all |= keys[i], none |= ~keys[i];
  }
  int64_t *from = order, *to = other;
  for (int shift = 0; shift < 64; shift += 8) {
    if (!((all & none) >> shift & 255)) /* the same in all */
      continue;
    int64_t start[256] = {0}, next = 0;
    for (int64_t i = 0; i < n; i++)
      start[keys[i] >> shift & 255]++;
    for (int64_t b = 0; b < 256; b++) {
      int64_t count = start[b];
      start[b] = next, next += count;
    }
    for (int64_t i = 0; i < n; i++)
      to[start[keys[from[i]] >> shift & 255]++] = from[i];
    int64_t *swap = from;
    from = to, to = swap;
  }
  if (from != order)
    memcpy(order, from, (size_t)n * sizeof *order);
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
  int64_t n = x->dim[0], groups = 0, at[SINTER_MAX_RANK], size = 1, last = 0;
  if (begin >= end)
    return;
  uint64_t *keys = x->rank == 1 ? (uint64_t *)first : 0;
  if (keys)
    sort_single(x, order, inverse, keys, n);
  else
    sort(x, order, n);
  for (int64_t i = 0; keys && i < n; i++) /* where groups do not write yet */
    counts[i] = (int64_t)keys[order[i]];
  for (int64_t i = 0; i < n; i++) {
    int64_t key = keys ? counts[i] : 0;
    if (i == 0 || (keys ? key != last : compare(x, order[i - 1], order[i]) != 0)) {
      first[groups] = order[i];
      counts[groups++] = 0;
    }
    inverse[order[i]] = groups - 1;
    counts[groups - 1]++;
    last = key;
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
