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

enum { LANES = 128 };

typedef float lanes16 __attribute__((vector_size(64)));
typedef int32_t mask16 __attribute__((vector_size(64)));

/* Index of the best of n >= 16 contiguous floats, by its value; -1 if one is NaN. */
static int64_t best_of_row(const float *row, int64_t n, int largest, int select_last) {
  lanes16 best, part;
  mask16 is_nan = {0};
  __builtin_memcpy(&best, row, sizeof best);
  for (int64_t i = 0; i < n; i += 16) {
    __builtin_memcpy(&part, row + (i + 16 <= n ? i : n - 16), sizeof part); /* some twice */
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

/* The same for integers of one type. */
static inline __attribute__((always_inline)) int64_t
best_integer(int64_t type, const char *line, int64_t stride, int64_t n, int largest,
             int select_last) {
  int64_t at = select_last ? n - 1 : 0, step = select_last ? -1 : 1, index = at;
  number best = load_number(type, line + at * stride);
  for (int64_t i = 0; i < n; i++, at += step) {
    number x = load_number(type, line + at * stride);
    int takes = largest ? number_less(type, best, x) : number_less(type, x, best);
    index = takes ? at : index;
    best.i = takes ? x.i : best.i;
  }
  return index;
}

static int64_t best_of_integers(int64_t type, const char *line, int64_t stride, int64_t n,
                                int largest, int select_last) {
  switch (type) {
  case TYPE_I64: return best_integer(TYPE_I64, line, stride, n, largest, select_last);
  case TYPE_I32: return best_integer(TYPE_I32, line, stride, n, largest, select_last);
  case TYPE_U8: return best_integer(TYPE_U8, line, stride, n, largest, select_last);
  default: return best_integer(type, line, stride, n, largest, select_last);
  }
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
  if (axis == last || in->stride[last] != in->size)
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
    step = in->type == TYPE_F32 && n < INT32_MAX ? neighbours(in, out, at, axis, item, end) : 1;
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
    else if (!is_float(in->type) && n > 0)
      index = best_of_integers(in->type, line, in->stride[axis], n, largest, select_last);
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

/* The first of elements [i, n) of a row of f32 that may be better than `worst`. */
static int64_t next_better(const float *row, int64_t i, int64_t n, float worst, int largest) {
  enum { BLOCK = 64 };
  uint32_t sign = largest ? 0 : 0x80000000u;
  float limit = bits_to_float(float_to_bits(worst) ^ sign);
  for (; i + BLOCK <= n; i += BLOCK) {
    int32_t any = 0;
    VECTOR_LOOP
    for (int64_t j = 0; j < BLOCK; j++)
      any |= !(bits_to_float(float_to_bits(row[i + j]) ^ sign) <= limit);
    if (any)
      break;
  }
  while (i < n && (largest ? row[i] <= worst : row[i] >= worst))
    i++;
  return i;
}

/* The k best of n numbers as words in the heap `words`, then in order. */
static inline __attribute__((always_inline)) void
rank_line(const ranked_line *l, int64_t type, int64_t n, int64_t k, char *words, int64_t stride) {
  int is_row = type == TYPE_F32 && l->stride == 4;
  for (int64_t i = 0; i < k; i++)
    *word_at(words, stride, i) = ranked_word(type, l->data + i * l->stride, i, l->largest);
  word_heap(words, stride, k, 0);
  for (int64_t i = k; i < n; i++) {
    if (is_row) { /* most are no better than the worst that was kept */
      const float *row = (const float *)l->data;
      i = next_better(row, i, n, row[(uint32_t)*word_at(words, stride, 0)], l->largest);
      if (i == n)
        break;
    }
    uint64_t word = ranked_word(type, l->data + i * l->stride, i, l->largest);
    if (word < *word_at(words, stride, 0))
      word_sink(words, stride, k, 0, word, 0);
  }
  for (int64_t left = k; left > 1; left--)
    word_pop(words, stride, left, 0);
  for (int64_t i = 0; i < k; i++)
    *word_at(words, stride, i) = (uint32_t)*word_at(words, stride, i);
}

/* Whether i64 numbers are as short as i32, which indices and counts are. */
static int are_short(const ranked_line *l, int64_t n) {
  int64_t rest = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t x = *(const int64_t *)(l->data + i * l->stride);
    rest |= x ^ (int32_t)x;
  }
  return !rest;
}

/* The same with indices alone, for numbers that fill a word. */
static void rank_indices(const ranked_line *l, int64_t n, int64_t k, char *indices,
                         int64_t stride) {
  heap kept = {indices, stride, k, is_worse, l};
  for (int64_t i = 0; i < k; i++)
    *heap_entry(&kept, i) = i;
  heap_make(&kept);
  for (int64_t i = k; i < n; i++)
    if (is_worse(l, *heap_entry(&kept, 0), i)) {
      *heap_entry(&kept, 0) = i;
      heap_sift(&kept, 0);
    }
  while (kept.n > 1)
    heap_pop(&kept);
}

/* The k best are kept in a heap in the indices output itself, then sorted. */
SINTER_EXTERN_FUNCTION(topk) {
  const sinter_view *in = &views[0], *values = &views[1], *indices = &views[2];
  int64_t axis = integers[0], n = in->dim[axis], k = values->dim[axis], at[SINTER_MAX_RANK];
  if (k > n) {
    worker->fault |= SINTER_FAULT_BOUND;
    return;
  }
  for (int64_t item = begin; k > 0 && item < end; item++) {
    visit_item(values, axis, item, begin, at);
    const char *line = address(in, at);
    char *to = address(values, at), *order = address(indices, at);
    int64_t stride = indices->stride[axis];
    ranked_line l = {line, in->stride[axis], in->type, integers[1] != 0};
    if (in->type == TYPE_F32 && n <= UINT32_MAX)
      rank_line(&l, TYPE_F32, n, k, order, stride);
    else if (has_ranked_words(in, n))
      rank_line(&l, in->type, n, k, order, stride);
    else if (in->type == TYPE_I64 && n <= UINT32_MAX && are_short(&l, n))
      rank_line(&l, TYPE_I64, n, k, order, stride);
    else
      rank_indices(&l, n, k, order, stride);
    for (int64_t i = 0; i < k; i++)
      copy_element(to + i * values->stride[axis],
                   line + *(int64_t *)(order + i * stride) * in->stride[axis], in->size);
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

/* Running sums of `count` neighbouring lines of numbers of one type. */
#define SUM_LINES(name, type)                                                                  \
  static void name(const char *from, int64_t from_stride, char *to, int64_t to_stride,         \
                   int64_t n, int64_t count, int exclusive, int reverse) {                     \
    if (count == 1) {                                                                          \
      type all = 0;                                                                            \
      for (int64_t i = 0; i < n; i++) {                                                        \
        int64_t j = reverse ? n - 1 - i : i;                                                   \
        type next = all + *(const type *)(from + j * from_stride);                             \
        *(type *)(to + j * to_stride) = exclusive ? all : next;                                \
        all = next;                                                                            \
      }                                                                                        \
      return;                                                                                  \
    }                                                                                          \
    type sum[LANES];                                                                           \
    for (int64_t l = 0; l < count; l++)                                                        \
      sum[l] = 0;                                                                              \
    for (int64_t i = 0; i < n; i++) {                                                          \
      int64_t j = reverse ? n - 1 - i : i;                                                     \
      const type *x = (const type *)(from + j * from_stride);                                  \
      type *y = (type *)(to + j * to_stride);                                                  \
      VECTOR_LOOP                                                                              \
      for (int64_t l = 0; l < count; l++) {                                                    \
        type next = sum[l] + x[l];                                                             \
        y[l] = exclusive ? sum[l] : next;                                                      \
        sum[l] = next;                                                                         \
      }                                                                                        \
    }                                                                                          \
  }
SUM_LINES(sum_floats, float)
SUM_LINES(sum_words, uint32_t)
SUM_LINES(sum_longs, uint64_t)

SINTER_EXTERN_FUNCTION(cumsum) {
  const sinter_view *in = &views[0], *out = &views[1];
  int64_t axis = integers[0], step, at[SINTER_MAX_RANK];
  int is_whole = !is_float(in->type) && in->size >= 4;
  if (in->type != TYPE_F32 && !is_whole) {
    running(in, out, integers, begin, end, 0);
    return;
  }
  for (int64_t item = begin; item < end; item += step) {
    decode_item(out, axis, item, at);
    step = row_stride(out) == out->size ? neighbours(in, out, at, axis, item, end) : 1;
    const char *from = address(in, at);
    char *to = address(out, at);
    int64_t n = in->dim[axis], from_stride = in->stride[axis], to_stride = out->stride[axis];
    int exclusive = integers[1] != 0, reverse = integers[2] != 0;
    if (!is_whole)
      sum_floats(from, from_stride, to, to_stride, n, step, exclusive, reverse);
    else if (in->size == 4)
      sum_words(from, from_stride, to, to_stride, n, step, exclusive, reverse);
    else
      sum_longs(from, from_stride, to, to_stride, n, step, exclusive, reverse);
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
