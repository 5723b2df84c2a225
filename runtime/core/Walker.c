// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walker: runs the records of an image, one after another. Three ways:
//   serial     width 1: a call per record, about ten nanoseconds beside it
//   gang       our pool: every thread walks the same records and meets the
//   others
//              at a barrier behind each; thread 0 does what must happen once
//   fork-join  a caller's pool, which may have fewer threads than tasks: a
//              barrier could hang there, so each launch is a parallel() of its
//              own
// Items are cut into fixed contiguous ranges, and the kernel decides the order
// of every sum, so all three give the same bits. Freestanding.

#include "runtime/core/Walk.h"

/* ---- Floating-point mode: denormals are zero ---------------------------- */

#if defined(__x86_64__)
static uint32_t float_mode_enter(void) {
  uint32_t old = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr((old | 0x8040u) & ~0x3Fu);
  return old;
}
static void float_mode_leave(uint32_t old) { __builtin_ia32_ldmxcsr(old); }
#define CPU_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
static uint32_t float_mode_enter(void) {
  uint64_t old;
  __asm__ volatile("mrs %0, fpcr" : "=r"(old));
  __asm__ volatile("msr fpcr, %0" ::"r"(old | (1u << 24)));
  return (uint32_t)old;
}
static void float_mode_leave(uint32_t old) {
  __asm__ volatile("msr fpcr, %0" ::"r"((uint64_t)old));
}
#define CPU_PAUSE() __asm__ volatile("yield")
#else
#error "the walker knows x86-64 and AArch64"
#endif

/* ---- Work of one record -------------------------------------------------- */

static inline void check_attention(walk_context *c,
                                   const sinter_image_record *r) {
  uint32_t what = atomic_load_explicit(&c->attention, memory_order_relaxed);
  if (__builtin_expect(what != 0, 0))
    walk_attend(c, what, r);
}

static uint32_t threads_for(int64_t items, int64_t grain, uint32_t width) {
  int64_t n = grain > 1 ? items / grain : items;
  return n >= width ? width : n < 1 ? 1 : (uint32_t)n;
}

typedef struct {
  int64_t begin, end;
} range;

static range part_of(int64_t items, uint32_t n, uint32_t index) {
  int64_t each = items / n, rest = items % n;
  range r;
  r.begin = index * each + (index < rest ? index : rest);
  r.end = r.begin + each + (index < rest);
  return r;
}

/* Thread `index` of n takes its part of the items. Launches that do not wait
   for each other differ in `turn`: where few items leave threads idle, each of
   those launches starts with another thread. */
static void launch_part(walk_context *c, const sinter_image_record *r,
                        uint32_t n, uint32_t index, uint32_t turn) {
  int64_t items = c->slots[r->d];
  range part = {0, items};
  if (n > 1) {
    uint32_t width = n, place = index;
    n = threads_for(items, c->slots[r->e], width);
    if (n < width)
      place = (index + turn) % width;
    if (place >= n)
      return;
    part = part_of(items, n, place);
  }
  if (part.begin >= part.end)
    return;
  sinter_worker *worker = &c->workers[index].worker;
  c->base.program->kernels[r->a](c->pointers + r->b, c->params + r->c,
                                 part.begin, part.end, worker);
  if (__builtin_expect(worker->fault != 0, 0)) {
    walk_raise_at(c, r, SINTER_E_DATA, SINTER_WHY_FAULT, worker->fault, 0);
    worker->fault = 0;
  }
}

enum { COPY_UNIT = 1 << 16 }; /* bytes worth a thread */

static void move_part(walk_context *c, const sinter_image_record *r, uint32_t n,
                      uint32_t index) {
  int64_t bytes = c->slots[c->buffers[r->a].bytes];
  if (r->kind == SINTER_REC_COPY && c->slots[c->buffers[r->b].bytes] < bytes) {
    walk_raise_at(c, r, SINTER_E_CORRUPT, SINTER_WHY_OUT_OF_SPACE,
                  c->slots[c->buffers[r->b].bytes], bytes);
    return;
  }
  range part = part_of((bytes + COPY_UNIT - 1) / COPY_UNIT, n, index);
  int64_t begin = part.begin * COPY_UNIT, end = part.end * COPY_UNIT;
  end = end < bytes ? end : bytes;
  uint8_t *to = c->pointers[r->a];
  if (begin >= end)
    return;
  if (r->kind == SINTER_REC_FILL)
    __builtin_memset(to + begin, (int)(c->slots[r->b] & 0xFF),
                     (uint64_t)(end - begin));
  else
    __builtin_memmove(to + begin, (uint8_t *)c->pointers[r->b] + begin,
                      (uint64_t)(end - begin));
}

