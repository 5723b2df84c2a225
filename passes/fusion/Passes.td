// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SINTER_PASSES_FUSION_PASSES_TD
#define SINTER_PASSES_FUSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def FormGroups : Pass<"sinter-form-groups", "::mlir::func::FuncOp"> {
  let summary = "Puts what one kernel computes into one graph.group.";
  let description = [{
    A group has at most one root (conv, matmul, pool, softmax, normalize, reduce)
    and elementwise operations of the root's extent behind it; roots that read
    rows also take elementwise producers in front. Elementwise operations without
    a root make groups of their own. A value used elsewhere becomes one more
    result. Refuses what would make a cycle, and anything across graph.bind_dim.

      %0 = graph.conv %x, %w ...
      %1 = graph.map "add"(%0, %r)
      %2 = graph.map "relu"(%1)
      ==>
      %2 = graph.group(%x, %w, %r) { conv, add, relu }
  }];
  let statistics = [Statistic<"groups", "groups-formed", "Groups formed">,
                    Statistic<"fused", "operations-fused",
                              "Elementwise operations that joined a root">];
}

#endif // SINTER_PASSES_FUSION_PASSES_TD
