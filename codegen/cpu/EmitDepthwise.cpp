// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Depthwise convolution: channels are the vector, a tile is a few output pixels
// of one vector of channels. Each position of the kernel loads its weights once
// for all pixels and takes the inputs as memory operands, so a multiply-add
// costs little more than one load, whatever kernel, stride and dilation. The
// innermost axis of the kernel is written out and the others are loops: one
// offset register serves all pixels, however many lines the kernel has and
// whether or not the length of a line is known. A chunk of channels (the tile's
// columns) passes over all pixels of the item before the next one: rows of
// input are read again for each row of the kernel, from L1.

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/TileBody.h"
#include "codegen/cpu/TileDots.h"
#include "codegen/cpu/TileEngine.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

using kernel::TileOperand;
using kernel::TileProblem;

// A longer innermost axis is a loop as well.
constexpr int64_t kUnrolledPositions = 16;

// Windows of neighbouring pixels overlap. Where LLVM can tell the pixels of a
// tile apart by constants, it loads what they share once and holds it in
// registers from position to position: many positions spill on few registers.
constexpr int64_t kManyPositions = 4;
constexpr unsigned kManyRegisters = 32;

/// `offset`, of which LLVM knows nothing.
Value hidden(KernelBuilder &kb, Value offset) {
  auto same = LLVM::InlineAsmOp::create(
      kb.b, kb.loc, TypeRange(offset.getType()), ValueRange(offset), "", "=r,0",
      /*has_side_effects=*/false, /*is_align_stack=*/false,
      LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
      ArrayAttr());
  return same.getResult(0);
}

class Depthwise {
public:
  Depthwise(KernelBuilder &kb, const TileProblem &problem,
            const TileSchedule &schedule)
      : kb(kb), problem(problem), schedule(schedule) {
    lanes = std::min(
        16u, kb.target.lanes(problem.accumulator.getIntOrFloatBitWidth()));
    unrolledFrom = problem.positions.size();
    if (unrolledFrom > 0 &&
        *sym::asConstant(problem.positions.back().extent) <= kUnrolledPositions)
      --unrolledFrom;
  }

  void emit() {
    Value rows = kb.dim(problem.rowCount()), channels = kb.dim(problem.n);
    auto blocks = [&](Value count, int64_t size) {
      return size ? kb.ceilDiv(count, kb.c(size)) : kb.c(1);
    };
    Value counts[] = {blocks(rows, schedule.rowBlock),
                      blocks(channels, schedule.columnBlock)};
    kb.items(counts, [&](ArrayRef<Value> item) {
      Value firstRow = kb.mul(item[0], schedule.rowBlock),
            first = kb.mul(item[1], schedule.columnBlock);
      Value height = blockExtent(kb, firstRow, rows, schedule.rowBlock);
      Value last =
          kb.add(first, blockExtent(kb, first, channels, schedule.columnBlock));
      kb.loop(first, last, schedule.tileColumns, [&](Value chunk) {
        Value end = kb.min(last, kb.add(chunk, schedule.tileColumns));
        forRowTiles(kb, firstRow, height, schedule.tileRows,
                    [&](Value row, unsigned count) {
                      emitPixels(row, count, chunk, end);
                    });
      });
    });
  }

private:
  // All vectors of channels in [first, last) of `count` pixels.
  void emitPixels(Value row, unsigned count, Value first, Value last) {
    SmallVector<RowOperand> operands{{&problem.a, kb.buffer(problem.a.buffer)}};
    for (const auto *list : {&problem.extras, &problem.outputs})
      for (const TileOperand &operand : *list)
        operands.push_back({&operand, kb.buffer(operand.buffer)});
    SmallVector<RowAddresses> addresses =
        rowAddresses(kb, problem.rows, operands, row, count);
    Value full = kb.sub(last, kb.mod(kb.sub(last, first), kb.c(lanes)));
    kb.loop(first, full, lanes, [&](Value channel) {
      emitVector(addresses, {channel, lanes, Value()}, count);
    });
    if (restOfChannels() != 0)
      kb.loop(full, last, lanes, [&](Value channel) {
        emitVector(addresses, lastVector(channel, last), count);
      });
  }

  /// A vector of channels; `left` where fewer than its lanes are there.
  struct Channels {
    Value first;
    unsigned lanes;
    Value left;
  };

  /// Channels beyond the last full vector, where that is known.
  std::optional<int64_t> restOfChannels() const {
    std::optional<int64_t> channels = sym::asConstant(problem.n);
    if (!channels || schedule.tileColumns % lanes ||
        schedule.columnBlock % lanes)
      return std::nullopt;
    return *channels % lanes;
  }

  /// What the full vectors leave over, [channel, last): half a vector where
  /// that is enough, and channels done twice rather than a mask, which would
  /// take the inputs out of the multiplications.
  Channels lastVector(Value channel, Value last) {
    std::optional<int64_t> rest = restOfChannels();
    if (!rest)
      return {channel, lanes, kb.sub(last, channel)};
    unsigned width = lanes > 8 && *rest <= lanes / 2 ? lanes / 2 : lanes;
    if (*rest == width)
      return {channel, width, Value()};
    if (mayRepeat(width))
      return {kb.sub(last, width), width, Value()};
    return {channel, width, kb.c(*rest)};
  }

