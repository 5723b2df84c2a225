// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every row of the scalar-op table as vector code against its reference in
// double, over bit patterns spread through the whole type; the same bits from
// every target; integers against the reference, exactly.

#include "codegen/cpu/VectorMath.h"
#include "codegen/cpu/CompileKernel.h"
#include "dialects/scalar/ScalarReference.h"
#include "test/unit/MapKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/MLIRContext.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <map>

using namespace mlir;
using namespace sinter;
using namespace sinter::cpu;
using scalar::Kind;
using test::Compiled;
using test::emitMap;

namespace {

bool takes(const scalar::Row &row, bool isFloat) {
  using scalar::Domain;
  if (row.name == "select")
    return false;
  return row.operands == Domain::Any || row.operands == Domain::Number ||
         row.operands == (isFloat ? Domain::Float : Domain::Integer);
}

Compiled compileRows(const Target &target, llvm::StringRef typeName,
                     bool isUnsigned) {
  DialectRegistry registry;
  registerCodegenDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  context.loadDialect<sym::SymDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  Builder b(&context);
  Type type = typeName == "f32"   ? Type(b.getF32Type())
              : typeName == "f64" ? Type(b.getF64Type())
              : typeName == "i32" ? Type(b.getI32Type())
              : typeName == "i64" ? Type(b.getI64Type())
                                  : Type(b.getIntegerType(8));
  for (const scalar::Row &row : scalar::table()) {
    if (!takes(row, isa<FloatType>(type)))
      continue;
    Type out = row.result == scalar::Result::Bool ? Type(b.getI1Type()) : type;
    emitMap(*module, target, "row_" + row.name.str(), type, out, row.arity,
            [&](KernelBuilder &kb, ArrayRef<Value> v, Value active) {
              return emitScalar(kb, *scalar::kindOf(row.name), v, isUnsigned,
                                active);
            });
  }
  FailureOr<std::string> object = compileModule(*module, target);
  EXPECT_TRUE(succeeded(object));
  if (failed(object))
    return {};
  EXPECT_EQ(test::undefinedSymbols(*object), std::vector<std::string>{});
  return {*object, {}};
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

// Arguments of a row: spread bit patterns, plus a dense range around zero.
template <typename T> std::vector<T> samples(unsigned seed) {
  std::vector<T> values;
  uint32_t step = 40009 + 2 * seed;
  for (uint64_t bits = seed * 977; bits < (uint64_t(1) << 32); bits += step) {
    float value;
    uint32_t narrow = uint32_t(bits);
    std::memcpy(&value, &narrow, 4);
    values.push_back(value);
  }
  for (int i = 0; i < 60000; ++i)
    values.push_back(T(float((i * (7919 + seed) % 60000 - 30000) / 1500.0)));
  for (double special :
       {0.0, -0.0, 1.0, -1.0, HUGE_VAL, -HUGE_VAL, std::nan(""), 88.7, -87.3,
        0.5, 2.0, 3.0, -3.0, 6.0, -6.0})
    values.push_back(T(special));
  return values;
}

double exact(Kind kind, const double *v) {
  switch (kind) {
  case Kind::k_gelu: // the table's formula cancels
    return v[0] == -INFINITY ? NAN : v[0] / 2 * std::erfc(-v[0] * M_SQRT1_2);
  case Kind::k_gelu_tanh: {
    double u = 0.79788456080286535588 * (v[0] + 0.044715 * v[0] * v[0] * v[0]);
    return v[0] / (1 + std::exp(-2 * u));
  }
  case Kind::k_mish: {
    double e = std::exp(std::min(v[0], 50.0)), t = e * (e + 2);
    return v[0] * (t / (t + 2));
  }
  case Kind::k_softplus:
    return std::max(v[0], 0.0) + std::log1p(std::exp(-std::fabs(v[0])));
  default:
    return scalar::evaluateFloat(kind, v);
  }
}

// Allowed distance in units of the last place of f32; rows that cancel are
// measured against the magnitude of their terms instead.
double allowed(Kind kind) {
  switch (kind) {
  case Kind::k_exp:
  case Kind::k_log:
  case Kind::k_erf:
    return 2;
  case Kind::k_tanh:
  case Kind::k_sigmoid:
  case Kind::k_silu:
  case Kind::k_softplus:
    return 3;
  case Kind::k_hard_swish:
  case Kind::k_softsign:
    return 2;
  case Kind::k_gelu: // 1 + erf(x) where erf is near -0.8
    return 8;
  case Kind::k_mish:
  case Kind::k_selu:
  case Kind::k_celu:
  case Kind::k_elu:
    return 5;
  case Kind::k_gelu_tanh: // the argument of e^2u is large where it matters
    return 100;
  default:
    return 1.01;
  }
}

double ulpOf(double x) {
  if (std::fabs(x) < 1.17549435e-38)
    return 1.17549435e-38; // results below are flushed
  return std::ldexp(1.0, std::ilogb(x) - 23);
}

bool isFaithful(Kind kind, double got, double want, const double *v,
                double &error) {
  error = 0;
  float rounded = float(want);
  if (std::isnan(want) || std::isnan(got))
    return std::isnan(want) == std::isnan(got);
  if (std::isinf(rounded))
    return got == rounded || std::fabs(got) > 3.3e38;
  double scale = ulpOf(want);
  if (kind == Kind::k_celu || kind == Kind::k_hard_sigmoid ||
      kind == Kind::k_hard_swish || kind == Kind::k_shrink)
    scale = std::max(scale, ulpOf(std::max({std::fabs(v[0]), 1.0})));
  if (kind == Kind::k_gelu) // the tail of erf: far better than 1 + erf(x)
    scale = std::max(scale, ulpOf(v[0]) / 8);
  // Where e^x is flushed to zero, x e^x is 100 times that.
  if (kind == Kind::k_silu || kind == Kind::k_mish || kind == Kind::k_gelu ||
      kind == Kind::k_gelu_tanh)
    scale = std::max(scale, 1e-35);
  error = std::fabs(got - want) / scale;
  return error <= allowed(kind);
}

/// As in a run of a model: denormals are zero, on a formula's way, too.
void runFlushed(const test::LoadedKernel &row,
                const std::vector<void *> &buffers, int64_t n) {
#if defined(__x86_64__)
  unsigned mode = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(mode | 0x8040);
  row.run(buffers, {n}, 1);
  __builtin_ia32_ldmxcsr(mode);
#else
  row.run(buffers, {n}, 1);
#endif
}

void checkFloats(const Target &target,
                 std::map<std::string, std::vector<float>> &results) {
  Compiled rows = compileRows(target, "f32", false);
  for (const scalar::Row &row : scalar::table()) {
    if (!takes(row, true))
      continue;
    Kind kind = *scalar::kindOf(row.name);
    std::vector<std::vector<float>> in;
    for (unsigned k = 0; k < row.arity; ++k)
      in.push_back(samples<float>(k));
    if (kind == Kind::k_clip) // low <= high, as ONNX requires
      for (size_t i = 0; i < in[1].size() && i < in[2].size(); ++i)
        if (in[2][i] < in[1][i])
          std::swap(in[1][i], in[2][i]);
    int64_t n = in[0].size();
    for (auto &values : in)
      n = std::min<int64_t>(n, values.size());
    bool isBool = row.result == scalar::Result::Bool;
    test::Guarded out(isBool ? n : 4 * n);
    std::vector<void *> buffers;
    for (auto &values : in)
      buffers.push_back(values.data());
    buffers.push_back(out.data());
    runFlushed(rows["row_" + row.name.str()], buffers, n);
    double worst = 0, v[3];
    int failures = 0;
    auto &bits = results[row.name.str()];
    for (int64_t i = 0; i < n; ++i) {
      for (unsigned k = 0; k < row.arity; ++k)
        v[k] = std::fpclassify(in[k][i]) == FP_SUBNORMAL
                   ? std::copysign(0, in[k][i])
                   : in[k][i];
      bool isLarge = std::fabs(v[0]) > 1e6;
      if (isLarge &&
          (kind == Kind::k_sin || kind == Kind::k_cos || kind == Kind::k_tan))
        continue;
      if ((kind == Kind::k_mod || kind == Kind::k_fmod) &&
          std::fabs(v[0] / v[1]) > 1e8)
        continue;
      // Without an fma the product that is added to x is a denormal.
      if (kind == Kind::k_erf && std::fabs(v[0]) < 1e-36)
        continue;
      // An alpha so small that x / alpha overflows.
      if (kind == Kind::k_celu && !(std::fabs(v[1]) > 1e-3))
        continue;
      double got = isBool ? out.as<uint8_t>()[i] : out.as<float>()[i], error;
      bits.push_back(float(got));
      double want = exact(kind, v);
      bool fine = isFaithful(kind, got, want, v, error);
      worst = std::max(worst, std::isnan(error) ? 0 : error);
      if (!fine && ++failures <= 3)
        ADD_FAILURE() << row.name.str() << "(" << v[0] << ", "
                      << (row.arity > 1 ? v[1] : 0) << ") is " << want
                      << ", got " << got << ", " << error << " ulp";
    }
    EXPECT_EQ(failures, 0) << row.name.str() << " on " << target.isa.str();
    if (getenv("SINTER_PRINT_ULP"))
      printf("%-18s %s %.2f\n", row.name.str().c_str(),
             target.isa.str().c_str(), worst);
  }
}

TEST(VectorMath, Float32RowsFollowTheTable) {
  std::map<std::string, std::vector<float>> first;
  std::vector<Target> targets(allTargets().begin(), allTargets().end());
  targets.push_back(plainTarget(targets.back()));
  for (const Target &target : targets) {
    if (!hostSupports(target))
      continue;
    std::map<std::string, std::vector<float>> results;
    checkFloats(target, results);
    if (!target.has("fma")) // rounds each product: other bits
      continue;
    if (first.empty())
      first = results;
    for (auto &[name, values] : results) {
      size_t different = 0;
      for (size_t i = 0; i < values.size(); ++i)
        different += std::memcmp(&values[i], &first[name][i], 4) != 0 &&
                     !std::isnan(values[i]); // no promise about which NaN
      EXPECT_EQ(different, 0u) << name << " differs on " << target.isa.str();
    }
  }
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

template <typename T>
void checkIntegers(const Target &target, const char *name) {
  constexpr bool isUnsigned = std::is_unsigned_v<T>;
  Compiled rows = compileRows(target, name, isUnsigned);
  constexpr int64_t n = 1003;
  for (const scalar::Row &row : scalar::table()) {
    if (!takes(row, false))
      continue;
    Kind kind = *scalar::kindOf(row.name);
    std::vector<std::vector<T>> in(row.arity);
    uint64_t state = 12345;
    for (int64_t i = 0; i < n; ++i)
      for (auto &values : in) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t random = state >> 20;
        T value = T(random);
        if (random % 5 == 0)
          value = T(int64_t(random >> 8) % 7 - 3);
        if (random % 31 == 0)
          value = std::numeric_limits<T>::min();
        values.push_back(value);
      }
    if (kind == Kind::k_shrink) { // a limit below 0 means nothing
      if (isUnsigned)
        continue;
      for (T &limit : in[1])
        limit &= std::numeric_limits<T>::max();
    }
    bool isDivision =
        kind == Kind::k_div || kind == Kind::k_mod || kind == Kind::k_fmod;
    for (bool hasZero : {false, true}) {
      if (hasZero && !isDivision)
        continue;
      if (isDivision)
        for (T &divisor : in[1])
          if (!hasZero && divisor == 0)
            divisor = 3;
      if (hasZero)
        in[1][n / 2] = 0;
      bool isBool = row.result == scalar::Result::Bool;
      test::Guarded out(isBool ? n : n * sizeof(T));
      std::vector<void *> buffers;
      for (auto &values : in)
        buffers.push_back(values.data());
      buffers.push_back(out.data());
      uint32_t fault = rows["row_" + row.name.str()].run(buffers, {n}, 1);
      EXPECT_EQ(fault, hasZero ? 2u : 0u) << row.name.str();
      for (int64_t i = 0; i < n; ++i) {
        int64_t v[3] = {};
        for (unsigned k = 0; k < row.arity; ++k)
          v[k] = int64_t(in[k][i]);
        bool ignored = false;
        T want = T(scalar::evaluateInteger(kind, v, isUnsigned, 8 * sizeof(T),
                                           ignored));
        T got = isBool ? T(out.as<uint8_t>()[i]) : out.as<T>()[i];
        ASSERT_EQ(got, want)
            << row.name.str() << "(" << v[0] << ", " << v[1] << ") on " << name;
      }
    }
  }
}

TEST(VectorMath, IntegerRowsAreExact) {
  for (const Target &target : allTargets()) {
    if (!hostSupports(target))
      continue;
    checkIntegers<int32_t>(target, "i32");
    checkIntegers<int64_t>(target, "i64");
    checkIntegers<uint8_t>(target, "u8");
    checkIntegers<int8_t>(target, "i8");
  }
}

} // namespace
