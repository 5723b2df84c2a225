// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Property: every schedule that verifies is correct. Random shapes (0, 1 and
// primes among them) times random legal schedules, buffers between guard pages,
// against plain loops, bit by bit; on every target of this machine, on v4
// emulated by v3, and as plain code. Targets without FMA round each product.

#include "codegen/cpu/CompileKernel.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/TileProblem.h"
#include "test/unit/KernelRunner.h"
#include "test/unit/TileFixture.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace sinter;
using namespace sinter::test;
using Kind = TileCase::Kind;

namespace {

struct Mode {
  const cpu::Target *target;
  cpu::CodegenOptions options;
  const char *how;
};

std::vector<Mode> modes() {
  std::vector<Mode> result;
  for (const cpu::Target &target : cpu::allTargets())
    if (cpu::hostSupports(target))
      result.push_back({&target, {}, ""});
  cpu::CodegenOptions emulated, plain;
  emulated.emulatePrims = true;
  plain.plain = true;
  const cpu::Target *widest = &cpu::allTargets().back();
  result.push_back({widest, emulated, " emulated"});
  result.push_back({widest, plain, " plain"});
  return result;
}

class TileEngine : public test::TileFixture {
protected:
  TileEngine() : TileFixture(20) {}

  bool coin() { return pick({0, 1}); }

  std::vector<float> numbers(int64_t count) {
    std::uniform_real_distribution<float> uniform(-1, 1);
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i)
      values.push_back(uniform(random));
    return values;
  }

  void scheduleAlongK(TileCase &test) {
    schedule(test);
    test.tileRows = pick({1, 2, 3, 6, 8});
    test.tileColumns = 16;
    test.columnBlock = 0;
  }

  // A view whose axes have gaps between them; the innermost is contiguous.
  Strided spread(std::vector<int64_t> dims) {
    Strided view = dense(dims);
    int64_t stride = 1;
    for (size_t i = dims.size(); i-- > 0;) {
      view.strides[i] = stride;
      stride = stride * std::max<int64_t>(dims[i], 1) +
               pick({0, 0, 1, 5}) * (i ? 1 : 0);
    }
    return view;
  }

  void check(const TileCase &test) {
    SCOPED_TRACE(test.describe());
    bool depthwise = test.kind == Kind::Depthwise;
    std::vector<float> a = numbers(test.a.elements()),
                       residual = numbers(test.out.elements());
    zeroBorders(test, a.data());
    std::vector<float> bias = numbers(test.out.dims.back());
    std::vector<float> weights =
        numbers(test.panels ? test.groups * test.depth() * test.n()
                            : test.b.elements());
    if (depthwise)
      weights = numbers(test.depth() * test.out.dims.back());
    std::vector<float> fused(size_t(test.out.elements()), -7.0f),
        rounded = fused, stored = weights;
    if (test.panels && !depthwise)
      stored = packPanels(weights, test.groups, test.n(), test.depth());
    for (bool fuse : {true, false})
      reference(test, a.data(), weights.data(),
                test.bias ? bias.data() : nullptr,
                test.residual ? residual.data() : nullptr,
                (fuse ? fused : rounded).data(), fuse);
    std::vector<int64_t> params;
    for (unsigned axis : test.symbols)
      params.push_back(test.out.dims[axis]);
    for (const Mode &mode : modes()) {
      SCOPED_TRACE(mode.target->isa.str() + mode.how);
      const std::vector<float> &expected =
          mode.target->has("fma") ? fused : rounded;
      auto module = mlir::parseSourceString<mlir::ModuleOp>(
          test.define(mode.target->isa.str()), &context);
      ASSERT_TRUE(module);
      auto define = *module->getOps<kernel::DefineOp>().begin();
      auto object = cpu::compileKernel(define, "k", *mode.target, mode.options);
      ASSERT_TRUE(mlir::succeeded(object));
      ASSERT_EQ(undefinedSymbols(*object), std::vector<std::string>{});
      LoadedKernel kernel(*object, "k");
      for (bool atStart : {false, true}) {
        Guarded ga(4 * a.size(), atStart), gb(4 * stored.size(), atStart),
            gbias(4 * bias.size(), atStart), gres(4 * residual.size(), atStart),
            out(4 * expected.size(), atStart);
        auto fill = [](Guarded &to, const std::vector<float> &from) {
          if (!from.empty())
            std::memcpy(to.data(), from.data(), 4 * from.size());
        };
        fill(ga, a), fill(gb, stored), fill(gbias, bias), fill(gres, residual);
        // The plan may put the result where the residual was.
        bool inPlace = test.residual && atStart;
        for (size_t i = 0; i < expected.size(); ++i)
          out.as<float>()[i] = inPlace ? residual[i] : -7.0f;
        std::vector<void *> buffers{ga.data(), gb.data()};
        if (test.bias)
          buffers.push_back(gbias.data());
        if (test.residual)
          buffers.push_back(inPlace ? out.data() : gres.data());
        buffers.push_back(out.data());
        int64_t scratch =
            kernel::kTileScratch +
            4 * (test.tileColumns + 16) * std::max<int64_t>(test.depth(), 1);
        ASSERT_EQ(
            kernel.run(buffers, params, test.items(), scratch, atStart ? 3 : 1),
            0u);
        for (size_t i = 0; i < expected.size(); ++i)
          ASSERT_EQ(out.as<float>()[i],
                    inPlace && expected[i] == -7.0f ? residual[i] : expected[i])
              << "element " << i;
      }
    }
  }
};

