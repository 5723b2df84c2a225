// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asks the rule of each define's root and writes the answer to the define.
// Equal inputs give equal schedules on every machine: objects are reproducible.

#include "passes/schedule/Passes.h"
#include "passes/schedule/Rules.h"
#include "passes/schedule/ScheduleKey.h"
#include "passes/schedule/ScheduleRecords.h"
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
        return problem.panels || problem.alongK
                   ? scheduleTiles(problem, targets)
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
            << isa
            << "'; known are x86-64-v2, x86-64-v3, x86-64-v4 "
               "and x86-64-v4-vnni";
        return signalPassFailure();
      }
      targets.push_back(target);
    }
    if (isas.empty())
      for (const cpu::Target &target : cpu::allTargets())
        targets.push_back(&target);
    if (!readRecords())
      return signalPassFailure();
    getOperation().walk([&](kernel::DefineOp define) {
      if (define.getSchedules())
        return;
      schedule::Choice choice = schedule::choose(define, targets);
      if (measured.size() + shipped.size())
        applyRecords(define, choice, targets);
      write(define, choice);
    });
  }

  bool readRecords() {
    llvm::Error error = llvm::joinErrors(
        shipped.add(schedule::shippedRecords(), "shipped"),
        file.empty() ? llvm::Error::success() : measured.addFile(file));
    if (!error)
      return true;
    getOperation().emitError(llvm::toString(std::move(error)));
    return false;
  }

  /// Tiles of contract and conv are what records are about.
  void applyRecords(kernel::DefineOp define, schedule::Choice &choice,
                    schedule::Targets targets) {
    std::optional<kernel::TileProblem> problem;
    if (auto root = dyn_cast<kernel::ContractOp>(define.getRoot()))
      problem = kernel::problemOf(root);
    if (auto root = dyn_cast<kernel::ConvOp>(define.getRoot()))
      problem = kernel::problemOf(root);
    if (!problem || choice.blocks.size() != 2 ||
        (isa<kernel::ConvOp>(define.getRoot()) && !problem->panels &&
         !problem->alongK))
      return;
    std::string key = schedule::scheduleKey(define);
    int64_t columns = 16;
    for (auto [chosen, target] : llvm::zip(choice.schedules, targets)) {
      for (const schedule::ScheduleRecords *table : {&measured, &shipped})
        if (const schedule::ScheduleRecord *record = table->find(key, *target))
          if (take(*record, *problem, *target, define, chosen))
            break;
      columns = std::max(columns, chosen.getTileN());
    }
    choice.scratch = problem->scratchBytes(columns);
  }

  /// True when the record replaced the model's choice.
  static bool take(const schedule::ScheduleRecord &record,
                   const kernel::TileProblem &problem,
                   const cpu::Target &target, kernel::DefineOp define,
                   kernel::ScheduleAttr &chosen) {
    auto wanted = kernel::ScheduleAttr::get(
        define.getContext(), chosen.getIsa(), chosen.getAlgo(), record.tileM,
        record.tileN, record.unroll, record.prefetch);
    std::string why = record.emitter != schedule::kEmitterVersion
                          ? "it is of emitter " +
                                std::to_string(record.emitter) + ", this is " +
                                std::to_string(schedule::kEmitterVersion)
                          : schedule::whyIllegal(problem, wanted, target);
    if (why.empty()) {
      chosen = wanted;
      return true;
    }
    define.emitRemark("the schedule of ")
        << define.getSymName() << " at " << record.origin
        << " is skipped: " << why;
    return false;
  }

  schedule::ScheduleRecords measured, shipped;

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
