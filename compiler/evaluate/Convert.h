// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Between MLIR's types and attributes and the evaluator's tensors.

#ifndef SINTER_COMPILER_EVALUATE_CONVERT_H
#define SINTER_COMPILER_EVALUATE_CONVERT_H

#include "compiler/evaluate/core/Tensor.h"
#include "dialects/graph/GraphOps.h"
#include <optional>
#include <string>

namespace sinter::evaluate {

/// nullopt for a type that the evaluator does not compute in.
std::optional<ElementKind> kindOf(mlir::Type element);

/// The constant's elements; nullopt when its bytes are missing or too few, or
/// its element type is none of ours.
std::optional<Tensor> constantTensor(graph::ConstantOp constant);

/// "node 'conv_12'" or "an operation without a name".
std::string nodeOf(mlir::Location location);

} // namespace sinter::evaluate

#endif // SINTER_COMPILER_EVALUATE_CONVERT_H