void epilogue(TileCase &test, int64_t bits) {
  test.bias = bits & 1;
  test.residual = bits & 2;
  test.relu = bits & 4;
}

TEST_F(TileEngine, ContractWithPanels) {
  for (int round = 0; round < 7; ++round) {
    TileCase test;
    std::vector<int64_t> dims(size_t(pick({0, 0, 1, 2})), 0);
    for (int64_t &dim : dims)
      dim = pick({1, 2, 3});
    dims.push_back(pick({0, 1, 2, 7, 13, 31, 64}));
    std::vector<int64_t> in = dims;
    in.push_back(pick({1, 3, 8, 17, 64}));
    dims.push_back(pick({1, 5, 16, 31, 48, 97}));
    test.a = spread(in);
    test.out = spread(dims);
    if (coin())
      test.symbols = {unsigned(dims.size() - 2)};
    epilogue(test, pick({0, 1, 3, 7}));
    schedule(test);
    check(test);
  }
}

TEST_F(TileEngine, ContractWithViews) {
  for (int round = 0; round < 7; ++round) {
    TileCase test;
    test.panels = false;
    std::vector<int64_t> dims(size_t(pick({0, 1, 2})), 0);
    for (int64_t &dim : dims)
      dim = pick({1, 2, 3});
    int64_t m = pick({1, 2, 7, 19, 33}), k = pick({1, 3, 8, 29}),
            n = pick({1, 7, 16, 20, 53});
    auto with = [&](int64_t x, int64_t y) {
      std::vector<int64_t> all = dims;
      all.push_back(x);
      all.push_back(y);
      return all;
    };
    test.a = spread(with(m, k));
    test.b = spread(with(k, n));
    if (coin()) { // b transposed: K is contiguous
      Strided transposed = spread(with(n, k));
      size_t rank = dims.size();
      test.b.strides = transposed.strides;
      std::swap(test.b.strides[rank], test.b.strides[rank + 1]);
    }
    test.out = spread(with(m, n));
    unsigned rank = unsigned(dims.size());
    if (coin())
      test.symbols = {rank};
    if (coin())
      test.symbols.push_back(rank + 1);
    epilogue(test, pick({0, 2, 6}));
    schedule(test);
    check(test);
  }
}

// Few columns: vectors lie along k, with rests of k, of rows and of columns.
TEST_F(TileEngine, ContractAlongK) {
  for (int round = 0; round < 10; ++round) {
    TileCase test;
    test.panels = false;
    test.alongK = true;
    std::vector<int64_t> dims(size_t(pick({0, 1})), 0);
    for (int64_t &dim : dims)
      dim = pick({1, 3});
    int64_t m = pick({1, 2, 7, 19, 33}), k = pick({1, 15, 16, 48, 77}),
            n = pick({1, 1, 2, 3, 4});
    auto with = [&](int64_t x, int64_t y) {
      std::vector<int64_t> all = dims;
      all.push_back(x);
      all.push_back(y);
      return all;
    };
    test.a = spread(with(m, k));
    test.b = spread(with(n, k));
    size_t rank = dims.size();
    std::swap(test.b.strides[rank], test.b.strides[rank + 1]);
    std::swap(test.b.dims[rank], test.b.dims[rank + 1]);
    test.out = spread(with(m, n));
    if (coin())
      test.symbols = {unsigned(rank)};
    epilogue(test, pick({0, 2, 6}));
    scheduleAlongK(test);
    check(test);
  }
}

TEST_F(TileEngine, ConvolutionsAlongK) {
  for (int round = 0; round < 10; ++round) {
    TileCase test;
    test.kind = Kind::Conv;
    test.panels = false;
    test.alongK = true;
    std::vector<int64_t> in{pick({1, 2})}, out = in;
    int64_t channels = pick({3, 16, 24, 33}), maps = pick({1, 1, 2, 3, 4});
    for (size_t i = 0; i < 2; ++i) {
      out.push_back(pick({1, 3, 7, 11}));
      in.push_back(
          addAxis(test, {{1, 2, 3}, {1, 1, 2}, {1, 1, 2}}, out.back()));
    }
    in.push_back(channels);
    out.push_back(maps);
    test.a = spread(in);
    test.out = spread(out);
    test.b = {{test.depth(), maps}, {1, test.depth()}};
    epilogue(test, pick({0, 1, 3, 7}));
    scheduleAlongK(test);
    check(test);
  }
}

// One vector of columns, and row tiles of 8, 4, 2 and 1 of a number of rows
// that only run time knows; reductions of a trip or two; a half-empty last
// vector beside whole ones in a large tile.
TEST_F(TileEngine, ContractTails) {
  for (int64_t columns : {5, 88})
    for (int64_t depth : {1, 2, 7, 8}) {
      TileCase test;
      test.a = spread({15, depth});
      test.out = spread({15, columns});
      test.symbols = {0};
      test.tileRows = 8;
      test.tileColumns = columns > 16 ? 48 : 16;
      test.unroll = 8;
      epilogue(test, 1);
      check(test);
    }
}

