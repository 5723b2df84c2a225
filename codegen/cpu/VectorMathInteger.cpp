// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer and bool rows of the scalar-op table. Arithmetic wraps. A divisor of
// zero in an active lane is a fault; the lane yields zero.

#include "codegen/cpu/VectorMath.h"
#include "dialects/Support/Check.h"
#include "sinter/image.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using arith::CmpIPredicate;
using sinter::scalar::Kind;

namespace sinter::cpu {
namespace {

struct Integers {
  bool isUnsigned;
  Value active;

  Vec less(Vec x, Vec y) const {
    return compareInt(isUnsigned ? CmpIPredicate::ult : CmpIPredicate::slt, x,
                      y);
  }
  Vec minimum(Vec x, Vec y) const { return select(less(y, x), y, x); }
  Vec maximum(Vec x, Vec y) const { return select(less(x, y), y, x); }

  void reportZero(Vec isZero) const {
    KernelBuilder &kb = *isZero.kb;
    Value lanes = active ? andInt(isZero, Vec(kb, active)).value : isZero.value;
    Value any = vector::ReductionOp::create(kb.b, kb.loc,
                                            vector::CombiningKind::OR, lanes);
    kb.ifThen(any, [&] {
      kb.fault(
          arith::ConstantIntOp::create(kb.b, kb.loc, SINTER_FAULT_DIVIDE, 32));
    });
  }

  // Quotient and remainder; both 0 for a zero divisor. The smallest number by
  // -1 wraps: dividing by 1 instead and negating avoids the trap.
  std::pair<Vec, Vec> divide(Vec x, Vec y) const {
    Vec zero = x.integer(0), one = x.integer(1), minus = x.integer(-1);
    Vec isZero = compareInt(CmpIPredicate::eq, y, zero);
    reportZero(isZero);
    Vec divisor = select(isZero, one, y);
    if (isUnsigned) {
      Vec q = x.make<arith::DivUIOp>(x.value, divisor.value);
      return {select(isZero, zero, q),
              select(isZero, zero, subInt(x, mulInt(q, divisor)))};
    }
    Vec isMinus = compareInt(CmpIPredicate::eq, divisor, minus);
    divisor = select(isMinus, one, divisor);
    Vec q = x.make<arith::DivSIOp>(x.value, divisor.value);
    Vec r = subInt(x, mulInt(q, divisor));
    q = select(isMinus, subInt(zero, x), q);
    return {select(isZero, zero, q), select(isZero, zero, r)};
  }

  Vec remainder(Vec x, Vec y, bool floored) const {
    Vec r = divide(x, y).second;
    if (isUnsigned || !floored)
      return r;
    Vec zero = x.integer(0);
    Vec fix = andInt(compareInt(CmpIPredicate::ne, r, zero),
                     xorInt(less(r, zero), less(y, zero)));
    return select(fix, addInt(r, y), r);
  }

  // By squaring, one step a bit; a negative exponent gives 0 unless |x| is 1.
  Vec power(Vec x, Vec y) const {
    Vec zero = x.integer(0), one = x.integer(1);
    Vec result = one, base = x;
    for (unsigned bit = 0; bit < x.bits(); ++bit) {
      Vec isSet = compareInt(CmpIPredicate::ne,
                             andInt(y, x.integer(int64_t(1) << bit)), zero);
      result = select(isSet, mulInt(result, base), result);
      if (bit + 1 < x.bits())
        base = mulInt(base, base);
    }
    if (isUnsigned)
      return result;
    Vec isOdd = compareInt(CmpIPredicate::ne, andInt(y, one), zero);
    Vec inverse = select(compareInt(CmpIPredicate::eq, x, one), one,
                         select(compareInt(CmpIPredicate::eq, x, x.integer(-1)),
                                select(isOdd, x.integer(-1), one), zero));
    return select(less(y, zero), inverse, result);
  }

  Vec shift(Vec x, Vec y, bool left) const {
    Vec limit = x.integer(x.bits());
    Vec inRange = compareInt(CmpIPredicate::ult, y, limit);
    if (!left && !isUnsigned) // all bits out leaves the sign
      return shiftRight(x, select(inRange, y, x.integer(x.bits() - 1)),
                        /*unsign=*/false);
    Vec amount = select(inRange, y, x.integer(0));
    Vec shifted =
        left ? shiftLeft(x, amount) : shiftRight(x, amount, /*unsign=*/true);
    return select(inRange, shifted, x.integer(0));
  }

  Vec shrink(Vec x, Vec limit, Vec bias) const {
    Vec zero = x.integer(0);
    return select(less(x, subInt(zero, limit)), addInt(x, bias),
                  select(less(limit, x), subInt(x, bias), zero));
  }
};

} // namespace

Value emitIntegerScalar(KernelBuilder &kb, Kind kind, ArrayRef<Value> operands,
                        bool isUnsigned, Value active) {
  // i1 compares as unsigned: true is 1.
  Vec x(kb, operands[0]);
  Integers of{isUnsigned || x.bits() == 1, active};
  SmallVector<Vec, 3> v;
  for (Value operand : operands)
    v.emplace_back(kb, operand);
  Vec zero = x.integer(0);
  auto pick = [&]() -> Vec {
    switch (kind) {
    case Kind::k_add:
      return addInt(x, v[1]);
    case Kind::k_sub:
      return subInt(x, v[1]);
    case Kind::k_mul:
      return mulInt(x, v[1]);
    case Kind::k_div:
      return of.divide(x, v[1]).first;
    case Kind::k_mod:
      return of.remainder(x, v[1], true);
    case Kind::k_fmod:
      return of.remainder(x, v[1], false);
    case Kind::k_pow:
      return of.power(x, v[1]);
    case Kind::k_min:
      return of.minimum(x, v[1]);
    case Kind::k_max:
      return of.maximum(x, v[1]);
    case Kind::k_clip:
      return of.minimum(of.maximum(x, v[1]), v[2]);
    case Kind::k_relu:
      return of.maximum(x, zero);
    case Kind::k_neg:
      return subInt(zero, x);
    case Kind::k_abs:
      return select(of.less(x, zero), subInt(zero, x), x);
    case Kind::k_sign:
      return select(of.less(x, zero), x.integer(-1),
                    select(of.less(zero, x), x.integer(1), zero));
    case Kind::k_shrink:
      return of.shrink(x, v[1], v[2]);
    case Kind::k_equal:
      return compareInt(CmpIPredicate::eq, x, v[1]);
    case Kind::k_less:
      return of.less(x, v[1]);
    case Kind::k_less_equal:
      return compareInt(of.isUnsigned ? CmpIPredicate::ule : CmpIPredicate::sle,
                        x, v[1]);
    case Kind::k_greater:
      return of.less(v[1], x);
    case Kind::k_greater_equal:
      return compareInt(of.isUnsigned ? CmpIPredicate::uge : CmpIPredicate::sge,
                        x, v[1]);
    case Kind::k_not:
    case Kind::k_bit_not:
      return xorInt(x, x.integer(-1));
    case Kind::k_and:
    case Kind::k_bit_and:
      return andInt(x, v[1]);
    case Kind::k_or:
    case Kind::k_bit_or:
      return orInt(x, v[1]);
    case Kind::k_xor:
    case Kind::k_bit_xor:
      return xorInt(x, v[1]);
    case Kind::k_shift_left:
      return of.shift(x, v[1], /*left=*/true);
    case Kind::k_shift_right:
      return of.shift(x, v[1], /*left=*/false);
    default:
      SINTER_UNREACHABLE("integer row without vector code");
    }
  };
  return pick().value;
}

} // namespace sinter::cpu
