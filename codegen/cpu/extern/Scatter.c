// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writing by index. Equal indices meet in the order of the updates, which is why
// these run as one item.

#include "codegen/cpu/extern/Extern.h"

enum { REDUCE_NONE, REDUCE_ADD, REDUCE_MUL, REDUCE_MIN, REDUCE_MAX };

static int64_t count_rows(const sinter_view *v) {
  int64_t rows = 1;
  for (int64_t i = 0; i + 1 < v->rank; i++)
    rows *= v->dim[i];
  return rows;
}

static void copy_view(const sinter_view *to, const sinter_view *from) {
  int64_t at[SINTER_MAX_RANK];
  for (int64_t row = 0; row < count_rows(to); row++) {
    decode_item(to, last_axis(to), row, at);
    copy_row(address(to, at), row_stride(to), address(from, at), row_stride(from),
             row_length(to), to->size);
  }
}

static void update(char *to, const char *from, int64_t type, int64_t size,
                   int64_t reduction) {
  if (reduction == REDUCE_NONE) {
    copy_element(to, from, size);
    return;
  }
  number old = load_number(type, to), add = load_number(type, from), result = old;
  switch (reduction) {
  case REDUCE_ADD:
    result.f = old.f + add.f;
    result.i = (int64_t)((uint64_t)old.i + (uint64_t)add.i);
    break;
  case REDUCE_MUL:
    result.f = old.f * add.f;
    result.i = (int64_t)((uint64_t)old.i * (uint64_t)add.i);
    break;
  case REDUCE_MIN:
    if (number_less(type, add, old) || add.f != add.f)
      result = add;
    break;
  default:
    if (number_less(type, old, add) || add.f != add.f)
      result = add;
    break;
  }
  store_number(type, to, result);
}

/* out = data; out[..., indices[i...], ...] op= updates[i...] */
SINTER_EXTERN_FUNCTION(scatter_elements) {
  const sinter_view *indices = &views[1], *updates = &views[2], *out = &views[3];
  int64_t axis = integers[0], at[SINTER_MAX_RANK];
  if (begin >= end)
    return;
  copy_view(out, &views[0]);
  int64_t last = last_axis(updates), step = axis == last ? 0 : row_stride(out);
  for (int64_t row = 0; row < count_rows(updates); row++) {
    decode_item(updates, last, row, at);
    const char *from = address(updates, at), *index = address(indices, at);
    if (out->dim[axis] == 0) {
      worker->fault |= SINTER_FAULT_INDEX;
      return;
    }
    at[axis] = 0;
    char *to = address(out, at);
    for (int64_t j = 0; j < row_length(updates); j++) {
      int64_t i = load_index(indices, index + j * row_stride(indices), out->dim[axis], worker);
      update(to + i * out->stride[axis] + j * step, from + j * row_stride(updates), out->type,
             out->size, integers[1]);
    }
  }
}

/* out = data; out[indices[i..., :], r...] op= updates[i..., r...] */
SINTER_EXTERN_FUNCTION(scatter_nd) {
  const sinter_view *indices = &views[1], *updates = &views[2], *out = &views[3];
  int64_t outer = indices->rank - 1, depth = indices->dim[outer];
  int64_t at[SINTER_MAX_RANK], to_at[SINTER_MAX_RANK];
  if (begin >= end)
    return;
  copy_view(out, &views[0]);
  for (int64_t i = 0; i < out->rank; i++)
    if (out->dim[i] == 0)
      return;
  int64_t rows = updates->rank ? count_rows(updates) : 1;
  for (int64_t row = 0; row < rows; row++) {
    decode_item(updates, last_axis(updates), row, at);
    int is_row = depth < out->rank && integers[0] == REDUCE_NONE; /* one tuple for all of it */
    for (int64_t j = 0; j < row_length(updates); j++) {
      if (updates->rank)
        at[updates->rank - 1] = j;
      const char *tuple = indices->data;
      for (int64_t i = 0; i < outer; i++)
        tuple += at[i] * indices->stride[i];
      for (int64_t i = 0; i < depth; i++)
        to_at[i] = load_index(indices, tuple + i * row_stride(indices), out->dim[i], worker);
      for (int64_t i = depth; i < out->rank; i++)
        to_at[i] = at[outer + i - depth];
      if (is_row) {
        copy_row(address(out, to_at), row_stride(out), address(updates, at),
                 row_stride(updates), row_length(updates), out->size);
        break;
      }
      update(address(out, to_at), address(updates, at), out->type, out->size, integers[0]);
    }
  }
}
