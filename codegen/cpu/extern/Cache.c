// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A cache of keys or values with the rows of new tokens in their places. It is most of
// what a step of generation copies, so whole runs of rows move at once, and a row that
// is in its place already (the caller gave one buffer as both caches) does not move.

#include "codegen/cpu/extern/Extern.h"

typedef struct {
  const sinter_view *past, *fresh;
  int64_t axis, extent, start; /* of the row of the batch that is written */
  int is_circular, clears; /* clears: what follows the new rows is 0 */
} cache;

/* Index among the new rows of position j; -1: the row is an old one. */
static int64_t fresh_index(const cache *c, int64_t j) {
  int64_t i = j - c->start;
  if (i < 0 && c->is_circular)
    i += c->extent;
  return i < c->fresh->dim[c->axis] ? i : -1;
}

/* Positions from j on that lie in one piece: all old, all new, or behind the old ones. */
static int64_t piece(const cache *c, int64_t j) {
  int64_t end = c->start + c->fresh->dim[c->axis], next = c->extent;
  int64_t changes[] = {c->start, end, c->is_circular ? end - c->extent : end,
                       c->past->dim[c->axis]};
  for (int i = 0; i < 4; i++)
    if (changes[i] > j && changes[i] < next)
      next = changes[i];
  return next - j;
}

static void move_row(char *to, int64_t to_stride, const char *from, int64_t from_stride,
                     int64_t n, int64_t size) {
  if (to != from)
    copy_row(to, to_stride, from, from_stride, n, size);
}

static void clear_row(char *to, int64_t stride, int64_t n, int64_t size) {
  if (stride == size) {
    size *= n;
    n = 1;
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t b = 0; b < size; b++)
      to[i * stride + b] = 0;
}

/* Whether position j, which is no new one, is 0. */
static int is_clear(const cache *c, int64_t j) {
  return j >= c->past->dim[c->axis] ||
         (c->clears && j >= c->start + c->fresh->dim[c->axis]);
}

/* Writes rows of `out` from `at` on, at most `most`; how many. */
static int64_t write_piece(const cache *c, const sinter_view *out, int64_t *at, int64_t most) {
  int64_t j = at[c->axis], i = fresh_index(c, j), n = row_length(out), row = n * out->size;
  const sinter_view *from = i >= 0 ? c->fresh : c->past;
  int is_dense = c->axis == out->rank - 2 && out->stride[c->axis] == row &&
                 from->stride[c->axis] == row && row_stride(out) == out->size &&
                 row_stride(from) == out->size;
  int64_t rows = is_dense ? piece(c, j) : 1;
  rows = rows < most ? rows : most;
  char *to = address(out, at);
  at[c->axis] = i >= 0 ? i : j;
  const char *source = address(from, at);
  at[c->axis] = j;
  if (i >= 0 || !is_clear(c, j))
    move_row(to, row_stride(out), source, row_stride(from), rows * n, out->size);
  else if (j >= from->dim[c->axis] || to != source) /* one buffer stays as it is */
    clear_row(to, row_stride(out), rows * n, out->size);
  return rows;
}

/* The same where the axis is the last one: item by item. */
static void write_along(const cache *c, const sinter_view *out, int64_t *at) {
  for (int64_t j = 0; j < c->extent; j++) {
    int64_t i = fresh_index(c, j);
    const sinter_view *from = i >= 0 ? c->fresh : c->past;
    at[c->axis] = j;
    char *to = address(out, at);
    at[c->axis] = i >= 0 ? i : j;
    if (i >= 0 || !is_clear(c, j))
      copy_element(to, address(from, at), out->size);
    else
      clear_row(to, 0, 1, out->size);
  }
}

/* write_rows: past, fresh, starts [batch] of i64; axis, is_circular, clears */
SINTER_EXTERN_FUNCTION(write_rows) {
  const sinter_view *starts = &views[2], *out = &views[3];
  cache c = {&views[0], &views[1], integers[0], out->dim[integers[0]], 0, integers[1] != 0,
             integers[2] != 0};
  int64_t at[SINTER_MAX_RANK], n = 1, count = c.fresh->dim[c.axis];
  for (int64_t item = begin; item < end; item += n) {
    decode_item(out, last_axis(out), item, at);
    c.start = *(const int64_t *)(starts->data + at[0] * starts->stride[0]);
    if (c.is_circular && c.extent > 0) {
      c.start = (c.start % c.extent + c.extent) % c.extent;
    } else if (c.start < 0 || c.start > c.extent - count) {
      worker->fault |= SINTER_FAULT_INDEX;
      c.start = 0;
    }
    if (c.axis == last_axis(out))
      write_along(&c, out, at);
    else
      n = write_piece(&c, out, at, end - item);
  }
}
