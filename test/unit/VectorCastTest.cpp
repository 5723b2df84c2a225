// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// kernel.cast as vector code, on every target and as plain code: rounding,
// saturation, and all half floats.

#include "codegen/cpu/CompileKernel.h"
#include "codegen/cpu/VectorMath.h"
#include "test/unit/MapKernels.h"

#include "mlir/IR/MLIRContext.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>

using namespace mlir;
using namespace sinter;
using namespace sinter::cpu;

namespace {

std::vector<Target> targets() {
  std::vector<Target> result;
  for (const Target &target : allTargets())
    if (hostSupports(target))
      result.push_back(target);
  result.push_back(plainTarget(allTargets().back()));
  return result;
}

/// Kernels to_X from f32 and from_X to f32.
test::Compiled compileCasts(const Target &target) {
  DialectRegistry registry;
  registerCodegenDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  context.loadDialect<sym::SymDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  Builder b(&context);
  Type f32 = b.getF32Type();
  std::map<std::string, Type> types = {{"i8", b.getI8Type()},
                                       {"u8", b.getIntegerType(8, false)},
                                       {"i16", b.getI16Type()},
                                       {"u16", b.getIntegerType(16, false)},
                                       {"u32", b.getIntegerType(32, false)},
                                       {"u64", b.getIntegerType(64, false)},
                                       {"i32", b.getI32Type()},
                                       {"i64", b.getI64Type()},
                                       {"i1", b.getI1Type()},
                                       {"f16", b.getF16Type()},
                                       {"bf16", b.getBF16Type()},
                                       {"f64", b.getF64Type()}};
  for (auto &[name, type] : types) {
    Type other = type;
    if (isa<IntegerType>(other) && !other.isInteger(1))
      for (Type real : {Type(f32), Type(b.getF64Type())})
        test::emitMap(
            *module, target, (real.isF32() ? "f32_to_" : "f64_to_") + name,
            real, other, 1, [&](KernelBuilder &kb, ArrayRef<Value> v, Value) {
              return emitCast(kb, v[0], real, other);
            });
    test::emitMap(*module, target, "to_" + name, f32, type, 1,
                  [&](KernelBuilder &kb, ArrayRef<Value> v, Value) {
                    return emitCast(kb, v[0], f32, other);
                  });
    test::emitMap(*module, target, "from_" + name, type, f32, 1,
                  [&](KernelBuilder &kb, ArrayRef<Value> v, Value) {
                    return emitCast(kb, v[0], other, f32);
                  });
  }
  FailureOr<std::string> object = compileModule(*module, target);
  EXPECT_TRUE(succeeded(object));
  EXPECT_EQ(test::undefinedSymbols(*object), std::vector<std::string>{});
  return {*object, {}};
}

TEST(VectorCast, RoundsAndSaturates) {
  for (const Target &target : targets()) {
    SCOPED_TRACE(target.isa.str());
    test::Compiled casts = compileCasts(target);
    std::vector<float> in = {0,     -0.5f, 1.9f, -1.9f,    127.5f,     200,
                             -129,  300,   NAN,  INFINITY, -INFINITY,  3e9f,
                             -3e9f, 1e19f, 0.1f, 65520,    1.00390625f};
    int64_t n = in.size();
    auto run = [&](const std::string &name, auto zero) {
      std::vector<decltype(zero)> out(n);
      casts[name].run({in.data(), out.data()}, {n}, 1);
      return out;
    };
    EXPECT_EQ(run("to_i8", int8_t()),
              (std::vector<int8_t>{0, 0, 1, -1, 127, 127, -128, 127, -128, 127,
                                   -128, 127, -128, 127, 0, 127, 1}));
    EXPECT_EQ(run("to_u8", uint8_t()),
              (std::vector<uint8_t>{0, 0, 1, 0, 127, 200, 0, 255, 0, 255, 0,
                                    255, 0, 255, 0, 255, 1}));
    auto wide = run("to_i64", int64_t());
    EXPECT_EQ(wide[11], 3000000000);
    EXPECT_EQ(wide[13], INT64_MAX);
    EXPECT_EQ(wide[10], INT64_MIN);
    EXPECT_EQ(wide[8], INT64_MIN); // NaN
    EXPECT_EQ(run("to_i32", int32_t())[11], INT32_MAX);
    EXPECT_EQ(run("to_i32", int32_t())[8], INT32_MIN);
    auto bools = run("to_i1", uint8_t());
    EXPECT_EQ(bools[0], 0);
    EXPECT_EQ(bools[8], 1); // NaN is not 0
    auto bfloats = run("to_bf16", uint16_t());
    auto halves = run("to_f16", uint16_t());
    EXPECT_EQ(halves[15], 0x7c00);  // rounds to infinity
    EXPECT_EQ(bfloats[16], 0x3f80); // tie to even
    std::vector<float> back(n);
    casts["from_f16"].run({halves.data(), back.data()}, {n}, 1);
    EXPECT_EQ(back[2], 1.900390625f);
    casts["from_bf16"].run({bfloats.data(), back.data()}, {n}, 1);
    EXPECT_EQ(back[14], 0.10009765625f);
    std::vector<uint8_t> bytes = {0, 1, 255, 128};
    casts["from_u8"].run({bytes.data(), back.data()}, {4}, 1);
    EXPECT_EQ(back[2], 255);
    casts["from_i8"].run({bytes.data(), back.data()}, {4}, 1);
    EXPECT_EQ(back[2], -1);
  }
}

template <typename Real, typename Whole> Whole saturated(Real x) {
  if (!(x > Real(std::numeric_limits<Whole>::min()))) // NaN too
    return std::numeric_limits<Whole>::min();
  // 2^bits as a float, which every whole number stays below.
  if (x >= std::ldexp(Real(1), std::numeric_limits<Whole>::digits))
    return std::numeric_limits<Whole>::max();
  return Whole(x);
}

// Around every power of two, on both sides of 0.
template <typename Real> std::vector<Real> edges() {
  std::vector<Real> in = {0, Real(-0.0), NAN, INFINITY, -INFINITY};
  for (int exponent = -2; exponent < 70; ++exponent)
    for (Real sign : {Real(1), Real(-1)}) {
      Real power = sign * std::ldexp(Real(1), exponent);
      in.insert(in.end(), {power, std::nextafter(power, Real(0)),
                           std::nextafter(power, power * 2), power - Real(0.5),
                           power + Real(0.5), power - 1, power + 1});
    }
  return in;
}

template <typename Real, typename Whole>
void expectSaturation(test::Compiled &casts, const std::string &from,
                      const std::string &to) {
  SCOPED_TRACE(from + " to " + to);
  std::vector<Real> in = edges<Real>();
  std::vector<Whole> out(in.size());
  casts[from + "_to_" + to].run({in.data(), out.data()}, {int64_t(in.size())},
                                1);
  for (size_t i = 0; i < in.size(); ++i)
    ASSERT_EQ(out[i], (saturated<Real, Whole>(in[i]))) << in[i];
}

TEST(VectorCast, SaturatesEveryInteger) {
  for (const Target &target : targets()) {
    SCOPED_TRACE(target.isa.str());
    test::Compiled casts = compileCasts(target);
    auto both = [&](const std::string &to, auto zero) {
      expectSaturation<float, decltype(zero)>(casts, "f32", to);
      expectSaturation<double, decltype(zero)>(casts, "f64", to);
    };
    both("i8", int8_t()), both("u8", uint8_t());
    both("i16", int16_t()), both("u16", uint16_t());
    both("i32", int32_t()), both("u32", uint32_t());
    both("i64", int64_t()), both("u64", uint64_t());
  }
}

TEST(VectorCast, AllHalfFloats) {
  for (const Target &target : targets()) {
    SCOPED_TRACE(target.isa.str());
    test::Compiled casts = compileCasts(target);
    constexpr int64_t n = 65536;
    std::vector<_Float16> halves(n), back(n);
    std::vector<float> wide(n), between(n);
    for (int64_t i = 0; i < n; ++i) {
      uint16_t bits = uint16_t(i);
      std::memcpy(&halves[i], &bits, 2);
    }
    casts["from_f16"].run({halves.data(), wide.data()}, {n}, 1);
    for (int64_t i = 0; i < n; ++i) {
      if (std::isnan(float(halves[i])))
        ASSERT_TRUE(std::isnan(wide[i])) << i;
      else
        ASSERT_EQ(std::signbit(wide[i]) ? -1 : 1,
                  std::signbit(float(halves[i])) ? -1 : 1)
            << i;
      if (!std::isnan(wide[i]))
        ASSERT_EQ(wide[i], float(halves[i])) << i;
      // Exact, halfway to the next one, and just beyond.
      float next = float(halves[i]);
      float step = std::isfinite(next)
                       ? std::ldexp(1.0f, std::max(std::ilogb(next), -14) - 11)
                       : 0.0f;
      between[i] = i % 3 == 0   ? next
                   : i % 3 == 1 ? next + step
                                : std::nextafterf(next + step, INFINITY);
    }
    casts["to_f16"].run({between.data(), back.data()}, {n}, 1);
    for (int64_t i = 0; i < n; ++i) {
      _Float16 expected = _Float16(between[i]);
      if (std::isnan(between[i]))
        ASSERT_TRUE(std::isnan(float(back[i]))) << i;
      else
        ASSERT_EQ(std::memcmp(&back[i], &expected, 2), 0)
            << between[i] << " became " << float(back[i]);
    }
  }
}

} // namespace
