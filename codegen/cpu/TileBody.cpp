// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One step of k loads the vectors of b, then for each row broadcasts one
// element of a and multiplies it into the row's accumulators. All rows share
// one offset register, which walks the positions (kernel rows and columns) and
// the run of contiguous channels: a row costs one pointer register, and stride,
// dilation and kernel size cost nothing.

#include "codegen/cpu/TileBody.h"
#include "codegen/cpu/TileDots.h"
#include "codegen/cpu/VectorExpr.h"
#include "codegen/cpu/VectorShuffle.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

using kernel::TileProblem;

// Of k, in prefetches: the lines that one stream has in flight.
constexpr unsigned kStepsAhead = 8;

/// x[0], y[0], x[1], y[1], ...
Value interleave(KernelBuilder &kb, Value x, Value y) {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < lanes; ++lane)
    order.append({lane, lanes + lane});
  return shuffle(kb, x, y, order);
}

class Reduction {
public:
  Reduction(KernelBuilder &kb, const TileProblem &problem,
            const TileShape &shape, const RowAddresses &rows,
            const ColumnAccess &columns, ArrayRef<PositionRange> live)
      : kb(kb), problem(problem), shape(shape), rows(rows), columns(columns),
        live(live), aBytes(KernelBuilder::bytesOf(problem.a.element)),
        bBytes(KernelBuilder::bytesOf(columns.element)) {
    int64_t elements = problem.alongK ? kernel::kLanesOfK : 1;
    aStep = kb.dim(problem.a.step * (elements * aBytes));
    bStep = kb.dim(columns.step * (elements * bBytes));
  }

  Values run() {
    Values state = zeros();
    state.push_back(columns.base);
    state = axis(0, kb.c(0), state);
    state.pop_back();
    return state;
  }

private:
  Values zeros() {
    Values grid;
    for (unsigned r = 0; r < shape.rows; ++r)
      for (unsigned v = 0; v < shape.vectors; ++v)
        grid.push_back(kb.zeros(problem.accumulator, shape.lanesOf(v)));
    return grid;
  }

  // State: the accumulators, then the pointer into b.
  Values axis(size_t depth, Value offset, ValueRange state) {
    if (depth == problem.positions.size())
      return problem.sumsPositions ? sumOf(offset, state)
                                   : runAt(offset, state);
    const TileProblem::Axis &position = problem.positions[depth];
    Value stride = kb.dim(position.stride * aBytes);
    const PositionRange &range = live[depth];
    Values from(state.begin(), state.end());
    if (!range.whole)
      from.back() = skip(depth, from.back(), range.first);
    Values results = kb.loop(
        range.first, range.last, 1, from, [&](Value i, ValueRange carried) {
          return axis(depth + 1, kb.add(offset, kb.mul(i, stride)), carried);
        });
    if (!range.whole && depth > 0)
      results.back() = skip(depth, results.back(),
                            kb.sub(kb.dim(position.extent), range.last));
    return results;
  }

  // The pointer into b behind `count` positions of an axis.
  Value skip(size_t depth, Value b, Value count) {
    Value size = kb.dim(problem.run * columns.step * bBytes);
    for (size_t i = depth + 1; i < problem.positions.size(); ++i)
      size = kb.mul(size, kb.dim(problem.positions[i].extent));
    return kb.at(b, kb.mul(count, size));
  }

  // The sum of one position, added to those before it.
  Values sumOf(Value offset, ValueRange state) {
    Values sums = zeros();
    sums.push_back(state.back());
    sums = runAt(offset, sums);
    for (size_t i = 0; i + 1 < sums.size(); ++i)
      sums[i] = arith::AddFOp::create(kb.b, kb.loc, state[i], sums[i]);
    return sums;
  }

