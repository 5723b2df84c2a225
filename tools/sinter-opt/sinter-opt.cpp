// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs any pass alone on textual IR: the tool of every lit test. It registers
// our dialects and the upstream ones that our lowerings go through, no more.
#include "codegen/cpu/CompileKernel.h"
#include "codegen/cpu/Passes.h"
#include "compiler/evaluate/ConstantFolder.h"
#include "dialects/exec/ExecDialect.h"
#include "dialects/graph/GraphDialect.h"
#include "dialects/kernel/KernelDialect.h"
#include "passes/fusion/Passes.h"
#include "passes/layout/Passes.h"
#include "passes/lower/Passes.h"
#include "passes/plan/Passes.h"
#include "passes/schedule/Passes.h"
#include "passes/simplify/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect, sinter::exec::ExecDialect,
                  sinter::graph::GraphDialect, sinter::kernel::KernelDialect,
                  sinter::sym::SymDialect>();
  sinter::cpu::registerCodegenDialects(registry);
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  sinter::registerCpuPasses();
  sinter::registerFusionPasses();
  sinter::registerLayoutPasses();
  sinter::registerLowerPasses();
  sinter::registerPlanPasses();
  sinter::registerSchedulePasses();
  // Before its generated registration, which has nothing that evaluates.
  auto evaluator = sinter::evaluate::makeConstantEvaluator();
  mlir::registerPass(
      [evaluator] { return sinter::createFoldConstants(evaluator); });
  mlir::registerPass(
      [evaluator] { return sinter::createNarrowProducts(evaluator); });
  sinter::registerSimplifyPasses();
  mlir::PassPipelineRegistration<> simplify(
      "sinter-simplify", "All passes of passes/simplify",
      [evaluator](mlir::OpPassManager &passes) {
        sinter::addSimplifyPasses(passes.nest<mlir::func::FuncOp>(), evaluator);
      });
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Sinter's pass driver\n", registry));
}
