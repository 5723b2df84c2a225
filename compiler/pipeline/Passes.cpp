// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of passes.
#include "compiler/pipeline/Passes.h"

#include "compiler/evaluate/ConstantFolder.h"
#include "dialects/exec/ExecOps.h"
#include "passes/fusion/Passes.h"
#include "passes/layout/Passes.h"
#include "passes/lower/Passes.h"
#include "passes/plan/Passes.h"
#include "passes/schedule/Passes.h"
#include "passes/simplify/Passes.h"

using namespace sinter;

void sinter::addGraphPasses(mlir::OpPassManager &passes,
                            const PassOptions &options) {
  mlir::OpPassManager &functions = passes.nest<mlir::func::FuncOp>();
  addSimplifyPasses(functions, evaluate::makeConstantEvaluator());
  functions.addPass(createChannelsLast());
  functions.addPass(createFormGroups());
}

void sinter::addLoweringPasses(mlir::OpPassManager &passes,
                               const PassOptions &options) {
  passes.addPass(createLowerToExec());
  ChooseSchedulesOptions schedules;
  schedules.isas.assign(options.isas.begin(), options.isas.end());
  schedules.file = options.schedules;
  passes.addPass(createChooseSchedules(schedules));
  passes.addNestedPass<exec::ProgramOp>(
      createBoundLateSizes({options.maxSlack}));
  passes.addPass(createShareInPlace());
  passes.addNestedPass<exec::ProgramOp>(createPlanArena());
}
