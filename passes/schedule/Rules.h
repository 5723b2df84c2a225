// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One rule a root, each in a file of its own. A rule only decides; the pass
// writes the decision down.

#ifndef SINTER_PASSES_SCHEDULE_RULES_H
#define SINTER_PASSES_SCHEDULE_RULES_H

#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/TileProblem.h"
#include "dialects/target/Target.h"

namespace sinter::schedule {

using Targets = llvm::ArrayRef<const cpu::Target *>;

struct Choice {
  sym::DimAttr items;
  llvm::SmallVector<int64_t, 2> blocks;
  int64_t scratch = 0;
  llvm::SmallVector<kernel::ScheduleAttr, 2> schedules; // one a target
};

/// A choice with one item and the plainest schedule: right for every root whose
/// emitter asks for nothing.
Choice plainChoice(mlir::MLIRContext *context, Targets targets);

/// contract, and conv with panels.
Choice scheduleTiles(const kernel::TileProblem &problem, Targets targets);

/// conv with weights in a view.
/// Why `schedule` is none that `target` can run; empty when it is.
std::string whyIllegal(const kernel::TileProblem &problem,
                       kernel::ScheduleAttr schedule,
                       const cpu::Target &target);

Choice scheduleDepthwise(const kernel::TileProblem &problem, Targets targets);

} // namespace sinter::schedule

#endif // SINTER_PASSES_SCHEDULE_RULES_H
