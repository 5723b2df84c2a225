// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shape program: a dozen operations on int64 slots that turn the symbols of
// a run into every size, offset and count. Overflow and division by zero are
// errors of the shape, never a wrapped number; indices were verified before.

#include "runtime/core/Walk.h"

bool tensor_bytes(uint32_t dtype, uint32_t rank, const int64_t *dim,
                  uint64_t *out) {
  int64_t bytes = (int64_t)sinter_dtype_bytes(dtype);
  bool zero = false;
  for (uint32_t i = 0; i < rank; ++i) {
    if (dim[i] < 0)
      return false;
    if (dim[i] == 0)
      zero = true;
    else if (__builtin_mul_overflow(bytes, dim[i], &bytes))
      return false;
  }
  *out = zero ? 0 : (uint64_t)bytes;
  return true;
}

void walk_tensor_dims(const walk_context *c, uint32_t index,
                      sinter_tensor *tensor) {
  const sinter_image_tensor *info = &c->tensor_info[index];
  tensor->rank = (uint8_t)info->rank;
  tensor->dtype = (uint8_t)info->dtype;
  for (uint32_t k = 0; k < info->rank; ++k)
    tensor->dim[k] = c->slots[c->dims[info->dims + k]];
}

/* False: overflow or a divisor below 1. */
static bool compute(uint16_t code, int64_t a, int64_t b, int64_t c,
                    int64_t *out) {
  switch (code) {
  case SINTER_OP_ADD:
    return !__builtin_add_overflow(a, b, out);
  case SINTER_OP_SUB:
    return !__builtin_sub_overflow(a, b, out);
  case SINTER_OP_MUL:
    return !__builtin_mul_overflow(a, b, out);
  case SINTER_OP_MIN:
    *out = a < b ? a : b;
    return true;
  case SINTER_OP_MAX:
    *out = a > b ? a : b;
    return true;
  case SINTER_OP_EQ:
    *out = a == b;
    return true;
  case SINTER_OP_LT:
    *out = a < b;
    return true;
  case SINTER_OP_SELECT:
    *out = a ? b : c;
    return true;
  default:
    break;
  }
  if (b < 1)
    return false;
  int64_t quotient = a / b, rest = a % b; /* made to round down */
  if (rest < 0)
    --quotient, rest += b;
  switch (code) {
  case SINTER_OP_FLOORDIV:
    *out = quotient;
    return true;
  case SINTER_OP_MOD:
    *out = rest;
    return true;
  case SINTER_OP_CEILDIV:
    *out = quotient + (rest != 0);
    return true;
  case SINTER_OP_ALIGN:
    return !__builtin_mul_overflow(quotient + (rest != 0), b, out);
  default:
    return false;
  }
}

static bool check(const sinter_image_op *op, const int64_t *slots,
                  sinter_error *error) {
  int64_t a = slots[op->a], low = slots[op->b];
  int64_t high = op->code == SINTER_OP_CHECK_EQ ? low : slots[op->c];
  if (low <= a && a <= high)
    return true;
  *error =
      walk_error(SINTER_E_SHAPE, op->reason, op->node, a, a < low ? low : high);
  return false;
}

bool shape_run(const sinter_image *image, int64_t *slots, uint32_t first,
               uint32_t count, sinter_error *error) {
  const sinter_image_op *op = image_section(image, SINTER_SEC_OPS);
  const sinter_image_op *end = op + first + count;
  for (op += first; op != end; ++op) {
    if (op->code >= SINTER_OP_CHECK_EQ) {
      if (!check(op, slots, error))
        return false;
    } else if (!compute(op->code, slots[op->a], slots[op->b], slots[op->c],
                        &slots[op->dst])) {
      *error = walk_error(SINTER_E_SHAPE, SINTER_WHY_OVERFLOW, op->node,
                          slots[op->a], slots[op->b]);
      return false;
    }
  }
  return true;
}

bool shape_enter(const sinter_image *image, int64_t *slots,
                 const int64_t *symbols, sinter_error *error) {
  const sinter_image_symbol *info = image_section(image, SINTER_SEC_SYMBOLS);
  uint32_t n = image->section[SINTER_SEC_SYMBOLS].count;
  for (uint32_t i = 0; i < n; ++i) {
    int64_t value = symbols[i];
    bool in_range = info[i].min <= value && value <= info[i].max;
    if (!in_range || value % info[i].divisor) {
      int64_t bound = value < info[i].min ? info[i].min : info[i].max;
      *error = in_range ? walk_error(SINTER_E_SHAPE, SINTER_WHY_SYMBOL_DIVISOR,
                                     SINTER_NONE, value, info[i].divisor)
                        : walk_error(SINTER_E_SHAPE, SINTER_WHY_SYMBOL_RANGE,
                                     SINTER_NONE, value, bound);
      error->arg = info[i].tensor;
      error->axis = info[i].index;
      return false;
    }
    slots[i] = value;
  }
  __builtin_memcpy(slots + n, image_section(image, SINTER_SEC_CONSTS),
                   (uint64_t)image->section[SINTER_SEC_CONSTS].count * 8);
  return shape_run(image, slots, 0, image->n_entry_ops, error);
}
