// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Items first: which rows and columns of which batch. Then columns, which may
// be fewer in the last block, then rows.

#include "codegen/cpu/TileEngine.h"
#include "codegen/cpu/TileBody.h"
#include "codegen/cpu/TilePack.h"
#include "dialects/Support/Check.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

using kernel::TileOperand;
using kernel::TileProblem;

constexpr unsigned kPanel = 16;

class TileEngine {
public:
  TileEngine(KernelBuilder &kb, const TileProblem &problem,
             const TileSchedule &schedule)
      : kb(kb), problem(problem), schedule(schedule) {
    unsigned bits = problem.accumulator.getIntOrFloatBitWidth();
    lanes = std::min(kPanel, kb.target.lanes(bits));
    rows = kb.dim(problem.rowCount());
    columns = kb.dim(problem.n);
    rowBlock = schedule.rowBlock ? kb.c(schedule.rowBlock) : rows;
    columnBlock = schedule.columnBlock ? kb.c(schedule.columnBlock) : columns;
  }

  void emit() {
    auto blocks = [&](Value count, Value block, int64_t size) {
      return size ? kb.ceilDiv(count, block) : kb.c(1);
    };
    Value counts[] = {kb.dim(problem.batchCount()),
                      blocks(rows, rowBlock, schedule.rowBlock),
                      blocks(columns, columnBlock, schedule.columnBlock)};
    kb.items(counts, [&](ArrayRef<Value> item) { emitItem(item); });
  }

private:
  // Addresses of the operands' elements (0, 0) in the batch of this item.
  struct Bases {
    Value a, b;
    Values results; // extras, then outputs
  };

  //===--------------------------------------------------------------------===//
  // Items
  //===--------------------------------------------------------------------===//

  void emitItem(ArrayRef<Value> item) {
    Bases bases = basesOf(item[0]);
    Value firstRow = kb.mul(item[1], rowBlock),
          firstColumn = kb.mul(item[2], columnBlock);
    Value height = blockExtent(kb, firstRow, rows, schedule.rowBlock);
    if (problem.alongK)
      return columnsAlongK(bases, firstRow, height);
    Value width = blockExtent(kb, firstColumn, columns, schedule.columnBlock);
    if (std::optional<int64_t> all = KernelBuilder::constant(columns))
      staticColumns(bases, firstRow, height, firstColumn, *all);
    else
      dynamicColumns(bases, firstRow, height, firstColumn, width);
  }

  Bases basesOf(Value index) {
    Values coordinates(problem.batch.size());
    Value rest = index;
    for (size_t i = problem.batch.size(); i-- > 0;) {
      Value extent = kb.dim(problem.batch[i]);
      coordinates[i] = i ? kb.mod(rest, extent) : rest;
      rest = i ? kb.div(rest, extent) : rest;
    }
    auto base = [&](const TileOperand &operand) {
      Value offset = kb.c(0);
      int64_t bytes = KernelBuilder::bytesOf(operand.element);
      for (size_t i = 0; i < operand.batch.size(); ++i)
        offset = kb.add(
            offset, kb.mul(coordinates[i], kb.dim(operand.batch[i] * bytes)));
      return kb.at(kb.buffer(operand.buffer), offset);
    };
    Bases bases{base(problem.a), base(problem.b), {}};
    for (const TileOperand &extra : problem.extras)
      bases.results.push_back(base(extra));
    for (const TileOperand &output : problem.outputs)
      bases.results.push_back(base(output));
    return bases;
  }

  //===--------------------------------------------------------------------===//
  // Columns
  //===--------------------------------------------------------------------===//

  // Full tiles in a loop, then what is left: it may differ in the last block.
  void staticColumns(const Bases &bases, Value firstRow, Value height,
                     Value firstColumn, int64_t all) {
    int64_t tile = schedule.tileColumns,
            block = schedule.columnBlock ? schedule.columnBlock : all;
    int64_t lastStart = all == 0 ? 0 : (all - 1) / block * block,
            lastWidth = all - lastStart;
    Value isLast = kb.equal(firstColumn, kb.c(lastStart));
    Value full = kb.select(isLast, kb.c(lastWidth / tile * tile),
                           kb.c(block / tile * tile));
    kb.loop(kb.c(0), full, tile, [&](Value at) {
      emitColumnTile(bases, firstRow, height, kb.add(firstColumn, at),
                     unsigned(tile), Value());
    });
    auto rest = [&](int64_t width) {
      if (int64_t left = width % tile)
        emitColumnTile(bases, firstRow, height,
                       kb.add(firstColumn, width - left), unsigned(left),
                       left % kPanel ? kb.c(left) : Value());
    };
    if (lastWidth == block)
      return rest(block);
    if (lastWidth % tile || block % tile)
      kb.ifThen(isLast, [&] { rest(lastWidth); }, [&] { rest(block); });
  }

