// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One product of one element: operands as wide as the sum, then the addition.

#include "codegen/cpu/TileBody.h"
#include "codegen/cpu/VectorExpr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace sinter::cpu {

using kernel::TileProblem;

static Value widened(KernelBuilder &kb, const TileProblem &problem, Value value,
                     bool isUnsigned) {
  Type from = getElementTypeOrSelf(value.getType()), to = problem.accumulator;
  if (from == to)
    return value;
  Type type = to;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(to);
  if (isa<FloatType>(from) && isa<VectorType>(type))
    return widen(Vec(kb, value), to).value;
  if (isa<FloatType>(from)) {
    Value wide = widen(Vec(kb, kb.splat(value, 1)), to).value;
    return vector::ExtractOp::create(kb.b, kb.loc, wide, int64_t(0));
  }
  if (isUnsigned)
    return arith::ExtUIOp::create(kb.b, kb.loc, type, value);
  return arith::ExtSIOp::create(kb.b, kb.loc, type, value);
}

Value widen(KernelBuilder &kb, const TileProblem &problem, Value value) {
  return widened(kb, problem, value, problem.a.element.isUnsignedInteger());
}

Value widenRight(KernelBuilder &kb, const TileProblem &problem, Value value) {
  return widened(kb, problem, value, problem.b.element.isUnsignedInteger());
}

Value multiplyAdd(KernelBuilder &kb, const TileProblem &problem, Value x,
                  Value y, Value accumulator) {
  if (isa<FloatType>(problem.accumulator))
    return kb.fma(x, y, accumulator);
  Value product = arith::MulIOp::create(kb.b, kb.loc, x, y);
  return arith::AddIOp::create(kb.b, kb.loc, accumulator, product);
}

} // namespace sinter::cpu
