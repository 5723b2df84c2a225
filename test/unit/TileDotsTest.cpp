// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Property: sums of products of unsigned bytes with signed ones are exact, at
// every shape and schedule, on every target of this machine, with the dot
// products of the widest one written out, and as plain code. Bytes go to both
// ends of their ranges, where an instruction that saturates would be wrong.
// Buffers lie between guard pages.

#include "codegen/cpu/CompileKernel.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/TileProblem.h"
#include "test/unit/KernelRunner.h"
#include "test/unit/TileFixture.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>
#include <random>

using namespace sinter;
using namespace sinter::test;
using Kind = TileCase::Kind;

namespace {

class TileDots : public test::TileFixture {
protected:
  TileDots() : TileFixture(7) {}

  // Mostly the ends.
  std::vector<float> numbers(int64_t count, int64_t least, int64_t most) {
    std::uniform_int_distribution<int64_t> any(least, most);
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i)
      values.push_back(float(pick({least, most, most, any(random)})));
    return values;
  }

  // [group][n/16][k/4][16][4], or as they are for a depthwise one.
  std::vector<int8_t> packed(const TileCase &test,
                             const std::vector<float> &weights) {
    if (test.kind == Kind::Depthwise)
      return std::vector<int8_t>(weights.begin(), weights.end());
    int64_t n = test.n(), depth = test.depth(), panels = (n + 15) / 16;
    std::vector<int8_t> result(size_t(test.panelElements()), 0);
    for (int64_t g = 0; g < test.groups; ++g)
      for (int64_t k = 0; k < depth; ++k)
        for (int64_t j = 0; j < n; ++j)
          result[size_t(
              (((g * panels + j / 16) * (depth / 4) + k / 4) * 16 + j % 16) *
                  4 +
              k % 4)] = int8_t(weights[size_t((g * depth + k) * n + j)]);
    return result;
  }

  void check(const TileCase &test) {
    SCOPED_TRACE(test.describe());
    std::vector<float> a = numbers(test.a.elements(), 0, 255);
    zeroBorders(test, a.data());
    std::vector<float> weights = numbers(
        test.kind == Kind::Depthwise ? test.depth() * test.out.dims.back()
                                     : test.groups * test.depth() * test.n(),
        -128, 127);
    std::vector<float> expected(size_t(test.out.elements()), -7.0f);
    reference(test, a.data(), weights.data(), nullptr, nullptr, expected.data(),
              true);
    std::vector<uint8_t> left(a.begin(), a.end());
    std::vector<int8_t> right = packed(test, weights);
    cpu::CodegenOptions emulated, plain;
    emulated.emulatePrims = true;
    plain.plain = true;
    for (const cpu::Target &target : cpu::allTargets())
      for (const cpu::CodegenOptions &options :
           {cpu::CodegenOptions(), emulated, plain}) {
        if (!options.emulatePrims && !options.plain &&
            !cpu::hostSupports(target))
          continue;
        if (options.emulatePrims && !target.has("avx512f"))
          continue;
        SCOPED_TRACE(target.isa.str() + (options.plain          ? " plain"
                                         : options.emulatePrims ? " emulated"
                                                                : ""));
        run(test, target, options, left, right, expected);
        if (HasFatalFailure())
          return;
      }
  }

  void run(const TileCase &test, const cpu::Target &target,
           const cpu::CodegenOptions &options, const std::vector<uint8_t> &left,
           const std::vector<int8_t> &right,
           const std::vector<float> &expected) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(
        test.define(target.isa.str()), &context);
    ASSERT_TRUE(module);
    auto object = cpu::compileKernel(
        *module->getOps<kernel::DefineOp>().begin(), "k", target, options);
    ASSERT_TRUE(mlir::succeeded(object));
    ASSERT_EQ(undefinedSymbols(*object), std::vector<std::string>{});
    LoadedKernel kernel(*object, "k");
    for (bool atStart : {false, true}) {
      Guarded a(left.size(), atStart), b(right.size(), atStart),
          out(4 * expected.size(), atStart);
      std::copy(left.begin(), left.end(), a.as<uint8_t>());
      std::copy(right.begin(), right.end(), b.as<int8_t>());
      std::fill_n(out.as<int32_t>(), expected.size(), -7);
      ASSERT_EQ(kernel.run({a.data(), b.data(), out.data()}, {}, test.items(),
                           kernel::kTileScratch),
                0u);
      for (size_t i = 0; i < expected.size(); ++i)
        ASSERT_EQ(out.as<int32_t>()[i], int32_t(expected[i])) << i;
    }
  }
};

TEST_F(TileDots, Contract) {
  for (int turn = 0; turn < 12; ++turn) {
    TileCase test;
    test.bytes = true;
    int64_t rows = pick({0, 1, 2, 7, 31, 64}), n = pick({1, 5, 16, 40, 67}),
            depth = pick({4, 8, 12, 60, 256});
    test.a = dense({rows, depth});
    test.a.strides[0] += pick({0, 0, 3});
    test.out = dense({rows, n});
    schedule(test);
    check(test);
  }
}

TEST_F(TileDots, Conv) {
  for (int turn = 0; turn < 12; ++turn) {
    TileCase test;
    test.kind = Kind::Conv;
    test.bytes = true;
    test.groups = pick({1, 1, 2});
    int64_t channels = test.groups * pick({4, 8, 20}),
            maps = test.groups * pick({3, 16, 24}), images = pick({1, 2}),
            height = pick({1, 4, 9}), width = pick({1, 5, 8});
    int64_t lines = addAxis(test, {{1, 2, 3}, {1, 2}, {1, 2}}, height),
            columns = addAxis(test, {{1, 3}, {1, 2}, {1}}, width);
    test.a = dense({images, lines, columns, channels});
    test.out = dense({images, height, width, maps});
    schedule(test);
    check(test);
  }
}

TEST_F(TileDots, Depthwise) {
  for (int turn = 0; turn < 8; ++turn) {
    TileCase test;
    test.kind = Kind::Depthwise;
    test.bytes = true;
    test.panels = false;
    int64_t channels = pick({3, 16, 24, 40}), height = pick({1, 4}),
            width = pick({5, 8});
    test.groups = channels;
    int64_t lines = addAxis(test, {{3}, {1, 2}, {1}}, height),
            columns = addAxis(test, {{1, 3}, {1}, {1}}, width);
    test.a = dense({1, lines, columns, channels});
    test.out = dense({1, height, width, channels});
    schedule(test);
    check(test);
  }
}

} // namespace
