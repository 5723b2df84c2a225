// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Before the first record: from the bound tensors to symbols, from symbols to
// slots, from slots to addresses. Each step is skipped when nothing it reads
// has changed since the last run, so a repeated run costs a few loads here.
// Every address is checked against its space: a damaged image cannot make a
// kernel write outside the arena or a tensor. Freestanding.

#include "runtime/core/Walk.h"

static bool fail(sinter_error *error, sinter_status status, uint32_t reason,
                 uint32_t arg, int64_t found, int64_t expected) {
  *error = walk_error(status, reason, SINTER_NONE, found, expected);
  error->arg = arg;
  return false;
}

/* ---- Symbols ------------------------------------------------------------ */

static bool read_symbol(const walk_context *c, const sinter_image_symbol *s,
                        int64_t *out, sinter_error *error) {
  const sinter_tensor *t = &c->tensors[s->tensor].tensor;
  if (s->bind == SINTER_BIND_DIM) {
    *out = t->dim[s->index];
    return true;
  }
  uint64_t width = sinter_dtype_bytes(t->dtype), bytes;
  tensor_bytes(t->dtype, t->rank, t->dim, &bytes);
  if (s->index >= bytes / width)
    return fail(error, SINTER_E_SHAPE, SINTER_WHY_TENSOR_SMALL, s->tensor,
                (int64_t)(bytes / width), s->index + 1);
  const uint8_t *at = (const uint8_t *)t->data + s->index * width;
  int32_t narrow;
  if (width == 8) {
    __builtin_memcpy(out, at, 8);
  } else {
    __builtin_memcpy(&narrow, at, 4);
    *out = narrow;
  }
  return true;
}

/* Sets *same to whether every symbol has its remembered value. */
static bool read_symbols(walk_context *c, bool *same, sinter_error *error) {
  const sinter_image_symbol *info = image_section(c->image, SINTER_SEC_SYMBOLS);
  uint32_t n = c->image->section[SINTER_SEC_SYMBOLS].count;
  *same = c->memo_valid;
  for (uint32_t i = 0; i < n; ++i) {
    int64_t value;
    if (!read_symbol(c, &info[i], &value, error))
      return false;
    *same &= value == c->memo[i];
    c->memo[i] = value;
  }
  return true;
}

static bool check_bound(const walk_context *c, sinter_error *error) {
  uint32_t n = c->image->n_inputs + c->image->n_outputs;
  for (uint32_t i = 0; i < n; ++i)
    if (!c->tensors[i].tensor.flags)
      return fail(error, SINTER_E_ARG, SINTER_WHY_NOT_SET, i, 0, 0);
  return true;
}

static bool check_inputs(const walk_context *c, sinter_error *error) {
  for (uint32_t i = 0; i < c->image->n_inputs; ++i) {
    const sinter_image_tensor *info = &c->tensor_info[i];
    const sinter_tensor *t = &c->tensors[i].tensor;
    for (uint32_t k = 0; k < info->rank; ++k) {
      int64_t expected = c->slots[c->dims[info->dims + k]];
      if (t->dim[k] == expected)
        continue;
      fail(error, SINTER_E_SHAPE, SINTER_WHY_INPUT_DIM, i, t->dim[k], expected);
      error->axis = k;
      return false;
    }
    if ((int64_t)t->bytes < c->slots[info->bytes])
      return fail(error, SINTER_E_MEMORY, SINTER_WHY_TENSOR_SMALL, i,
                  (int64_t)t->bytes, c->slots[info->bytes]);
  }
  return true;
}

/* ---- Addresses ---------------------------------------------------------- */

static bool grow_output(walk_context *c, uint32_t slot, sinter_error *error) {
  walk_tensor *t = &c->tensors[slot];
  int64_t need = c->slots[c->tensor_info[slot].bytes];
  if (need < 0)
    return fail(error, SINTER_E_SHAPE, SINTER_WHY_OVERFLOW, slot, need, 0);
  if (t->grow && t->grown_in_run != c->run_count) {
    t->tensor.data = t->grow(t->grow_self, (uint64_t)need, 64);
    t->tensor.bytes = t->tensor.data ? (uint64_t)need : 0;
    t->grown_in_run = c->run_count;
  }
  if ((int64_t)t->tensor.bytes < need)
    return fail(error, SINTER_E_MEMORY, SINTER_WHY_TENSOR_SMALL, slot,
                (int64_t)t->tensor.bytes, need);
  return true;
}