  Values runAt(Value offset, ValueRange state) {
    Value length = kb.dim(problem.run);
    if (!problem.alongK)
      return runOf(offset, length, state);
    // Whole vectors of the run, then a branch for what is left of it.
    Value lanes = kb.c(kernel::kLanesOfK), whole = kb.div(length, lanes),
          left = kb.mod(length, lanes);
    Values results = runOf(offset, whole, state);
    Value end = kb.add(offset, kb.mul(whole, aStep));
    return kb.loop(kb.c(0), left, kernel::kLanesOfK, results,
                   [&](Value, ValueRange carried) {
                     Values next(carried.begin(), carried.end());
                     Value b = next.pop_back_val();
                     stepAlongK(end, 0, b, left, next);
                     next.push_back(kb.at(b, kb.mul(left, bBytes)));
                     return next;
                   });
  }

  Values runOf(Value offset, Value length, ValueRange state) {
    unsigned unroll = tripSteps();
    if (std::optional<int64_t> known = KernelBuilder::constant(length)) {
      // A short run stays a loop where none is around it: written out whole, it
      // would share its registers with the epilogue.
      int64_t most = problem.positions.empty() ? *known / 2 : *known;
      unroll = unsigned(std::max<int64_t>(1, std::min<int64_t>(unroll, most)));
      Value main = kb.c(*known / unroll * unroll);
      Values results = steps(offset, kb.c(0), main, unroll, state);
      // What the unrolled loop leaves over has no loop of its own.
      return steps(offset, main, length, unsigned(*known % unroll), results);
    }
    Value main = kb.sub(length, kb.mod(length, kb.c(unroll)));
    Values results = steps(offset, kb.c(0), main, unroll, state);
    return steps(offset, main, length, 1, results);
  }

  // Steps first .. last of the run, `unroll` in one trip.
  Values steps(Value offset, Value first, Value last, unsigned unroll,
               ValueRange state) {
    if (unroll == 0)
      return Values(state.begin(), state.end());
    std::optional<int64_t> bytes = KernelBuilder::constant(aStep);
    if (!bytes || *bytes <= 0)
      return kb.loop(
          first, last, unroll, state, [&](Value k, ValueRange carried) {
            return trip(kb.add(offset, kb.mul(k, aStep)), unroll, carried);
          });
    // The loop counts in bytes of a: its counter is the offset register itself.
    Value lower = kb.add(offset, kb.mul(first, aStep)),
          upper = kb.add(offset, kb.mul(last, aStep));
    return kb.loop(lower, upper, *bytes * unroll, state,
                   [&](Value at, ValueRange carried) {
                     return trip(at, unroll, carried);
                   });
  }

  Values trip(Value offset, unsigned unroll, ValueRange state) {
    Values next(state.begin(), state.end());
    Value b = next.pop_back_val();
    for (unsigned u = 0; u < unroll; ++u) {
      Value at = kb.at(b, kb.mul(bStep, u));
      if (problem.alongK)
        stepAlongK(offset, u, at, {}, next);
      else if (problem.dots)
        stepDots(offset, u, at, next);
      else if (takesPairs() && u + 1 < unroll)
        stepPair(offset, u++, at, next);
      else
        step(offset, u, at, next);
    }
    prefetchNext(b, unroll);
    next.push_back(kb.at(b, kb.mul(bStep, unroll)));
    return next;
  }

  // Weights are read once from memory and then from cache by every row tile.
  // The tiles of this column ask for the next one's lines, each tile for other
  // ones.
  void prefetchNext(Value b, unsigned unroll) {
    if (columns.readOnce && shape.prefetch)
      return prefetchAhead(b, unroll);
    if (!columns.next || unroll < tripSteps())
      return;
    unsigned panels = (shape.vectors + columns.perPanel - 1) / columns.perPanel;
    for (unsigned panel = 0; panel < panels; ++panel)
      for (unsigned line = 0; line < shape.prefetch; ++line)
        kb.prefetch(kb.at(kb.at(b, columns.next),
                          panel * columns.panelBytes + int64_t(line) * 64),
                    2);
  }

  // What is read once comes from memory, along more streams and in longer
  // strides than hardware follows.
  void prefetchAhead(Value b, unsigned unroll) {
    if (!KernelBuilder::constant(bStep))
      return;
    unsigned panels = (shape.vectors + columns.perPanel - 1) / columns.perPanel;
    for (unsigned u = 0; u < unroll; ++u)
      for (unsigned panel = 0; panel < panels; ++panel)
        kb.prefetch(kb.at(kb.at(b, kb.mul(bStep, kStepsAhead + u)),
                          panel * columns.panelBytes),
                    2);
  }

