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

enum {
  TYPE_F32 = 1, TYPE_U8 = 2, TYPE_I8 = 3, TYPE_U16 = 4, TYPE_I16 = 5,
  TYPE_I32 = 6, TYPE_I64 = 7, TYPE_BOOL = 9, TYPE_F16 = 10, TYPE_F64 = 11,
  TYPE_U32 = 12, TYPE_U64 = 13, TYPE_BF16 = 16
};

/* Loops over contiguous elements ask for vectors: nothing else is vectorised. */
#define VECTOR_LOOP _Pragma("clang loop vectorize(enable) interleave(disable)")

void *memcpy(void *to, const void *from, size_t n);

static inline int is_float(int64_t type) {
  return type == TYPE_F32 || type == TYPE_F64 || type == TYPE_F16 || type == TYPE_BF16;
}

static inline float bits_to_float(uint32_t bits) {
  union { uint32_t u; float f; } pun = {bits};
  return pun.f;
}

static inline uint32_t float_to_bits(float value) {
  union { float f; uint32_t u; } pun = {value};
  return pun.u;
}

static inline float half_to_float(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff;
  if (rest >= 0x7c00)
    return bits_to_float(sign | 0x7f800000 | (rest & 0x3ff) << 13);
  if (rest < 0x400) /* as a float it would be a denormal, which runs flush */
    return bits_to_float(sign | float_to_bits((float)rest * 0x1p-24f));
  return bits_to_float(sign | ((rest << 13) + (112u << 23)));
}

static inline uint16_t float_to_half(float value) {
  uint32_t bits = float_to_bits(value), sign = bits >> 16 & 0x8000;
  bits &= 0x7fffffff;
  if (bits > 0x7f800000)
    return (uint16_t)(sign | 0x7e00);
  if (bits >= 0x477ff000)
    return (uint16_t)(sign | 0x7c00);
  if (bits < 0x38800000) /* subnormal: let the addition round */
    return (uint16_t)(sign | (float_to_bits(bits_to_float(bits) + 0.5f) - 0x3f000000));
  bits += 0xc8000fff + (bits >> 13 & 1);
  return (uint16_t)(sign | bits >> 13);
}

static inline uint16_t float_to_bfloat(float value) {
  uint32_t bits = float_to_bits(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* A number of any type: floats in f, integers and bools in i. */
typedef struct {
  double f;
  int64_t i;
} number;

static inline number load_number(int64_t type, const char *p) {
  number n = {0, 0};
  switch (type) {
  case TYPE_F32: n.f = *(const float *)p; break;
  case TYPE_F64: n.f = *(const double *)p; break;
  case TYPE_F16: n.f = half_to_float(*(const uint16_t *)p); break;
  case TYPE_BF16: n.f = bits_to_float((uint32_t)*(const uint16_t *)p << 16); break;
  case TYPE_I8: n.i = *(const int8_t *)p; break;
  case TYPE_U8: case TYPE_BOOL: n.i = *(const uint8_t *)p; break;
  case TYPE_I16: n.i = *(const int16_t *)p; break;
  case TYPE_U16: n.i = *(const uint16_t *)p; break;
  case TYPE_I32: n.i = *(const int32_t *)p; break;
  case TYPE_U32: n.i = *(const uint32_t *)p; break;
  default: n.i = *(const int64_t *)p; break;
  }
  return n;
}

static inline void store_number(int64_t type, char *p, number n) {
  switch (type) {
  case TYPE_F32: *(float *)p = (float)n.f; break;
  case TYPE_F64: *(double *)p = n.f; break;
  case TYPE_F16: *(uint16_t *)p = float_to_half((float)n.f); break;
  case TYPE_BF16: *(uint16_t *)p = float_to_bfloat((float)n.f); break;
  case TYPE_I8: case TYPE_U8: case TYPE_BOOL: *(uint8_t *)p = (uint8_t)n.i; break;
  case TYPE_I16: case TYPE_U16: *(uint16_t *)p = (uint16_t)n.i; break;
  case TYPE_I32: case TYPE_U32: *(uint32_t *)p = (uint32_t)n.i; break;
  default: *(int64_t *)p = n.i; break;
  }
}

static inline int number_less(int64_t type, number a, number b) {
  if (is_float(type))
    return a.f < b.f;
  if (type == TYPE_U64)
    return (uint64_t)a.i < (uint64_t)b.i;
  return a.i < b.i;
}

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
  for (int64_t i = 0; i < n; i++)
    copy_element(to + i * to_stride, from + i * from_stride, size);
}

static inline int64_t last_axis(const sinter_view *v) { return v->rank - 1; }
/* Extent of the innermost axis; 1 for rank 0. */
static inline int64_t row_length(const sinter_view *v) {
  return v->rank ? v->dim[v->rank - 1] : 1;
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

#endif
