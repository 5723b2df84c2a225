// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The vocabulary of the pattern files: is this value a certain scalar
// operation, is that constant about 0.5, build one more graph.map.
#ifndef SINTER_PASSES_SIMPLIFY_MATCHING_H
#define SINTER_PASSES_SIMPLIFY_MATCHING_H

#include "dialects/graph/ConstantData.h"
#include "dialects/graph/GraphOps.h"
#include "mlir/IR/PatternMatch.h"
#include <cmath>

namespace sinter::simplify {

using scalar::Kind;

/// The graph.map of this kind that defines `value`; null otherwise.
inline graph::MapOp mapOf(mlir::Value value, Kind kind) {
  auto map = value ? value.getDefiningOp<graph::MapOp>() : graph::MapOp();
  return map && map.getScalarKind() == kind ? map : graph::MapOp();
}

/// Operand `i` of a graph.map.
inline mlir::Value operand(graph::MapOp map, unsigned i) {
  return map.getOperands_()[i];
}

/// Whether `value` is a constant whose elements are all `number`, up to the
/// digits that exporters print (0.797884583 for the root of 2/pi).
inline bool isNumber(mlir::Value value, double number) {
  std::optional<double> found = graph::readUniform(value);
  return found && std::fabs(*found - number) <= 1e-4 * std::fabs(number);
}

/// Exactly `number`: for rewrites that must not change a bit.
inline bool isExactly(mlir::Value value, double number) {
  std::optional<double> found = graph::readUniform(value);
  return found && *found == number;
}

/// The other operand of a two-operand map, one of which satisfies `accepts`.
template <typename Accepts>
mlir::Value otherOperand(graph::MapOp map, Accepts accepts) {
  if (!map || map.getOperands_().size() != 2)
    return {};
  if (accepts(operand(map, 1)))
    return operand(map, 0);
  return accepts(operand(map, 0)) ? operand(map, 1) : mlir::Value();
}

/// x of kind(x, number) or kind(number, x), for a commutative kind.
inline mlir::Value besideNumber(mlir::Value value, Kind kind, double number) {
  return otherOperand(mapOf(value, kind), [&](mlir::Value other) {
    return isNumber(other, number);
  });
}

inline mlir::Type elementType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getElementType();
}

inline mlir::Value makeMap(mlir::OpBuilder &builder, mlir::Location location,
                           Kind kind, mlir::ValueRange operands) {
  return graph::MapOp::create(builder, location,
                              builder.getStringAttr(scalar::rowOf(kind).name),
                              operands)
      .getResult();
}

/// Replaces `op`, but only by a value of its type: a broadcast that a shorter
/// form would lose must stay.
inline mlir::LogicalResult replaceIfSameType(mlir::PatternRewriter &rewriter,
                                             mlir::Operation *op,
                                             mlir::Value value) {
  if (value.getType() != op->getResult(0).getType())
    return rewriter.notifyMatchFailure(op, "the result would change its type");
  rewriter.replaceOp(op, value);
  return mlir::success();
}

} // namespace sinter::simplify

#endif // SINTER_PASSES_SIMPLIFY_MATCHING_H