  // Where row r has what step u of an unrolled loop multiplies.
  Value elementOfRow(unsigned r, Value offset, unsigned u) {
    Value pointer = kb.at(rows.pointers[r], offset);
    std::optional<int64_t> bytes = KernelBuilder::constant(aStep);
    return bytes
               ? kb.at(pointer, *bytes * u + rows.displacements[r])
               : kb.at(kb.at(pointer, rows.displacements[r]), kb.mul(aStep, u));
  }

  void step(Value offset, unsigned u, Value b, Values &grid) {
    bool apart = readsColumnsApart();
    Values vectors;
    for (unsigned v = 0; v < shape.vectors && !apart; ++v)
      vectors.push_back(widen(kb, problem, loadColumns(b, v)));
    for (unsigned r = 0; r < shape.rows; ++r) {
      Value pointer = elementOfRow(r, offset, u);
      Value scalar =
          widen(kb, problem, kb.loadScalar(problem.a.element, pointer));
      Value element = kb.splat(scalar, shape.lanes);
      if (apart)
        vectors.assign(1, kb.loadOperand(columns.element, shape.lanes, b));
      for (unsigned v = 0; v < shape.vectors; ++v) {
        Value &accumulator = grid[size_t(r) * shape.vectors + v];
        bool narrow = shape.lanesOf(v) != shape.lanes;
        accumulator = multiplyAdd(
            kb, problem, narrow ? kb.splat(scalar, shape.lanesOf(v)) : element,
            vectors[v], accumulator);
      }
    }
  }

  // Products of i16 come in pairs: one instruction multiplies the elements of
  // two steps and adds them, in i32 and exactly. Both of a lie behind each
  // other.
  bool takesPairs() const {
    return !problem.alongK && problem.a.element.isSignlessInteger(16) &&
           columns.element.isSignlessInteger(16) &&
           problem.accumulator.isSignlessInteger(32) &&
           sym::isConstant(problem.a.step, 1) &&
           sym::isConstant(columns.column, 1);
  }

  // One pair a trip: the columns of two would want more registers than there
  // are.
  unsigned tripSteps() const { return takesPairs() ? 2 : shape.unroll; }

  // The columns of two steps, lane by lane. In a panel as wide as a vector they
  // follow each other.
  Value loadPair(Value b, unsigned v) {
    bool follow = !columns.count && columns.perPanel == 1 &&
                  shape.lanesOf(v) == shape.lanes &&
                  sym::isConstant(columns.step, shape.lanes);
    if (!follow)
      return interleave(kb, loadColumns(b, v), loadColumns(kb.at(b, bStep), v));
    Value both = kb.load(columns.element, 2 * shape.lanes,
                         kb.at(b, int64_t(v) * columns.panelBytes), Value());
    SmallVector<int64_t> order;
    for (int64_t lane = 0; lane < shape.lanes; ++lane)
      order.append({lane, shape.lanes + lane});
    return shuffle(kb, both, both, order);
  }

  void stepPair(Value offset, unsigned u, Value b, Values &grid) {
    Values vectors;
    for (unsigned v = 0; v < shape.vectors; ++v)
      vectors.push_back(loadPair(b, v));
    for (unsigned r = 0; r < shape.rows; ++r) {
      Value pointer = kb.at(kb.at(rows.pointers[r], offset),
                            int64_t(u) * aBytes + rows.displacements[r]);
      Value pair = LLVM::LoadOp::create(kb.b, kb.loc, kb.b.getI32Type(),
                                        pointer, unsigned(aBytes));
      for (unsigned v = 0; v < shape.vectors; ++v) {
        Value &accumulator = grid[size_t(r) * shape.vectors + v];
        accumulator = multiplyAddPairs(kb, kb.splat(pair, shape.lanesOf(v)),
                                       vectors[v], accumulator);
      }
    }
  }

