// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walker and the C API: what a run computes, and every way in which it
// refuses. Threads are in RuntimeThreadsTest, damaged images in
// ImageDamageTest.

#include "RuntimeModels.h"

namespace sinter {
namespace {

std::vector<float> ramp(size_t n) {
  std::vector<float> v(n);
  for (size_t i = 0; i < n; ++i)
    v[i] = float(i);
  return v;
}

void expectBias(const std::vector<float> &y, int64_t n) {
  for (int64_t i = 0; i < n * 8; ++i)
    ASSERT_EQ(y[i], float(i) + 10 * (i % 8) + 1) << i;
}

TEST(Runtime, RunsEverySizeFromOneModel) {
  TestModel m;
  makeBiasModel(m);
  Runner r;
  ASSERT_EQ(r.open(m), SINTER_OK) << r.text(m);
  ASSERT_EQ(r.size({100}), SINTER_OK);
  for (int64_t n : {3, 100, 0, 1, 1, 97}) {
    std::vector<float> x = ramp(n * 8), y(n * 8, -1);
    ASSERT_EQ(r.set(0, SINTER_F32, {n, 8}, x), SINTER_OK);
    ASSERT_EQ(r.set(1, SINTER_F32, {}, y), SINTER_OK);
    ASSERT_EQ(r.run(), SINTER_OK) << r.text(m);
    expectBias(y, n);
    sinter_tensor out = {};
    ASSERT_EQ(sinter_get(r.context, 1, &out), SINTER_OK);
    EXPECT_EQ(out.dim[0], n);
    EXPECT_EQ(out.bytes, uint64_t(n * 32));
  }
}

TEST(Runtime, AnswersARunOnACpuBeforeTheCallReturns) {
  TestModel m;
  makeBiasModel(m);
  Runner r;
  ASSERT_EQ(r.open(m), SINTER_OK) << r.text(m);
  EXPECT_EQ(sinter_program_isa(r.program), 0u);
  std::vector<sinter_status> answers;
  auto done = [](void *self, sinter_status status) {
    static_cast<std::vector<sinter_status> *>(self)->push_back(status);
  };
  EXPECT_EQ(sinter_run_async(r.context, &m, done, &answers), SINTER_E_ARG);
  EXPECT_TRUE(answers.empty());
  std::vector<float> x = ramp(8), y(8, -1);
  ASSERT_EQ(r.size({1}), SINTER_OK);
  ASSERT_EQ(r.set(0, SINTER_F32, {1, 8}, x), SINTER_OK);
  ASSERT_EQ(r.set(1, SINTER_F32, {}, y), SINTER_OK);
  EXPECT_EQ(sinter_run_async(r.context, nullptr, done, &answers), SINTER_OK);
  EXPECT_EQ(answers, std::vector<sinter_status>{SINTER_OK});
  expectBias(y, 1);
}

TEST(Runtime, TellsItsInterface) {
  TestModel m;
  makeBiasModel(m);
  sinter_info info = {};
  info.size = sizeof info;
  ASSERT_EQ(sinter_info_of(&m.model, &info), SINTER_OK);
  EXPECT_EQ(info.n_inputs, 1u);
  EXPECT_EQ(info.n_symbols, 1u);
  sinter_tensor_info x = {};
  x.size = sizeof x;
  ASSERT_EQ(sinter_tensor_info_of(&m.model, 0, &x), SINTER_OK);
  EXPECT_STREQ(x.name, "x");
  EXPECT_EQ(x.dim[0], -1);
  EXPECT_EQ(x.symbol[0], 0u);
  EXPECT_EQ(x.dim[1], 8);
  EXPECT_EQ(sinter_tensor_info_of(&m.model, 2, &x), SINTER_E_ARG);
}

TEST(Runtime, NeedGrowsWithTheSymbols) {
  TestModel m;
  makeBiasModel(m);
  Runner r;
  ASSERT_EQ(r.open(m), SINTER_OK);
  sinter_need need = {};
  int64_t n = 100;
  ASSERT_EQ(sinter_need_of(r.program, 0, &n, &need, nullptr), SINTER_OK);
  EXPECT_EQ(need.scratch, 100u * 32);
  n = (1 << 20) + 1;
  ASSERT_EQ(sinter_need_of(r.program, 0, &n, &need, &r.error), SINTER_E_SHAPE);
  EXPECT_NE(r.text(m).find("--dim"), std::string::npos) << r.text(m);
}

TEST(Runtime, AsksForTheMemoryThatIsMissing) {
  TestModel m;
  makeBiasModel(m);
  Runner r;
  std::vector<float> x = ramp(80), y(80);
  ASSERT_EQ(r.open(m), SINTER_OK);
  r.set(0, SINTER_F32, {10, 8}, x);
  r.set(1, SINTER_F32, {}, y);
  ASSERT_EQ(r.run(), SINTER_E_MEMORY);
  EXPECT_EQ(r.error.expected, 320);
  ASSERT_EQ(r.give(uint64_t(r.error.expected)), SINTER_OK);
  ASSERT_EQ(r.run(), SINTER_OK);
  expectBias(y, 10);
}

TEST(Runtime, RefusesWrongTensors) {
  TestModel m;
  makeBiasModel(m);
  Runner r;
  std::vector<float> x = ramp(80), y(80), small(79);
  ASSERT_EQ(r.open(m), SINTER_OK);
  ASSERT_EQ(r.size({10}), SINTER_OK);
  EXPECT_EQ(r.run(), SINTER_E_ARG); // nothing bound
  EXPECT_NE(r.text(m).find("input 'x'"), std::string::npos) << r.text(m);
  EXPECT_EQ(r.set(0, SINTER_F64, {10, 8}, x), SINTER_E_DTYPE);
  EXPECT_EQ(r.set(0, SINTER_F32, {80}, x), SINTER_E_SHAPE);
  EXPECT_EQ(r.set(0, SINTER_F32, {-10, 8}, x), SINTER_E_SHAPE);
  EXPECT_EQ(r.set(0, SINTER_F32, {int64_t(1) << 60, 1 << 10}, x),
            SINTER_E_SHAPE);
  EXPECT_EQ(r.set(0, SINTER_F32, {10, 8}, small), SINTER_E_MEMORY);
  EXPECT_EQ(r.set(2, SINTER_F32, {10, 8}, x), SINTER_E_ARG);
  ASSERT_EQ(r.set(0, SINTER_F32, {8, 10}, x), SINTER_OK);
  ASSERT_EQ(r.set(1, SINTER_F32, {}, y), SINTER_OK);
  EXPECT_EQ(r.run(), SINTER_E_SHAPE);
  EXPECT_EQ(r.error.axis, 1u);
  EXPECT_NE(r.text(m).find("axis 1: dimension is 10, expected 8"),
            std::string::npos)
      << r.text(m);
  ASSERT_EQ(r.set(0, SINTER_F32, {10, 8}, x), SINTER_OK);
  ASSERT_EQ(r.set(1, SINTER_F32, {}, small), SINTER_OK);
  EXPECT_EQ(r.run(), SINTER_E_MEMORY);
  ASSERT_EQ(r.set(1, SINTER_F32, {}, y), SINTER_OK);
  EXPECT_EQ(r.run(), SINTER_OK);
  EXPECT_EQ(sinter_context_init(r.program, 1, nullptr, 0, nullptr, 0,
                                &r.context, nullptr),
            SINTER_E_ARG);
}

TEST(Runtime, ConflictNamesTheNode) {
  ImageBuilder b;
  TestModel m;
  Slot p = b.dimSymbol("P", 0, 100, 1, 0, 0),
       q = b.dimSymbol("Q", 0, 100, 1, 1, 0);
  b.input("a", SINTER_F32, {p});
  b.input("b", SINTER_F32, {q});
  b.checkEqual(p, q, b.node("add_7", "Add"));
  m.finish(b);
  Runner r;
  ASSERT_EQ(r.open(m), SINTER_OK);
  std::vector<float> five = ramp(5), six = ramp(6);
  r.set(0, SINTER_F32, {5}, five);
  r.set(1, SINTER_F32, {6}, six);
  ASSERT_EQ(r.run(), SINTER_E_SHAPE);
  EXPECT_NE(r.text(m).find("node 'add_7' (Add): dimension is 5, expected 6"),
            std::string::npos)
      << r.text(m);
  ASSERT_EQ(r.run(), SINTER_E_SHAPE); // not remembered as good
  r.set(1, SINTER_F32, {5}, five);
  EXPECT_EQ(r.run(), SINTER_OK);
}

TEST(Runtime, OverflowIsAnErrorNotAWrap) {
  ImageBuilder b;
  TestModel m;
  Slot n = b.dimSymbol("N", 0, 1 << 20, 1, 0, 0);
  b.input("a", SINTER_U8, {n});
  Slot big = b.mul(b.mul(b.mul(n, n), n), n);
  b.checkRange(big, big, big, SINTER_NONE);
  m.finish(b);
  Runner r;
  ASSERT_EQ(r.open(m), SINTER_OK);
  std::vector<uint8_t> data(1 << 20);
  r.set(0, SINTER_U8, {1 << 20}, data);
  EXPECT_EQ(r.run(), SINTER_E_SHAPE);
  EXPECT_EQ(r.error.reason, uint32_t(SINTER_WHY_OVERFLOW));
  r.set(0, SINTER_U8, {9}, data);
  EXPECT_EQ(r.run(), SINTER_OK);
}

// y = flag ? x + 1 : x
TEST(Runtime, Branches) {
  ImageBuilder b;
  TestModel m;
  b.input("flag", SINTER_BOOL, {});
  b.input("x", SINTER_F32, {b.constant(4)});
  b.output("y", SINTER_F32, {b.constant(4)});
  Slot bytes = b.constant(16), flag = b.variable();
  uint32_t node = b.node("if_0", "If"), one = b.kernel("add_one", 2, 0);
  m.kernels = {addOneKernel};
  uint32_t otherwise = b.label(), end = b.label();
  b.read(flag, b.in(0, b.constant(1)), b.constant(0), SINTER_BOOL, node);
  b.branchIfZero(flag, otherwise, node);
  b.checkEqual(flag, b.constant(1), node); // holds only in here
  b.launch(one, {b.in(1, bytes), b.out(0, bytes)}, {}, {b.constant(4)}, node);
  b.jump(end);
  b.bind(otherwise);
  b.copy(b.out(0, bytes), b.in(1, bytes), node);
  b.bind(end);
  m.finish(b);
  for (uint32_t width : {1u, 3u}) {
    Runner r;
    ASSERT_EQ(r.open(m, width), SINTER_OK);
    std::vector<float> x = ramp(4), y(4);
    r.set(1, SINTER_F32, {4}, x);
    r.set(2, SINTER_F32, {}, y);
    for (uint8_t flag : {1, 0, 1}) {
      std::vector<uint8_t> value = {flag};
      r.set(0, SINTER_BOOL, {}, value);
      ASSERT_EQ(r.run(), SINTER_OK) << r.text(m);
      EXPECT_EQ(y[3], 3 + flag);
    }
  }
}

// Counts positives, then writes that many ones: an extent out of the data.
void countKernel(void *const *b, const int64_t *p, int64_t, int64_t,
                 sinter_worker *) {
  int64_t n = 0;
  for (int64_t i = 0; i < p[0]; ++i)
    n += static_cast<const float *>(b[0])[i] > 0;
  *static_cast<int64_t *>(b[1]) = n;
}
void fillKernel(void *const *b, const int64_t *p, int64_t begin, int64_t end,
                sinter_worker *) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<float *>(b[0])[i] = float(p[0]);
}

TEST(Runtime, ExtentsComeOutOfTheData) {
  ImageBuilder b;
  TestModel m;
  Slot n = b.dimSymbol("N", 0, 1000, 1, 0, 0), four = b.constant(4);
  Slot count = b.variable(), outBytes = b.variable();
  b.input("x", SINTER_F32, {n});
  b.output("y", SINTER_F32, {count}, outBytes);
  b.setArena(b.constant(64));
  BufferRef cell = b.inArena(b.constant(0), b.constant(8));
  uint32_t node = b.node("nz", "NonZero");
  uint32_t counting = b.kernel("count", 2, 1), filling = b.kernel("fill", 1, 1);
  m.kernels = {countKernel, fillKernel};
  b.launch(counting, {b.in(0, b.mul(n, four)), cell}, {n}, {b.constant(1)},
           node);
  b.read(count, cell, b.constant(0), SINTER_I64, node);
  b.checkRange(count, b.constant(0), n, node, SINTER_WHY_VALUE_RANGE);
  b.assign(outBytes, b.mul(count, four));
  b.launch(filling, {b.out(0, outBytes)}, {count}, {count}, node);
  m.finish(b);

  for (uint32_t width : {1u, 3u}) {
    Runner r;
    ASSERT_EQ(r.open(m, width), SINTER_OK);
    ASSERT_EQ(r.size({6}), SINTER_OK);
    std::vector<float> x = {1, -1, 2, 0, 3, 4}, room;
    r.set(0, SINTER_F32, {6}, x);
    auto grow = [](void *self, uint64_t bytes, uint64_t) -> void * {
      auto *v = static_cast<std::vector<float> *>(self);
      v->resize(bytes / 4 + 1);
      return v->data();
    };
    ASSERT_EQ(sinter_set_alloc(r.context, 1, grow, &room), SINTER_OK);
    ASSERT_EQ(r.run(), SINTER_OK) << r.text(m);
    sinter_tensor y = {};
    sinter_get(r.context, 1, &y);
    EXPECT_EQ(y.dim[0], 4);
    EXPECT_EQ(static_cast<float *>(y.data)[3], 4.0f);
    std::vector<float> three(3);
    r.set(1, SINTER_F32, {}, three); // one too few
    ASSERT_EQ(r.run(), SINTER_E_MEMORY) << r.text(m);
    EXPECT_EQ(r.error.expected, 16);
  }
}

// Sums 1..n with a loop in the image: variables and a jump back.
TEST(Runtime, LoopsOverVariables) {
  ImageBuilder b;
  TestModel m;
  Slot n = b.dimSymbol("N", 0, 100, 1, 0, 0), i = b.variable(),
       sum = b.variable();
  b.input("x", SINTER_U8, {n});
  b.output("y", SINTER_F32, {b.constant(1)});
  m.kernels = {fillKernel};
  uint32_t filling = b.kernel("fill", 1, 1), node = b.node("loop", "Loop");
  uint32_t head = b.label(), end = b.label();
  b.assign(i, b.constant(0));
  b.assign(sum, b.constant(0));
  b.bind(head);
  b.branchIfZero(b.less(i, n), end, node);
  Slot next = b.add(i, b.constant(1));
  b.assign(i, next);
  b.assign(sum, b.add(sum, i));
  b.jump(head);
  b.bind(end);
  b.launch(filling, {b.out(0, b.constant(4))}, {sum}, {b.constant(1)}, node);
  m.finish(b);
  for (uint32_t width : {1u, 2u}) {
    Runner r;
    ASSERT_EQ(r.open(m, width), SINTER_OK);
    std::vector<uint8_t> x(10);
    std::vector<float> y(1);
    r.set(0, SINTER_U8, {10}, x);
    r.set(1, SINTER_F32, {}, y);
    ASSERT_EQ(r.run(), SINTER_OK) << r.text(m);
    EXPECT_EQ(y[0], 55);
  }
}

void faultKernel(void *const *, const int64_t *, int64_t, int64_t,
                 sinter_worker *w) {
  w->fault |= SINTER_FAULT_INDEX;
}

TEST(Runtime, FaultNamesNodeAndKernelAndIsForgotten) {
  ImageBuilder b;
  TestModel m;
  b.input("x", SINTER_U8, {b.constant(1)});
  m.kernels = {faultKernel};
  uint32_t k = b.kernel("gather", 0, 0);
  b.launch(k, {}, {}, {b.dimSymbol("N", 0, 9, 1, 0, 0)},
           b.node("gather_3", "Gather"));
  m.finish(b);
  for (uint32_t width : {1u, 3u}) {
    Runner r;
    ASSERT_EQ(r.open(m, width), SINTER_OK);
    std::vector<uint8_t> x(1);
    r.set(0, SINTER_U8, {1}, x);
    for (int again = 0; again < 3; ++again) {
      ASSERT_EQ(r.run(), SINTER_E_DATA);
      EXPECT_EQ(r.error.kernel, 0u);
      EXPECT_NE(r.text(m).find(
                    "node 'gather_3' (Gather): bad data in a kernel: an index"),
                std::string::npos)
          << r.text(m);
    }
  }
}

TEST(Runtime, ValueInputsAreSymbols) {
  ImageBuilder b;
  TestModel m;
  b.input("size", SINTER_I64, {b.constant(2)});
  Slot n = b.valueSymbol("n", 0, 50, 1, 0, 1);
  b.output("y", SINTER_F32, {n});
  m.kernels = {fillKernel};
  uint32_t k = b.kernel("fill", 1, 1);
  b.launch(k, {b.out(0, b.mul(n, b.constant(4)))}, {n}, {n},
           b.node("f", "Expand"));
  m.finish(b);
  Runner r;
  ASSERT_EQ(r.open(m), SINTER_OK);
  std::vector<int64_t> size = {0, 7};
  std::vector<float> y(50);
  r.set(0, SINTER_I64, {2}, size);
  r.set(1, SINTER_F32, {}, y);
  ASSERT_EQ(r.run(), SINTER_OK) << r.text(m);
  EXPECT_EQ(y[6], 7);
  size[1] = 9; // the caller may write his memory between runs
  ASSERT_EQ(r.run(), SINTER_OK);
  EXPECT_EQ(y[8], 9);
  size[1] = 51;
  EXPECT_EQ(r.run(), SINTER_E_SHAPE);
}

TEST(Runtime, ProfilesAndTaps) {
  ImageBuilder b;
  TestModel m;
  Slot four = b.constant(4), bytes = b.constant(16);
  b.input("x", SINTER_F32, {four});
  b.output("y", SINTER_F32, {four});
  uint32_t tap = b.tap("y", SINTER_F32, {four});
  uint32_t node = b.node("n", "Add"), k = b.kernel("add_one", 2, 0);
  m.kernels = {addOneKernel};
  LaunchWork work = {four};
  work.macs = four;
  work.bytes = b.constant(32);
  b.launch(k, {b.in(0, bytes), b.out(0, bytes)}, {}, work, node);
  b.showTap(tap, b.out(0, bytes), node);
  m.finish(b);
  Runner r;
  ASSERT_EQ(r.open(m), SINTER_OK);
  std::vector<float> x = ramp(4), y(4), seen;
  r.set(0, SINTER_F32, {4}, x);
  r.set(1, SINTER_F32, {}, y);
  sinter_sample ring[3] = {};
  sinter_profile(r.context, ring, 3);
  sinter_tap(
      r.context,
      [](void *self, uint32_t, const sinter_tensor *t) {
        auto *p = static_cast<float *>(t->data);
        static_cast<std::vector<float> *>(self)->assign(p, p + t->dim[0]);
      },
      &seen);
  ASSERT_EQ(r.run(), SINTER_OK);
  EXPECT_EQ(seen, y);
  EXPECT_EQ(sinter_profile_count(r.context), 2u);
  EXPECT_EQ(ring[0].kernel, k);
  EXPECT_EQ(ring[0].macs, 4u);
  EXPECT_EQ(ring[0].bytes, 32u);
  EXPECT_LE(ring[0].begin, ring[0].end);
}

TEST(Runtime, StateOutlivesRuns) {
  ImageBuilder b;
  TestModel m;
  Slot four = b.constant(4), bytes = b.constant(16);
  b.output("y", SINTER_F32, {four});
  b.state("h", SINTER_F32, {four}, b.constant(0));
  b.setStateBytes(16);
  uint32_t node = b.node("n", "LSTM"), k = b.kernel("add_one", 2, 0);
  m.kernels = {addOneKernel};
  BufferRef h = b.inState(b.constant(0), bytes);
  b.launch(k, {h, h}, {}, {four}, node);
  b.copy(b.out(0, bytes), h, node);
  m.finish(b);
  Runner r;
  ASSERT_EQ(r.open(m), SINTER_OK);
  std::vector<float> y(4), copy(4);
  r.set(0, SINTER_F32, {}, y);
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(r.run(), SINTER_OK);
  EXPECT_EQ(y[0], 3);
  ASSERT_EQ(sinter_state_copy(r.context, copy.data(), 16), SINTER_OK);
  EXPECT_EQ(copy, y);
  sinter_state_reset(r.context);
  ASSERT_EQ(r.run(), SINTER_OK);
  EXPECT_EQ(y[0], 1);
}

TEST(Runtime, RefusesAForeignCpuAndAnyOtherAbi) {
  TestModel m;
  makeBiasModel(m);
  Runner r;
  m.isa.features = SINTER_ISA(AVX512FP16) | SINTER_ISA(SVE);
  EXPECT_EQ(r.open(m), SINTER_E_ISA);
  EXPECT_NE(r.text(m).find("SVE"), std::string::npos) << r.text(m);
  m.isa.features = 0;
  m.model.abi_minor = SINTER_ABI_MINOR + 1;
  EXPECT_EQ(r.open(m), SINTER_E_ABI);
  m.model.magic = 0;
  EXPECT_EQ(r.open(m), SINTER_E_CORRUPT);
}

} // namespace
} // namespace sinter
