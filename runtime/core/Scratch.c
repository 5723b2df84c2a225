// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What lies where in the scratch memory of a run, each part from a multiple of
// 64 bytes on:
//   [arena][one part a worker][handles of each input of texts][unknown texts]
// Freestanding.

#include "runtime/core/Walk.h"

static bool align64(int64_t bytes, int64_t *out) {
  return bytes >= 0 && !__builtin_add_overflow(bytes, 63, &bytes) &&
         (*out = bytes & ~(int64_t)63, true);
}

/* Room for the texts of the inputs: 8 bytes a handle, 16 an unknown text. */
static bool text_need(const sinter_image *image, const int64_t *slots,
                      int64_t *out) {
  const sinter_image_tensor *info = image_section(image, SINTER_SEC_TENSORS);
  int64_t room, all = 0;
  for (uint32_t i = 0; i < image->n_inputs; ++i) {
    if (info[i].dtype != SINTER_STRING)
      continue;
    int64_t bytes = slots[info[i].bytes]; /* 16 a text */
    if (bytes < 0 || !align64(bytes / 2, &room) ||
        __builtin_add_overflow(all, bytes, &all) ||
        __builtin_add_overflow(all, room, &all))
      return false;
  }
  *out = all;
  return true;
}

bool scratch_need(const sinter_image *image, const int64_t *slots,
                  uint32_t width, uint64_t *out) {
  int64_t arena, worker, texts, all;
  if (!align64(slots[image->arena_slot], &arena) ||
      !align64(slots[image->scratch_slot], &worker) ||
      !text_need(image, slots, &texts) ||
      __builtin_mul_overflow(worker, (int64_t)width, &all) ||
      __builtin_add_overflow(all, arena, &all) ||
      __builtin_add_overflow(all, texts, &all))
    return false;
  *out = (uint64_t)all;
  return true;
}

static bool place_texts(walk_context *c, uint8_t *at, sinter_error *error) {
  c->n_texts = 0;
  for (uint32_t i = 0; i < c->image->n_inputs; ++i) {
    walk_tensor *t = &c->tensors[i];
    t->n_before = c->n_texts;
    if (c->tensor_info[i].dtype != SINTER_STRING)
      continue;
    uint64_t bytes = (uint64_t)c->slots[c->tensor_info[i].bytes] / 2;
    t->handles = (int64_t *)at;
    at += (bytes + 63) & ~63ull;
    c->n_texts += bytes / 8;
  }
  c->unknown = (walk_text *)at;
  if (c->n_texts <= TEXT_MOST)
    return true;
  *error = walk_error(SINTER_E_SHAPE, SINTER_WHY_TEXT_COUNT, SINTER_NONE,
                      (int64_t)c->n_texts, TEXT_MOST);
  return false;
}

bool scratch_place(walk_context *c, sinter_error *error) {
  int64_t arena_slot = c->slots[c->image->arena_slot], arena, each;
  uint32_t width = c->base.program->width;
  uint64_t need;
  if (!scratch_need(c->image, c->slots, width, &need) ||
      !align64(arena_slot, &arena) ||
      !align64(c->slots[c->image->scratch_slot], &each)) {
    *error = walk_error(SINTER_E_SHAPE, SINTER_WHY_OVERFLOW, SINTER_NONE,
                        arena_slot, width);
    return false;
  }
  if (need > c->scratch_bytes) {
    *error = walk_error(SINTER_E_MEMORY, SINTER_WHY_SCRATCH, SINTER_NONE,
                        (int64_t)c->scratch_bytes, (int64_t)need);
    return false;
  }
  uint8_t *at = c->scratch + arena;
  for (uint32_t i = 0; i < width; ++i, at += each) {
    sinter_worker *w = &c->workers[i].worker;
    w->scratch = each ? at : 0;
    w->scratch_bytes = (uint64_t)each;
    w->fault = 0;
    w->index = i;
  }
  return !c->has_texts || place_texts(c, at, error);
}
