// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SINTER_PASSES_PLAN_PASSES_TD
#define SINTER_PASSES_PLAN_PASSES_TD

include "mlir/Pass/PassBase.td"

def PlanArena : Pass<"sinter-plan-arena", "::sinter::exec::ProgramOp"> {
  let summary = "Gives every buffer its place in the arena, for every shape at once.";
  let description = [{
    Buffers are placed greedily by size at a reference shape; of two buffers that
    live at the same time the lower one is remembered. At run time the offset of a
    buffer is the largest end of the buffers below it, which is valid for every
    shape and never above the greedy plan at the reference shape (decisions.md 1.3).

      %a = exec.alloc <N * 64>       ==>     %a = exec.alloc <N * 64>
      %b = exec.alloc <N * 16>               %b = exec.alloc <N * 16> above(%a)
  }];
  let statistics = [Statistic<"referenceBytes", "reference-bytes", "Arena at the reference shape">,
                    Statistic<"edges", "edges", "Buffers that must lie above others">];
}

#endif // SINTER_PASSES_PLAN_PASSES_TD
