// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SINTER_PASSES_LAYOUT_PASSES_TD
#define SINTER_PASSES_LAYOUT_PASSES_TD

include "mlir/Pass/PassBase.td"

def ChannelsLast : Pass<"sinter-channels-last", "::mlir::func::FuncOp"> {
  let summary = "Turns convolution regions to [N, spatial..., C].";
  let description = [{
    Convolutions and pools always work on channels last (docs/rfcs/0008). Whatever
    follows them and does not care about the order of axes is turned too, when more
    bytes of its operands are turned than not; transposes remain where the order
    changes, and cancel where two meet. Small constants are turned here.

      %0 = graph.conv %x, %w ...          %t = graph.transpose %x [0, 2, 3, 1]
      %1 = graph.map "relu"(%0)     ==>   %0 = graph.conv %t, %w {channels_last}
                                          %r = graph.map "relu"(%0)
                                          %1 = graph.transpose %r [0, 3, 1, 2]
  }];
  let statistics = [Statistic<"turned", "operations-turned", "Operations now channels last">,
                    Statistic<"transposes", "transposes", "Transposes left behind">];
}

#endif // SINTER_PASSES_LAYOUT_PASSES_TD
