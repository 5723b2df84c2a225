// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inside the evaluator: the environment of one evaluation, and the functions
// that unpack an operation's attributes and call the core.

#ifndef SINTER_COMPILER_EVALUATE_RUNOPERATION_H
#define SINTER_COMPILER_EVALUATE_RUNOPERATION_H

#include "compiler/evaluate/core/Operations.h"
#include "dialects/graph/GraphOps.h"
#include "llvm/ADT/StringMap.h"

namespace sinter::evaluate {

struct Environment {
  Mode mode = Mode::Declared;
  llvm::StringMap<int64_t> symbols;
  Fault fault;

  /// nullopt when a symbol is not bound.
  std::optional<int64_t> valueOf(sym::DimAttr dim) const;
  /// As valueOf for a list; a symbol that is not bound is a fault.
  Ints valuesOf(llvm::ArrayRef<sym::DimAttr> dims);
  /// The shape that `value`'s type says; a fault as above.
  Shape shapeOf(mlir::Value value);
};

using Operands = llvm::ArrayRef<const Value *>;
using Results = std::vector<Value>;

/// Runs a graph operation that has no region. Operands that are absent have no
/// entry. False when the operation belongs to another file or is unknown.
/// Results are not settled yet.
bool runMath(mlir::Operation *op, Operands operands, Environment &environment,
             Results &results);
bool runData(mlir::Operation *op, Operands operands, Environment &environment,
             Results &results);

} // namespace sinter::evaluate

#endif // SINTER_COMPILER_EVALUATE_RUNOPERATION_H
