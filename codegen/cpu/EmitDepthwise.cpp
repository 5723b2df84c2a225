// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Depthwise convolution: channels are the vector, a tile is a few output pixels
// of one vector of channels. Each position of the kernel loads its weights once
// for all pixels and takes the inputs as memory operands, so a multiply-add
// costs little more than one load, whatever kernel, stride and dilation. A
// chunk of channels (the tile's columns) passes over all pixels of the item
// before the next one: rows of input are read again for each row of the kernel,
// from L1.

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/TileBody.h"
#include "codegen/cpu/TileEngine.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

using kernel::TileOperand;
using kernel::TileProblem;

// Positions written out; larger kernels loop over their outer axes.
constexpr int64_t kUnrolledPositions = 50;

class Depthwise {
public:
  Depthwise(KernelBuilder &kb, const TileProblem &problem,
            const TileSchedule &schedule)
      : kb(kb), problem(problem), schedule(schedule) {
    lanes = std::min(
        16u, kb.target.lanes(problem.accumulator.getIntOrFloatBitWidth()));
    int64_t product = 1;
    unrolledFrom = problem.positions.size();
    while (unrolledFrom > 0) {
      product *= *sym::asConstant(problem.positions[unrolledFrom - 1].extent);
      if (product > kUnrolledPositions)
        break;
      --unrolledFrom;
    }
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
      emitVector(addresses, channel, count, Value());
    });
    kb.loop(full, last, lanes, [&](Value channel) {
      emitVector(addresses, channel, count, kb.sub(last, channel));
    });
  }

  void emitVector(ArrayRef<RowAddresses> addresses, Value channel,
                  unsigned count, Value left) {
    TileShape shape{};
    shape.rows = count;
    shape.vectors = 1;
    shape.lanes = lanes;
    Values grid(count, kb.zeros(problem.accumulator, lanes));
    Value weights = kb.at(kb.buffer(problem.b.buffer),
                          kb.mul(channel, bytes(problem.b, problem.b.column)));
    grid = loopPositions(0, addresses[0],
                         kb.mul(channel, bytes(problem.a, problem.a.column)),
                         weights, left, grid);
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
    emitResults(kb, problem, shape, grid, results, left, kb.scratch());
  }

  // Axes before `unrolledFrom` are loops.
  Values loopPositions(size_t depth, const RowAddresses &rows, Value offset,
                       Value weights, Value left, ValueRange grid) {
    if (depth == unrolledFrom) {
      Values state(grid.begin(), grid.end());
      Value at = weights;
      unrollPositions(depth, rows, offset, at, left, state);
      return state;
    }
    Value stride = kb.dim(problem.positions[depth].stride *
                          KernelBuilder::bytesOf(problem.a.element));
    int64_t inner = 1;
    for (size_t i = depth + 1; i < problem.positions.size(); ++i)
      inner *= *sym::asConstant(problem.positions[i].extent);
    Value weightStride = kb.mul(bytes(problem.b, problem.b.step), inner);
    return kb.loop(kb.c(0), kb.dim(problem.positions[depth].extent), 1, grid,
                   [&](Value i, ValueRange carried) {
                     return loopPositions(
                         depth + 1, rows, kb.add(offset, kb.mul(i, stride)),
                         kb.at(weights, kb.mul(i, weightStride)), left,
                         carried);
                   });
  }

  void unrollPositions(size_t depth, const RowAddresses &rows, Value offset,
                       Value &weights, Value left, Values &grid) {
    if (depth == problem.positions.size())
      return position(rows, offset, weights, left, grid);
    Value stride = kb.dim(problem.positions[depth].stride *
                          KernelBuilder::bytesOf(problem.a.element));
    for (int64_t i = 0; i < *sym::asConstant(problem.positions[depth].extent);
         ++i)
      unrollPositions(depth + 1, rows, kb.add(offset, kb.mul(stride, i)),
                      weights, left, grid);
  }

  void position(const RowAddresses &rows, Value offset, Value &weights,
                Value left, Values &grid) {
    Value weight = widen(kb, problem,
                         kb.loadLanes(problem.b.element, lanes, weights,
                                      problem.b.column, left));
    for (size_t r = 0; r < grid.size(); ++r) {
      Value pointer =
          kb.at(kb.at(rows.pointers[r], offset), rows.displacements[r]);
      Value input = kb.loadLanes(problem.a.element, lanes, pointer,
                                 problem.a.column, left);
      grid[r] =
          multiplyAdd(kb, problem, widen(kb, problem, input), weight, grid[r]);
    }
    weights = kb.at(weights, bytes(problem.b, problem.b.step));
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