  void dynamicColumns(const Bases &bases, Value firstRow, Value height,
                      Value firstColumn, Value width) {
    int64_t tile = schedule.tileColumns;
    Value full = kb.sub(width, kb.mod(width, kb.c(tile)));
    kb.loop(kb.c(0), full, tile, [&](Value at) {
      emitColumnTile(bases, firstRow, height, kb.add(firstColumn, at),
                     unsigned(tile), Value());
    });
    kb.loop(full, width, kPanel, [&](Value at) {
      emitColumnTile(bases, firstRow, height, kb.add(firstColumn, at), kPanel,
                     kb.sub(width, at));
    });
  }

  /// All columns at once, whose vectors lie along k.
  void columnsAlongK(const Bases &bases, Value firstRow, Value height) {
    TileShape shape{};
    shape.lanes = kernel::kLanesOfK;
    shape.vectors = unsigned(*sym::asConstant(problem.n));
    shape.unroll = schedule.unroll;
    ColumnAccess access;
    access.base = bases.b;
    access.element = problem.b.element;
    access.step = problem.b.step;
    access.column = problem.b.column;
    forRowTiles(kb, firstRow, height, schedule.tileRows,
                [&](Value row, unsigned tileRows) {
                  shape.rows = tileRows;
                  emitTile(bases, shape, access, row, {});
                });
  }

  /// `width` columns at `column`; `count` when fewer may be there.
  void emitColumnTile(const Bases &bases, Value firstRow, Value height,
                      Value column, unsigned width, Value count) {
    TileShape shape{};
    shape.lanes = lanes;
    shape.vectors = (width + lanes - 1) / lanes;
    shape.unroll = schedule.unroll;
    shape.prefetch = schedule.prefetch;
    ColumnAccess access = columnAccess(bases, column, width, count);
    Bases moved = bases;
    for (size_t i = 0; i < moved.results.size(); ++i) {
      const TileOperand &operand = resultOperand(i);
      int64_t bytes = KernelBuilder::bytesOf(operand.element);
      moved.results[i] = kb.at(moved.results[i],
                               kb.mul(column, kb.dim(operand.column * bytes)));
    }
    std::optional<int64_t> known = KernelBuilder::constant(height);
    bool isOneTile = known && *known <= schedule.tileRows;
    forRowTiles(kb, firstRow, height, schedule.tileRows,
                [&](Value row, unsigned tileRows) {
                  shape.rows = tileRows;
                  shape.lastLanes = lastLanes(width, tileRows);
                  // One tile of all rows, or what is left of few of them.
                  access.readOnce =
                      !problem.packsB() &&
                      (known ? isOneTile : tileRows < schedule.tileRows);
                  if (schedule.prefetch && problem.panels)
                    access.next = nextColumns(access, width, row);
                  emitTile(moved, shape, access, row, count);
                });
  }

  // A half-empty last vector: on many cores half the width costs half the time.
  // Beside whole ones, broadcasts serve both widths and are held longer; LLVM
  // spills where no registers are left for that.
  unsigned lastLanes(unsigned width, unsigned tileRows) const {
    unsigned rest = width % lanes, vectors = (width + lanes - 1) / lanes;
    if (lanes <= 8 || rest == 0 || rest > lanes / 2 || problem.packsB())
      return 0;
    bool fits =
        tileRows * (vectors + 1) + vectors + 2 <= kb.target.vec.registers;
    return vectors == 1 || fits ? lanes / 2 : 0;
  }

