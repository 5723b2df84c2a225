// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vectors with arithmetic written as arithmetic, so that a polynomial in the
// source looks like the polynomial. Every operation becomes one instruction of
// every target we know, or a short fixed sequence; none becomes a call. Nothing
// is reassociated or contracted: `fma` is written where it is wanted.

#ifndef SINTER_CODEGEN_CPU_VECTOREXPR_H
#define SINTER_CODEGEN_CPU_VECTOREXPR_H

#include "codegen/cpu/KernelBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace sinter::cpu {

struct Vec {
  KernelBuilder *kb;
  mlir::Value value;

  Vec(KernelBuilder &kb, mlir::Value value) : kb(&kb), value(value) {}
  mlir::VectorType type() const {
    return mlir::cast<mlir::VectorType>(value.getType());
  }
  mlir::Type element() const { return type().getElementType(); }
  unsigned lanes() const { return type().getNumElements(); }
  unsigned bits() const { return element().getIntOrFloatBitWidth(); }

  /// A splat of this vector's type (or of `element`, same lanes).
  Vec number(double x) const;
  Vec integer(int64_t x) const;
  Vec integer(int64_t x, mlir::Type element) const;

  template <typename Op, typename... Args> Vec make(Args... args) const {
    return Vec(*kb, Op::create(kb->b, kb->loc, args...));
  }
  mlir::VectorType like(mlir::Type element) const {
    return mlir::VectorType::get({int64_t(lanes())}, element);
  }
};

// Floats.
Vec operator+(Vec x, Vec y);
Vec operator-(Vec x, Vec y);
Vec operator*(Vec x, Vec y);
Vec operator/(Vec x, Vec y);
Vec operator-(Vec x);
inline Vec operator+(Vec x, double y) { return x + x.number(y); }
inline Vec operator-(Vec x, double y) { return x - x.number(y); }
inline Vec operator*(Vec x, double y) { return x * x.number(y); }
inline Vec operator-(double x, Vec y) { return y.number(x) - y; }
inline Vec operator/(double x, Vec y) { return y.number(x) / y; }
Vec fma(Vec x, Vec y, Vec z);
inline Vec fma(Vec x, Vec y, double z) { return fma(x, y, x.number(z)); }
inline Vec fma(Vec x, double y, Vec z) { return fma(x, x.number(y), z); }
Vec abs(Vec x);
Vec copySign(Vec magnitude, Vec sign);
Vec floor(Vec x);
Vec ceil(Vec x);
Vec truncate(Vec x);
Vec roundEven(Vec x);
Vec sqrt(Vec x);
/// coefficients[0] * x^(n-1) + ... + coefficients[n-1], by Horner's rule.
Vec polynomial(Vec x, llvm::ArrayRef<double> coefficients);

// Comparisons give vectors of i1. Float comparisons are false for NaN.
Vec less(Vec x, Vec y);
Vec lessEqual(Vec x, Vec y);
Vec equal(Vec x, Vec y);
Vec isNan(Vec x);
inline Vec less(Vec x, double y) { return less(x, x.number(y)); }
inline Vec greater(Vec x, double y) { return less(x.number(y), x); }
Vec select(Vec condition, Vec x, Vec y);
/// y > x ? y : x, and x when either is NaN: one instruction.
Vec maxKeepingFirst(Vec x, Vec y);
Vec minKeepingFirst(Vec x, Vec y);

// Integers of the same lanes; `unsign` picks unsigned comparison or shift.
Vec addInt(Vec x, Vec y);
Vec subInt(Vec x, Vec y);
Vec mulInt(Vec x, Vec y);
Vec andInt(Vec x, Vec y);
Vec orInt(Vec x, Vec y);
Vec xorInt(Vec x, Vec y);
Vec shiftLeft(Vec x, Vec y);
Vec shiftRight(Vec x, Vec y, bool unsign);
Vec compareInt(mlir::arith::CmpIPredicate predicate, Vec x, Vec y);

/// The same bits as another type.
Vec bitsAs(Vec x, mlir::Type element);
/// The bits of a float vector as integers of its width.
Vec asBits(Vec x);
Vec widen(Vec x, mlir::Type element);  // float to a wider float
Vec narrow(Vec x, mlir::Type element); // float to a narrower float
/// f16 to f32 and back on bits, for targets without the instructions: LLVM
/// would call a library. No step has a denormal operand, which runs flush.
Vec halfToSingle(Vec x);
Vec singleToHalf(Vec x, mlir::Type f16);

/// The one value of a splat constant, if it is one.
std::optional<double> splatNumber(mlir::Value vector);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_VECTOREXPR_H
