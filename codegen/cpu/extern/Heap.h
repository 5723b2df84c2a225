// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Heaps for the functions that order what they find: of indices, and of words that
// hold a number and its index.

#ifndef SINTER_CODEGEN_CPU_HEAP_H
#define SINTER_CODEGEN_CPU_HEAP_H

#include "codegen/cpu/extern/Extern.h"

/* A heap of n indices (i64), `stride` bytes apart. is_above(order, a, b): a belongs
   nearer to the root than b. */
typedef struct {
  char *data;
  int64_t stride, n;
  int (*is_above)(const void *order, int64_t a, int64_t b);
  const void *order;
} heap;

static inline int64_t *heap_entry(const heap *h, int64_t i) {
  return (int64_t *)(h->data + i * h->stride);
}

static inline void heap_swap(const heap *h, int64_t i, int64_t j) {
  int64_t kept = *heap_entry(h, i);
  *heap_entry(h, i) = *heap_entry(h, j), *heap_entry(h, j) = kept;
}

/* Moves entry `at` down to where it belongs. */
static inline __attribute__((always_inline)) void heap_sift(const heap *h, int64_t at) {
  for (;;) {
    int64_t top = at;
    for (int64_t child = 2 * at + 1; child <= 2 * at + 2 && child < h->n; child++)
      if (h->is_above(h->order, *heap_entry(h, child), *heap_entry(h, top)))
        top = child;
    if (top == at)
      return;
    heap_swap(h, at, top);
    at = top;
  }
}

static inline __attribute__((always_inline)) void heap_make(const heap *h) {
  for (int64_t i = h->n / 2 - 1; i >= 0; i--)
    heap_sift(h, i);
}

/* Takes the root out: it lies behind the heap then. */
static inline __attribute__((always_inline)) void heap_pop(heap *h) {
  heap_swap(h, 0, --h->n);
  heap_sift(h, 0);
}

/* Where data are numbers of at most 32 bits, a number and its index make one word,
   and one comparison of words replaces both loads. The better comes first, NaN
   before all; of equals the first one. */
static inline __attribute__((always_inline)) uint64_t
ranked_word(int64_t type, const char *p, int64_t index, int largest) {
  number n = load_number(type, p);
  uint32_t key = (uint32_t)n.i ^ (type == TYPE_U32 ? 0 : 0x80000000u);
  if (is_float(type)) {
    int32_t bits = (int32_t)float_to_bits((float)n.f + 0.0f); /* -0 is 0 */
    key = (uint32_t)(bits ^ (bits >> 31 & 0x7fffffff)) ^ 0x80000000u;
  }
  key = largest ? ~key : key;
  key = n.f != n.f ? 0 : key;
  return (uint64_t)key << 32 | (uint32_t)index;
}

static inline int has_ranked_words(const sinter_view *v, int64_t n) {
  return v->size <= 4 && n <= UINT32_MAX;
}

static inline uint64_t *word_at(char *words, int64_t stride, int64_t i) {
  return (uint64_t *)(words + i * stride);
}

/* Puts `word` into the heap of n words, the greatest at the root (after xor with
   `flip`), at or below entry `at`. */
static inline __attribute__((always_inline)) void
word_sink(char *words, int64_t stride, int64_t n, int64_t at, uint64_t word, uint64_t flip) {
  for (int64_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
    uint64_t top = *word_at(words, stride, child);
    if (child + 1 < n) {
      uint64_t right = *word_at(words, stride, child + 1);
      int is_right = (right ^ flip) > (top ^ flip);
      child += is_right;
      top = is_right ? right : top;
    }
    if ((word ^ flip) >= (top ^ flip))
      break;
    *word_at(words, stride, at) = top;
    at = child;
  }
  *word_at(words, stride, at) = word;
}

static inline __attribute__((always_inline)) void
word_heap(char *words, int64_t stride, int64_t n, uint64_t flip) {
  for (int64_t i = n / 2 - 1; i >= 0; i--)
    word_sink(words, stride, n, i, *word_at(words, stride, i), flip);
}

/* Takes the root out of the heap of n words: it lies behind the heap then. */
static inline __attribute__((always_inline)) void
word_pop(char *words, int64_t stride, int64_t n, uint64_t flip) {
  uint64_t last = *word_at(words, stride, n - 1);
  *word_at(words, stride, n - 1) = *word_at(words, stride, 0);
  word_sink(words, stride, n - 1, 0, last, flip);
}

#endif
