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

/* Bytes of a view without gaps; 0 of one with gaps. */
static int64_t bytes_of_dense(const sinter_view *v) {
  int64_t bytes = v->size;
  for (int64_t axis = v->rank - 1; axis >= 0; axis--) {
    if (v->dim[axis] != 1 && v->stride[axis] != bytes)
      return 0;
    bytes *= v->dim[axis];
  }
  return bytes;
}

static void copy_view(const sinter_view *to, const sinter_view *from) {
  int64_t at[SINTER_MAX_RANK], rows = count_rows(to), bytes = bytes_of_dense(to);
  if (bytes && bytes_of_dense(from) == bytes) {
    memcpy(to->data, from->data, (size_t)bytes);
    return;
  }
  for (int64_t row = 0; row < rows; row++) {
    visit_item(to, last_axis(to), row, 0, at);
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

/* n updates side by side; strides in bytes. */
static void update_row(char *to, int64_t to_stride, const char *from, int64_t from_stride,
                       int64_t n, int64_t type, int64_t size, int64_t reduction) {
  if (reduction == REDUCE_NONE) {
    copy_row(to, to_stride, from, from_stride, n, size);
  } else if (reduction == REDUCE_ADD && type == TYPE_F32 && to_stride == 4 && from_stride == 4) {
    float *restrict sums = (float *)to;
    const float *restrict add = (const float *)from;
    VECTOR_LOOP
    for (int64_t i = 0; i < n; i++)
      sums[i] += add[i];
  } else {
    for (int64_t i = 0; i < n; i++)
      update(to + i * to_stride, from + i * from_stride, type, size, reduction);
  }
}

/* Elements of one size along a row, each to where its index says. */
static inline __attribute__((always_inline)) void
scatter_row(const sinter_view *indices, const char *index, char *to, int64_t along, int64_t step,
            const char *from, const sinter_view *updates, int64_t extent, int64_t size,
            sinter_worker *worker) {
  const int64_t *plain = (const int64_t *)index;
  if (indices->type == TYPE_I64 && row_stride(indices) == 8 &&
      are_plain(plain, row_length(updates), extent)) {
    for (int64_t j = 0; j < row_length(updates); j++)
      copy_element(to + plain[j] * along + j * step, from + j * row_stride(updates), size);
    return;
  }
  for (int64_t j = 0; j < row_length(updates); j++) {
    int64_t i = load_index(indices, index + j * row_stride(indices), extent, worker);
    copy_element(to + i * along + j * step, from + j * row_stride(updates), size);
  }
}

/* out = data; out[..., indices[i...], ...] op= updates[i...] */
SINTER_EXTERN_FUNCTION(scatter_elements) {
  const sinter_view *indices = &views[1], *updates = &views[2], *out = &views[3];
  int64_t axis = integers[0], at[SINTER_MAX_RANK], extent = out->dim[axis];
  if (begin >= end)
    return;
  copy_view(out, &views[0]);
  int64_t last = last_axis(updates), step = axis == last ? 0 : row_stride(out);
  int64_t rows = count_rows(updates), along = out->stride[axis], chosen;
  for (int64_t row = 0; row < rows; row++) {
    visit_item(updates, last, row, 0, at);
    if (extent == 0) {
      worker->fault |= SINTER_FAULT_INDEX;
      return;
    }
    const char *from = address(updates, at), *index = address(indices, at);
    chosen = at[axis];
    at[axis] = 0;
    char *to = address(out, at);
    at[axis] = chosen;
    if (integers[1] == REDUCE_NONE && out->size == 4)
      scatter_row(indices, index, to, along, step, from, updates, extent, 4, worker);
    else if (integers[1] == REDUCE_NONE)
      scatter_row(indices, index, to, along, step, from, updates, extent, out->size, worker);
    else
      for (int64_t j = 0; j < row_length(updates); j++) {
        int64_t i = load_index(indices, index + j * row_stride(indices), extent, worker);
        update(to + i * along + j * step, from + j * row_stride(updates), out->type, out->size,
               integers[1]);
      }
  }
}

/* out = data; out[indices[i..., :], r...] op= updates[i..., r...] */
SINTER_EXTERN_FUNCTION(scatter_nd) {
  const sinter_view *indices = &views[1], *updates = &views[2], *out = &views[3];
  int64_t outer = indices->rank - 1, depth = indices->dim[outer], last = last_axis(updates);
  int64_t at[SINTER_MAX_RANK];
  if (begin >= end)
    return;
  copy_view(out, &views[0]);
  if (is_empty(out))
    return;
  /* A row is of one tuple, or each of its elements has its own. */
  int is_row = depth < out->rank;
  int64_t rows = count_rows(updates), n = is_row ? 1 : row_length(updates);
  for (int64_t row = 0; row < rows; row++) {
    visit_item(updates, last, row, 0, at);
    for (int64_t j = 0; j < n; j++) {
      if (last >= 0)
        at[last] = j;
      const char *tuple = indices->data;
      for (int64_t i = 0; i < outer; i++)
        tuple += at[i] * indices->stride[i];
      char *to = out->data;
      for (int64_t i = 0; i < depth; i++)
        to += load_index(indices, tuple + i * row_stride(indices), out->dim[i], worker) *
              out->stride[i];
      for (int64_t i = depth; i + 1 < out->rank; i++)
        to += at[outer + i - depth] * out->stride[i];
      update_row(to, row_stride(out), address(updates, at), row_stride(updates),
                 is_row ? row_length(updates) : 1, out->type, out->size, integers[0]);
    }
  }
}
