// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a row of the scalar-op table to vector code: the switch over all rows,
// and the rows that are a few operations. NaN and ties follow the table.

#include "codegen/cpu/VectorMath.h"
#include "dialects/Support/Check.h"

using namespace mlir;
using sinter::scalar::Kind;

namespace sinter::cpu {
namespace {

// The row's formulas below are written once; these pick the float type.
Vec expOf(Vec x) { return x.bits() == 64 ? exp64(x) : exp32(x); }
Vec logOf(Vec x) { return x.bits() == 64 ? log64(x) : log32(x); }
Vec log1pOf(Vec x) { return x.bits() == 64 ? log1p64(x) : log1p32(x); }
Vec expm1Of(Vec x) {
  return x.bits() == 64 ? expm1Small64(x) : expm1Small32(x);
}

Type f32Of(Vec x) { return Float32Type::get(x.element().getContext()); }
Type f64Of(Vec x) { return Float64Type::get(x.element().getContext()); }

template <typename Function> Vec inDouble(Vec x, Function function) {
  return x.bits() == 64 ? function(x)
                        : narrow(function(widen(x, f64Of(x))), x.element());
}

template <typename Function> Vec inSingle(Vec x, Function function) {
  return x.bits() == 32 ? function(x)
                        : widen(function(narrow(x, f32Of(x))), x.element());
}

Vec orNan(Vec result, Vec y) {
  std::optional<double> known = splatNumber(y.value);
  return known && *known == *known ? result : select(isNan(y), y, result);
}

Vec maximum(Vec x, Vec y) {
  if (splatNumber(x.value))
    std::swap(x, y);
  return orNan(maxKeepingFirst(x, y), y);
}

Vec minimum(Vec x, Vec y) {
  if (splatNumber(x.value))
    std::swap(x, y);
  return orNan(minKeepingFirst(x, y), y);
}

Vec clampToUnit(Vec x) { return maximum(minimum(x, x.number(1)), x.number(0)); }

Vec tanhOf(Vec x) {
  if (x.bits() == 32)
    return tanh32(x);
  Vec t = expm1Small64(abs(x) * -2.0);
  return copySign(-t / (t + 2), x);
}

Vec sigmoidOf(Vec x) {
  if (x.bits() == 32)
    return sigmoid32(x);
  Vec e = exp64(-abs(x));
  return select(less(x, 0.0), e, x.number(1)) / (e + 1);
}

Vec softplus(Vec x) {
  return maximum(x, x.number(0)) + log1pOf(expOf(-abs(x)));
}

// tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2).
Vec mish(Vec x) {
  Vec e = expOf(minKeepingFirst(x, x.number(20)));
  Vec t = e * (e + 2);
  return select(greater(x, 20), x, x * (t / (t + 2)));
}

// x/2 (1 + tanh u) = x sigmoid(2u).
Vec geluTanh(Vec x) {
  Vec u = x * fma(x * x, x.number(0.79788456080286535588 * 0.044715 * 2),
                  x.number(0.79788456080286535588 * 2));
  return x * sigmoidOf(u);
}

Vec sinhPositive(Vec t) {
  Vec e = expm1Small64(minKeepingFirst(t, t.number(700)));
  Vec y = (e + e / (e + 1)) * 0.5;
  return select(greater(t, 700), exp64(t - 0.69314718055994530942), y);
}

Vec coshPositive(Vec t) {
  Vec e = exp64(minKeepingFirst(t, t.number(700)));
  return select(greater(t, 700), exp64(t - 0.69314718055994530942),
                (e + 1.0 / e) * 0.5);
}

Vec asinh64(Vec x) {
  Vec t = abs(x), square = t * t;
  Vec y = log1p64(t + square / (sqrt(square + 1) + 1));
  Vec far = log64(t) + 0.69314718055994530942;
  return copySign(select(greater(t, 1e8), far, y), x);
}

Vec acosh64(Vec x) {
  Vec t = x - 1;
  Vec y = log1p64(t + sqrt(t * 2.0 + t * t));
  y = select(greater(x, 1e8), log64(x) + 0.69314718055994530942, y);
  return select(less(x, 1.0), x.number(__builtin_nan("")), y);
}

Vec atanh64(Vec x) {
  Vec t = abs(x);
  Vec y = copySign(log1p64(t * 2.0 / (1 - t)) * 0.5, x);
  return select(greater(t, 1.0), x.number(__builtin_nan("")), y);
}

Vec trigonometric(Kind kind, Vec x) {
  switch (kind) {
  case Kind::k_sin:
    return sin64(x);
  case Kind::k_cos:
    return cos64(x);
  case Kind::k_tan:
    return sin64(x) / cos64(x);
  case Kind::k_asin:
    return atan64(x / sqrt((1 - x) * (x + 1)));
  case Kind::k_acos:
    return atan64(sqrt((1 - x) / (x + 1))) * 2.0;
  case Kind::k_atan:
    return atan64(x);
  case Kind::k_sinh:
    return copySign(sinhPositive(abs(x)), x);
  case Kind::k_cosh:
    return coshPositive(abs(x));
  case Kind::k_asinh:
    return asinh64(x);
  case Kind::k_acosh:
    return acosh64(x);
  case Kind::k_atanh:
    return atanh64(x);
  default:
    SINTER_UNREACHABLE("scalar row without vector code");
  }
}

// Exponents that models really use need no logarithm.
Vec power(Vec x, Vec y) {
  std::optional<double> known = splatNumber(y.value);
  if (known == 1.0)
    return x;
  if (known == 2.0)
    return x * x;
  if (known == 3.0)
    return x * x * x;
  if (known == 4.0)
    return (x * x) * (x * x);
  if (known == 0.5) // pow(-0, 0.5) is +0, pow(-inf, 0.5) is +inf
    return select(equal(x, x.number(-__builtin_inf())),
                  x.number(__builtin_inf()), sqrt(x + 0.0));
  if (known == -1.0)
    return 1.0 / x;
  if (x.bits() == 64)
    return pow64(x, y);
  Type f64 = f64Of(x);
  return narrow(pow64(widen(x, f64), widen(y, f64)), x.element());
}

Vec remainder(Vec x, Vec y, bool floored) {
  auto apply = [&](Vec a, Vec b) {
    Vec r = fmod64(a, b);
    if (!floored)
      return r;
    Vec differs = r.make<arith::XOrIOp>(less(r, 0.0).value, less(b, 0.0).value);
    Vec nonzero = r.make<arith::CmpFOp>(arith::CmpFPredicate::ONE, r.value,
                                        r.number(0).value);
    Vec fix = r.make<arith::AndIOp>(differs.value, nonzero.value);
    return select(fix, r + b, r);
  };
  if (x.bits() == 64)
    return apply(x, y);
  Type f64 = f64Of(x);
  return narrow(apply(widen(x, f64), widen(y, f64)), x.element());
}

Vec activation(Kind kind, ArrayRef<Vec> v) {
  Vec x = v[0], zero = x.number(0);
  switch (kind) {
  case Kind::k_relu:
    return maximum(x, zero);
  case Kind::k_sigmoid:
    return sigmoidOf(x);
  case Kind::k_hard_sigmoid:
    return clampToUnit(fma(v[1], x, v[2]));
  case Kind::k_hard_swish:
    return x * clampToUnit(fma(x, x.number(1.0 / 6), 0.5));
  case Kind::k_silu:
    return x * sigmoidOf(x);
  case Kind::k_gelu:
    return inSingle(x, gelu32);
  case Kind::k_gelu_tanh:
    return geluTanh(x);
  case Kind::k_softplus:
    return softplus(x);
  case Kind::k_softsign:
    return x / (abs(x) + 1);
  case Kind::k_mish:
    return mish(x);
  case Kind::k_leaky_relu:
    return select(less(x, zero), v[1] * x, x);
  case Kind::k_elu:
    return select(less(x, zero), v[1] * expm1Of(minimum(x, zero)), x);
  case Kind::k_selu:
    return v[2] *
           select(lessEqual(x, zero), v[1] * expm1Of(minimum(x, zero)), x);
  case Kind::k_celu:
    return maximum(x, zero) +
           minimum(v[1] * expm1Of(minimum(x / v[1], x.number(80))), zero);
  case Kind::k_thresholded_relu:
    return select(less(v[1], x), x, select(isNan(x), x, zero));
  case Kind::k_shrink:
    return select(less(x, -v[1]), x + v[2],
                  select(less(v[1], x), x - v[2], select(isNan(x), x, zero)));
  default:
    return inDouble(x, [&](Vec wide) { return trigonometric(kind, wide); });
  }
}

bool isQuestion(Kind kind) {
  return scalar::rowOf(kind).result == scalar::Result::Bool;
}

Vec answer(Kind kind, ArrayRef<Vec> v) {
  Vec x = v[0];
  switch (kind) {
  case Kind::k_equal:
    return equal(x, v[1]);
  case Kind::k_less:
    return less(x, v[1]);
  case Kind::k_less_equal:
    return lessEqual(x, v[1]);
  case Kind::k_greater:
    return less(v[1], x);
  case Kind::k_greater_equal:
    return lessEqual(v[1], x);
  case Kind::k_is_nan:
    return isNan(x);
  case Kind::k_is_inf:
    return equal(abs(x), x.number(__builtin_inf()));
  default:
    SINTER_UNREACHABLE("a question without vector code");
  }
}

Vec real(Kind kind, ArrayRef<Vec> v) {
  Vec x = v[0];
  switch (kind) {
  case Kind::k_add:
    return x + v[1];
  case Kind::k_sub:
    return x - v[1];
  case Kind::k_mul:
    return x * v[1];
  case Kind::k_div:
    return x / v[1];
  case Kind::k_mod:
    return remainder(x, v[1], /*floored=*/true);
  case Kind::k_fmod:
    return remainder(x, v[1], /*floored=*/false);
  case Kind::k_pow:
    return power(x, v[1]);
  case Kind::k_min:
    return minimum(x, v[1]);
  case Kind::k_max:
    return maximum(x, v[1]);
  case Kind::k_neg:
    return -x;
  case Kind::k_abs:
    return abs(x);
  case Kind::k_sign:
    return select(isNan(x), x,
                  select(greater(x, 0), x.number(1),
                         select(less(x, 0.0), x.number(-1), x.number(0))));
  case Kind::k_clip:
    return minimum(maximum(x, v[1]), v[2]);
  case Kind::k_floor:
    return floor(x);
  case Kind::k_ceil:
    return ceil(x);
  case Kind::k_round:
    return roundEven(x);
  case Kind::k_sqrt:
    return sqrt(x);
  case Kind::k_reciprocal:
    return 1.0 / x;
  case Kind::k_exp:
    return expOf(x);
  case Kind::k_log:
    return logOf(x);
  case Kind::k_tanh:
    return tanhOf(x);
  case Kind::k_erf:
    return inSingle(x, erf32);
  default:
    return isQuestion(kind) ? answer(kind, v) : activation(kind, v);
  }
}

} // namespace

Value emitScalar(KernelBuilder &kb, Kind kind, ArrayRef<Value> operands,
                 bool isUnsigned, Value active) {
  if (kind == Kind::k_select)
    return arith::SelectOp::create(kb.b, kb.loc, operands[0], operands[1],
                                   operands[2]);
  Vec first(kb, operands[0]);
  if (isa<IntegerType>(first.element()))
    return emitIntegerScalar(kb, kind, operands, isUnsigned, active);
  bool isShort = first.bits() == 16;
  Type f32 = f32Of(first);
  SmallVector<Vec, 3> v;
  for (Value operand : operands)
    v.emplace_back(kb, isShort ? emitCast(kb, operand, first.element(), f32)
                               : operand);
  Value result = real(kind, v).value;
  bool isFloat = scalar::rowOf(kind).result == scalar::Result::Same;
  return isShort && isFloat ? emitCast(kb, result, f32, first.element())
                            : result;
}

} // namespace sinter::cpu
