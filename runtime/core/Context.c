// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A context outside of a run: its memory, its bindings, its switches.
// Freestanding.

#include "runtime/core/Walk.h"

typedef struct {
  uint64_t slots, memo, pointers, params, tensors, workers, state, total;
} layout;

static uint64_t take(uint64_t *at, uint64_t bytes) {
  uint64_t begin = *at;
  *at = (begin + bytes + 63) & ~(uint64_t)63;
  return begin;
}

static const sinter_image *image_of(const sinter_program *program) {
  return program->model->image;
}

/* Counts are below 2^32 and state_bytes below 2^62: no overflow. */
static layout layout_of(const sinter_program *program) {
  const sinter_image *image = image_of(program);
  const sinter_section *s = image->section;
  layout l;
  uint64_t at = 0;
  take(&at, sizeof(walk_context));
  l.slots = take(&at, 8ull * image->n_slots);
  l.memo = take(&at, 8ull * s[SINTER_SEC_SYMBOLS].count);
  l.pointers = take(&at, sizeof(void *) * s[SINTER_SEC_BUFFERS].count);
  l.params = take(&at, 8ull * s[SINTER_SEC_PARAMS].count);
  l.tensors = take(&at, sizeof(walk_tensor) *
                            ((uint64_t)image->n_inputs + image->n_outputs));
  l.workers = take(&at, sizeof(walk_worker) * (uint64_t)program->width);
  l.state = take(&at, image->state_bytes);
  l.total = at;
  return l;
}

static uint64_t walk_state_bytes(const sinter_program *program) {
  return layout_of(program).total;
}

static sinter_status walk_need(const sinter_program *program,
                               const int64_t *symbols, int64_t *slots,
                               sinter_need *out, sinter_error *error) {
  const sinter_image *image = image_of(program);
  sinter_error e;
  if (!shape_enter(image, slots, symbols, &e)) {
    if (error)
      *error = e;
    return e.code;
  }
  out->align = 64;
  out->state = walk_state_bytes(program);
  out->est_us = 0;
  if (scratch_need(image, slots, program->width, &out->scratch))
    return SINTER_OK;
  if (error)
    *error = walk_error(SINTER_E_SHAPE, SINTER_WHY_OVERFLOW, SINTER_NONE,
                        slots[image->arena_slot], program->width);
  return SINTER_E_SHAPE;
}

static void attach_image(walk_context *c, const sinter_image *image) {
  c->image = image;
  c->records = image_section(image, SINTER_SEC_RECORDS);
  c->buffers = image_section(image, SINTER_SEC_BUFFERS);
  c->kernels = image_section(image, SINTER_SEC_KERNELS);
  c->ops = image_section(image, SINTER_SEC_OPS);
  c->param_slots = image_section(image, SINTER_SEC_PARAMS);
  c->tensor_info = image_section(image, SINTER_SEC_TENSORS);
  c->dims = image_section(image, SINTER_SEC_DIMS);
}

static sinter_status walk_init(const sinter_program *program, void *scratch,
                               uint64_t n, void *state, uint64_t ns,
                               sinter_context **out, sinter_error *error) {
  layout l = layout_of(program);
  bool aligned = (uintptr_t)state % 64 == 0 && (uintptr_t)scratch % 64 == 0;
  if (!state || !aligned || ns < l.total) {
    bool small = state && aligned;
    if (error)
      *error = small ? walk_error(SINTER_E_MEMORY, SINTER_WHY_STATE,
                                  SINTER_NONE, (int64_t)ns, (int64_t)l.total)
                     : walk_error(SINTER_E_ARG, SINTER_WHY_ALIGN, SINTER_NONE,
                                  0, 64);
    return small ? SINTER_E_MEMORY : SINTER_E_ARG;
  }
  __builtin_memset(state, 0, l.total);
  uint8_t *base = state;
  walk_context *c = state;
  c->base.program = program;
  attach_image(c, image_of(program));
  c->slots = (int64_t *)(base + l.slots);
  c->memo = (int64_t *)(base + l.memo);
  c->pointers = (void **)(base + l.pointers);
  c->params = (int64_t *)(base + l.params);
  c->tensors = (walk_tensor *)(base + l.tensors);
  c->workers = (walk_worker *)(base + l.workers);
  c->state = base + l.state;
  c->scratch = scratch;
  c->scratch_bytes = scratch ? n : 0;
  for (uint32_t i = 0; i < c->image->n_inputs + c->image->n_outputs; ++i)
    c->has_texts |= c->tensor_info[i].dtype == SINTER_STRING;
  c->changed = true;
  *out = &c->base;
  return SINTER_OK;
}

/* Takes the context for the time of a change; false while it runs. */
static bool hold(walk_context *c) {
  return !atomic_exchange_explicit(&c->running, 1, memory_order_acquire);
}
static sinter_status let_go(walk_context *c, sinter_status status) {
  atomic_store_explicit(&c->running, 0, memory_order_release);
  return status;
}

static sinter_status walk_set_scratch(sinter_context *context, void *scratch,
                                      uint64_t n) {
  walk_context *c = (walk_context *)context;
  if ((uintptr_t)scratch % 64)
    return SINTER_E_ARG;
  if (!hold(c))
    return SINTER_E_BUSY;
  c->scratch = scratch;
  c->scratch_bytes = scratch ? n : 0;
  c->changed = true;
  return let_go(c, SINTER_OK);
}

