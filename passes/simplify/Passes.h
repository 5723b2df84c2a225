// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites of the graph that make it smaller and change no result beyond
// rounding. Passes.td describes each one.
#ifndef SINTER_PASSES_SIMPLIFY_PASSES_H
#define SINTER_PASSES_SIMPLIFY_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include <memory>

namespace sinter {

class ConstantEvaluator;

#define GEN_PASS_DECL
#include "passes/simplify/Passes.h.inc"

/// `evaluator` computes; it may be shared by many passes.
std::unique_ptr<mlir::Pass>
createFoldConstants(std::shared_ptr<const ConstantEvaluator> evaluator);

std::unique_ptr<mlir::Pass>
createNarrowProducts(std::shared_ptr<const ConstantEvaluator> evaluator);

/// All of this folder, in their order, for a pipeline on func.func.
void addSimplifyPasses(mlir::OpPassManager &functions,
                       std::shared_ptr<const ConstantEvaluator> evaluator);

#define GEN_PASS_REGISTRATION
#include "passes/simplify/Passes.h.inc"

} // namespace sinter

#endif // SINTER_PASSES_SIMPLIFY_PASSES_H