  // A trip reads `unroll` lines of each panel; successive row tiles prefetch
  // other ones.
  Value nextColumns(const ColumnAccess &access, unsigned width, Value row) {
    Value turns = kb.c(std::max(1u, schedule.unroll / schedule.prefetch));
    Value turn = kb.mod(kb.div(row, kb.c(schedule.tileRows)), turns);
    int64_t panels = (width + kPanel - 1) / kPanel;
    return kb.add(kb.mul(turn, int64_t(schedule.prefetch) * 64),
                  panels * access.panelBytes);
  }

  const TileOperand &resultOperand(size_t i) const {
    return i < problem.extras.size()
               ? problem.extras[i]
               : problem.outputs[i - problem.extras.size()];
  }

  ColumnAccess columnAccess(const Bases &bases, Value column, unsigned width,
                            Value count) {
    MLIRContext *context = kb.b.getContext();
    int64_t bytes = KernelBuilder::bytesOf(problem.b.element);
    ColumnAccess access;
    access.element = problem.b.element;
    access.step = problem.b.step;
    access.column = problem.b.column;
    access.perPanel = kPanel / lanes;
    if (problem.panels || problem.packsB()) {
      int64_t depth = *sym::asConstant(problem.reductionCount());
      access.panelBytes = depth * kPanel * bytes;
      access.step = sym::constantDim(context, kPanel);
      access.column = sym::constantDim(context, 1);
      // A tile starts at a panel: column * depth is the element index of it.
      access.base = problem.panels
                        ? kb.at(bases.b, kb.mul(column, depth * bytes))
                        : kb.at(kb.scratch(), kernel::kTileScratch);
      if (!problem.panels)
        packColumns(
            kb, problem.b,
            kb.at(bases.b, kb.mul(column, kb.dim(problem.b.column * bytes))),
            access.base, lanes, width, count, depth);
      return access;
    }
    access.panelBytes = kPanel * bytes;
    access.base =
        kb.at(bases.b, kb.mul(column, kb.dim(problem.b.column * bytes)));
    access.count = count;
    return access;
  }

  //===--------------------------------------------------------------------===//
  // Rows
  //===--------------------------------------------------------------------===//

  void emitTile(const Bases &bases, const TileShape &shape,
                const ColumnAccess &access, Value row, Value count) {
    RowOperand a{&problem.a, bases.a};
    Values grid =
        emitReduction(kb, problem, shape,
                      rowAddresses(kb, problem.rows, a, row, shape.rows)[0],
                      access, livePositions(kb, problem, row, shape.rows));
    // Addresses of the results are found after the reduction: they would only
    // take registers from it.
    SmallVector<RowOperand> results;
    for (size_t i = 0; i < bases.results.size(); ++i)
      results.push_back({&resultOperand(i), bases.results[i]});
    SmallVector<RowAddresses> addresses =
        rowAddresses(kb, problem.rows, results, row, shape.rows);
    if (problem.alongK)
      return emitSums(kb, problem, shape, grid, addresses, kb.scratch());
    emitResults(kb, problem, shape, grid, addresses, count, kb.scratch());
  }

  KernelBuilder &kb;
  const TileProblem &problem;
  const TileSchedule &schedule;
  unsigned lanes;
  Value rows, columns, rowBlock, columnBlock;
};

} // namespace

TileSchedule tileScheduleOf(kernel::DefineOp define, const Target &target) {
  TileSchedule result;
  if (std::optional<ArrayRef<int64_t>> blocks = define.getBlocks();
      blocks && blocks->size() == 2) {
    result.rowBlock = (*blocks)[0];
    result.columnBlock = (*blocks)[1];
  }
  if (kernel::ScheduleAttr schedule = define.getScheduleFor(target.isa)) {
    result.tileRows = unsigned(schedule.getTileM());
    result.tileColumns = unsigned(schedule.getTileN());
    result.unroll = unsigned(schedule.getUnroll());
    result.prefetch = unsigned(schedule.getPrefetch());
  }
  return result;
}

void emitTiles(KernelBuilder &kb, const TileProblem &problem,
               const TileSchedule &schedule) {
  SINTER_CHECK(schedule.tileRows > 0 && schedule.tileColumns % kPanel == 0 &&
                   schedule.tileColumns > 0 &&
                   schedule.columnBlock % kPanel == 0,
               "tiles are whole panels wide");
  TileEngine(kb, problem, schedule).emit();
}

} // namespace sinter::cpu