/* ---- Serial and fork-join ------------------------------------------------ */

typedef struct {
  walk_context *context;
  const sinter_image_record *record;
  uint32_t n;
} forked;

static void run_forked(void *arg, uint32_t index) {
  const forked *f = arg;
  uint32_t mode = float_mode_enter();
  if (f->record->kind == SINTER_REC_LAUNCH)
    launch_part(f->context, f->record, f->n, index, 0);
  else
    move_part(f->context, f->record, f->n, index);
  float_mode_leave(mode);
}

static void run_work(walk_context *c, const sinter_image_record *r) {
  bool launch = r->kind == SINTER_REC_LAUNCH;
  if (c->width > 1) {
    int64_t items = c->slots[launch ? r->d : c->buffers[r->a].bytes];
    uint32_t n =
        threads_for(items, launch ? c->slots[r->e] : COPY_UNIT, c->width);
    if (n > 1) {
      const sinter_host *pool = &c->base.program->pool;
      forked f = {c, r, n};
      pool->parallel(pool->self, n, run_forked, &f);
      return;
    }
  }
  if (launch)
    launch_part(c, r, 1, 0, 0);
  else
    move_part(c, r, 1, 0);
}

static inline const sinter_image_record *
record_after(const walk_context *c, const sinter_image_record *r) {
  if (r->kind == SINTER_REC_BRANCH && !c->slots[r->a])
    return c->records + r->b;
  return r->kind == SINTER_REC_JUMP ? c->records + r->a : r + 1;
}

static void walk_serial(walk_context *c) {
  const sinter_image_record *r = c->records;
  while (r->kind != SINTER_REC_END) {
    if (__builtin_expect(r->flags & SINTER_RECF_DYNAMIC, 0))
      walk_resolve_late(c, r);
    if (__builtin_expect(atomic_load_explicit(&c->stop, memory_order_relaxed),
                         0))
      return;
    const sinter_image_record *next = record_after(c, r);
    switch (r->kind) {
    case SINTER_REC_LAUNCH:
    case SINTER_REC_COPY:
    case SINTER_REC_FILL:
      run_work(c, r);
      break;
    case SINTER_REC_BRANCH:
    case SINTER_REC_JUMP:
      break;
    default:
      walk_once(c, r);
    }
    check_attention(c, r);
    r = next;
  }
}

/* ---- Gang ---------------------------------------------------------------- */

enum { SPIN_PAUSES = 64, SPIN_NS = 20000 };

/* Waits for the next generation: a short spin, then asleep. */
static uint32_t await_generation(walk_context *c, uint32_t old) {
  walk_barrier *b = &c->barrier;
  const sinter_host *pool = &c->base.program->pool;
  uint32_t seen;
  uint64_t begin = 0;
  for (uint32_t i = 1;; ++i) {
    seen = atomic_load_explicit(&b->generation, memory_order_acquire);
    if (seen != old)
      return seen;
    CPU_PAUSE();
    if (i % SPIN_PAUSES)
      continue;
    uint64_t time = walk_now(c);
    begin = begin ? begin : time;
    if (pool->wait && time - begin > SPIN_NS)
      break;
  }
  atomic_fetch_add_explicit(&b->sleepers, 1, memory_order_seq_cst);
  while ((seen = atomic_load_explicit(&b->generation, memory_order_seq_cst)) ==
         old)
    pool->wait(pool->self, (const uint32_t *)&b->generation, old);
  atomic_fetch_sub_explicit(&b->sleepers, 1, memory_order_relaxed);
  return seen;
}

/* True when the run stops here; the same answer in every thread. */
static bool meet(walk_context *c) {
  walk_barrier *b = &c->barrier;
  uint32_t old = atomic_load_explicit(&b->generation, memory_order_relaxed);
  uint32_t here =
      atomic_fetch_add_explicit(&b->arrived, 1, memory_order_acq_rel) + 1;
  if (here != c->width)
    return await_generation(c, old) & 1;
  const sinter_host *pool = &c->base.program->pool;
  uint32_t stop = atomic_load_explicit(&c->stop, memory_order_acquire);
  atomic_store_explicit(&b->arrived, 0, memory_order_relaxed);
  atomic_exchange_explicit(&b->generation, ((old + 2) & ~1u) | stop,
                           memory_order_seq_cst);
  if (atomic_load_explicit(&b->sleepers, memory_order_seq_cst))
    pool->wake(pool->self, (const uint32_t *)&b->generation);
  return stop;
}

