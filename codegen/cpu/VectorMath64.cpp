// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions in f64: for f64 itself, and for those of f32 that are too rare to
// deserve a formula of their own. Arguments of sine and cosine are reduced with
// three parts of pi/2, which is good to about 1e9; beyond, results stay within
// [-1, 1] and lose digits.

#include "codegen/cpu/VectorMath.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

constexpr double kInf = __builtin_inf();
constexpr double kMagic = 6755399441055744.0; // 1.5 * 2^52
constexpr double kLn2High = 6.93147180369123816490e-01,
                 kLn2Low = 1.90821492927058770002e-10;
constexpr double kHalfPi[3] = {1.57079632673412561417e+00,
                               6.07710050630396597660e-11,
                               2.02226624879595063154e-21};

struct Reduced {
  Vec exponent; // n << 52
  Vec rest;
};

Reduced reduce(Vec x) {
  Vec shifted = fma(x, 1.44269504088896340736, x.number(kMagic));
  Vec n = shifted - kMagic;
  Vec rest = fma(n, -kLn2Low, fma(n, -kLn2High, x));
  Vec bits = asBits(shifted);
  return {shiftLeft(bits, bits.integer(52)), rest};
}

// (e^r - 1 - r) / r^2 by its series: |r| <= 0.35.
Vec expTail(Vec r) {
  return polynomial(r,
                    {1.0 / 87178291200, 1.0 / 6227020800, 1.0 / 479001600,
                     1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
                     1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5});
}

Vec scale(Vec x, Vec exponent) {
  return bitsAs(addInt(asBits(x), exponent), x.element());
}

} // namespace

Vec exp64(Vec x) {
  Reduced parts = reduce(x);
  Vec r = parts.rest;
  Vec result = scale(fma(expTail(r), r * r, r) + 1, parts.exponent);
  result = select(less(x, -708.39), x.number(0), result);
  result = select(greater(x, 709.782712893384), x.number(kInf), result);
  return select(isNan(x), x, result);
}

Vec expm1Small64(Vec x) {
  Reduced parts = reduce(maxKeepingFirst(x, x.number(-45)));
  Vec r = parts.rest;
  Vec y = fma(expTail(r), r * r, r);
  Vec power = scale(x.number(1), parts.exponent);
  return select(isNan(x), x, fma(y, power, power - 1));
}

Vec log64(Vec x) {
  Vec tiny = less(x, 2.2250738585072014e-308);
  Vec scaled = select(tiny, x * 4503599627370496.0, x);
  Vec bits = asBits(scaled);
  Vec e = shiftRight(subInt(bits, bits.integer(0x3fe6a09e667f3bcd)),
                     bits.integer(52), /*unsign=*/false);
  Vec m = bitsAs(subInt(bits, shiftLeft(e, bits.integer(52))), x.element());
  Vec k = x.make<arith::SIToFPOp>(x.type(), e.value);
  k = select(tiny, k - 52, k);
  // log(m) = 2 atanh(s), by its series: |s| <= 0.172.
  Vec s = (m - 1) / (m + 1);
  Vec z = s * s;
  Vec p = polynomial(z, {1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13,
                         1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3});
  Vec twice = s * 2.0;
  Vec result = fma(k, kLn2High, twice + fma(k, kLn2Low, twice * (z * p)));
  result = select(equal(x, x.number(kInf)), x, result);
  result = select(equal(x, x.number(0)), x.number(-kInf), result);
  result = select(less(x, 0.0), x.number(__builtin_nan("")), result);
  return select(isNan(x), x, result);
}

Vec log1p64(Vec x) {
  Vec w = x + 1;
  Vec lost = x - (w - 1);
  Vec result = log64(w) + lost / w;
  result = select(equal(w, x.number(0)), x.number(-kInf), result);
  return select(equal(x, x.number(kInf)), x, result);
}

