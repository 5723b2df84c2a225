// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiles and items of contract and conv by a model of one core: cycles of a step
// of the reduction are the worst of multiply-adds over their ports, loads over
// theirs, the latency of one accumulator, and the width of the front end. From
// the step follow the best register tile for the actual rows and columns, and
// from the bytes that a cut into blocks moves twice, the items.

#include "passes/schedule/Rules.h"

#include <cmath>

using namespace mlir;

namespace sinter::schedule {
namespace {

using cpu::Target;
using kernel::TileProblem;

constexpr int64_t kPanel = 16;
constexpr int64_t kIssueWidth = 6;  // operations a cycle, of every core we know
constexpr double kTileCycles = 30;  // entering and leaving a tile
constexpr double kItemCycles = 400; // entering an item
constexpr double kBytesPerCycle = 12; // beyond L2
constexpr double kExposed = 0.5; // share of that time not hidden by arithmetic
constexpr double kItemMacs =
    1 << 18; // work below which an item is not worth a hand-over
constexpr int64_t kWantedItems = 8; // divisible among 1, 2 and 4 workers
constexpr int64_t kDynamicProductRows =
    128; // what a size stands for that is not known yet:
constexpr int64_t kDynamicPixels =
    1600; // tokens of a sequence, pixels of a feature map
constexpr int64_t kDynamicBatch = 12; // heads

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The problem as numbers.
struct Sizes {
  int64_t batch, rows, columns, depth, run;
  int64_t aBytes, bBytes; // of one batch
  bool fixedRows, staticRows;
};

int64_t valueOr(sym::DimAttr dim, int64_t fallback) {
  std::optional<int64_t> known = sym::asConstant(dim);
  return known ? std::max<int64_t>(1, *known) : fallback;
}

/// Elements of a that a row adds to what its neighbours read: windows overlap.
int64_t elementsPerRow(const TileProblem &problem, int64_t depth) {
  const sym::Dims &rows = problem.a.rows;
  if (problem.positions.empty() || rows.empty())
    return depth;
  // Across, rows are a pixel's stride apart; down, as many lines as the stride.
  int64_t across = valueOr(rows.back(), depth), down = 1;
  if (rows.size() > 1) {
    int64_t line = valueOr(problem.positions.front().stride, 1);
    down = std::max<int64_t>(1, valueOr(rows[rows.size() - 2], line) / line);
  }
  return std::min(depth, across * down);
}

Sizes sizesOf(const TileProblem &problem) {
  Sizes sizes;
  sizes.fixedRows = sym::asConstant(problem.rowCount()).has_value();
  sizes.rows =
      valueOr(problem.rowCount(),
              problem.positions.empty() ? kDynamicProductRows : kDynamicPixels);
  sizes.batch = valueOr(problem.batchCount(), kDynamicBatch);
  sizes.columns = valueOr(problem.n, kDynamicProductRows);
  sizes.depth = valueOr(problem.reductionCount(), kDynamicProductRows);
  sizes.run = valueOr(problem.run, 64);
  int64_t element = (problem.accumulator.getIntOrFloatBitWidth() + 7) / 8;
  sizes.aBytes = sizes.rows * elementsPerRow(problem, sizes.depth) * element;
  sizes.bBytes =
      ceilDiv(sizes.columns, kPanel) * kPanel * sizes.depth * element;
  // Of bytes, strides count elements and the depth words of four.
  if (problem.dots)
    sizes.aBytes =
        sizes.rows * elementsPerRow(problem, sizes.depth * kernel::kDotBytes);
  sizes.staticRows =
      problem.a.rows.size() <= 1 &&
      (problem.a.rows.empty() || sym::asConstant(problem.a.rows.back()));
  return sizes;
}

struct Tile {
  int64_t rows = 1, columns = kPanel;
};

int64_t lanesOf(const TileProblem &problem, const Target &target) {
  return std::min<int64_t>(
      kPanel, target.lanes(problem.accumulator.getIntOrFloatBitWidth()));
}

/// Registers of one vector along k.
int64_t partsAlongK(const TileProblem &problem, const Target &target) {
  return std::max<int64_t>(1, int64_t(kernel::kLanesOfK) *
                                  problem.accumulator.getIntOrFloatBitWidth() /
                                  target.vec.bits);
}

/// Cycles of 16 steps of k with rows x columns sums along it: every vector of a
/// serves all columns, those of b all rows.
double alongKCycles(const Target &target, int64_t rows, int64_t columns,
                    int64_t parts) {
  double products = double(rows * columns * parts),
         loads = double((rows + columns) * parts);
  return std::max(
      {products / target.core.fmaPorts, loads / target.core.loadPorts,
       double(target.core.fmaLatency), (products + loads) / kIssueWidth});
}

/// Registers of a vector of b. Words of bytes that the machine cannot multiply
/// are two of pairs.
int64_t partsOfWord(const TileProblem &problem, const Target &target) {
  return problem.dots && !target.dotOf("dot4") ? 2 : 1;
}

/// Cycles of one step of k with a grid of rows x vectors.
double stepCycles(const Target &target, int64_t rows, int64_t vectors,
                  int64_t parts) {
  double fma = double(rows * vectors * parts) / target.core.fmaPorts;
  // With one vector the broadcast or the vector is a memory operand either way.
  double loads = double(rows + vectors) / target.core.loadPorts;
  double issue = double((2 * parts - 1) * (rows * vectors) +
                        parts * (vectors > 1 ? rows + vectors : 1) + 1) /
                 kIssueWidth;
  return std::max({fma, loads, double(target.core.fmaLatency), issue});
}

bool fits(const Target &target, const TileProblem &problem, const Sizes &sizes,
          int64_t rows, int64_t width) {
  // Rows a power of two apart fall into one set of L1: no more rows than ways.
  if (rows > target.caches[0].ways)
    return false;
  int64_t pointers = sizes.staticRows ? 1 : rows;
  if (problem.alongK) {
    int64_t parts = partsAlongK(problem, target), shared = rows > 1;
    // A grid of one row is always there: it may not fit, but is not wrong.
    return width == kPanel && pointers + 4 <= target.core.addressRegisters &&
           (rows == 1 || (rows + shared) * sizes.columns * parts + parts <=
                             int64_t(target.vec.registers));
  }
  int64_t vectors = width / lanesOf(problem, target);
  // A single row takes b as memory operands, more of them share registers.
  int64_t parts = partsOfWord(problem, target),
          columns = rows > 1 || parts > 1 ? vectors * parts : 0;
  return rows * vectors + columns + parts <= int64_t(target.vec.registers) &&
         pointers + 4 <= int64_t(target.core.addressRegisters);
}

/// Cycles of `rows` x `columns` outputs cut into tiles.
double blockCycles(const Target &target, const TileProblem &problem,
                   const Sizes &sizes, Tile tile, int64_t rows,
                   int64_t columns) {
  int64_t lanes = lanesOf(problem, target),
          parts = partsAlongK(problem, target);
  auto column = [&](int64_t width) {
    int64_t vectors = ceilDiv(width, lanes);
    int64_t tiles = ceilDiv(rows, tile.rows), small = rows / tiles,
            tall = rows % tiles;
    auto cost = [&](int64_t height) {
      if (problem.alongK)
        return double(ceilDiv(sizes.depth, kernel::kLanesOfK)) *
                   alongKCycles(target, height, width, parts) +
               kTileCycles + 4 * double(height * width * parts);
      return double(sizes.depth) * stepCycles(target, height, vectors,
                                              partsOfWord(problem, target)) +
             kTileCycles + double(height * vectors);
    };
    return double(tall) * cost(small + 1) + double(tiles - tall) * cost(small);
  };
  double cycles = double(columns / tile.columns) * column(tile.columns);
  return columns % tile.columns ? cycles + column(columns % tile.columns)
                                : cycles;
}

Tile bestTile(const Target &target, const TileProblem &problem,
              const Sizes &sizes, int64_t rows, int64_t columns) {
  Tile best;
  double least = INFINITY;
  for (int64_t width = kPanel; width <= 8 * kPanel; width += kPanel) {
    if (width > kPanel && (width > ceilDiv(columns, kPanel) * kPanel))
      break;
    for (int64_t height = 1; height <= int64_t(target.caches[0].ways);
         ++height) {
      if (!fits(target, problem, sizes, height, width))
        continue;
      double cycles =
          blockCycles(target, problem, sizes, {height, width}, rows, columns);
      // Taller tiles read less of b for the same work: they win ties.
      if (cycles < least * 0.999 ||
          (cycles < least * 1.001 && height > best.rows && height <= rows)) {
        least = std::min(least, cycles);
        best = {height, width};
      }
    }
  }
  return best;
}

/// The largest divisor of the run that is a sensible number of steps, else 4.
int64_t unrollOf(const TileProblem &problem, const Target &target, Tile tile) {
  if (problem.alongK)
    return 2;
  int64_t accumulators = tile.rows * (tile.columns / lanesOf(problem, target));
  int64_t most = std::clamp<int64_t>(96 / accumulators, 4, 8);
  // Rows that overlap within one trip (few channels) would share broadcasts,
  // for which no register is left.
  std::optional<int64_t> apart = problem.a.rows.empty()
                                     ? std::nullopt
                                     : sym::asConstant(problem.a.rows.back());
  if (apart && *apart > 0)
    most = std::clamp<int64_t>(
        problem.dots ? *apart / kernel::kDotBytes : *apart, 1, most);
  if (std::optional<int64_t> run = sym::asConstant(problem.run))
    for (int64_t unroll = most; unroll > 2; --unroll)
      if (*run % unroll == 0)
        return unroll;
  return std::min<int64_t>(4, most);
}

struct Blocks {
  int64_t rows = 0, columns = 0; // 0: all
};

/// Extents to consider for a block of `count`: divisors first, they leave no
/// shorter last block.
SmallVector<int64_t> rowBlocks(const Sizes &sizes) {
  SmallVector<int64_t> blocks{sizes.rows};
  for (int64_t parts = 2; parts <= 64; ++parts) {
    int64_t block = ceilDiv(sizes.rows, parts);
    if (!sizes.fixedRows || sizes.rows % parts)
      block = ceilDiv(block, 24) * 24; // whole tiles of 6 and of 8 rows
    if (block < sizes.rows && block != blocks.back())
      blocks.push_back(block);
  }
  return blocks;
}

Blocks chooseBlocks(const Target &target, const TileProblem &problem,
                    const Sizes &sizes) {
  double macs = double(sizes.batch) * double(sizes.rows) *
                double(sizes.columns) * double(sizes.depth);
  int64_t wanted = std::min<int64_t>(kWantedItems, int64_t(macs / kItemMacs));
  Blocks best;
  bool enough = false; // items for all workers, where the sizes give them
  double least = INFINITY;
  int64_t panels = ceilDiv(sizes.columns, kPanel);
  bool mayCutColumns = sym::asConstant(problem.n).has_value();
  for (int64_t rows : rowBlocks(sizes)) {
    for (int64_t parts = 1;
         parts <= (mayCutColumns ? std::min<int64_t>(panels, 16) : 1);
         ++parts) {
      int64_t width = std::min(sizes.columns, ceilDiv(panels, parts) * kPanel);
      int64_t down = ceilDiv(sizes.rows, rows),
              across = ceilDiv(sizes.columns, width);
      int64_t items = sizes.batch * down * across;
      Tile tile = bestTile(target, problem, sizes, rows, width);
      double compute = double(items) *
                       (blockCycles(target, problem, sizes, tile, rows, width) +
                        kItemCycles);
      // Two workers finish when the one with more items does.
      double idle =
          wanted > 1 ? double(ceilDiv(items, 2) * 2) / double(items) : 1;
      double aBlock = double(sizes.aBytes) / double(down);
      bool staysInL2 = aBlock < double(target.caches[1].bytes) / 2;
      double reads = staysInL2 ? double(across)
                               : double(ceilDiv(sizes.columns, tile.columns));
      // Reading b again is dear, it may come from memory; rows of a stream
      // along.
      double bytes = double(down) * double(sizes.bBytes) +
                     0.5 * reads * double(sizes.aBytes);
      double cycles = compute * idle +
                      double(sizes.batch) * bytes * kExposed / kBytesPerCycle;
      bool isEnough = items >= wanted;
      if (isEnough > enough || (isEnough == enough && cycles < least)) {
        least = cycles;
        enough = isEnough;
        best = {rows == sizes.rows && sizes.fixedRows ? 0 : rows,
                width == sizes.columns ? 0 : width};
      }
    }
  }
  return best;
}

} // namespace

std::string whyIllegal(const TileProblem &problem,
                       kernel::ScheduleAttr schedule, const Target &target) {
  int64_t rows = schedule.getTileM(), columns = schedule.getTileN();
  if (columns < kPanel || columns > 8 * kPanel || columns % kPanel)
    return "tile_n is " + std::to_string(columns) +
           "; expected whole panels, 16 to 128";
  if (schedule.getUnroll() < 1 || schedule.getUnroll() > 16)
    return "unroll is " + std::to_string(schedule.getUnroll()) +
           "; expected 1 to 16";
  if (schedule.getPrefetch() < 0 || schedule.getPrefetch() > 16)
    return "prefetch is " + std::to_string(schedule.getPrefetch()) +
           "; expected 0 to 16";
  if (rows < 1 || rows > 64 ||
      !fits(target, problem, sizesOf(problem), rows, columns))
    return "a tile of " + std::to_string(rows) + " x " +
           std::to_string(columns) + " does not fit the registers of " +
           target.isa.str();
  return "";
}

Choice scheduleTiles(const TileProblem &problem, Targets targets) {
  MLIRContext *context = problem.n.getContext();
  Sizes sizes = sizesOf(problem);
  // Items are shared: the widest target cuts, all others follow.
  const Target *widest = targets.front();
  for (const Target *target : targets)
    if (target->vec.bits > widest->vec.bits)
      widest = target;
  Blocks blocks = chooseBlocks(*widest, problem, sizes);
  Choice choice;
  choice.blocks = {blocks.rows, blocks.columns};
  choice.items = problem.batchCount();
  if (blocks.rows)
    choice.items = choice.items * sym::ceilDiv(problem.rowCount(), blocks.rows);
  if (blocks.columns)
    choice.items = choice.items * sym::ceilDiv(problem.n, blocks.columns);
  int64_t rows = blocks.rows ? std::min(blocks.rows, sizes.rows) : sizes.rows;
  int64_t columns = blocks.columns ? blocks.columns : sizes.columns,
          tileColumns = kPanel;
  for (const Target *target : targets) {
    Tile tile = bestTile(*target, problem, sizes, rows, columns);
    tileColumns = std::max(tileColumns, tile.columns);
    // Several row tiles read the same columns: the first ones ask for the next.
    // What a single one reads comes from memory.
    bool isShared = problem.panels && rows >= 4 * tile.rows,
         isOnce = !problem.alongK && sizes.bBytes > target->caches[1].bytes &&
                  rows <= tile.rows;
    int64_t prefetch = isShared || isOnce ? 1 : 0;
    choice.schedules.push_back(kernel::ScheduleAttr::get(
        context, StringAttr::get(context, target->isa),
        StringAttr::get(context, "direct"), tile.rows, tile.columns,
        unrollOf(problem, *target, tile), prefetch));
  }
  choice.scratch = problem.scratchBytes(tileColumns);
  return choice;
}

} // namespace sinter::schedule
