// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading by index. Whatever lies along the output's last axis is moved as a row
// when one index serves it all.

#include "codegen/cpu/extern/Extern.h"

SINTER_EXTERN_FUNCTION(copy) {
  const sinter_view *in = &views[0], *out = &views[1];
  int64_t at[SINTER_MAX_RANK];
  for (int64_t item = begin; item < end; item++) {
    visit_item(out, last_axis(out), item, begin, at);
    copy_row(address(out, at), row_stride(out), address(in, at), row_stride(in),
             row_length(out), out->size);
  }
}

/* The same bytes, whatever the types. */
SINTER_EXTERN_FUNCTION(bit_cast) {
  sinter_x_copy(views, n_inputs, integers, floats, begin, end, worker);
}

/* out[a..., i..., b...] = data[a..., indices[i...], b...] */
SINTER_EXTERN_FUNCTION(gather) {
  const sinter_view *data = &views[0], *indices = &views[1], *out = &views[2];
  int64_t axis = integers[0], extent = data->dim[axis];
  int64_t tail = data->rank - axis - 1, at[SINTER_MAX_RANK];
  int row_is_index = tail == 0 && indices->rank > 0;
  if (extent == 0) { /* nothing from nothing is right: no box was found */
    worker->fault |= is_empty(out) ? 0 : SINTER_FAULT_INDEX;
    return;
  }
  for (int64_t item = begin; item < end; item++) {
    visit_item(out, last_axis(out), item, begin, at);
    char *to = address(out, at), *from = data->data;
    const char *index = indices->data;
    for (int64_t i = 0; i < axis; i++)
      from += at[i] * data->stride[i];
    for (int64_t i = 0; i < indices->rank; i++)
      index += at[axis + i] * indices->stride[i];
    for (int64_t i = 0; i < tail; i++)
      from += at[axis + indices->rank + i] * data->stride[axis + 1 + i];
    if (!row_is_index) {
      from += load_index(indices, index, extent, worker) * data->stride[axis];
      int64_t along = tail ? data->rank - 1 : axis - 1; /* data axis of the row */
      copy_row(to, row_stride(out), from, along >= 0 ? data->stride[along] : 0,
               row_length(out), out->size);
      continue;
    }
    for (int64_t j = 0; j < row_length(out); j++)
      copy_element(to + j * row_stride(out),
                   from + data->stride[axis] *
                              load_index(indices, index + j * row_stride(indices),
                                         extent, worker),
                   out->size);
  }
}

/* A row of elements of `size` bytes, each by its own index, without a branch that
   data decide. True when an index was outside. */
static inline __attribute__((always_inline)) int
gather_row(char *to, const char *from, const int64_t *index, int64_t n, int64_t extent,
           int64_t step, int64_t along, int64_t size) {
  int is_outside = 0;
  if (are_plain(index, n, extent)) {
    int64_t j = 0;
    for (; j + 4 <= n; j += 4, to += 4 * size, from += 4 * along)
      for (int64_t k = 0; k < 4; k++)
        copy_element(to + k * size, from + index[j + k] * step + k * along, size);
    for (; j < n; j++, to += size, from += along)
      copy_element(to, from + index[j] * step, size);
    return 0;
  }
  for (int64_t j = 0; j < n; j++) {
    int64_t i = index[j];
    i += i < 0 ? extent : 0;
    int is_inside = (uint64_t)i < (uint64_t)extent;
    is_outside |= !is_inside;
    i = is_inside ? i : 0;
    copy_element(to + j * size, from + i * step + j * along, size);
  }
  return is_outside;
}

