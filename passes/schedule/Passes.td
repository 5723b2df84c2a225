// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How kernels are run: tiles, items, scratch. Nothing here is timed.

#ifndef SINTER_PASSES_SCHEDULE_PASSES_TD
#define SINTER_PASSES_SCHEDULE_PASSES_TD

include "mlir/Pass/PassBase.td"

def ChooseSchedules : Pass<"sinter-choose-schedules", "::mlir::ModuleOp"> {
  let summary = "Gives every kernel its work items and one schedule for each ISA.";
  let description = [{
    A model, not a search: tiles, cache blocks and items follow from arithmetic over
    the target's registers, ports and caches and the kernel's sizes; where sizes are
    known at run time only, a reference size stands in and items are a formula.
    Items and blocks are shared by all ISAs, register tiles are an ISA's own. A
    define that has schedules keeps everything it has.

    A record of `file`, else of the shipped table, comes before the model's register
    tile. One that is stale (of another emitter) or that the target cannot run is
    skipped with a remark.

      kernel.define @k (...) { kernel.conv ... }
      ==>
      kernel.define @k (...) attributes {items = 8, blocks = [392, 0], scratch = 4096,
        schedules = [#kernel.schedule<isa = "x86-64-v3", tile_m = 6, tile_n = 16, ...>]}
  }];
  let options = [ListOption<"isas", "isas", "std::string",
                            "ISAs to schedule for (default: all targets)">,
                 Option<"file", "file", "std::string", "",
                        "JSON lines of measured schedules">];
  let dependentDialects = ["::sinter::kernel::KernelDialect"];
}

#endif // SINTER_PASSES_SCHEDULE_PASSES_TD
