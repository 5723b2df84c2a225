// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Orders, running sums and products along one axis, and non-zero coordinates.

#include "codegen/cpu/extern/Extern.h"
#include "codegen/cpu/extern/Heap.h"

/* a comes before b: NaN first, as in NumPy's argmax; ties: the lower index. */
static int before(int64_t type, number a, int64_t ia, number b, int64_t ib, int largest) {
  int a_nan = a.f != a.f, b_nan = b.f != b.f;
  if (a_nan != b_nan)
    return a_nan;
  if (!a_nan) {
    if (number_less(type, a, b))
      return !largest;
    if (number_less(type, b, a))
      return largest;
  }
  return ia < ib;
}

enum { LANES = 64 };

typedef float lanes16 __attribute__((vector_size(64)));
typedef int32_t mask16 __attribute__((vector_size(64)));

/* Index of the best of n >= 16 contiguous floats, by its value; -1 if one is NaN. */
static int64_t best_of_row(const float *row, int64_t n, int largest, int select_last) {
  lanes16 best, part;
  mask16 is_nan = {0};
  memcpy(&best, row, sizeof best);
  for (int64_t i = 0; i < n; i += 16) {
    memcpy(&part, row + (i + 16 <= n ? i : n - 16), sizeof part); /* some twice */
    is_nan |= part != part;
    best = largest ? __builtin_elementwise_max(best, part) : __builtin_elementwise_min(best, part);
  }
  if (__builtin_reduce_or(is_nan))
    return -1;
  float value = largest ? __builtin_reduce_max(best) : __builtin_reduce_min(best);
  int64_t at = select_last ? n - 1 : 0;
  while (row[at] != value)
    at += select_last ? -1 : 1;
  return at;
}

/* The same for a short line of any stride, without a branch that data decide: one
   line overlaps the next. */
static int64_t best_of_short(const char *line, int64_t stride, int64_t n, int largest,
                             int select_last) {
  uint32_t sign = largest ? 0 : 0x80000000u;
  int64_t at = select_last ? n - 1 : 0, step = select_last ? -1 : 1, index = at;
  float best = bits_to_float(*(const uint32_t *)(line + at * stride) ^ sign);
  int is_nan = 0;
  for (int64_t i = 0; i < n; i++, at += step) {
    float x = bits_to_float(*(const uint32_t *)(line + at * stride) ^ sign);
    is_nan |= x != x;
    index = x > best ? at : index;
    best = x > best ? x : best;
  }
  return is_nan ? -1 : index;
}

/* Indices of the best of `count` neighbouring lines of f32, of which element i lies
   i * stride after the first. NaN is best, the first one (the last one). */
static void best_of_lines(const char *from, int64_t stride, int64_t n, int64_t count,
                          int largest, int select_last, int32_t *index) {
  float best[LANES];
  for (int64_t l = 0; l < count; l++)
    best[l] = ((const float *)from)[l], index[l] = 0;
  for (int64_t i = 1; i < n; i++) {
    const float *row = (const float *)(from + i * stride);
    VECTOR_LOOP
    for (int64_t l = 0; l < count; l++) {
      float x = row[l], y = best[l];
      int is_better = largest ? x > y : x < y;
      int is_nan = (x != x) & (y == y), is_tie = (x == y) | ((x != x) & (y != y));
      int takes = is_better | is_nan | (select_last & is_tie);
      best[l] = takes ? x : y;
      index[l] = takes ? (int32_t)i : index[l];
    }
  }
}

/* Items from `item` that are neighbours along the last axis and contiguous in `in`:
   at most LANES, at least 1. `at` holds the coordinates of `item`. */
static int64_t neighbours(const sinter_view *in, const sinter_view *out, const int64_t *at,
                          int64_t axis, int64_t item, int64_t end) {
  int64_t last = last_axis(out);
  if (axis == last || in->type != TYPE_F32 || in->stride[last] != 4)
    return 1;
  int64_t n = out->dim[last] - at[last];
  n = n < end - item ? n : end - item;
  return n < LANES ? n : LANES;
}

SINTER_EXTERN_FUNCTION(arg_reduce) {
  const sinter_view *in = &views[0], *out = &views[1];
  int64_t axis = integers[0], n = in->dim[axis], step = 1, at[SINTER_MAX_RANK];
  int largest = integers[1] != 0, select_last = integers[2] != 0;
  int is_row = in->type == TYPE_F32 && in->stride[axis] == 4;
  int32_t indices[LANES];
  for (int64_t item = begin; item < end; item += step) {
    visit_item(out, axis, item, step > 1 ? item : begin, at);
    const char *line = address(in, at);
    char *to = address(out, at);
    step = n < INT32_MAX ? neighbours(in, out, at, axis, item, end) : 1;
    if (step > 1) {
      best_of_lines(line, in->stride[axis], n, step, largest, select_last, indices);
      for (int64_t l = 0; l < step; l++)
        *(int64_t *)(to + l * row_stride(out)) = indices[l];
      continue;
    }
    int64_t index = -1;
    if (is_row && n > 64)
      index = best_of_row((const float *)line, n, largest, select_last);
    else if (in->type == TYPE_F32 && n > 0)
      index = best_of_short(line, in->stride[axis], n, largest, select_last);
    if (index >= 0) {
      *(int64_t *)to = index;
      continue;
    }
    number best = load_number(in->type, line);
    index = 0;
    for (int64_t i = 1; i < n; i++) {
      number x = load_number(in->type, line + i * in->stride[axis]);
      int64_t tie = select_last ? -i : i, old = select_last ? -index : index;
      if (before(in->type, x, tie, best, old, largest))
        best = x, index = i;
    }
    *(int64_t *)to = index;
  }
}