namespace {

// sin of n pi/2 + r: the quadrant picks sine or cosine and the sign.
Vec sineOfQuadrant(Vec x, int64_t quadrants) {
  Vec shifted = fma(x, 0.63661977236758134308, x.number(kMagic));
  Vec n = shifted - kMagic;
  Vec r = fma(n, -kHalfPi[0], x);
  r = fma(n, -kHalfPi[1], r);
  r = fma(n, -kHalfPi[2], r);
  Vec z = r * r;
  Vec sine =
      polynomial(z, {-1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800,
                     1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6});
  sine = fma(sine, z * r, r);
  Vec cosine =
      polynomial(z, {1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600,
                     -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5});
  cosine = fma(cosine, z, 1.0);
  Vec bits = asBits(shifted);
  Vec quadrant = addInt(bits, bits.integer(quadrants));
  Vec one = bits.integer(1), two = bits.integer(2), zero = bits.integer(0);
  Vec isOdd = compareInt(arith::CmpIPredicate::ne, andInt(quadrant, one), zero);
  Vec isNegative =
      compareInt(arith::CmpIPredicate::ne, andInt(quadrant, two), zero);
  Vec result = select(isOdd, cosine, sine);
  result = select(isNegative, -result, result);
  // Too large to reduce: the remainder is meaningless, keep it in range.
  result = select(lessEqual(abs(result), x.number(1)), result, x.number(0));
  Vec isFinite = less(abs(x), kInf);
  return select(isFinite, result, x.number(__builtin_nan("")));
}

} // namespace

Vec sin64(Vec x) { return sineOfQuadrant(x, 0); }
Vec cos64(Vec x) { return sineOfQuadrant(x, 1); }

Vec atan64(Vec x) {
  Vec t = abs(x);
  Vec isBig = greater(t, 2.41421356237309504880); // tan(3 pi / 8)
  Vec isMiddle = greater(t, 0.66);
  Vec reduced = select(isBig, -1.0 / t, select(isMiddle, (t - 1) / (t + 1), t));
  Vec base =
      select(isBig, x.number(1.57079632679489661923),
             select(isMiddle, x.number(0.78539816339744830962), x.number(0)));
  Vec z = reduced * reduced;
  Vec p =
      polynomial(z, {-8.750608600031904122785E-1, -1.615753718733365076637E1,
                     -7.500855792314704667340E1, -1.228866684490136173410E2,
                     -6.485021904942025371773E1});
  Vec q = polynomial(z, {1.0, 2.485846490142306297962E1,
                         1.650270098316988542046E2, 4.328810604912902668951E2,
                         4.853903996359136964868E2, 1.945506571482613964425E2});
  Vec y = fma(reduced, z * p / q, reduced);
  return copySign(base + y, x);
}

// |x|^y by logarithms; the sign and the special cases of C's pow after it.
Vec pow64(Vec x, Vec y) {
  Vec magnitude = exp64(y * log64(abs(x)));
  Vec one = x.number(1), zero = x.number(0), inf = x.number(kInf);
  Vec isInteger = equal(truncate(y), y);
  Vec half = y * 0.5;
  Vec isOdd = x.make<arith::AndIOp>(
      isInteger.value, x.make<arith::CmpFOp>(arith::CmpFPredicate::UNE,
                                             truncate(half).value, half.value)
                           .value);
  Vec isNegative = less(x, 0.0);
  Vec result = select(isOdd, copySign(magnitude, x), magnitude);
  // A negative base with a fractional exponent; infinities are integers.
  Vec bad =
      select(isNegative, select(isInteger, isNan(one), isNan(zero / zero)),
             isNan(one));
  Vec badBase = x.make<arith::AndIOp>(bad.value, less(abs(x), inf).value);
  result = select(badBase, x.number(__builtin_nan("")), result);
  Vec unitBase = equal(abs(x), one), infinite = equal(abs(y), inf);
  result = select(x.make<arith::AndIOp>(unitBase.value, infinite.value), one,
                  result);
  result = select(equal(x, one), one, result);
  return select(equal(y, zero), one, result);
}

// x - y trunc(x / y): exact while the quotient has less than 29 bits (f32
// operands) because the product then fits; the quotient may be one too large.
Vec fmod64(Vec x, Vec y) {
  Vec a = abs(x), b = abs(y);
  Vec r = fma(-truncate(a / b), b, a);
  r = select(less(r, 0.0), r + b, r);
  r = select(lessEqual(b, r), r - b, r);
  Vec unchanged = less(a, b); // also y infinite
  r = select(unchanged, a, r);
  r = select(isNan(x / y * y), x.number(__builtin_nan("")), copySign(r, x));
  return select(x.make<arith::AndIOp>(unchanged.value, less(a, kInf).value), x,
                r);
}

} // namespace sinter::cpu
