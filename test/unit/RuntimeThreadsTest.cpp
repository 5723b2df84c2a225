// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs on many threads: the gang, a caller's pool, cancel and deadline,
// contexts side by side, fork, and the promise that width 1 makes no call into
// the system.

#include "RuntimeModels.h"

#include <atomic>
#include <sys/wait.h>
#include <thread>
#include <time.h>
#include <unistd.h>

namespace sinter {
namespace {

constexpr int64_t rows = 64;

// x -> +1, `steps` times, through two arena buffers; then to y.
void makeChain(TestModel &m, int steps, bool noWait = false) {
  ImageBuilder b;
  Slot items = b.constant(rows * 8), bytes = b.constant(rows * 32);
  b.input("x", SINTER_F32, {b.constant(rows), b.constant(8)});
  b.output("y", SINTER_F32, {b.constant(rows), b.constant(8)});
  uint32_t one = b.kernel("add_one", 2, 0);
  m.kernels = {addOneKernel};
  b.setArena(b.constant(rows * 64));
  auto place = [&](int i) {
    return b.inArena(b.constant(rows * 32 * (i % 2)), bytes);
  };
  for (int i = 0; i < steps; ++i) {
    BufferRef from = i ? place(i - 1) : b.in(0, bytes);
    LaunchWork work = {items};
    work.noWait = noWait;
    b.launch(one, {from, i + 1 < steps ? place(i) : b.out(0, bytes)}, {}, work,
             b.node("n" + std::to_string(i), "Add"));
  }
  m.finish(b);
}

struct Chain : Runner {
  std::vector<float> x, y;
  sinter_status prepare(const TestModel &m, uint32_t width,
                        const sinter_host *host = nullptr) {
    x.assign(rows * 8, 1);
    y.assign(rows * 8, 0);
    if (sinter_status s = open(m, width, host))
      return s;
    size({});
    set(0, SINTER_F32, {rows, 8}, x);
    return set(1, SINTER_F32, {}, y);
  }
  bool isRight(float value) {
    for (float v : y)
      if (v != value)
        return false;
    return true;
  }
};

TEST(RuntimeThreads, EveryWidthGivesTheSame) {
  for (bool noWait : {false, true}) {
    TestModel m;
    makeChain(m, 50, noWait);
    for (uint32_t width = 1; width <= 4; ++width) {
      Chain c;
      ASSERT_EQ(c.prepare(m, width), SINTER_OK);
      ASSERT_EQ(sinter_program_width(c.program), width);
      for (int i = 0; i < 200; ++i) {
        std::fill(c.y.begin(), c.y.end(), 0.0f);
        ASSERT_EQ(c.run(), SINTER_OK);
        ASSERT_TRUE(c.isRight(51)) << width;
      }
    }
  }
}

// Launches of one item that do not wait for each other, as the directions of a
// recurrent layer: each has a thread of its own, whose worker is the evidence.
void *seenWorkers[2];
template <int which>
void lonelyKernel(void *const *, const int64_t *, int64_t, int64_t,
                  sinter_worker *worker) {
  seenWorkers[which] = worker;
}

TEST(RuntimeThreads, SmallLaunchesSpread) {
  ImageBuilder b;
  TestModel m;
  m.kernels = {lonelyKernel<0>, lonelyKernel<1>};
  uint32_t node = b.node("n", "LSTM"), first = b.kernel("a", 0, 0),
           second = b.kernel("b", 0, 0);
  LaunchWork work = {b.constant(1)};
  work.noWait = true;
  b.launch(first, {}, {}, work, node);
  b.launch(second, {}, {}, {b.constant(1)}, node);
  m.finish(b);
  for (uint32_t width : {1u, 2u, 4u}) {
    Runner r;
    ASSERT_EQ(r.open(m, width), SINTER_OK);
    for (int i = 0; i < 20; ++i) {
      ASSERT_EQ(r.run(), SINTER_OK);
      EXPECT_EQ(seenWorkers[0] != seenWorkers[1], width > 1);
    }
  }
}

TEST(RuntimeThreads, ContextsShareAPool) {
  TestModel m;
  makeChain(m, 20);
  sinter_host pool = {};
  ASSERT_EQ(sinter_pool_create(3, 0, &pool), SINTER_OK);
  {
    std::vector<Chain> chains(4);
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (Chain &c : chains)
      ASSERT_EQ(c.prepare(m, 0, &pool), SINTER_OK);
    for (Chain &c : chains)
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) {
          std::fill(c.y.begin(), c.y.end(), 0.0f);
          wrong += c.run() != SINTER_OK || !c.isRight(21);
        }
      });
    for (std::thread &t : threads)
      t.join();
    EXPECT_EQ(wrong, 0);
  }
  sinter_pool_destroy(&pool);
}

// A pool that runs tasks one after another, backwards: a barrier would hang.
TEST(RuntimeThreads, CallersPoolNeedsNoGang) {
  TestModel m;
  makeChain(m, 10);
  sinter_host host = {};
  host.size = sizeof host;
  host.width = 5;
  static int calls;
  calls = 0;
  host.parallel = [](void *, uint32_t n, void (*fn)(void *, uint32_t),
                     void *arg) {
    ++calls;
    for (uint32_t i = n; i-- > 0;)
      fn(arg, i);
  };
  Chain c;
  ASSERT_EQ(c.prepare(m, 0, &host), SINTER_OK);
  ASSERT_EQ(c.run(), SINTER_OK);
  EXPECT_TRUE(c.isRight(11));
  EXPECT_EQ(calls, 10);
}

