// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A heap of indices, for the functions that order what they find.

#ifndef SINTER_CODEGEN_CPU_HEAP_H
#define SINTER_CODEGEN_CPU_HEAP_H

#include <stdint.h>

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

#endif
