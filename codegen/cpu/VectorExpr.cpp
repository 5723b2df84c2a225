// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations behind VectorExpr.h, one line each.

#include "codegen/cpu/VectorExpr.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

namespace sinter::cpu {

Vec Vec::number(double x) const {
  return make<arith::ConstantOp>(DenseElementsAttr::get(
      type(), kb->b.getFloatAttr(element(), x).getValue()));
}

Vec Vec::integer(int64_t x) const { return integer(x, element()); }

Vec Vec::integer(int64_t x, Type element) const {
  APInt bits(element.getIntOrFloatBitWidth(), uint64_t(x), /*isSigned=*/false,
             /*implicitTrunc=*/true);
  return make<arith::ConstantOp>(DenseElementsAttr::get(like(element), bits));
}

Vec operator+(Vec x, Vec y) { return x.make<arith::AddFOp>(x.value, y.value); }
Vec operator-(Vec x, Vec y) { return x.make<arith::SubFOp>(x.value, y.value); }
Vec operator*(Vec x, Vec y) { return x.make<arith::MulFOp>(x.value, y.value); }
Vec operator/(Vec x, Vec y) { return x.make<arith::DivFOp>(x.value, y.value); }
Vec operator-(Vec x) { return x.make<arith::NegFOp>(x.value); }

Vec fma(Vec x, Vec y, Vec z) {
  return x.make<vector::FMAOp>(x.value, y.value, z.value);
}

Vec abs(Vec x) { return x.make<LLVM::FAbsOp>(x.type(), x.value); }
Vec copySign(Vec magnitude, Vec sign) {
  return sign.make<LLVM::CopySignOp>(sign.type(), magnitude.value, sign.value);
}
Vec floor(Vec x) { return x.make<LLVM::FFloorOp>(x.type(), x.value); }
Vec ceil(Vec x) { return x.make<LLVM::FCeilOp>(x.type(), x.value); }
Vec truncate(Vec x) { return x.make<LLVM::FTruncOp>(x.type(), x.value); }
Vec roundEven(Vec x) { return x.make<LLVM::RoundEvenOp>(x.type(), x.value); }
Vec sqrt(Vec x) { return x.make<LLVM::SqrtOp>(x.type(), x.value); }

Vec polynomial(Vec x, ArrayRef<double> coefficients) {
  Vec result = x.number(coefficients.front());
  for (double coefficient : coefficients.drop_front())
    result = fma(result, x, coefficient);
  return result;
}

Vec less(Vec x, Vec y) {
  return x.make<arith::CmpFOp>(CmpFPredicate::OLT, x.value, y.value);
}
Vec lessEqual(Vec x, Vec y) {
  return x.make<arith::CmpFOp>(CmpFPredicate::OLE, x.value, y.value);
}
Vec equal(Vec x, Vec y) {
  return x.make<arith::CmpFOp>(CmpFPredicate::OEQ, x.value, y.value);
}
Vec isNan(Vec x) {
  return x.make<arith::CmpFOp>(CmpFPredicate::UNO, x.value, x.value);
}
Vec select(Vec condition, Vec x, Vec y) {
  return x.make<arith::SelectOp>(condition.value, x.value, y.value);
}
Vec maxKeepingFirst(Vec x, Vec y) {
  return select(x.make<arith::CmpFOp>(CmpFPredicate::OGT, y.value, x.value), y,
                x);
}
Vec minKeepingFirst(Vec x, Vec y) { return select(less(y, x), y, x); }

Vec addInt(Vec x, Vec y) { return x.make<arith::AddIOp>(x.value, y.value); }
Vec subInt(Vec x, Vec y) { return x.make<arith::SubIOp>(x.value, y.value); }
Vec mulInt(Vec x, Vec y) { return x.make<arith::MulIOp>(x.value, y.value); }
Vec andInt(Vec x, Vec y) { return x.make<arith::AndIOp>(x.value, y.value); }
Vec orInt(Vec x, Vec y) { return x.make<arith::OrIOp>(x.value, y.value); }
Vec xorInt(Vec x, Vec y) { return x.make<arith::XOrIOp>(x.value, y.value); }
Vec shiftLeft(Vec x, Vec y) { return x.make<arith::ShLIOp>(x.value, y.value); }
Vec shiftRight(Vec x, Vec y, bool unsign) {
  return unsign ? x.make<arith::ShRUIOp>(x.value, y.value)
                : x.make<arith::ShRSIOp>(x.value, y.value);
}
Vec compareInt(CmpIPredicate predicate, Vec x, Vec y) {
  return x.make<arith::CmpIOp>(predicate, x.value, y.value);
}

Vec bitsAs(Vec x, Type element) {
  return x.element() == element
             ? x
             : x.make<arith::BitcastOp>(x.like(element), x.value);
}
Vec asBits(Vec x) {
  return bitsAs(x, IntegerType::get(x.element().getContext(), x.bits()));
}
Vec widen(Vec x, Type element) {
  if (isa<Float16Type>(x.element()) && !x.kb->target.vec.convertsHalf) {
    Vec single = halfToSingle(x);
    return element.isF32() ? single : widen(single, element);
  }
  return x.make<arith::ExtFOp>(x.like(element), x.value);
}
Vec narrow(Vec x, Type element) {
  if (isa<Float16Type>(element) && !x.kb->target.vec.convertsHalf)
    return singleToHalf(x, element);
  return x.make<arith::TruncFOp>(x.like(element), x.value);
}

std::optional<double> splatNumber(Value vector) {
  DenseElementsAttr dense;
  if (auto broadcast = vector.getDefiningOp<vector::BroadcastOp>()) {
    FloatAttr scalar;
    if (matchPattern(broadcast.getSource(), m_Constant(&scalar)))
      return scalar.getValueAsDouble();
    return std::nullopt;
  }
  if (matchPattern(vector, m_Constant(&dense)) && dense.isSplat() &&
      isa<FloatType>(dense.getElementType()))
    return dense.getSplatValue<FloatAttr>().getValueAsDouble();
  return std::nullopt;
}

} // namespace sinter::cpu
