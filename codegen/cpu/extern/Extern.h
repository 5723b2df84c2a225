// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the functions of kernel.extern see (dialects/kernel/ExternTable.def). They
// are freestanding C: no libc but memcpy, memset, memmove; no allocation; memory
// is touched only inside the views. Each runs items [begin, end) of its launch. A
// bad index is clamped and reported in worker->fault.
//
// They are compiled once to LLVM bitcode, carried inside the compiler, and get the
// target features of the object they are linked into.

#ifndef SINTER_CODEGEN_CPU_EXTERN_H
#define SINTER_CODEGEN_CPU_EXTERN_H

#include "codegen/cpu/extern/Number.h"
#include "sinter/image.h"
#include <stddef.h>
#include <stdint.h>

/* Strides in bytes; type is ONNX's TensorProto.DataType; size bytes an element.
   EmitExtern.cpp writes this struct word by word: 64-bit fields only. */
typedef struct {
  char *data;
  int64_t rank, type, size;
  int64_t dim[SINTER_MAX_RANK], stride[SINTER_MAX_RANK];
} sinter_view;

/* The outputs follow views[n_inputs - 1]. Not every function needs every argument. */
#define UNUSED __attribute__((unused))
#define SINTER_EXTERN_FUNCTION(name)                                           \
  void sinter_x_##name(const sinter_view *views, UNUSED int64_t n_inputs,      \
                       UNUSED const int64_t *integers,                         \
                       UNUSED const double *floats, int64_t begin,             \
                       int64_t end, UNUSED sinter_worker *worker)

/* Loops over contiguous elements ask for vectors: nothing else is vectorised. */
#define VECTOR_LOOP _Pragma("clang loop vectorize(enable) interleave(disable)")

void *memcpy(void *to, const void *from, size_t n);

static inline void copy_element(char *to, const char *from, int64_t size) {
  switch (size) {
  case 1: *to = *from; break;
  case 2: *(uint16_t *)to = *(const uint16_t *)from; break;
  case 4: *(uint32_t *)to = *(const uint32_t *)from; break;
  case 8: *(uint64_t *)to = *(const uint64_t *)from; break;
  default: memcpy(to, from, (size_t)size); break;
  }
}

/* n elements of `size` bytes, the strides in bytes. */
static inline void copy_row(char *to, int64_t to_stride, const char *from,
                            int64_t from_stride, int64_t n, int64_t size) {
  if (to_stride == size && from_stride == size) {
    memcpy(to, from, (size_t)(n * size));
    return;
  }
  if (size == 4) /* nearly all there are */
    for (int64_t i = 0; i < n; i++)
      copy_element(to + i * to_stride, from + i * from_stride, 4);
  else
    for (int64_t i = 0; i < n; i++)
      copy_element(to + i * to_stride, from + i * from_stride, size);
}

static inline int64_t last_axis(const sinter_view *v) { return v->rank - 1; }
/* Extent of the innermost axis; 1 for rank 0. */
static inline int64_t row_length(const sinter_view *v) {
  return v->rank ? v->dim[v->rank - 1] : 1;
}

static inline int is_empty(const sinter_view *v) {
  int empty = 0;
  for (int64_t axis = 0; axis < v->rank; axis++)
    empty |= v->dim[axis] == 0;
  return empty;
}

static inline int64_t row_stride(const sinter_view *v) {
  return v->rank ? v->stride[v->rank - 1] : v->size;
}

/* Coordinates of item `item` over all axes but `skip`, where at[skip] = 0. */
static inline void decode_item(const sinter_view *v, int64_t skip, int64_t item,
                               int64_t *at) {
  for (int64_t axis = v->rank - 1; axis >= 0; axis--) {
    at[axis] = 0;
    if (axis == skip)
      continue;
    at[axis] = item % v->dim[axis];
    item /= v->dim[axis];
  }
}

/* The same for each item of [begin, end) in turn, without divisions after the
   first. `at` holds what the call before left there. */
static inline void visit_item(const sinter_view *v, int64_t skip, int64_t item,
                              int64_t begin, int64_t *at) {
  if (item == begin) {
    decode_item(v, skip, item, at);
    return;
  }
  if (skip >= 0)
    at[skip] = 0;
  for (int64_t axis = v->rank - 1; axis >= 0; axis--) {
    if (axis == skip)
      continue;
    if (++at[axis] < v->dim[axis])
      return;
    at[axis] = 0;
  }
}

static inline char *address(const sinter_view *v, const int64_t *at) {
  char *p = v->data;
  for (int64_t axis = 0; axis < v->rank; axis++)
    p += at[axis] * v->stride[axis];
  return p;
}

/* An index as stored (i32 or i64), negative counting from the end. */
static inline int64_t load_index(const sinter_view *v, const char *p,
                                 int64_t extent, sinter_worker *worker) {
  int64_t index = v->type == TYPE_I32 ? *(const int32_t *)p : *(const int64_t *)p;
  if (index < 0)
    index += extent;
  if (index < 0 || index >= extent) {
    worker->fault |= SINTER_FAULT_INDEX;
    index = index < 0 ? 0 : extent - 1;
  }
  return index;
}

/* Whether all are in [0, extent): nearly all rows are so, and need no more. */
static inline int are_plain(const int64_t *index, int64_t n, int64_t extent) {
  uint64_t others = 0;
  VECTOR_LOOP
  for (int64_t j = 0; j < n; j++)
    others |= (uint64_t)index[j] >= (uint64_t)extent;
  return !others;
}

#endif
