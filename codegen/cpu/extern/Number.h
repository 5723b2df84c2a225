// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elements of any type as numbers: loaded, compared, stored. Freestanding C for
// the functions of kernel.extern, which run with denormals off.

#ifndef SINTER_CODEGEN_CPU_NUMBER_H
#define SINTER_CODEGEN_CPU_NUMBER_H

#include <stdint.h>

/* ONNX's TensorProto.DataType. */
enum {
  TYPE_F32 = 1, TYPE_U8 = 2, TYPE_I8 = 3, TYPE_U16 = 4, TYPE_I16 = 5,
  TYPE_I32 = 6, TYPE_I64 = 7, TYPE_BOOL = 9, TYPE_F16 = 10, TYPE_F64 = 11,
  TYPE_U32 = 12, TYPE_U64 = 13, TYPE_BF16 = 16
};

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

#endif
