// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order matters: patterns want constants folded and identities gone, batch
// norms leave arithmetic on constants behind, and what they leave may be scaled
// into a filter. Patterns know no casts between a product and what follows it,
// so halves are widened behind them. Equal subexpressions go last, and with
// them what is not used.
#include "passes/simplify/Folder.h"
#include "passes/simplify/Passes.h"

#include "mlir/Transforms/Passes.h"

namespace sinter {

void addSimplifyPasses(mlir::OpPassManager &functions,
                       std::shared_ptr<const ConstantEvaluator> evaluator) {
  functions.addPass(createUnifySymbols());
  functions.addPass(
      createNarrowProducts(evaluator)); // before scales are folded
  functions.addPass(createFoldConstants(evaluator));
  functions.addPass(createCleanAlgebra());
  functions.addPass(mlir::createCSEPass());
  functions.addPass(createShareHeads());
  functions.addPass(createRecognizeActivations());
  functions.addPass(createRecognizeNormalization());
  functions.addPass(createExpandStatistics());
  functions.addPass(createFoldBatchNorm());
  functions.addPass(createFoldConstants(evaluator));
  functions.addPass(createFoldScale());
  functions.addPass(createCleanAlgebra());
  functions.addPass(createWidenHalves());
  functions.addPass(createFoldConstants(evaluator));
  functions.addPass(mlir::createCSEPass());
}

} // namespace sinter
