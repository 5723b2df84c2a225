// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Depthwise convolution: as many pixels a tile as there are chains to fill, and
// chunks of a few cache lines of channels, so that the rows of input under the
// kernel stay in L1 from one row of output to the next. Items are equal runs of
// pixels, or of channels where there are few pixels.

#include "passes/schedule/Rules.h"

using namespace mlir;

namespace sinter::schedule {
namespace {

constexpr int64_t kItemMacs = 1 << 17;
constexpr int64_t kWantedItems = 8;
constexpr int64_t kDynamicRows =
    192; // an item's pixels where their number is not known
constexpr int64_t kChunkBytes = 256; // of channels

} // namespace

Choice scheduleDepthwise(const kernel::TileProblem &problem, Targets targets) {
  MLIRContext *context = problem.n.getContext();
  std::optional<int64_t> rows = sym::asConstant(problem.rowCount()),
                         channels = sym::asConstant(problem.n);
  int64_t depth = sym::asConstant(problem.reductionCount()).value_or(9);
  int64_t chunk = kChunkBytes * 8 / problem.accumulator.getIntOrFloatBitWidth();
  int64_t rowBlock = rows ? 0 : kDynamicRows, columnBlock = 0;
  if (rows && channels) {
    int64_t wanted =
        std::min(kWantedItems, *rows * *channels * depth / kItemMacs);
    int64_t parts = wanted;
    while (parts > 1 && (*rows % parts || parts % 2))
      --parts;
    // Half of the wanted items in equal, even parts beat all in unequal ones.
    if (parts > 1 && parts * 2 >= wanted && *rows / parts >= 16)
      rowBlock = *rows / parts;
    else if (wanted > 1 && *channels >= 2 * chunk)
      columnBlock = (*channels / chunk + wanted - 1) / wanted * chunk;
    else if (wanted > 1)
      rowBlock = (*rows + wanted - 1) / wanted;
  }
  Choice choice;
  choice.blocks = {rowBlock, columnBlock};
  choice.items = sym::constantDim(context, 1);
  if (rowBlock)
    choice.items = sym::ceilDiv(problem.rowCount(), rowBlock);
  if (columnBlock)
    choice.items = choice.items * sym::ceilDiv(problem.n, columnBlock);
  for (const cpu::Target *target : targets)
    choice.schedules.push_back(kernel::ScheduleAttr::get(
        context, StringAttr::get(context, target->isa),
        StringAttr::get(context, "direct"),
        int64_t(target->core.fmaLatency) * target->core.fmaPorts, chunk, 1, 0));
  choice.scratch = kernel::kTileScratch;
  return choice;
}

} // namespace sinter::schedule
