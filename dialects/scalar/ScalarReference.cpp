// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The definition of every scalar operation. It is written from the formulas of
// the table, once for both float types, with the C library's functions: nothing
// clever, because vector code of every target is judged by it.
#include "dialects/scalar/ScalarReference.h"

#include "dialects/Support/Check.h"

#include <cmath>
#include <limits>

namespace sinter::scalar {
namespace {

template <typename T> T minimum(T a, T b) {
  if (std::isnan(a) || std::isnan(b))
    return std::numeric_limits<T>::quiet_NaN();
  return b < a ? b : a;
}

template <typename T> T maximum(T a, T b) {
  if (std::isnan(a) || std::isnan(b))
    return std::numeric_limits<T>::quiet_NaN();
  return a < b ? b : a;
}

// Stable on both sides: e^-|x| never overflows.
template <typename T> T sigmoid(T x) {
  T e = std::exp(-std::fabs(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

template <typename T> T softplus(T x) {
  return maximum(x, T(0)) + std::log1p(std::exp(-std::fabs(x)));
}

template <typename T> T gelu(T x) {
  return x / 2 * (1 + std::erf(x * T(0.70710678118654752440)));
}

template <typename T> T geluTanh(T x) {
  T inner = T(0.79788456080286535588) * (x + T(0.044715) * x * x * x);
  return x / 2 * (1 + std::tanh(inner));
}

template <typename T> T pythonMod(T a, T b) {
  T r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

template <typename T> T clampToUnit(T x) {
  return maximum(T(0), minimum(T(1), x));
}

template <typename T> T activation(Kind kind, const T *v) {
  T x = v[0];
  switch (kind) {
  case Kind::k_relu:
    return maximum(x, T(0));
  case Kind::k_sigmoid:
    return sigmoid(x);
  case Kind::k_hard_sigmoid:
    return clampToUnit(v[1] * x + v[2]);
  case Kind::k_hard_swish:
    return x * clampToUnit(x / 6 + T(0.5));
  case Kind::k_silu:
    return x * sigmoid(x);
  case Kind::k_gelu:
    return gelu(x);
  case Kind::k_gelu_tanh:
    return geluTanh(x);
  case Kind::k_softplus:
    return softplus(x);
  case Kind::k_softsign:
    return x / (1 + std::fabs(x));
  case Kind::k_mish:
    return x * std::tanh(softplus(x));
  case Kind::k_leaky_relu:
    return x < 0 ? v[1] * x : x;
  case Kind::k_elu:
    return x < 0 ? v[1] * std::expm1(x) : x;
  case Kind::k_selu:
    return v[2] * (x <= 0 ? v[1] * std::expm1(x) : x);
  case Kind::k_celu:
    return maximum(T(0), x) + minimum(T(0), v[1] * std::expm1(x / v[1]));
  case Kind::k_thresholded_relu:
    return x > v[1] ? x : std::isnan(x) ? x : T(0);
  case Kind::k_shrink:
    return x < -v[1]       ? x + v[2]
           : x > v[1]      ? x - v[2]
           : std::isnan(x) ? x
                           : T(0);
  default:
    SINTER_UNREACHABLE("scalar row without a float reference");
  }
}

template <typename T> T transcendental(Kind kind, const T *v) {
  T x = v[0];
  switch (kind) {
  case Kind::k_exp:
    return std::exp(x);
  case Kind::k_log:
    return std::log(x);
  case Kind::k_sin:
    return std::sin(x);
  case Kind::k_cos:
    return std::cos(x);
  case Kind::k_tan:
    return std::tan(x);
  case Kind::k_asin:
    return std::asin(x);
  case Kind::k_acos:
    return std::acos(x);
  case Kind::k_atan:
    return std::atan(x);
  case Kind::k_sinh:
    return std::sinh(x);
  case Kind::k_cosh:
    return std::cosh(x);
  case Kind::k_tanh:
    return std::tanh(x);
  case Kind::k_asinh:
    return std::asinh(x);
  case Kind::k_acosh:
    return std::acosh(x);
  case Kind::k_atanh:
    return std::atanh(x);
  case Kind::k_erf:
    return std::erf(x);
  default:
    return activation(kind, v);
  }
}

template <typename T> T evaluateReal(Kind kind, const T *v) {
  T a = v[0];
  switch (kind) {
  case Kind::k_add:
    return a + v[1];
  case Kind::k_sub:
    return a - v[1];
  case Kind::k_mul:
    return a * v[1];
  case Kind::k_div:
    return a / v[1];
  case Kind::k_mod:
    return pythonMod(a, v[1]);
  case Kind::k_fmod:
    return std::fmod(a, v[1]);
  case Kind::k_pow:
    return std::pow(a, v[1]);
  case Kind::k_min:
    return minimum(a, v[1]);
  case Kind::k_max:
    return maximum(a, v[1]);
  case Kind::k_neg:
    return -a;
  case Kind::k_abs:
    return std::fabs(a);
  case Kind::k_sign:
    return std::isnan(a) ? a : T(a > 0) - T(a < 0);
  case Kind::k_clip:
    return minimum(maximum(a, v[1]), v[2]);
  case Kind::k_floor:
    return std::floor(a);
  case Kind::k_ceil:
    return std::ceil(a);
  case Kind::k_round:
    return std::nearbyint(a);
  case Kind::k_sqrt:
    return std::sqrt(a);
  case Kind::k_reciprocal:
    return 1 / a;
  case Kind::k_equal:
    return a == v[1];
  case Kind::k_less:
    return a < v[1];
  case Kind::k_less_equal:
    return a <= v[1];
  case Kind::k_greater:
    return a > v[1];
  case Kind::k_greater_equal:
    return a >= v[1];
  case Kind::k_is_nan:
    return std::isnan(a);
  case Kind::k_is_inf:
    return std::isinf(a);
  case Kind::k_select:
    return a != 0 ? v[1] : v[2];
  default:
    return transcendental(kind, v);
  }
}

// Wrapping arithmetic goes through uint64: signed overflow is undefined in C++.
int64_t wrap(uint64_t x) { return static_cast<int64_t>(x); }
uint64_t bitsOf(int64_t x) { return static_cast<uint64_t>(x); }

bool lessThan(int64_t a, int64_t b, bool isUnsigned) {
  return isUnsigned ? bitsOf(a) < bitsOf(b) : a < b;
}

int64_t divide(int64_t a, int64_t b, bool isUnsigned, bool &fault) {
  if (b == 0) {
    fault = true;
    return 0;
  }
  if (isUnsigned)
    return wrap(bitsOf(a) / bitsOf(b));
  return b == -1 ? wrap(0 - bitsOf(a)) : a / b;
}

int64_t remainder(int64_t a, int64_t b, bool isUnsigned, bool floored,
                  bool &fault) {
  int64_t q = divide(a, b, isUnsigned, fault);
  if (b == 0)
    return 0;
  int64_t r = wrap(bitsOf(a) - bitsOf(q) * bitsOf(b));
  return floored && !isUnsigned && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

// By squaring; a negative exponent is 1/a^n truncated: 0 unless a is 1 or -1.
int64_t power(int64_t a, int64_t b, bool isUnsigned) {
  if (!isUnsigned && b < 0)
    return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
  uint64_t result = 1, base = bitsOf(a);
  for (uint64_t e = bitsOf(b); e; e >>= 1, base *= base)
    if (e & 1)
      result *= base;
  return wrap(result);
}

// A count that is negative counts as one above the width.
int64_t shift(Kind kind, int64_t a, int64_t b, bool isUnsigned, unsigned bits) {
  bool isAbove = bitsOf(b) >= bits;
  if (kind == Kind::k_shift_left)
    return isAbove ? 0 : wrap(bitsOf(a) << b);
  if (!isUnsigned)
    return a >> (isAbove ? 63 : b);
  return isAbove ? 0 : wrap(bitsOf(a) >> b);
}

} // namespace

double evaluateFloat(Kind kind, const double *operands) {
  return evaluateReal(kind, operands);
}

float evaluateFloat32(Kind kind, const float *operands) {
  return evaluateReal(kind, operands);
}

int64_t evaluateInteger(Kind kind, const int64_t *v, bool isUnsigned,
                        unsigned bits, bool &fault) {
  int64_t a = v[0];
  auto less = [&](int64_t x, int64_t y) { return lessThan(x, y, isUnsigned); };
  switch (kind) {
  case Kind::k_add:
    return wrap(bitsOf(a) + bitsOf(v[1]));
  case Kind::k_sub:
    return wrap(bitsOf(a) - bitsOf(v[1]));
  case Kind::k_mul:
    return wrap(bitsOf(a) * bitsOf(v[1]));
  case Kind::k_div:
    return divide(a, v[1], isUnsigned, fault);
  case Kind::k_mod:
    return remainder(a, v[1], isUnsigned, true, fault);
  case Kind::k_fmod:
    return remainder(a, v[1], isUnsigned, false, fault);
  case Kind::k_pow:
    return power(a, v[1], isUnsigned);
  case Kind::k_min:
    return less(v[1], a) ? v[1] : a;
  case Kind::k_max:
    return less(a, v[1]) ? v[1] : a;
  case Kind::k_neg:
    return wrap(0 - bitsOf(a));
  case Kind::k_abs:
    return less(a, 0) ? wrap(0 - bitsOf(a)) : a;
  case Kind::k_sign:
    return a == 0 ? 0 : less(a, 0) ? -1 : 1;
  case Kind::k_clip: {
    int64_t low = less(a, v[1]) ? v[1] : a;
    return less(v[2], low) ? v[2] : low;
  }
  case Kind::k_relu:
    return less(a, 0) ? 0 : a;
  case Kind::k_shrink:
    return less(a, wrap(0 - bitsOf(v[1]))) ? wrap(bitsOf(a) + bitsOf(v[2]))
           : less(v[1], a)                 ? wrap(bitsOf(a) - bitsOf(v[2]))
                                           : 0;
  case Kind::k_equal:
    return a == v[1];
  case Kind::k_less:
    return less(a, v[1]);
  case Kind::k_less_equal:
    return !less(v[1], a);
  case Kind::k_greater:
    return less(v[1], a);
  case Kind::k_greater_equal:
    return !less(a, v[1]);
  case Kind::k_not:
    return a == 0;
  case Kind::k_and:
    return a != 0 && v[1] != 0;
  case Kind::k_or:
    return a != 0 || v[1] != 0;
  case Kind::k_xor:
    return (a != 0) != (v[1] != 0);
  case Kind::k_bit_not:
    return ~a;
  case Kind::k_bit_and:
    return a & v[1];
  case Kind::k_bit_or:
    return a | v[1];
  case Kind::k_bit_xor:
    return a ^ v[1];
  case Kind::k_shift_left:
  case Kind::k_shift_right:
    return shift(kind, a, v[1], isUnsigned, bits);
  case Kind::k_select:
    return a != 0 ? v[1] : v[2];
  default:
    SINTER_UNREACHABLE("scalar row without an integer reference");
  }
}

} // namespace sinter::scalar