static void walk_gang_records(walk_context *c, uint32_t index) {
  const sinter_image_record *r = c->records;
  uint32_t turn = 0;
  while (r->kind != SINTER_REC_END) {
    if (r->flags & SINTER_RECF_DYNAMIC) { /* addresses that all threads read */
      if (index == 0)
        walk_resolve_late(c, r);
      if (meet(c))
        return;
    }
    const sinter_image_record *next = record_after(c, r);
    switch (r->kind) {
    case SINTER_REC_LAUNCH:
      launch_part(c, r, c->width, index, turn);
      break;
    case SINTER_REC_COPY:
    case SINTER_REC_FILL:
      move_part(c, r, c->width, index);
      break;
    case SINTER_REC_BRANCH:
    case SINTER_REC_JUMP:
      break;
    default:
      if (index == 0)
        walk_once(c, r);
    }
    if (index == 0)
      check_attention(c, r);
    bool waits = !(r->flags & SINTER_RECF_NOWAIT);
    if (waits && meet(c))
      return;
    turn = waits ? 0 : turn + 1;
    r = next;
  }
}

static void walk_gang(void *arg, uint32_t index) {
  uint32_t mode = float_mode_enter();
  walk_gang_records(arg, index);
  float_mode_leave(mode);
}

/* ---- A run --------------------------------------------------------------- */

static void walk_records(walk_context *c) {
  const sinter_host *pool = &c->base.program->pool;
  uint32_t width = c->base.program->width;
  if (width > 1 && pool->acquire)
    width = pool->acquire(pool->self, width);
  c->width = width;
  if (atomic_load_explicit(&c->attention, memory_order_relaxed) & ATTN_PROFILE)
    c->last_ns = walk_now(c);
  if (width > 1 && (pool->flags & SINTER_HOST_GANG)) {
    uint32_t generation =
        atomic_load_explicit(&c->barrier.generation, memory_order_relaxed);
    atomic_store_explicit(&c->barrier.generation, (generation + 1) & ~1u,
                          memory_order_relaxed);
    atomic_store_explicit(&c->barrier.arrived, 0, memory_order_relaxed);
    pool->parallel(pool->self, width, walk_gang, c);
  } else {
    uint32_t mode = float_mode_enter();
    walk_serial(c);
    float_mode_leave(mode);
  }
  if (c->base.program->width > 1 && pool->release)
    pool->release(pool->self, width);
}

sinter_status walk_run(sinter_context *context, sinter_error *error) {
  walk_context *c = (walk_context *)context;
  sinter_error e =
      walk_error(SINTER_E_BUSY, SINTER_WHY_NONE, SINTER_NONE, 0, 0);
  if (atomic_exchange_explicit(&c->running, 1, memory_order_acquire)) {
    if (error)
      *error = e;
    return SINTER_E_BUSY;
  }
  atomic_store_explicit(&c->raised, 0, memory_order_relaxed);
  atomic_store_explicit(&c->stop, 0, memory_order_relaxed);
  if (walk_prepare(c, &e) && (!c->has_texts || text_enter(c, &e))) {
    e.code = SINTER_OK;
    uint32_t what = atomic_load_explicit(&c->attention, memory_order_relaxed);
    if (what & ~(uint32_t)ATTN_PROFILE)
      walk_attend(c, what & ~(uint32_t)ATTN_PROFILE, c->records);
    if (!atomic_load_explicit(&c->stop, memory_order_relaxed))
      walk_records(c);
    if (atomic_load_explicit(&c->stop, memory_order_acquire))
      e = c->error;
    if (c->has_texts)
      text_leave(c);
  }
  if (e.code == SINTER_E_CANCELLED)
    atomic_fetch_and_explicit(&c->attention, ~(uint32_t)ATTN_CANCEL,
                              memory_order_relaxed);
  if (e.code && error)
    *error = e;
  sinter_status status = e.code;
  atomic_store_explicit(&c->running, 0, memory_order_release);
  return status;
}