TEST_F(TileEngine, Convolutions) {
  for (int round = 0; round < 10; ++round) {
    TileCase test;
    test.kind = Kind::Conv;
    size_t spatial = size_t(pick({1, 2, 2, 2, 3}));
    std::vector<int64_t> in{pick({1, 1, 2})}, out = in;
    test.groups = pick({1, 1, 1, 2, 3});
    for (size_t i = 0; i < spatial; ++i) {
      out.push_back(pick(spatial == 3 ? std::vector<int64_t>{1, 2, 3}
                                      : std::vector<int64_t>{1, 3, 5, 7, 11}));
      in.push_back(
          addAxis(test, {{1, 2, 3}, {1, 1, 2}, {1, 1, 2}}, out.back()) +
          pick({0, 0, 1}));
    }
    in.push_back(test.groups * pick({1, 3, 4, 16}));
    out.push_back(test.groups * pick({1, 8, 16, 24, 40, 52}));
    test.a = spread(in);
    test.out = spread(out);
    epilogue(test, pick({0, 1, 3, 7}));
    schedule(test);
    check(test);
  }
}

// What a tile leaves out adds exact zeros: same bits, whatever rows share it,
// and also where a whole image, or all of an axis, is border.
TEST_F(TileEngine, ConvolutionsWithBorders) {
  for (int round = 0; round < 10; ++round) {
    TileCase test;
    test.kind = Kind::Conv;
    test.groups = pick({1, 1, 2});
    std::vector<int64_t> in{pick({1, 3})}, out = in;
    for (size_t i = 0; i < 2; ++i) {
      out.push_back(pick({1, 2, 5, 9}));
      in.push_back(
          addAxis(test, {{2, 3, 5}, {1, 1, 2}, {1, 2, 5}}, out.back()));
      test.borderLow.push_back(std::min(in.back(), pick({0, 1, 3, 10})));
      test.borderHigh.push_back(
          std::min(in.back() - test.borderLow.back(), pick({0, 1, 4, 10})));
    }
    in.push_back(test.groups * pick({1, 4, 33}));
    out.push_back(test.groups * pick({8, 16, 40}));
    test.a = spread(in);
    test.out = spread(out);
    epilogue(test, pick({0, 1, 7}));
    schedule(test);
    check(test);
  }
}

TEST_F(TileEngine, ConvolutionsAlongOneAxis) {
  for (int round = 0; round < 4; ++round) {
    TileCase test;
    test.kind = Kind::Conv;
    int64_t length = pick({1, 4, 9, 31}), taps = pick({2, 3, 5}),
            channels = pick({32, 33, 48});
    test.groups = pick({1, 1, 2});
    test.kernel = {1, taps};
    test.strides = {1, pick({1, 2})};
    test.dilations = {1, 1};
    test.a = spread(
        {2, 1, (length - 1) * test.strides[1] + taps, test.groups * channels});
    test.out = spread({2, 1, length, test.groups * pick({16, 40})});
    epilogue(test, pick({0, 1, 7}));
    schedule(test);
    check(test);
  }
}

TEST_F(TileEngine, Depthwise) {
  for (int round = 0; round < 5; ++round) {
    TileCase test;
    test.kind = Kind::Depthwise;
    test.panels = false;
    size_t spatial = size_t(pick({1, 2, 2, 3}));
    int64_t channels = pick({2, 5, 16, 24, 40, 96});
    std::vector<int64_t> in{pick({1, 2})}, out = in;
    for (size_t i = 0; i < spatial; ++i) {
      out.push_back(pick({1, 3, 7}));
      in.push_back(addAxis(test,
                           {spatial == 3 ? std::vector<int64_t>{1, 3}
                                         : std::vector<int64_t>{1, 3, 5, 9},
                            {1, 2},
                            {1, 2}},
                           out.back()));
    }
    in.push_back(channels);
    out.push_back(channels);
    test.groups = channels;
    test.a = spread(in);
    test.out = spread(out);
    epilogue(test, pick({0, 1, 3, 7}));
    schedule(test);
    check(test);
  }
}

// Channels that the vectors do not divide, with bias and with a residual; a
// long innermost axis.
TEST_F(TileEngine, DepthwiseRests) {
  for (int64_t channels : {8, 20, 26, 58, 72})
    for (int64_t bits : {1, 3}) {
      TileCase test;
      test.kind = Kind::Depthwise;
      test.panels = false;
      test.kernel = {2, channels == 20 ? 17 : 3};
      test.strides = test.dilations = {1, 1};
      test.groups = channels;
      test.a = spread({1, 6, test.kernel[1] + 2, channels});
      test.out = spread({1, 5, 3, channels});
      test.tileRows = 8;
      test.tileColumns = 64;
      test.columnBlock = channels == 72 ? 64 : 0;
      epilogue(test, bits);
      check(test);
    }
}

} // namespace
