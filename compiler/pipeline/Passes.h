// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which passes run, in which order. docs/architecture.md says what each floor
// does; the headers of the passes say why they stand where they stand.
#ifndef SINTER_COMPILER_PIPELINE_PASSES_H
#define SINTER_COMPILER_PIPELINE_PASSES_H

#include "mlir/Pass/PassManager.h"
#include <string>
#include <vector>

namespace sinter {

struct PassOptions {
  std::vector<std::string> isas; // best first
  bool exact = false;
  int64_t maxSlack = 64 << 20;
  std::string schedules; // file of records; empty: none
};

/// graph to graph: simplify, layout, fusion.
void addGraphPasses(mlir::OpPassManager &passes, const PassOptions &options);
/// graph to exec and kernels: lower, schedule, plan.
void addLoweringPasses(mlir::OpPassManager &passes, const PassOptions &options);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_PASSES_H
