// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions that dominate real models, in f32. Each is a range reduction by
// exact steps, one polynomial, and the way back.
//
// exp: x = n ln2 + r with |r| <= ln2/2, e^x = 2^n e^r. Adding 1.5 * 2^23 rounds
// to an integer and leaves n in the low bits, so 2^n is an integer addition to
// the exponent; with 127 more in that sum, shifting them gives 2^n itself: no
// conversion, no scalef. Results below the smallest normal number are zero;
// runs flush denormals, so a product with 2^n needs no test for it.

#include "codegen/cpu/VectorMath.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

constexpr double kInf = __builtin_inf();
constexpr double kMagic = 12582912.0; // 1.5 * 2^23
// ln2 in two parts: n times the first is exact.
constexpr double kLn2High = 0.693359375, kLn2Low = -2.12194440e-4;

struct Reduced {
  Vec exponent; // (n + bias) << 23
  Vec rest;
};

Reduced reduce(Vec x, int bias) {
  Vec shifted = fma(x, 1.44269504088896341, x.number(kMagic + bias));
  Vec n = shifted - (kMagic + bias);
  Vec rest = fma(n, -kLn2High, x);
  rest = fma(n, -kLn2Low, rest);
  Vec bits = asBits(shifted);
  return {shiftLeft(bits, bits.integer(23)), rest};
}

// (e^r - 1 - r) / r^2: with this, e^r is wrong by 2^-28 of itself.
Vec expTail(Vec r) {
  return polynomial(r, {0.0013863134663552046, 0.008367440663278103,
                        0.04166724532842636, 0.16666534543037415, 0.5});
}

Vec expNearZero(Vec r) { return fma(fma(expTail(r), r, 1.0), r, 1.0); }

} // namespace

// One test above finds what overflows and not-a-number: x + inf is right for
// both.
Vec exp32(Vec x) {
  auto [exponent, r] = reduce(x, 0);
  Vec bits = asBits(expNearZero(r));
  Vec result = bitsAs(addInt(bits, exponent), x.element());
  result = select(less(x, -87.3365478515625), x.number(0), result);
  return select(lessEqual(x, x.number(88.72283935546875)), result, x + kInf);
}

// Nothing overflows, so 2^n is a factor, and not-a-number passes through it;
// 2^-127 is zero. It comes last: nothing smaller is flushed on the way.
Vec expNegative32(Vec x) {
  auto [bits, r] = reduce(maxKeepingFirst(x, x.number(-88)), 127);
  return expNearZero(r) * bitsAs(bits, x.element());
}

// 2^n (e^r - 1) + (2^n - 1): no cancellation anywhere. Not-a-number stays, as y
// is one.
Vec expm1Small32(Vec x) {
  Vec clamped = maxKeepingFirst(x, x.number(-20)); // NaN stays
  auto [bits, r] = reduce(clamped, 127);
  Vec y = fma(expTail(r), r * r, r);
  Vec power = bitsAs(bits, x.element());
  return fma(y, power, power - 1);
}

Vec log32(Vec x) {
  // Denormals are scaled up; the rest of the exponent goes to e.
  Vec tiny = less(x, 1.17549435e-38);
  Vec scaled = select(tiny, x * 8388608.0, x);
  Vec bits = asBits(scaled);
  // m in [sqrt(1/2), sqrt(2)): the exponent of x / sqrt(1/2).
  Vec e = shiftRight(subInt(bits, bits.integer(0x3f3504f3)), bits.integer(23),
                     /*unsign=*/false);
  Vec m = bitsAs(subInt(bits, shiftLeft(e, bits.integer(23))), x.element()) - 1;
  Vec k = x.make<arith::SIToFPOp>(x.type(), e.value);
  k = select(tiny, k - 23, k);
  Vec p = polynomial(m, {7.0376836292E-2, -1.1514610310E-1, 1.1676998740E-1,
                         -1.2420140846E-1, 1.4249322787E-1, -1.6668057665E-1,
                         2.0000714765E-1, -2.4999993993E-1, 3.3333331174E-1});
  Vec square = m * m;
  Vec y = fma(k, kLn2Low, p * square * m);
  y = fma(square, -0.5, y);
  Vec result = fma(k, kLn2High, m + y);
  result = select(equal(x, x.number(kInf)), x, result);
  result = select(equal(x, x.number(0)), x.number(-kInf), result);
  result = select(less(x, 0.0), x.number(__builtin_nan("")), result);
  return select(isNan(x), x, result);
}

// log(w) with w = 1 + x rounded, plus what the rounding lost, over w.
Vec log1p32(Vec x) {
  Vec w = x + 1;
  Vec lost = x - (w - 1);
  Vec result = log32(w) + lost / w;
  return select(equal(x, x.number(kInf)), x, result);
}

// With t = e^(-2|x|) - 1: |tanh x| = -t / (t + 2). The sign is that of x.
Vec tanh32(Vec x) {
  Vec t = expm1Small32(abs(x) * -2.0);
  return copySign(t / (t + 2), x);
}

Vec sigmoid32(Vec x) {
  Vec e = expNegative32(-abs(x));
  Vec top = select(less(x, 0.0), e, x.number(1));
  return top / (e + 1);
}

namespace {

// log(erfc(t)) for t >= 0.92, negative.
Vec logErfc(Vec t) {
  Vec s = t * t;
  Vec r = fma(t, -1.72853470e-5, t.number(3.83197126e-4));
  Vec u = fma(t, -3.88396438e-3, t.number(2.42546219e-2));
  r = fma(r, s, u);
  r = fma(r, t, -1.06777877e-1);
  r = fma(r, t, -6.34846687e-1);
  r = fma(r, t, -1.28717512e-1);
  return fma(r, t, -t);
}

Vec erfNearZero(Vec x) {
  Vec s = x * x;
  Vec r = polynomial(s, {-5.96761703e-4, 4.99119423e-3, -2.67681349e-2,
                         1.12819925e-1, -3.76125336e-1, 1.28379166e-1});
  return fma(r, x, x);
}

constexpr double kErfSplit = 0.927734375;

} // namespace

Vec erf32(Vec x) {
  Vec t = abs(x);
  Vec far =
      copySign(1 - expNegative32(logErfc(minKeepingFirst(t, t.number(4)))), x);
  return select(greater(t, kErfSplit), far, erfNearZero(x));
}

// x/2 (1 + erf(x / sqrt 2)); for negative x far out 1 + erf is erfc itself.
Vec gelu32(Vec x) {
  Vec a = x * 0.70710678118654752440;
  Vec t = abs(a);
  Vec c = expNegative32(logErfc(minKeepingFirst(t, t.number(10))));
  Vec far = select(less(x, 0.0), c, 2 - c);
  Vec sum = select(greater(t, kErfSplit), far, erfNearZero(a) + 1);
  return x * 0.5 * sum;
}

} // namespace sinter::cpu
