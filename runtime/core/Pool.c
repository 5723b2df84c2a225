// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The built-in pool: a gang. Thread 0 is the caller; the others wait for the
// dispatch word to change, spinning 20 microseconds at most, then in a futex,
// so an idle process burns nothing. The word holds a counter and how many
// threads the job wants: a thread that is not wanted never looks at the job,
// and a wanted one is waited for, so the job's fields are never read while they
// are written. One run has the pool at a time; acquire() says so and never
// blocks: the loser runs at width 1, which gives the same bits. After fork()
// there are no threads in the child, and acquire() grants one.

#define _GNU_SOURCE
#include "runtime/core/Runtime.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
  MAX_WIDTH = 255,
  SPIN_NS = 20000,
  SPIN_PAUSES = 64,
  STACK_BYTES = 256 << 10
};

typedef struct pool pool;
typedef struct {
  pool *owner;
  uint32_t index;
  pthread_t thread;
} member;

struct pool {
  _Alignas(64) _Atomic uint32_t dispatch; /* counter << 8 | threads wanted */
  _Atomic uint32_t sleepers;
  _Alignas(64) _Atomic uint32_t remaining; /* members still in the job */
  _Atomic uint32_t caller_sleeps;
  _Alignas(64) _Atomic uint32_t busy;
  void (*fn)(void *, uint32_t);
  void *arg;
  uint32_t width, forks;
  bool quit;
  member members[];
};

static _Atomic uint32_t fork_count; /* of this process and its ancestors */
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void forked_child(void) { atomic_fetch_add(&fork_count, 1); }
static void watch_forks(void) { pthread_atfork(0, 0, forked_child); }

static uint64_t monotonic_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void cpu_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  __asm__ volatile("yield");
#endif
}

void pool_wait(void *self, const uint32_t *word, uint32_t value) {
  (void)self;
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, 0, 0, 0);
}

void pool_wake(void *self, const uint32_t *word) {
  (void)self;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

/* Returns the first value of *word that is not old. */
static uint32_t await_change(_Atomic uint32_t *word, uint32_t old,
                             _Atomic uint32_t *sleepers) {
  uint32_t seen;
  uint64_t begin = 0;
  for (uint32_t i = 1;; ++i) {
    if ((seen = atomic_load_explicit(word, memory_order_acquire)) != old)
      return seen;
    cpu_pause();
    if (i % SPIN_PAUSES)
      continue;
    uint64_t time = monotonic_ns();
    begin = begin ? begin : time;
    if (time - begin > SPIN_NS)
      break;
  }
  atomic_fetch_add(sleepers, 1);
  while ((seen = atomic_load(word)) == old)
    pool_wait(0, (const uint32_t *)word, old);
  atomic_fetch_sub(sleepers, 1);
  return seen;
}

static void leave_job(pool *p) {
  if (atomic_fetch_sub(&p->remaining, 1) == 1 && atomic_load(&p->caller_sleeps))
    pool_wake(0, (const uint32_t *)&p->remaining);
}

static void *member_main(void *arg) {
  const member *m = arg;
  pool *p = m->owner;
  uint32_t seen = 0;
  for (;;) {
    seen = await_change(&p->dispatch, seen, &p->sleepers);
    if (m->index >= (seen & 0xFF))
      continue;
    if (p->quit)
      break;
    p->fn(p->arg, m->index);
    leave_job(p);
  }
  leave_job(p);
  return 0;
}

/* Hands the job to members 1 .. n-1. */
static void dispatch(pool *p, uint32_t n) {
  atomic_store_explicit(&p->remaining, n - 1, memory_order_relaxed);
  uint32_t old = atomic_load_explicit(&p->dispatch, memory_order_relaxed);
  atomic_exchange(&p->dispatch, ((old >> 8) + 1) << 8 | n);
  if (atomic_load(&p->sleepers))
    pool_wake(0, (const uint32_t *)&p->dispatch);
}

static void await_members(pool *p) {
  uint32_t left = atomic_load_explicit(&p->remaining, memory_order_acquire);
  while (left)
    left = await_change(&p->remaining, left, &p->caller_sleeps);
}

static void pool_parallel(void *self, uint32_t n, void (*fn)(void *, uint32_t),
                          void *arg) {
  pool *p = self;
  p->fn = fn;
  p->arg = arg;
  if (n > 1)
    dispatch(p, n);
  fn(arg, 0);
  if (n > 1)
    await_members(p);
}

static uint32_t pool_acquire(void *self, uint32_t n) {
  pool *p = self;
  if (n < 2 ||
      atomic_load_explicit(&fork_count, memory_order_relaxed) != p->forks ||
      atomic_exchange_explicit(&p->busy, 1, memory_order_acquire))
    return 1;
  return n < p->width ? n : p->width;
}

static void pool_release(void *self, uint32_t n) {
  if (n > 1)
    atomic_store_explicit(&((pool *)self)->busy, 0, memory_order_release);
}

static bool start_members(pool *p) {
  sigset_t all, old;
  pthread_attr_t attributes;
  sigfillset(&all);
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  pthread_sigmask(SIG_SETMASK, &all, &old); /* members take no signals */
  uint32_t n = 1;
  for (; n < p->width; ++n) {
    member *m = &p->members[n];
    m->owner = p;
    m->index = n;
    if (pthread_create(&m->thread, &attributes, member_main, m))
      break;
  }
  pthread_sigmask(SIG_SETMASK, &old, 0);
  pthread_attr_destroy(&attributes);
  bool complete = n == p->width;
  p->width = n;
  return complete;
}

static void pool_free(pool *p) {
  if (atomic_load(&fork_count) == p->forks && p->width > 1) {
    p->quit = true;
    dispatch(p, p->width);
    for (uint32_t i = 1; i < p->width; ++i)
      pthread_join(p->members[i].thread, 0);
  }
  free(p);
}

sinter_status sinter_pool_create(uint32_t width, uint32_t flags,
                                 sinter_host *out) {
  if (!out || flags)
    return SINTER_E_ARG;
  width = width ? width : cpu_count();
  width = width < MAX_WIDTH ? width : MAX_WIDTH;
  pthread_once(&fork_once, watch_forks);
  void *memory = 0;
  uint64_t bytes = sizeof(pool) + width * sizeof(member);
  if (posix_memalign(&memory, 64, bytes))
    return SINTER_E_MEMORY;
  __builtin_memset(memory, 0, bytes);
  pool *p = memory;
  p->width = width;
  p->forks = atomic_load(&fork_count);
  if (!start_members(p)) {
    pool_free(p);
    return SINTER_E_MEMORY;
  }
  sinter_host host = {.size = sizeof host,
                      .width = width,
                      .flags = SINTER_HOST_GANG,
                      .self = p,
                      .parallel = pool_parallel,
                      .acquire = pool_acquire,
                      .release = pool_release,
                      .wait = pool_wait,
                      .wake = pool_wake};
  *out = host;
  return SINTER_OK;
}

void sinter_pool_destroy(sinter_host *host) {
  if (!host || !host->self || host->parallel != pool_parallel)
    return;
  pool_free(host->self);
  __builtin_memset(host, 0, sizeof *host);
}

/* ---- The shared pool */

static pthread_once_t shared_once = PTHREAD_ONCE_INIT;
static sinter_host shared_host;

static void make_shared(void) { sinter_pool_create(0, 0, &shared_host); }

bool pool_shared(sinter_host *out) {
  pthread_once(&shared_once, make_shared);
  *out = shared_host;
  return shared_host.self != 0;
}