static bool resolve_buffer(walk_context *c, uint32_t index,
                           sinter_error *error) {
  const sinter_image_buffer *b = &c->buffers[index];
  uint32_t slot = b->index;
  uint8_t *base = 0;
  int64_t size = 0;
  switch (b->space) {
  case SINTER_SPACE_ARENA:
    base = c->scratch, size = c->slots[c->image->arena_slot];
    break;
  case SINTER_SPACE_WEIGHTS:
    base = (uint8_t *)c->base.program->weights;
    size = (int64_t)c->base.program->weights_bytes;
    break;
  case SINTER_SPACE_OUTPUT:
    slot += c->image->n_inputs;
    if (!grow_output(c, slot, error))
      return false;
    base = c->tensors[slot].tensor.data,
    size = (int64_t)c->tensors[slot].tensor.bytes;
    break;
  case SINTER_SPACE_INPUT:
    base = c->tensors[slot].tensor.data,
    size = (int64_t)c->tensors[slot].tensor.bytes;
    if (c->tensor_info[slot].dtype == SINTER_STRING)
      base = (uint8_t *)c->tensors[slot].handles,
      size = c->slots[c->tensor_info[slot].bytes] / 2;
    break;
  case SINTER_SPACE_STATE:
    base = c->state, size = (int64_t)c->image->state_bytes;
    break;
  }
  int64_t offset = c->slots[b->offset], bytes = c->slots[b->bytes];
  if (offset < 0 || bytes < 0 || offset > size || bytes > size - offset) {
    *error = walk_error(SINTER_E_CORRUPT, SINTER_WHY_OUT_OF_SPACE, SINTER_NONE,
                        offset, size);
    return false;
  }
  c->pointers[index] = base ? base + offset : 0;
  return true;
}

static bool resolve_range(walk_context *c, const sinter_image_record *r,
                          sinter_error *error) {
  bool ok = true;
  if (r->kind == SINTER_REC_LAUNCH) {
    const sinter_image_kernel *k = &c->kernels[r->a];
    for (uint32_t i = 0; ok && i < k->n_buffers; ++i)
      ok = resolve_buffer(c, r->b + i, error);
    for (uint32_t i = 0; i < k->n_params; ++i)
      c->params[r->c + i] = c->slots[c->param_slots[r->c + i]];
  } else if (r->kind == SINTER_REC_READ) {
    ok = resolve_buffer(c, r->c, error);
  } else if (r->kind == SINTER_REC_COPY) {
    ok = resolve_buffer(c, r->a, error) && resolve_buffer(c, r->b, error);
  } else if (r->kind == SINTER_REC_FILL) {
    ok = resolve_buffer(c, r->a, error);
  } else if (r->kind == SINTER_REC_TAP) {
    ok = resolve_buffer(c, r->b, error);
  }
  if (!ok) {
    error->node = r->node;
    error->kernel = r->kind == SINTER_REC_LAUNCH ? r->a : SINTER_NONE;
  }
  return ok;
}

bool walk_resolve_record(walk_context *c, const sinter_image_record *r,
                         sinter_error *error) {
  return resolve_range(c, r, error);
}

static bool resolve_all(walk_context *c, sinter_error *error) {
  uint32_t n = c->image->section[SINTER_SEC_RECORDS].count;
  for (uint32_t i = 0; i < n; ++i)
    if (!(c->records[i].flags & SINTER_RECF_DYNAMIC) &&
        !resolve_range(c, &c->records[i], error))
      return false;
  /* Outputs no record writes (a copy of an input, say) still get memory. */
  for (uint32_t i = 0; i < c->image->n_outputs; ++i) {
    uint32_t slot = c->image->n_inputs + i;
    if (c->tensor_info[slot].bytes < c->image->n_entry_slots &&
        !grow_output(c, slot, error))
      return false;
  }
  return true;
}

bool walk_prepare(walk_context *c, sinter_error *error) {
  bool same;
  ++c->run_count;
  if (c->changed && !check_bound(c, error))
    return false;
  if (!read_symbols(c, &same, error)) {
    c->memo_valid = false;
    return false;
  }
  if (same && !c->changed && !c->has_grow)
    return true;
  if (!same) {
    c->memo_valid = false;
    if (!shape_enter(c->image, c->slots, c->memo, error))
      return false;
    c->memo_valid = true;
  }
  c->changed = true; /* until all of it is done */
  if (!check_inputs(c, error) || !scratch_place(c, error) ||
      !resolve_all(c, error))
    return false;
  c->changed = false;
  return true;
}