/* out[..., i, ...] = data[..., indices[..., i, ...], ...] */
SINTER_EXTERN_FUNCTION(gather_elements) {
  const sinter_view *data = &views[0], *indices = &views[1], *out = &views[2];
  int64_t axis = integers[0], extent = data->dim[axis], at[SINTER_MAX_RANK];
  int64_t last = last_axis(out), along = axis == last ? 0 : data->stride[last];
  int is_plain = indices->type == TYPE_I64 && row_stride(indices) == 8 &&
                 (out->size == 4 || out->size == 8) && row_stride(out) == out->size;
  if (extent == 0) {
    worker->fault |= is_empty(out) ? 0 : SINTER_FAULT_INDEX;
    return;
  }
  for (int64_t item = begin; item < end; item++) {
    visit_item(out, last, item, begin, at);
    char *to = address(out, at), *index = address(indices, at);
    const char *from = address(data, at) - at[axis] * data->stride[axis];
    if (is_plain) { /* nearly all there are */
      int64_t n = row_length(out), step = data->stride[axis];
      const int64_t *i = (const int64_t *)index;
      int is_outside = 0;
      if (out->size == 8)
        is_outside = gather_row(to, from, i, n, extent, step, along, 8);
      else if (step == 4 && along == 0)
        is_outside = gather_row(to, from, i, n, extent, 4, 0, 4);
      else
        is_outside = gather_row(to, from, i, n, extent, step, along, 4);
      worker->fault |= is_outside ? SINTER_FAULT_INDEX : 0;
      continue;
    }
    for (int64_t j = 0; j < row_length(out); j++) {
      int64_t i = load_index(indices, index + j * row_stride(indices), extent, worker);
      copy_element(to + j * row_stride(out), from + i * data->stride[axis] + j * along,
                   out->size);
    }
  }
}

/* Address in `data` that the index tuple at `tuple` names, batch axes included. */
static const char *tuple_address(const sinter_view *data, const sinter_view *indices,
                                 const char *tuple, const int64_t *at,
                                 int64_t batch, sinter_worker *worker) {
  const char *from = data->data;
  int64_t depth = indices->dim[indices->rank - 1];
  for (int64_t i = 0; i < batch; i++)
    from += at[i] * data->stride[i];
  for (int64_t i = 0; i < depth; i++) {
    if (data->dim[batch + i] == 0) {
      worker->fault |= SINTER_FAULT_INDEX;
      continue;
    }
    from += data->stride[batch + i] *
            load_index(indices, tuple + i * row_stride(indices),
                       data->dim[batch + i], worker);
  }
  return from;
}

/* out[b..., i..., r...] = data[b..., indices[b..., i..., :], r...] */
SINTER_EXTERN_FUNCTION(gather_nd) {
  const sinter_view *data = &views[0], *indices = &views[1], *out = &views[2];
  int64_t batch = integers[0], outer = indices->rank - 1, at[SINTER_MAX_RANK];
  int64_t depth = indices->dim[outer], rest = out->rank - outer;
  if (is_empty(data)) {
    worker->fault |= is_empty(out) ? 0 : SINTER_FAULT_INDEX;
    return;
  }
  for (int64_t item = begin; item < end; item++) {
    visit_item(out, last_axis(out), item, begin, at);
    char *to = address(out, at);
    for (int64_t j = 0; j < (rest ? 1 : row_length(out)); j++) {
      if (!rest && out->rank)
        at[out->rank - 1] = j;
      const char *tuple = indices->data;
      for (int64_t i = 0; i < outer; i++)
        tuple += at[i] * indices->stride[i];
      const char *from = tuple_address(data, indices, tuple, at, batch, worker);
      for (int64_t i = 0; i + 1 < rest; i++)
        from += at[outer + i] * data->stride[batch + depth + i];
      if (rest)
        copy_row(to, row_stride(out), from, row_stride(data), row_length(out), out->size);
      else
        copy_element(to + j * row_stride(out), from, out->size);
    }
  }
}

SINTER_EXTERN_FUNCTION(one_hot) {
  const sinter_view *indices = &views[0], *values = &views[1], *out = &views[2];
  int64_t axis = integers[0], last = last_axis(out), depth = out->dim[axis];
  int64_t at[SINTER_MAX_RANK];
  for (int64_t item = begin; item < end; item++) {
    decode_item(out, last, item, at);
    char *to = address(out, at);
    for (int64_t j = 0; j < row_length(out); j++) {
      at[last] = j;
      const char *p = indices->data;
      for (int64_t i = 0, k = 0; i < out->rank; i++)
        if (i != axis)
          p += at[i] * indices->stride[k++];
      number n = load_number(indices->type, p);
      int64_t index = is_float(indices->type) ? (int64_t)n.f : n.i;
      if (index < 0)
        index += depth;
      copy_element(to + j * row_stride(out),
                   values->data + (index == at[axis] ? values->stride[0] : 0), out->size);
    }
  }
}
