// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile engine on element types other than float: doubles, integers that
// wrap, bytes and pairs of shorts summed in 32 bits, half floats summed in
// float.

#include "codegen/cpu/CompileKernel.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/TileProblem.h"
#include "test/unit/KernelRunner.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace sinter;

namespace {

constexpr int64_t kRows = 7, kColumns = 19, kDepth = 11;

std::string defineFor(const std::string &in, const std::string &sum,
                      const std::string &out, const std::string &isa) {
  auto view = [](int64_t rows, int64_t columns, const std::string &type) {
    return "!kernel.view<[" + std::to_string(rows) + ", " +
           std::to_string(columns) + "] x " + type + ", [" +
           std::to_string(columns) + ", 1]>";
  };
  std::string a = view(kRows, kDepth, in), b = view(kDepth, kColumns, in),
              y = view(kRows, kColumns, out);
  std::string region =
      sum == out
          ? "{}"
          : "{\n^bb0(%acc: " + sum + "):\n %0 = kernel.cast %acc : " + sum +
                " to " + out + "\n kernel.yield %0 : " + out + "\n}";
  return "kernel.define @k (%a: " + a + ", %b: " + b + ") -> (%y: " + y +
         ") attributes {schedules = " + "[#kernel.schedule<isa = \"" + isa +
         "\", algo = \"direct\", tile_m = 4, tile_n = 16, unroll = 2, " +
         "prefetch = 0>]} {\n kernel.contract %a, %b : " + a + ", " + b +
         " outs(%y : " + y + ") " + region + "\n}\n";
}

/// Small integers: exact in every type.
template <typename In, typename Out>
void check(const std::string &in, const std::string &sum,
           const std::string &out) {
  mlir::DialectRegistry registry;
  registry.insert<kernel::KernelDialect>();
  cpu::registerCodegenDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  for (const cpu::Target &target : cpu::allTargets())
    for (bool plain : {false, true}) {
      SCOPED_TRACE(in + " on " + target.isa.str() + (plain ? " plain" : ""));
      auto module = mlir::parseSourceString<mlir::ModuleOp>(
          defineFor(in, sum, out, target.isa.str()), &context);
      ASSERT_TRUE(module);
      cpu::CodegenOptions options;
      options.emulatePrims = !plain && !cpu::hostSupports(target);
      options.plain = plain;
      auto object = cpu::compileKernel(
          *module->getOps<kernel::DefineOp>().begin(), "k", target, options);
      ASSERT_TRUE(mlir::succeeded(object));
      EXPECT_EQ(test::undefinedSymbols(*object), std::vector<std::string>{});
      test::LoadedKernel kernel(*object, "k");
      test::Guarded a(sizeof(In) * kRows * kDepth),
          b(sizeof(In) * kDepth * kColumns), y(sizeof(Out) * kRows * kColumns);
      // Bytes without their zero points.
      auto value = [](int64_t i, int64_t modulus) {
        return std::is_same_v<In, int16_t> ? In(i * 37 % 511 - 255)
                                           : In(i % modulus);
      };
      for (int64_t i = 0; i < kRows * kDepth; ++i)
        a.as<In>()[i] = value(i, 7);
      for (int64_t i = 0; i < kDepth * kColumns; ++i)
        b.as<In>()[i] = value(i, 5);
      kernel.run({a.data(), b.data(), y.data()}, {}, 1, kernel::kTileScratch);
      for (int64_t i = 0; i < kRows; ++i)
        for (int64_t j = 0; j < kColumns; ++j) {
          double expected = 0;
          for (int64_t k = 0; k < kDepth; ++k)
            expected += double(a.as<In>()[i * kDepth + k]) *
                        double(b.as<In>()[k * kColumns + j]);
          ASSERT_EQ(double(y.as<Out>()[i * kColumns + j]), expected)
              << i << ", " << j;
        }
    }
}

TEST(TileTypes, Doubles) { check<double, double>("f64", "f64", "f64"); }
TEST(TileTypes, HalfFloats) { check<_Float16, _Float16>("f16", "f32", "f16"); }
TEST(TileTypes, Integers32) { check<int32_t, int32_t>("i32", "i32", "i32"); }
TEST(TileTypes, Integers64) { check<int64_t, int64_t>("i64", "i64", "i64"); }
TEST(TileTypes, Shorts) { check<int16_t, int32_t>("i16", "i32", "i32"); }
TEST(TileTypes, SignedBytes) { check<int8_t, int32_t>("i8", "i32", "i32"); }
TEST(TileTypes, UnsignedBytes) { check<uint8_t, int32_t>("ui8", "i32", "i32"); }

} // namespace