std::atomic<sinter_context *> victim;
void cancelKernel(void *const *, const int64_t *, int64_t begin, int64_t,
                  sinter_worker *) {
  if (begin == 0)
    sinter_cancel(victim);
}
void neverKernel(void *const *, const int64_t *, int64_t, int64_t,
                 sinter_worker *w) {
  w->fault |= SINTER_FAULT_VALUE;
}

TEST(RuntimeThreads, CancelStopsAtTheNextRecord) {
  ImageBuilder b;
  TestModel m;
  m.kernels = {cancelKernel, neverKernel};
  uint32_t node = b.node("n", "Add"), first = b.kernel("c", 0, 0),
           second = b.kernel("n", 0, 0);
  b.launch(first, {}, {}, {b.constant(4)}, node);
  b.launch(second, {}, {}, {b.constant(4)}, node);
  m.finish(b);
  for (uint32_t width : {1u, 2u, 4u}) {
    Runner r;
    ASSERT_EQ(r.open(m, width), SINTER_OK);
    victim = r.context;
    for (int i = 0; i < 20; ++i)
      ASSERT_EQ(r.run(), SINTER_E_CANCELLED);
    sinter_cancel(r.context); // no run in progress: the next one
    EXPECT_EQ(r.run(), SINTER_E_CANCELLED);
  }
}

uint64_t monotonic() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return uint64_t(t.tv_sec) * 1000000000u + uint64_t(t.tv_nsec);
}

TEST(RuntimeThreads, DeadlineStopsAnEndlessLoop) {
  ImageBuilder b;
  TestModel m;
  uint32_t head = b.label();
  b.bind(head);
  b.jump(head);
  m.finish(b);
  for (uint32_t width : {1u, 2u}) {
    Runner r;
    ASSERT_EQ(r.open(m, width), SINTER_OK);
    sinter_set_deadline(r.context, monotonic() + 3000000);
    ASSERT_EQ(r.run(), SINTER_E_DEADLINE);
    EXPECT_EQ(r.run(), SINTER_E_DEADLINE);
  }
}

std::atomic<int> inside;
void slowKernel(void *const *, const int64_t *, int64_t, int64_t,
                sinter_worker *) {
  inside = 1;
  while (inside == 1)
    std::this_thread::yield();
}

TEST(RuntimeThreads, SecondRunOfAContextIsBusy) {
  ImageBuilder b;
  TestModel m;
  m.kernels = {slowKernel};
  uint32_t k = b.kernel("slow", 0, 0);
  b.launch(k, {}, {}, {b.constant(1)}, b.node("n", "Add"));
  m.finish(b);
  Runner r;
  ASSERT_EQ(r.open(m), SINTER_OK);
  inside = 0;
  sinter_status status = SINTER_E_ARG;
  std::thread t([&] { status = r.run(); });
  while (inside != 1)
    std::this_thread::yield();
  sinter_error e = {};
  EXPECT_EQ(sinter_run(r.context, &e), SINTER_E_BUSY);
  EXPECT_EQ(sinter_state_reset(r.context), SINTER_E_BUSY);
  EXPECT_EQ(sinter_set_scratch(r.context, nullptr, 0), SINTER_E_BUSY);
  inside = 2;
  t.join();
  EXPECT_EQ(status, SINTER_OK);
}

void denormalKernel(void *const *b, const int64_t *, int64_t begin, int64_t end,
                    sinter_worker *) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<volatile float *>(b[0])[i] =
        static_cast<volatile float *>(b[0])[i] * 0.5f;
}

TEST(RuntimeThreads, DenormalsAreZeroInsideAndKeptOutside) {
  ImageBuilder b;
  TestModel m;
  m.kernels = {denormalKernel};
  b.output("y", SINTER_F32, {b.constant(8)});
  uint32_t k = b.kernel("d", 1, 0);
  b.launch(k, {b.out(0, b.constant(32))}, {}, {b.constant(8)},
           b.node("n", "Mul"));
  m.finish(b);
  for (uint32_t width : {1u, 3u}) {
    Runner r;
    ASSERT_EQ(r.open(m, width), SINTER_OK);
    std::vector<float> y(8, 1.5e-38f);
    r.set(0, SINTER_F32, {}, y);
    ASSERT_EQ(r.run(), SINTER_OK);
    for (float v : y)
      EXPECT_EQ(v, 0.0f);
    volatile float tiny = 1.5e-38f;
    EXPECT_NE(tiny * 0.5f, 0.0f);
  }
}

#if !defined(__SANITIZE_THREAD__) && !__has_feature(thread_sanitizer)
TEST(RuntimeThreads, ForkedChildRunsAlone) {
  TestModel m;
  makeChain(m, 5);
  Chain c;
  ASSERT_EQ(c.prepare(m, 3), SINTER_OK);
  ASSERT_EQ(c.run(), SINTER_OK);
  pid_t child = fork();
  if (child == 0) {
    alarm(10);
    std::fill(c.y.begin(), c.y.end(), 0.0f);
    _exit(c.run() == SINTER_OK && c.isRight(6) ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
#endif

} // namespace
} // namespace sinter