  // A word of four bytes of a row times one of each column.
  void stepDots(Value offset, unsigned u, Value b, Values &grid) {
    SmallVector<DotFactor> vectors;
    for (unsigned v = 0; v < shape.vectors; ++v)
      vectors.push_back(dotFactor(kb, loadColumns(b, v), /*isSigned=*/true));
    for (unsigned r = 0; r < shape.rows; ++r) {
      Value pointer = elementOfRow(r, offset, u);
      Value word = LLVM::LoadOp::create(kb.b, kb.loc, kb.b.getI32Type(),
                                        pointer, /*alignment=*/1);
      DotFactor element =
          dotFactor(kb, kb.splat(word, shape.lanes), /*isSigned=*/false);
      for (unsigned v = 0; v < shape.vectors; ++v) {
        Value &accumulator = grid[size_t(r) * shape.vectors + v];
        DotFactor factor =
            shape.lanesOf(v) == shape.lanes
                ? element
                : dotFactor(kb, kb.splat(word, shape.lanesOf(v)), false);
        accumulator = addDots(kb, factor, vectors[v], accumulator);
      }
    }
  }

  // Vectors of k: those of the columns serve all rows. `count` is null where
  // all lanes are there.
  void stepAlongK(Value offset, unsigned u, Value b, Value count,
                  Values &grid) {
    Values vectors;
    for (unsigned v = 0; v < shape.vectors; ++v)
      vectors.push_back(
          widen(kb, problem,
                kb.load(columns.element, shape.lanes,
                        kb.at(b, kb.mul(kb.dim(columns.column * bBytes), v)),
                        count)));
    for (unsigned r = 0; r < shape.rows; ++r) {
      Value pointer = kb.at(kb.at(rows.pointers[r], offset),
                            kb.add(kb.mul(aStep, u), rows.displacements[r]));
      Value x = widen(kb, problem,
                      kb.load(problem.a.element, shape.lanes, pointer, count));
      for (unsigned v = 0; v < shape.vectors; ++v) {
        Value &accumulator = grid[size_t(r) * shape.vectors + v];
        accumulator = multiplyAdd(kb, problem, x, vectors[v], accumulator);
      }
    }
  }

  // One vector of few rows waits for the latency of its sums. Loads are free
  // then, and a vector in memory saves the instruction that brings it into a
  // register, unless the broadcasts take that place.
  bool readsColumnsApart() const {
    return shape.vectors == 1 && shape.rows > 1 &&
           shape.rows <= kb.target.core.fmaLatency &&
           !kb.target.vec.memoryBroadcast && !columns.count &&
           sym::isConstant(columns.column, 1) &&
           columns.element == problem.accumulator;
  }

  Value loadColumns(Value b, unsigned v) {
    Value count = columns.count
                      ? kb.sub(columns.count, int64_t(v) * shape.lanes)
                      : Value();
    // Panels are padded to 16 columns: only a strided view has an end to
    // respect.
    if (!sym::isConstant(columns.column, 1)) {
      Value stride = kb.dim(columns.column * bBytes * shape.lanes);
      return kb.loadLanes(columns.element, shape.lanesOf(v),
                          kb.at(b, kb.mul(stride, v)), columns.column, count);
    }
    int64_t at = v / columns.perPanel * columns.panelBytes +
                 v % columns.perPanel * int64_t(shape.lanes) * bBytes;
    return kb.load(columns.element, shape.lanesOf(v), kb.at(b, at), count);
  }

  KernelBuilder &kb;
  const TileProblem &problem;
  const TileShape &shape;
  const RowAddresses &rows;
  const ColumnAccess &columns;
  ArrayRef<PositionRange> live;
  int64_t aBytes, bBytes;
  Value aStep, bStep;
};

} // namespace

Values emitReduction(KernelBuilder &kb, const TileProblem &problem,
                     const TileShape &shape, const RowAddresses &rows,
                     const ColumnAccess &columns,
                     ArrayRef<PositionRange> live) {
  return Reduction(kb, problem, shape, rows, columns, live).run();
}

} // namespace sinter::cpu