typedef struct {
  const char *data;
  int64_t stride, type;
  int largest;
} ranked_line;

static number ranked(const ranked_line *l, int64_t i) {
  return load_number(l->type, l->data + i * l->stride);
}

static int is_worse(const void *line, int64_t a, int64_t b) {
  const ranked_line *l = line;
  return before(l->type, ranked(l, b), b, ranked(l, a), a, l->largest);
}

/* The k best are kept in a heap in the indices output itself, then sorted. */
SINTER_EXTERN_FUNCTION(topk) {
  const sinter_view *in = &views[0], *values = &views[1], *indices = &views[2];
  int64_t axis = integers[0], k = values->dim[axis], at[SINTER_MAX_RANK];
  int largest = integers[1] != 0;
  if (k > in->dim[axis]) {
    worker->fault |= SINTER_FAULT_BOUND;
    return;
  }
  for (int64_t item = begin; k > 0 && item < end; item++) {
    decode_item(values, axis, item, at);
    const char *line = address(in, at);
    char *to = address(values, at);
    ranked_line ranks = {line, in->stride[axis], in->type, largest};
    heap kept = {address(indices, at), indices->stride[axis], k, is_worse, &ranks};
    for (int64_t i = 0; i < k; i++)
      *heap_entry(&kept, i) = i;
    heap_make(&kept);
    int is_row = in->type == TYPE_F32 && in->stride[axis] == 4;
    for (int64_t i = k; i < in->dim[axis]; i++) {
      int64_t root = *heap_entry(&kept, 0);
      if (is_row) { /* most of them are no better than the worst that was kept */
        const float *row = (const float *)line;
        float worst = row[root];
        while (i < in->dim[axis] && (largest ? row[i] <= worst : row[i] >= worst))
          i++;
        if (i == in->dim[axis])
          break;
      }
      if (is_worse(&ranks, root, i)) {
        *heap_entry(&kept, 0) = i;
        heap_sift(&kept, 0);
      }
    }
    while (kept.n > 1)
      heap_pop(&kept);
    for (int64_t i = 0; i < k; i++)
      copy_element(to + i * values->stride[axis],
                   line + *heap_entry(&kept, i) * in->stride[axis], in->size);
  }
}

/* integers: axis, whether the element itself stays out, whether from the end. */
static inline void running(const sinter_view *in, const sinter_view *out, const int64_t *integers,
                           int64_t begin, int64_t end, int is_product) {
  int64_t axis = integers[0], n = in->dim[axis], at[SINTER_MAX_RANK];
  for (int64_t item = begin; item < end; item++) {
    decode_item(out, axis, item, at);
    const char *from = address(in, at);
    char *to = address(out, at);
    number all = {is_product, is_product};
    for (int64_t i = 0; i < n; i++) {
      int64_t j = integers[2] ? n - 1 - i : i;
      number x = load_number(in->type, from + j * in->stride[axis]), next;
      uint64_t a = (uint64_t)all.i, b = (uint64_t)x.i;
      next.i = (int64_t)(is_product ? a * b : a + b);
      if (in->type == TYPE_F64)
        next.f = is_product ? all.f * x.f : all.f + x.f;
      else
        next.f = is_product ? (float)all.f * (float)x.f : (float)all.f + (float)x.f;
      store_number(out->type, to + j * out->stride[axis], integers[1] ? all : next);
      all = next;
    }
  }
}

/* Running sums of `count` neighbouring lines of f32. */
static void sum_lines(const char *from, int64_t from_stride, char *to, int64_t to_stride,
                      int64_t n, int64_t count, int exclusive, int reverse) {
  float sum[LANES];
  for (int64_t l = 0; l < count; l++)
    sum[l] = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t j = reverse ? n - 1 - i : i;
    const float *x = (const float *)(from + j * from_stride);
    float *y = (float *)(to + j * to_stride);
    VECTOR_LOOP
    for (int64_t l = 0; l < count; l++) {
      float next = sum[l] + x[l];
      y[l] = exclusive ? sum[l] : next;
      sum[l] = next;
    }
  }
}

SINTER_EXTERN_FUNCTION(cumsum) {
  const sinter_view *in = &views[0], *out = &views[1];
  int64_t axis = integers[0], step, at[SINTER_MAX_RANK];
  if (in->type != TYPE_F32) {
    running(in, out, integers, begin, end, 0);
    return;
  }
  for (int64_t item = begin; item < end; item += step) {
    decode_item(out, axis, item, at);
    step = row_stride(out) == 4 ? neighbours(in, out, at, axis, item, end) : 1;
    sum_lines(address(in, at), in->stride[axis], address(out, at), out->stride[axis],
              in->dim[axis], step, integers[1] != 0, integers[2] != 0);
  }
}

SINTER_EXTERN_FUNCTION(cumprod) {
  running(&views[0], &views[1], integers, begin, end, 1);
}

SINTER_EXTERN_FUNCTION(nonzero) {
  const sinter_view *in = &views[0], *out = &views[1], *count = &views[2];
  int64_t total = 1, found = 0, at[SINTER_MAX_RANK];
  if (begin >= end)
    return;
  for (int64_t i = 0; i < in->rank; i++)
    total *= in->dim[i];
  for (int64_t item = 0; item < total; item++) {
    decode_item(in, -1, item, at);
    number n = load_number(in->type, address(in, at));
    if (n.f == 0 && n.i == 0)
      continue;
    if (found == out->dim[1]) {
      worker->fault |= SINTER_FAULT_BOUND;
      break;
    }
    for (int64_t i = 0; i < in->rank; i++)
      *(int64_t *)(out->data + i * out->stride[0] + found * out->stride[1]) = at[i];
    found++;
  }
  *(int64_t *)count->data = found;
}
