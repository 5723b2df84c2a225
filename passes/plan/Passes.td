// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SINTER_PASSES_PLAN_PASSES_TD
#define SINTER_PASSES_PLAN_PASSES_TD

include "mlir/Pass/PassBase.td"

def BoundLateSizes : Pass<"sinter-bound-late-sizes", "::sinter::exec::ProgramOp"> {
  let summary = "Reserves memory for sizes that come out of data, or refuses them.";
  let description = [{
    A buffer whose size names a symbol that an exec.read binds during the run is
    reserved at the symbol's bound. An output that is only written once its size is
    known is listed in `exec.late_outputs` instead: its memory is asked for then. What
    would reserve more than `max-slack` bytes at the reference shape is an error
    (SINTER-I014). Extents only grow sizes, so the bound of a size is the size of
    the bounds.

      exec.symbol "K" {min = 0, max = 100}
      %a = exec.alloc <K * 4>             ==>     %a = exec.alloc <400>
  }];
  let options = [Option<"maxSlack", "max-slack", "int64_t", "67108864",
                        "The most bytes to reserve for one size">];
}

def ShareInPlace : Pass<"sinter-share-in-place", "::mlir::ModuleOp"> {
  let summary = "Writes results over the elements that they are computed from.";
  let description = [{
    A kernel reads elements of a nest's or row's inputs, or of the extras of a product,
    only for the same element of its results. When a buffer is read for the last
    time by such a kernel, with the view of a result that nobody has written before,
    the result takes its memory. Not inside exec.if.

      %a = exec.alloc <64>                   %a = exec.alloc <64>
      %b = exec.alloc <64>                   exec.launch @produce(%x, %a)
      exec.launch @produce(%x, %a)    ==>    exec.launch @relu(%a, %a)
      exec.launch @relu(%a, %b)              exec.launch @consume(%a, %y)
      exec.launch @consume(%b, %y)
  }];
  let statistics = [Statistic<"shared", "shared", "Results that took the memory of an operand">];
}

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