  // Not where a neighbouring item has these channels, nor where an extra of
  // them may by then be overwritten by the result.
  bool mayRepeat(int64_t width) const {
    int64_t channels = *sym::asConstant(problem.n),
            block = schedule.columnBlock ? schedule.columnBlock : channels;
    auto isShared = [](const TileOperand &extra) {
      return llvm::all_of(extra.rows,
                          [](sym::DimAttr stride) {
                            return sym::isConstant(stride, 0);
                          }) &&
             !extra.rows.empty();
    };
    return (channels - 1) % block + 1 >= width &&
           llvm::all_of(problem.extras, isShared);
  }

  void emitVector(ArrayRef<RowAddresses> addresses, const Channels &channels,
                  unsigned count) {
    Value channel = channels.first;
    TileShape shape{};
    shape.rows = count;
    shape.vectors = 1;
    shape.lanes = channels.lanes;
    Values grid(count, kb.zeros(problem.accumulator, channels.lanes));
    grid.push_back(kb.at(kb.buffer(problem.b.buffer),
                         kb.mul(channel, bytes(problem.b, problem.b.column))));
    grid = loopPositions(0, addresses[0],
                         kb.mul(channel, bytes(problem.a, problem.a.column)),
                         channels, grid);
    grid.pop_back();
    SmallVector<RowAddresses> results;
    for (size_t i = 1; i < addresses.size(); ++i) {
      const TileOperand &operand =
          i <= problem.extras.size()
              ? problem.extras[i - 1]
              : problem.outputs[i - 1 - problem.extras.size()];
      RowAddresses moved = addresses[i];
      Value offset = kb.mul(channel, bytes(operand, operand.column));
      for (Value &pointer : moved.pointers)
        pointer = kb.at(pointer, offset);
      results.push_back(moved);
    }
    emitResults(kb, problem, shape, grid, results, channels.left, kb.scratch());
  }

  // State: the accumulators, then the pointer into the weights.
  Values loopPositions(size_t depth, const RowAddresses &rows, Value offset,
                       const Channels &channels, ValueRange state) {
    if (depth == problem.positions.size())
      return position(rows, offset, channels, state);
    int64_t extent = *sym::asConstant(problem.positions[depth].extent);
    Value stride = kb.dim(problem.positions[depth].stride *
                          KernelBuilder::bytesOf(problem.a.element));
    Values next(state.begin(), state.end());
    // The one sum of a single pixel waits for its latency: a loop is free.
    if (depth >= unrolledFrom && state.size() > 2) {
      for (int64_t i = 0; i < extent; ++i) {
        Value at = kb.add(offset, kb.mul(stride, i));
        if (i && extent >= kManyPositions &&
            kb.target.vec.registers < kManyRegisters)
          at = hidden(kb, at);
        next = loopPositions(depth + 1, rows, at, channels, next);
      }
      return next;
    }
    next.push_back(offset);
    next =
        kb.loop(kb.c(0), kb.c(extent), 1, next, [&](Value, ValueRange carried) {
          Values after = loopPositions(depth + 1, rows, carried.back(),
                                       channels, carried.drop_back());
          after.push_back(kb.add(carried.back(), stride));
          return after;
        });
    next.pop_back();
    return next;
  }

  Values position(const RowAddresses &rows, Value offset,
                  const Channels &channels, ValueRange state) {
    Values grid(state.begin(), state.end());
    Value weights = grid.pop_back_val();
    Value weight =
        widenRight(kb, problem,
                   kb.loadLanes(problem.b.element, channels.lanes, weights,
                                problem.b.column, channels.left));
    // A byte in a word of its own is a dot product of one.
    bool isDot = kb.target.dotOf("dot4") &&
                 kernel::areDotFactors(problem.a.element, problem.b.element);
    for (size_t r = 0; r < grid.size(); ++r) {
      Value pointer =
          kb.at(kb.at(rows.pointers[r], offset), rows.displacements[r]);
      Value input = kb.loadLanes(problem.a.element, channels.lanes, pointer,
                                 problem.a.column, channels.left);
      Value wide = widen(kb, problem, input);
      grid[r] = isDot ? addDots(kb, {wide, {}}, {weight, {}}, grid[r])
                      : multiplyAdd(kb, problem, wide, weight, grid[r]);
    }
    grid.push_back(kb.at(weights, bytes(problem.b, problem.b.step)));
    return grid;
  }

  Value bytes(const TileOperand &operand, sym::DimAttr stride) {
    return kb.dim(stride * KernelBuilder::bytesOf(operand.element));
  }

  KernelBuilder &kb;
  const TileProblem &problem;
  const TileSchedule &schedule;
  unsigned lanes;
  size_t unrolledFrom;
};

} // namespace

void emitDepthwise(KernelBuilder &kb, const TileProblem &problem,
                   const TileSchedule &schedule) {
  Depthwise(kb, problem, schedule).emit();
}

} // namespace sinter::cpu
