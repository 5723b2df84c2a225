// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asks the rule of each define's root and writes the answer to the define.
// Equal inputs give equal schedules on every machine: objects are reproducible.

#include "passes/schedule/Passes.h"
#include "passes/schedule/Rules.h"
#include "dialects/kernel/ExternTable.h"
#include "dialects/kernel/ItemPlan.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace sinter {
#define GEN_PASS_DEF_CHOOSESCHEDULES
#include "passes/schedule/Passes.h.inc"

namespace schedule {

Choice plainChoice(MLIRContext *context, Targets targets) {
  Choice choice;
  choice.items = sym::constantDim(context, 1);
  for (const cpu::Target *target : targets)
    choice.schedules.push_back(kernel::ScheduleAttr::get(
        context, StringAttr::get(context, target->isa),
        StringAttr::get(context, "direct"), 1, 16, 1, 0));
  return choice;
}

static Choice choose(kernel::DefineOp define, Targets targets) {
  return llvm::TypeSwitch<Operation *, Choice>(define.getRoot())
      .Case([&](kernel::ContractOp root) {
        return scheduleTiles(kernel::problemOf(root), targets);
      })
      .Case([&](kernel::ConvOp root) {
        kernel::TileProblem problem = kernel::problemOf(root);
        return problem.panels ? scheduleTiles(problem, targets)
                              : scheduleDepthwise(problem, targets);
      })
      .Case([&](kernel::ExternOp root) {
        Choice choice = plainChoice(define.getContext(), targets);
        choice.items = kernel::itemsOf(root);
        return choice;
      })
      .Default([&](Operation *) {
        Choice choice = plainChoice(define.getContext(), targets);
        // Roots whose cut follows from the define alone.
        if (std::optional<kernel::ItemPlan> plan = kernel::itemPlanOf(define)) {
          choice.items = plan->items(define.getContext());
          choice.blocks.assign(plan->blocks.begin(), plan->blocks.end());
          choice.scratch = plan->scratch;
        }
        return choice;
      });
}

} // namespace schedule

namespace {

struct ChooseSchedules : impl::ChooseSchedulesBase<ChooseSchedules> {
  using ChooseSchedulesBase::ChooseSchedulesBase;

  void runOnOperation() override {
    SmallVector<const cpu::Target *> targets;
    for (const std::string &isa : isas) {
      const cpu::Target *target = cpu::findTarget(isa);
      if (!target) {
        getOperation().emitError("there is no target '")
            << isa << "'; known are x86-64-v3 and x86-64-v4";
        return signalPassFailure();
      }
      targets.push_back(target);
    }
    if (isas.empty())
      for (const cpu::Target &target : cpu::allTargets())
        targets.push_back(&target);
    getOperation().walk([&](kernel::DefineOp define) {
      if (!define.getSchedules())
        write(define, schedule::choose(define, targets));
    });
  }

  static void write(kernel::DefineOp define, const schedule::Choice &choice) {
    Builder builder(define.getContext());
    SmallVector<Attribute> schedules(choice.schedules.begin(),
                                     choice.schedules.end());
    define.setItemsAttr(choice.items);
    define.setBlocksAttr(builder.getDenseI64ArrayAttr(choice.blocks));
    define.setScratch(uint64_t(choice.scratch));
    define.setSchedulesAttr(builder.getArrayAttr(schedules));
  }
};

} // namespace
} // namespace sinter
