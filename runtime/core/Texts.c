// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors of texts exist at the border only. Before the first record each text
// of an input becomes a handle: its place in the model's table when it stands
// there, else the table's length plus the place among all texts of the inputs
// where it first occurs. Known texts are found by halving; the others are
// sorted by a heap, so that no choice of texts makes it slow. Behind the last
// record handles in the outputs become texts, from the end to the front: a text
// takes twice the bytes of its handle. Freestanding.

#include "runtime/core/Walk.h"

static bool is_text(const walk_context *c, uint32_t slot) {
  return c->tensor_info[slot].dtype == SINTER_STRING;
}

/* ---- In ------------------------------------------------------------------ */

static int compare(const uint8_t *a, uint64_t na, const uint8_t *b,
                   uint64_t nb) {
  uint64_t n = na < nb ? na : nb;
  for (uint64_t i = 0; i < n; ++i)
    if (a[i] != b[i])
      return a[i] < b[i] ? -1 : 1;
  return na == nb ? 0 : na < nb ? -1 : 1;
}

/* The text's place in the model's table; -1 when it is not there. */
static int64_t find_known(const walk_context *c, const sinter_text *text) {
  const sinter_image_text *table = image_section(c->image, SINTER_SEC_TEXTS);
  const uint8_t *strings = image_section(c->image, SINTER_SEC_STRINGS);
  int64_t low = 0, high = c->image->section[SINTER_SEC_TEXTS].count;
  while (low < high) {
    int64_t middle = (low + high) / 2;
    int order = compare(strings + table[middle].at, table[middle].bytes,
                        (const uint8_t *)text->data, text->bytes);
    if (order == 0)
      return middle;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return -1;
}

/* The input that holds text `place` of all. */
static const walk_tensor *holder(const walk_context *c, uint64_t place) {
  uint32_t low = 0, high = c->image->n_inputs;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (c->tensors[middle].n_before <= place)
      low = middle;
    else
      high = middle;
  }
  return &c->tensors[low];
}

static bool is_before(const walk_text *a, const walk_text *b) {
  int order = compare(a->data, a->bytes, b->data, b->bytes);
  return order ? order < 0 : a->place < b->place;
}

static void sift(walk_text *heap, uint64_t at, uint64_t n) {
  walk_text moved = heap[at];
  for (uint64_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && is_before(&heap[child], &heap[child + 1]))
      ++child;
    if (!is_before(&moved, &heap[child]))
      break;
    heap[at] = heap[child];
  }
  heap[at] = moved;
}

/* Equal texts get the place of the first of them. */
static void join_equal(walk_context *c, uint64_t n) {
  walk_text *all = c->unknown;
  int64_t known = c->image->section[SINTER_SEC_TEXTS].count;
  for (uint64_t i = n / 2; i-- > 0;)
    sift(all, i, n);
  for (uint64_t left = n; left > 1; --left) {
    walk_text last = all[left - 1];
    all[left - 1] = all[0];
    all[0] = last;
    sift(all, 0, left - 1);
  }
  for (uint64_t i = 0, first = 0; i < n; ++i) {
    if (compare(all[i].data, all[i].bytes, all[first].data, all[first].bytes))
      first = i;
    const walk_tensor *t = holder(c, all[i].place);
    t->handles[all[i].place - t->n_before] = known + all[first].place;
  }
}

/* One input; counts its unknown texts on from *n. */
static bool enter_tensor(walk_context *c, uint32_t slot, uint64_t *n,
                         sinter_error *error) {
  const walk_tensor *t = &c->tensors[slot];
  uint64_t count = (uint64_t)c->slots[c->tensor_info[slot].bytes] / 16;
  for (uint64_t i = 0; i < count; ++i) {
    sinter_text text;
    __builtin_memcpy(&text, (const uint8_t *)t->tensor.data + 16 * i, 16);
    bool is_long = text.bytes > TEXT_MOST;
    if (is_long || (text.bytes && !text.data)) {
      *error = walk_error(
          SINTER_E_DATA, is_long ? SINTER_WHY_TEXT_LONG : SINTER_WHY_TEXT_NULL,
          SINTER_NONE, (int64_t)text.bytes, is_long ? TEXT_MOST : (int64_t)i);
      error->arg = slot;
      return false;
    }
    int64_t known = find_known(c, &text);
    t->handles[i] = known;
    if (known < 0)
      c->unknown[(*n)++] =
          (walk_text){(const uint8_t *)text.data, (uint32_t)text.bytes,
                      (uint32_t)(t->n_before + i)};
  }
  return true;
}

bool text_enter(walk_context *c, sinter_error *error) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < c->image->n_inputs; ++i)
    if (is_text(c, i) && !enter_tensor(c, i, &n, error))
      return false;
  join_equal(c, n);
  return true;
}

/* ---- Out ----------------------------------------------------------------- */

/* A handle that no text has (memory that a stopped run left) is empty. */
static sinter_text text_of(const walk_context *c, int64_t handle) {
  const sinter_image_text *table = image_section(c->image, SINTER_SEC_TEXTS);
  const char *strings = image_section(c->image, SINTER_SEC_STRINGS);
  int64_t known = c->image->section[SINTER_SEC_TEXTS].count;
  sinter_text text = {strings + c->image->section[SINTER_SEC_STRINGS].count - 1,
                      0};
  if (handle >= 0 && handle < known) {
    text.data = strings + table[handle].at;
    text.bytes = table[handle].bytes;
  } else if (handle >= known && (uint64_t)(handle - known) < c->n_texts) {
    uint64_t place = (uint64_t)(handle - known);
    const walk_tensor *t = holder(c, place);
    const uint8_t *from = t->tensor.data;
    __builtin_memcpy(&text, from + 16 * (place - t->n_before), 16);
  }
  return text;
}

void text_leave(walk_context *c) {
  for (uint32_t i = 0; i < c->image->n_outputs; ++i) {
    uint32_t slot = c->image->n_inputs + i;
    if (!is_text(c, slot))
      continue;
    sinter_tensor shown = {0};
    uint64_t bytes = 0;
    uint8_t *data = c->tensors[slot].tensor.data;
    walk_tensor_dims(c, slot, &shown);
    if (!tensor_bytes(SINTER_STRING, shown.rank, shown.dim, &bytes) ||
        bytes > c->tensors[slot].tensor.bytes || !data)
      continue;
    for (uint64_t k = bytes / 16; k-- > 0;) {
      int64_t handle;
      __builtin_memcpy(&handle, data + 8 * k, 8);
      sinter_text text = text_of(c, handle);
      __builtin_memcpy(data + 16 * k, &text, 16);
    }
  }
}
