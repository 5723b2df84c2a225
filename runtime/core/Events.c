// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What happens in a run beside its launches, off the hot path: the first error,
// cancellation, deadline, samples, and the records that one thread runs for
// all (shape programs, reads, taps, late addresses). Freestanding.

#include "runtime/core/Walk.h"

/* ---- Errors -------------------------------------------------------------- */

/* The first error of a run wins; the others see `stop` at the next record. */
static void raise_error(walk_context *c, const sinter_error *error) {
  if (atomic_exchange_explicit(&c->raised, 1, memory_order_acq_rel))
    return;
  c->error = *error;
  atomic_store_explicit(&c->stop, 1, memory_order_release);
}

void walk_raise_at(walk_context *c, const sinter_image_record *r,
                   sinter_status code, uint32_t reason, int64_t found,
                   int64_t expected) {
  sinter_error e = walk_error(code, reason, r->node, found, expected);
  if (r->kind == SINTER_REC_LAUNCH)
    e.kernel = r->a;
  raise_error(c, &e);
}

static void add_sample(walk_context *c, const sinter_image_record *r) {
  if (!c->ring_size)
    return;
  sinter_sample *s = &c->ring[c->ring_count++ % c->ring_size];
  bool launch = r->kind == SINTER_REC_LAUNCH;
  s->node = r->node;
  s->kernel = launch ? r->a : SINTER_NONE;
  s->begin = c->last_ns;
  s->end = c->last_ns = walk_now(c);
  s->macs = launch ? (uint64_t)c->slots[r->f] : 0;
  s->bytes = launch ? (uint64_t)c->slots[r->g] : 0;
}

/* The slow path behind a record: cancel, deadline, profile. */
void walk_attend(walk_context *c, uint32_t what, const sinter_image_record *r) {
  if (what & ATTN_PROFILE)
    add_sample(c, r);
  if (what & ATTN_CANCEL) {
    walk_raise_at(c, r, SINTER_E_CANCELLED, SINTER_WHY_NONE, 0, 0);
  } else if (what & ATTN_DEADLINE) {
    uint64_t deadline =
        atomic_load_explicit(&c->deadline, memory_order_relaxed);
    uint64_t time = deadline ? walk_now(c) : 0;
    if (time > deadline)
      walk_raise_at(c, r, SINTER_E_DEADLINE, SINTER_WHY_NONE, (int64_t)time,
                    (int64_t)deadline);
  }
}

/* ---- Records that one thread runs */

static void read_element(walk_context *c, const sinter_image_record *r) {
  int64_t width = (int64_t)sinter_dtype_bytes(r->d), element = c->slots[r->b];
  int64_t count = c->slots[c->buffers[r->c].bytes] / width;
  if (element < 0 || element >= count) {
    walk_raise_at(c, r, SINTER_E_DATA, SINTER_WHY_VALUE_RANGE, element, count);
    return;
  }
  const uint8_t *at = (const uint8_t *)c->pointers[r->c] + element * width;
  int64_t value = *at;
  int32_t narrow;
  if (width == 8) {
    __builtin_memcpy(&value, at, 8);
  } else if (width == 4) {
    __builtin_memcpy(&narrow, at, 4);
    value = narrow;
  }
  c->slots[r->a] = value;
}

static void show_tap(walk_context *c, const sinter_image_record *r) {
  if (!c->tap)
    return;
  sinter_tensor t = {0};
  uint32_t first =
      c->image->n_inputs + c->image->n_outputs + c->image->n_states;
  walk_tensor_dims(c, first + r->a, &t);
  t.data = c->pointers[r->b];
  t.bytes = (uint64_t)c->slots[c->buffers[r->b].bytes];
  c->tap(c->tap_self, r->node, &t);
}

/* What one thread does for all. */
void walk_once(walk_context *c, const sinter_image_record *r) {
  sinter_error error;
  if (r->kind == SINTER_REC_SHAPE) {
    if (!shape_run(c->image, c->slots, r->a, r->b, &error))
      raise_error(c, &error);
  } else if (r->kind == SINTER_REC_READ) {
    read_element(c, r);
  } else if (r->kind == SINTER_REC_TAP) {
    show_tap(c, r);
  }
}

void walk_resolve_late(walk_context *c, const sinter_image_record *r) {
  sinter_error error;
  if (!walk_resolve_record(c, r, &error))
    raise_error(c, &error);
}
