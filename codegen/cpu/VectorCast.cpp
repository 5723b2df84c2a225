// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// kernel.cast on vectors. Float to integer truncates and saturates, NaN is 0;
// to bool is `x != 0`; to a narrower float rounds to nearest even. bf16, and
// f16 where the machine lacks the instructions, are done on bits: LLVM would
// call a library.

#include "codegen/cpu/VectorMath.h"

#include <cmath>

using namespace mlir;

namespace sinter::cpu {
namespace {

Type signless(Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  return integer ? IntegerType::get(type.getContext(), integer.getWidth())
                 : type;
}

Vec bfloatToSingle(Vec x) {
  Type i32 = IntegerType::get(x.element().getContext(), 32);
  Vec bits = asBits(x);
  Vec wide = bits.make<arith::ExtUIOp>(bits.like(i32), bits.value);
  return bitsAs(shiftLeft(wide, wide.integer(16)),
                Float32Type::get(i32.getContext()));
}

// Adds half of the last place kept, or just less when that place is even.
Vec singleToBfloat(Vec x, Type bf16) {
  Vec bits = asBits(x);
  Vec sixteen = bits.integer(16);
  Vec odd = andInt(shiftRight(bits, sixteen, /*unsign=*/true), bits.integer(1));
  Vec rounded = addInt(bits, addInt(odd, bits.integer(0x7fff)));
  Vec quiet = orInt(bits, bits.integer(0x400000));
  Vec kept = select(isNan(x), quiet, rounded);
  Vec high = shiftRight(kept, sixteen, /*unsign=*/true);
  Type i16 = IntegerType::get(bf16.getContext(), 16);
  return bitsAs(high.make<arith::TruncIOp>(high.like(i16), high.value), bf16);
}

Vec floatToFloat(Vec x, Type to) {
  Type f32 = Float32Type::get(to.getContext());
  if (x.element() == to)
    return x;
  if (isa<BFloat16Type>(x.element()))
    return floatToFloat(bfloatToSingle(x), to);
  if (isa<BFloat16Type>(to))
    return singleToBfloat(floatToFloat(x, f32), to);
  if (x.bits() < to.getIntOrFloatBitWidth())
    return x.bits() == 16 && !to.isF32() ? widen(widen(x, f32), to)
                                         : widen(x, to);
  return x.bits() == 64 && !to.isF32() ? narrow(narrow(x, f32), to)
                                       : narrow(x, to);
}

// The largest whole number of x's type below `limit` = 2^bits.
double largestBelow(Vec x, double limit, unsigned bits) {
  unsigned digits = x.bits() == 64 ? 53 : 24;
  return limit - (bits > digits ? std::ldexp(1.0, int(bits - digits)) : 1.0);
}

// LLVM takes llvm.fpto[su]i.sat of short integers apart, lane by lane. A number
// between the bounds, which NaN becomes the least of, converts in one
// instruction, to 32 bits for anything shorter; what lies above the greatest
// float below 2^bits is put right afterwards.
Vec saturated(Vec x, IntegerType to) {
  MLIRContext *context = to.getContext();
  bool isUnsigned = to.isUnsigned();
  unsigned bits = to.getWidth() - !isUnsigned;
  double limit = std::ldexp(1.0, int(bits));
  double greatest = largestBelow(x, limit, bits);
  Vec least = x.number(isUnsigned ? 0.0 : -limit);
  Vec inside = minKeepingFirst(x.number(greatest), maxKeepingFirst(least, x));
  unsigned width = std::max(32u, to.getWidth());
  VectorType wide = x.like(IntegerType::get(context, width));
  Vec whole = isUnsigned && width == to.getWidth()
                  ? inside.make<arith::FPToUIOp>(wide, inside.value)
                  : inside.make<arith::FPToSIOp>(wide, inside.value);
  if (greatest != limit - 1) {
    int64_t most = isUnsigned ? -1 : INT64_MAX >> (63 - bits);
    whole = select(less(x.number(greatest), x), whole.integer(most), whole);
  }
  VectorType result = x.like(signless(to));
  return width == to.getWidth()
             ? whole
             : whole.make<arith::TruncIOp>(result, whole.value);
}

Vec floatToInteger(Vec x, IntegerType to) {
  MLIRContext *context = to.getContext();
  if (x.bits() == 16)
    x = floatToFloat(x, Float32Type::get(context));
  if (to.getWidth() == 1)
    return x.make<arith::CmpFOp>(arith::CmpFPredicate::UNE, x.value,
                                 x.number(0).value);
  return saturated(x, to);
}

Vec integerToInteger(Vec x, IntegerType from, IntegerType to) {
  if (to.getWidth() == 1)
    return compareInt(arith::CmpIPredicate::ne, x, x.integer(0));
  VectorType result = x.like(signless(to));
  if (from.getWidth() > to.getWidth())
    return x.make<arith::TruncIOp>(result, x.value);
  if (from.isUnsigned() || from.getWidth() == 1)
    return x.make<arith::ExtUIOp>(result, x.value);
  return x.make<arith::ExtSIOp>(result, x.value);
}

} // namespace

Vec halfToSingle(Vec x) {
  Type i32 = IntegerType::get(x.element().getContext(), 32);
  Type f32 = Float32Type::get(i32.getContext());
  Vec bits = asBits(x);
  Vec wide = bits.make<arith::ExtUIOp>(bits.like(i32), bits.value);
  Vec sign = shiftLeft(andInt(wide, wide.integer(0x8000)), wide.integer(16));
  Vec rest = andInt(wide, wide.integer(0x7fff));
  Vec shifted = shiftLeft(rest, wide.integer(13));
  Vec normal = addInt(shifted, wide.integer(112 << 23));
  Vec infinite = orInt(shifted, wide.integer(0x7f800000));
  Vec counted = rest.make<arith::SIToFPOp>(rest.like(f32), rest.value);
  Vec tiny = asBits(counted * 0x1p-24);
  auto isBelow = [&](int64_t limit) {
    return compareInt(arith::CmpIPredicate::slt, rest, rest.integer(limit));
  };
  Vec finite = select(isBelow(0x400), tiny, normal);
  return bitsAs(orInt(sign, select(isBelow(0x7c00), finite, infinite)), f32);
}

Vec singleToHalf(Vec x, Type f16) {
  Type i16 = IntegerType::get(f16.getContext(), 16);
  Vec all = asBits(x);
  Vec sign = andInt(shiftRight(all, all.integer(16), /*unsign=*/true),
                    all.integer(0x8000));
  Vec bits = andInt(all, all.integer(0x7fffffff));
  auto isBelow = [&](int64_t limit) {
    return compareInt(arith::CmpIPredicate::slt, bits, bits.integer(limit));
  };
  // Half of the last place kept, or just less when that place is even.
  Vec odd = andInt(shiftRight(bits, bits.integer(13), /*unsign=*/true),
                   bits.integer(1));
  Vec rounded = addInt(subInt(bits, bits.integer(112 << 23)),
                       addInt(odd, bits.integer(0xfff)));
  Vec normal = shiftRight(rounded, bits.integer(13), /*unsign=*/true);
  // The last place of 0.5 is that of the smallest half.
  Vec placed = asBits(bitsAs(bits, x.element()) + 0.5);
  Vec tiny = subInt(placed, bits.integer(0x3f000000));
  Vec finite = select(isBelow(0x38800000), tiny, normal);
  Vec limited = select(isBelow(0x477ff000), finite, bits.integer(0x7c00));
  Vec kept = select(isBelow(0x7f800001), limited, bits.integer(0x7e00));
  Vec half = orInt(sign, kept);
  return bitsAs(half.make<arith::TruncIOp>(half.like(i16), half.value), f16);
}

Value emitClippedCast(KernelBuilder &kb, Value vector, double low, double high,
                      IntegerType to) {
  Vec x(kb, vector);
  // NaN becomes the lower bound; a cast makes it the least number.
  double least = to.isUnsigned() ? 0 : -std::ldexp(1.0, to.getWidth() - 1);
  Vec inside =
      minKeepingFirst(x.number(high), maxKeepingFirst(x.number(low), x));
  Vec whole = inside.make<arith::FPToSIOp>(
      x.like(IntegerType::get(to.getContext(), 32)), inside.value);
  if (low != least)
    whole = select(isNan(x), whole.integer(int64_t(least)), whole);
  return whole.make<arith::TruncIOp>(x.like(signless(to)), whole.value).value;
}

Value emitCast(KernelBuilder &kb, Value vector, Type from, Type to) {
  if (from == to)
    return vector;
  Vec x(kb, vector);
  auto fromInteger = dyn_cast<IntegerType>(from);
  auto toInteger = dyn_cast<IntegerType>(to);
  if (fromInteger && toInteger)
    return fromInteger.getWidth() == toInteger.getWidth()
               ? vector
               : integerToInteger(x, fromInteger, toInteger).value;
  if (toInteger)
    return floatToInteger(x, toInteger).value;
  if (!fromInteger)
    return floatToFloat(x, to).value;
  Type direct =
      to.getIntOrFloatBitWidth() == 16 ? Float32Type::get(to.getContext()) : to;
  Vec real = fromInteger.isUnsigned() || fromInteger.getWidth() == 1
                 ? x.make<arith::UIToFPOp>(x.like(direct), x.value)
                 : x.make<arith::SIToFPOp>(x.like(direct), x.value);
  return floatToFloat(real, to).value;
}

} // namespace sinter::cpu
