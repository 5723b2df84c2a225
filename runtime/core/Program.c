// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opening a model on this machine, and the contexts of a program. Opening
// checks the image, picks the best ISA column this CPU can run, finds the
// weights and fixes the width; from then on the program never changes. What
// runs is the walker in the model's own object; most of the API only forwards
// to it.

#define _GNU_SOURCE
#include "runtime/core/Runtime.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* flags of sinter_program: what close gives back. */
enum { OWNS_POOL = 1 };

/* ---- Built-in services */

/* An arena is touched as a whole, so a large one comes in pages of 2 MB: faults
 * for thousands of small ones would be most of a first run. */
static void *default_alloc(void *self, uint64_t bytes, uint64_t align) {
  const uint64_t huge = 2u << 20;
  void *memory = 0;
  (void)self;
  if (align < 64)
    align = 64;
  if (bytes >= 2 * huge && align < huge)
    align = huge;
  if (posix_memalign(&memory, align, bytes ? bytes : 1))
    return 0;
  if (bytes >= 2 * huge)
    madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}
static void default_free(void *self, void *memory) {
  (void)self;
  free(memory);
}
static uint64_t default_now(void *self) {
  struct timespec t;
  (void)self;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A caller compiled against an older header gives a shorter struct. */
void host_complete(const sinter_host *given, sinter_host *out) {
  memset(out, 0, sizeof *out);
  if (given)
    memcpy(out, given, given->size < sizeof *out ? given->size : sizeof *out);
  out->size = sizeof *out;
  out->alloc = out->alloc && out->free ? out->alloc : default_alloc;
  out->free = out->alloc == default_alloc ? default_free : out->free;
  out->now_ns = out->now_ns ? out->now_ns : default_now;
}

/* ---- Open */

static sinter_status choose_isa(sinter_program *p, uint32_t mask,
                                sinter_error *error) {
  const sinter_model *m = p->model;
  uint64_t has = sinter_host_features(), missing = 0;
  for (uint32_t i = 0; i < m->n_isas; ++i) {
    if (mask && (i > 31 || !(mask >> i & 1)))
      continue;
    missing = m->isas[i].features & ~has;
    if (!missing) {
      p->isa = i;
      p->kernels = m->isas[i].kernels;
      return SINTER_OK;
    }
  }
  return runtime_error(error, SINTER_E_ISA, SINTER_WHY_NONE, (int64_t)has,
                       (int64_t)missing);
}

/* Threads: the caller's pool, or the shared one, or one of the width he wants.
 */
static sinter_status choose_pool(sinter_program *p,
                                 const sinter_open_args *args,
                                 sinter_error *error) {
  uint32_t want = args->width;
  p->width = 1;
  if (want == 1)
    return SINTER_OK;
  if (p->host.parallel) {
    p->pool = p->host;
  } else if (want > cpu_count()) {
    if (sinter_pool_create(want, 0, &p->pool))
      return runtime_error(error, SINTER_E_MEMORY, SINTER_WHY_ALLOC, 0, want);
    p->flags |= OWNS_POOL;
  } else {
    pool_shared(&p->pool);
  }
  p->width = want && want < p->pool.width ? want : p->pool.width;
  p->width = p->width ? p->width : 1;
  return SINTER_OK;
}

static sinter_status program_init(sinter_program *p,
                                  const sinter_open_args *args,
                                  sinter_error *error) {
  const sinter_model *m = p->model;
  sinter_status status = m->walker->verify(m->image, m->image_bytes, error);
  const sinter_image *image = m->image;
  if (!status && image->weights_bytes > m->weights_bytes)
    status =
        runtime_error(error, SINTER_E_CORRUPT, SINTER_WHY_WEIGHTS_SIZE,
                      (int64_t)m->weights_bytes, (int64_t)image->weights_bytes);
  if (!status)
    status = choose_isa(p, args->isa_mask, error);
  if (!status)
    status = weights_open(p, args, error);
  if (!status)
    status = choose_pool(p, args, error);
  return status;
}

uint64_t sinter_program_bytes(const sinter_model *model,
                              const sinter_open_args *args) {
  (void)model, (void)args;
  return (sizeof(sinter_program) + 63) & ~(uint64_t)63;
}

sinter_status sinter_program_open(const sinter_model *model,
                                  const sinter_open_args *given, void *mem,
                                  uint64_t n, sinter_program **out,
                                  sinter_error *error) {
  sinter_open_args args = {.size = sizeof args};
  if (!out)
    return runtime_error(error, SINTER_E_ARG, SINTER_WHY_NULL, 0, 0);
  *out = 0;
  sinter_status status = model_check(model, error);
  if (status)
    return status;
  if (given)
    memcpy(&args, given, given->size < sizeof args ? given->size : sizeof args);
  sinter_host host;
  host_complete(args.host, &host);
  uint64_t need = sinter_program_bytes(model, &args);
  if (mem && n < need)
    return runtime_error(error, SINTER_E_MEMORY, SINTER_WHY_STATE, (int64_t)n,
                         (int64_t)need);
  if ((uintptr_t)mem % 64)
    return runtime_error(error, SINTER_E_ARG, SINTER_WHY_ALIGN, 0, 64);
  void *own = mem ? 0 : host.alloc(host.self, need, 64);
  sinter_program *p = mem ? mem : own;
  if (!p)
    return runtime_error(error, SINTER_E_MEMORY, SINTER_WHY_ALLOC, 0,
                         (int64_t)need);
  memset(p, 0, sizeof *p);
  p->size = sizeof *p;
  p->model = model;
  p->host = host;
  p->own_memory = own;
  status = program_init(p, &args, error);
  if (status)
    sinter_program_close(p);
  else
    *out = p;
  return status;
}

void sinter_program_close(sinter_program *p) {
  if (!p)
    return;
  weights_close(p);
  if (p->flags & OWNS_POOL)
    sinter_pool_destroy(&p->pool);
  if (p->own_memory)
    p->host.free(p->host.self, p->own_memory);
}

uint32_t sinter_program_width(const sinter_program *p) { return p->width; }
uint32_t sinter_program_isa(const sinter_program *p) { return p->isa; }

/* ---- Contexts */

static const sinter_walker_api *walker_of(const sinter_context *c) {
  return c->program->model->walker;
}

sinter_status sinter_need_of(const sinter_program *p, uint32_t entry,
                             const int64_t *symbols, sinter_need *out,
                             sinter_error *error) {
  int64_t few[512], *slots = few;
  if (entry)
    return runtime_error(error, SINTER_E_ARG, SINTER_WHY_ENTRY, entry, 0);
  const sinter_image *image = p->model->image;
  if (!out || (!symbols && image->section[SINTER_SEC_SYMBOLS].count))
    return runtime_error(error, SINTER_E_ARG, SINTER_WHY_NULL, 0, 0);
  uint64_t bytes = 8ull * image->n_slots;
  if (bytes > sizeof few)
    slots = p->host.alloc(p->host.self, bytes, 64);
  if (!slots)
    return runtime_error(error, SINTER_E_MEMORY, SINTER_WHY_ALLOC, 0,
                         (int64_t)bytes);
  sinter_status status = p->model->walker->need(p, symbols, slots, out, error);
  if (slots != few)
    p->host.free(p->host.self, slots);
  return status;
}

sinter_status sinter_context_init(const sinter_program *p, uint32_t entry,
                                  void *scratch, uint64_t n, void *state,
                                  uint64_t ns, sinter_context **out,
                                  sinter_error *error) {
  if (entry)
    return runtime_error(error, SINTER_E_ARG, SINTER_WHY_ENTRY, entry, 0);
  if (!p || !out)
    return runtime_error(error, SINTER_E_ARG, SINTER_WHY_NULL, 0, 0);
  *out = 0;
  const sinter_walker_api *walker = p->model->walker;
  void *own = 0;
  if (!state) {
    ns = walker->state_bytes(p);
    state = own = p->host.alloc(p->host.self, ns, 64);
    if (!own)
      return runtime_error(error, SINTER_E_MEMORY, SINTER_WHY_ALLOC, 0,
                           (int64_t)ns);
  }
  sinter_status status = walker->init(p, scratch, n, state, ns, out, error);
  if (!status)
    (*out)->own_memory = own;
  else if (own)
    p->host.free(p->host.self, own);
  return status;
}

void sinter_context_close(sinter_context *c) {
  if (c && c->own_memory)
    c->program->host.free(c->program->host.self, c->own_memory);
}

sinter_status sinter_set_scratch(sinter_context *c, void *scratch, uint64_t n) {
  return walker_of(c)->set_scratch(c, scratch, n);
}
sinter_status sinter_set(sinter_context *c, uint32_t slot,
                         const sinter_tensor *t) {
  return walker_of(c)->set(c, slot, t);
}
sinter_status sinter_set_alloc(sinter_context *c, uint32_t slot,
                               void *(*grow)(void *, uint64_t, uint64_t),
                               void *self) {
  return walker_of(c)->set_alloc(c, slot, grow, self);
}
sinter_status sinter_get(const sinter_context *c, uint32_t slot,
                         sinter_tensor *out) {
  return walker_of(c)->get(c, slot, out);
}
sinter_status sinter_run(sinter_context *c, sinter_error *error) {
  return walker_of(c)->run(c, error);
}
sinter_status sinter_run_async(sinter_context *c, void *queue,
                               void (*done)(void *, sinter_status),
                               void *self) {
  if (queue)
    return SINTER_E_ARG;
  sinter_status status = sinter_run(c, 0);
  if (done)
    done(self, status);
  return status;
}
void sinter_cancel(sinter_context *c) { walker_of(c)->cancel(c); }
void sinter_set_deadline(sinter_context *c, uint64_t mono_ns) {
  walker_of(c)->set_deadline(c, mono_ns);
}
sinter_status sinter_state_reset(sinter_context *c) {
  return walker_of(c)->state_reset(c);
}
sinter_status sinter_state_copy(const sinter_context *c, void *to, uint64_t n) {
  return walker_of(c)->state_copy(c, to, n);
}
void sinter_profile(sinter_context *c, sinter_sample *ring, uint32_t n) {
  walker_of(c)->profile(c, ring, n);
}
uint64_t sinter_profile_count(const sinter_context *c) {
  return walker_of(c)->profile_count(c);
}
void sinter_tap(sinter_context *c,
                void (*fn)(void *, uint32_t, const sinter_tensor *),
                void *self) {
  walker_of(c)->tap(c, fn, self);
}