static sinter_status set_tensor(walk_context *c, uint32_t slot,
                                const sinter_tensor *t) {
  const sinter_image_tensor *info = &c->tensor_info[slot];
  bool is_input = slot < c->image->n_inputs;
  uint64_t bytes = 0;
  if (t->dtype != info->dtype)
    return SINTER_E_DTYPE;
  if (t->device || (t->bytes && !t->data) || t->bytes > (uint64_t)INT64_MAX)
    return SINTER_E_ARG;
  if (is_input && (t->rank != info->rank ||
                   !tensor_bytes(t->dtype, t->rank, t->dim, &bytes)))
    return SINTER_E_SHAPE;
  if (bytes > t->bytes)
    return SINTER_E_MEMORY;
  c->tensors[slot].tensor = *t;
  c->tensors[slot].tensor.rank = (uint8_t)info->rank;
  c->tensors[slot].tensor.flags = 1; /* bound */
  c->tensors[slot].grow = 0;
  c->changed = true;
  return SINTER_OK;
}

static sinter_status walk_set(sinter_context *context, uint32_t slot,
                              const sinter_tensor *t) {
  walk_context *c = (walk_context *)context;
  if (!t || slot >= c->image->n_inputs + c->image->n_outputs)
    return SINTER_E_ARG;
  return hold(c) ? let_go(c, set_tensor(c, slot, t)) : SINTER_E_BUSY;
}

static sinter_status walk_set_alloc(sinter_context *context, uint32_t slot,
                                    void *(*grow)(void *, uint64_t, uint64_t),
                                    void *self) {
  walk_context *c = (walk_context *)context;
  uint32_t n_inputs = c->image->n_inputs;
  if (!grow || slot < n_inputs || slot >= n_inputs + c->image->n_outputs)
    return SINTER_E_ARG;
  if (!hold(c))
    return SINTER_E_BUSY;
  walk_tensor *t = &c->tensors[slot];
  __builtin_memset(t, 0, sizeof *t);
  t->tensor.dtype = (uint8_t)c->tensor_info[slot].dtype;
  t->tensor.rank = (uint8_t)c->tensor_info[slot].rank;
  t->tensor.flags = 1;
  t->grow = grow;
  t->grow_self = self;
  c->changed = c->has_grow = true;
  return let_go(c, SINTER_OK);
}

static sinter_status walk_get(const sinter_context *context, uint32_t slot,
                              sinter_tensor *out) {
  const walk_context *c = (const walk_context *)context;
  if (!out || slot >= c->image->n_inputs + c->image->n_outputs)
    return SINTER_E_ARG;
  *out = c->tensors[slot].tensor;
  if (slot >= c->image->n_inputs) {
    walk_tensor_dims(c, slot, out);
    if (!tensor_bytes(out->dtype, out->rank, out->dim, &out->bytes))
      out->bytes = 0;
  }
  out->flags = 0;
  return SINTER_OK;
}

static void walk_cancel(sinter_context *context) {
  walk_context *c = (walk_context *)context;
  atomic_fetch_or_explicit(&c->attention, ATTN_CANCEL, memory_order_relaxed);
}

static void walk_set_deadline(sinter_context *context, uint64_t mono_ns) {
  walk_context *c = (walk_context *)context;
  atomic_store_explicit(&c->deadline, mono_ns, memory_order_relaxed);
  if (mono_ns)
    atomic_fetch_or_explicit(&c->attention, ATTN_DEADLINE,
                             memory_order_release);
  else
    atomic_fetch_and_explicit(&c->attention, ~(uint32_t)ATTN_DEADLINE,
                              memory_order_release);
}

static sinter_status walk_state_reset(sinter_context *context) {
  walk_context *c = (walk_context *)context;
  if (!hold(c))
    return SINTER_E_BUSY;
  __builtin_memset(c->state, 0, c->image->state_bytes);
  return let_go(c, SINTER_OK);
}

static sinter_status walk_state_copy(const sinter_context *context, void *to,
                                     uint64_t n) {
  const walk_context *c = (const walk_context *)context;
  if (n < c->image->state_bytes)
    return SINTER_E_MEMORY;
  __builtin_memcpy(to, c->state, c->image->state_bytes);
  return SINTER_OK;
}

static void walk_profile(sinter_context *context, sinter_sample *ring,
                         uint32_t n) {
  walk_context *c = (walk_context *)context;
  c->ring = ring;
  c->ring_size = ring ? n : 0;
  c->ring_count = 0;
  if (c->ring_size)
    atomic_fetch_or_explicit(&c->attention, ATTN_PROFILE, memory_order_relaxed);
  else
    atomic_fetch_and_explicit(&c->attention, ~(uint32_t)ATTN_PROFILE,
                              memory_order_relaxed);
}

static uint64_t walk_profile_count(const sinter_context *context) {
  return ((const walk_context *)context)->ring_count;
}

static void walk_tap(sinter_context *context,
                     void (*fn)(void *, uint32_t, const sinter_tensor *),
                     void *self) {
  walk_context *c = (walk_context *)context;
  c->tap = fn;
  c->tap_self = self;
}

const sinter_walker_api sinter_walker = {
    .size = sizeof(sinter_walker_api),
    .verify = sinter_image_verify,
    .need = walk_need,
    .state_bytes = walk_state_bytes,
    .init = walk_init,
    .set_scratch = walk_set_scratch,
    .set = walk_set,
    .set_alloc = walk_set_alloc,
    .get = walk_get,
    .run = walk_run,
    .cancel = walk_cancel,
    .set_deadline = walk_set_deadline,
    .state_reset = walk_state_reset,
    .state_copy = walk_state_copy,
    .profile = walk_profile,
    .profile_count = walk_profile_count,
    .tap = walk_tap,
};
