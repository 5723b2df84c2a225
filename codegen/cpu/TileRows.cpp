// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From row to row only the innermost coordinate grows; when it reaches its end
// it falls back and the next one grows. The conditions are computed once for
// all operands, each operand then adds one selected step a row.

#include "codegen/cpu/TileRows.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

using kernel::TileOperand;
using sym::DimAttr;

bool isUniform(const TileOperand &operand, ArrayRef<DimAttr> extents) {
  for (size_t i = 0; i + 1 < extents.size(); ++i)
    if (operand.rows[i] != operand.rows[i + 1] * extents[i + 1])
      return false;
  return true;
}

RowAddresses uniformRows(KernelBuilder &kb, const RowOperand &source,
                         Value first, unsigned count) {
  RowAddresses result;
  const TileOperand &operand = *source.operand;
  int64_t bytes = KernelBuilder::bytesOf(operand.element);
  Value stride =
      operand.rows.empty() ? kb.c(0) : kb.dim(operand.rows.back() * bytes);
  Value pointer = kb.at(source.base, kb.mul(first, stride));
  std::optional<int64_t> known = KernelBuilder::constant(stride);
  result.stride = stride;
  result.shared = known == 0;
  for (unsigned i = 0; i < count; ++i) {
    result.pointers.push_back(pointer);
    result.displacements.push_back(known ? *known * i : 0);
    if (!known && i + 1 < count)
      pointer = kb.at(pointer, stride);
  }
  return result;
}

/// For each step from a row to the next, the conditions "axis d wraps around",
/// innermost axis first.
struct Carries {
  Values coordinates;                    // of the first row
  SmallVector<SmallVector<Value>> steps; // [step][axis from the innermost]
};

Carries carriesOf(KernelBuilder &kb, ArrayRef<DimAttr> extents, Value first,
                  unsigned count) {
  Carries result;
  size_t rank = extents.size();
  result.coordinates.resize(rank);
  Value rest = first;
  for (size_t d = rank; d-- > 1;) {
    // An empty axis has no rows; max keeps the division defined.
    Value extent = kb.max(kb.dim(extents[d]), kb.c(1));
    result.coordinates[d] = kb.mod(rest, extent);
    rest = kb.div(rest, extent);
  }
  result.coordinates[0] = rest;
  Values now = result.coordinates;
  for (unsigned i = 0; i + 1 < count; ++i) {
    SmallVector<Value> wraps;
    for (size_t d = rank; d-- > 1;) {
      Value next = kb.add(now[d], 1);
      Value ends = kb.equal(next, kb.dim(extents[d]));
      Value grows = wraps.empty() ? Value() : wraps.back();
      // Only the innermost axis always moves.
      Value moved = kb.select(ends, kb.c(0), next);
      now[d] = grows ? kb.select(grows, moved, now[d]) : moved;
      wraps.push_back(grows ? kb.both(grows, ends) : ends);
    }
    result.steps.push_back(wraps);
  }
  return result;
}

RowAddresses listedRows(KernelBuilder &kb, const RowOperand &source,
                        ArrayRef<DimAttr> extents, const Carries &carries,
                        unsigned count) {
  RowAddresses result;
  const TileOperand &operand = *source.operand;
  int64_t bytes = KernelBuilder::bytesOf(operand.element);
  size_t rank = extents.size();
  Value offset = kb.c(0);
  for (size_t d = 0; d < rank; ++d)
    offset = kb.add(offset, kb.mul(carries.coordinates[d],
                                   kb.dim(operand.rows[d] * bytes)));
  // jumps[w]: the step when the w innermost axes wrap around.
  SmallVector<Value> jumps;
  DimAttr back = sym::constantDim(kb.b.getContext(), 0);
  for (size_t d = rank; d-- > 0;) {
    jumps.push_back(kb.dim((operand.rows[d] - back) * bytes));
    back = back + (extents[d] - 1) * operand.rows[d];
  }
  Value pointer = kb.at(source.base, offset);
  for (unsigned i = 0; i < count; ++i) {
    result.pointers.push_back(pointer);
    result.displacements.push_back(0);
    if (i + 1 == count)
      break;
    Value step = jumps[0];
    for (size_t w = 0; w + 1 < rank; ++w)
      step = kb.select(carries.steps[i][w], jumps[w + 1], step);
    pointer = kb.at(pointer, step);
  }
  return result;
}

} // namespace

static Values coordinatesOf(KernelBuilder &kb, ArrayRef<DimAttr> extents,
                            Value row) {
  Values result(extents.size());
  for (size_t d = extents.size(); d-- > 0;) {
    // An empty axis has no rows; max keeps the division defined.
    Value extent = kb.max(kb.dim(extents[d]), kb.c(1));
    result[d] = d ? kb.mod(row, extent) : row;
    row = d ? kb.div(row, extent) : row;
  }
  return result;
}

SmallVector<PositionRange> livePositions(KernelBuilder &kb,
                                         const kernel::TileProblem &problem,
                                         Value first, unsigned count) {
  SmallVector<PositionRange> ranges;
  Values from, to;
  for (const kernel::TileProblem::Axis &axis : problem.positions) {
    Value all = kb.dim(axis.extent);
    ranges.push_back({kb.c(0), all});
    if (!axis.border)
      continue;
    const kernel::TileProblem::Border &border = *axis.border;
    if (from.empty()) {
      from = coordinatesOf(kb, problem.rows, first);
      to = coordinatesOf(kb, problem.rows, kb.add(first, int64_t(count) - 1));
    }
    // The first live position belongs to the last row, and the other way round.
    Value step = kb.c(border.dilation);
    Value lowest = kb.mul(to[border.rowAxis], border.stride),
          highest = kb.mul(from[border.rowAxis], border.stride);
    Value skipped = kb.max(kb.sub(kb.c(border.low), lowest), kb.c(0));
    Value reached = kb.sub(
        kb.add(kb.dim(border.live), border.low - 1 + border.dilation), highest);
    Value begin = kb.min(kb.ceilDiv(skipped, step), all);
    Value end = kb.min(kb.div(kb.max(reached, kb.c(0)), step), all);
    // Rows on both sides of the end of an image have no common range.
    for (unsigned outer = 0; outer < border.rowAxis; ++outer) {
      Value same = kb.equal(from[outer], to[outer]);
      begin = kb.select(same, begin, kb.c(0));
      end = kb.select(same, end, all);
    }
    ranges.back() = {begin, kb.max(begin, end), false};
  }
  return ranges;
}

SmallVector<RowAddresses> rowAddresses(KernelBuilder &kb,
                                       ArrayRef<DimAttr> extents,
                                       ArrayRef<RowOperand> operands,
                                       Value first, unsigned count) {
  SmallVector<RowAddresses> results;
  std::optional<Carries> carries;
  for (const RowOperand &source : operands) {
    if (isUniform(*source.operand, extents)) {
      results.push_back(uniformRows(kb, source, first, count));
      continue;
    }
    if (!carries)
      carries = carriesOf(kb, extents, first, count);
    results.push_back(listedRows(kb, source, extents, *carries, count));
  }
  return results;
}

static void fixedRowTiles(KernelBuilder &kb, Value first, int64_t height,
                          unsigned tileRows,
                          llvm::function_ref<void(Value, unsigned)> tile) {
  if (height == 0)
    return;
  int64_t tiles = (height + tileRows - 1) / tileRows;
  int64_t small = height / tiles,
          tall = height % tiles; // `tall` tiles have one more
  kb.loop(kb.c(0), kb.c(tall), 1, [&](Value i) {
    tile(kb.add(first, kb.mul(i, small + 1)), unsigned(small + 1));
  });
  Value rest = kb.add(first, tall * (small + 1));
  kb.loop(kb.c(0), kb.c(tiles - tall), 1, [&](Value i) {
    tile(kb.add(rest, kb.mul(i, small)), unsigned(small));
  });
}

void forRowTiles(KernelBuilder &kb, Value first, Value height,
                 unsigned tileRows,
                 llvm::function_ref<void(Value, unsigned)> tile) {
  if (std::optional<int64_t> known = KernelBuilder::constant(height))
    return fixedRowTiles(kb, first, *known, tileRows, tile);
  Value last = kb.add(first, height);
  Value full = kb.sub(height, kb.mod(height, kb.c(tileRows)));
  kb.loop(kb.c(0), full, tileRows,
          [&](Value at) { tile(kb.add(first, at), tileRows); });
  Value at = kb.add(first, full);
  for (unsigned size : {8u, 4u, 2u, 1u}) {
    if (size >= tileRows)
      continue;
    Value fits = kb.less(kb.add(at, int64_t(size) - 1), last);
    kb.ifThen(fits, [&] { tile(at, size); });
    at = kb.add(at, kb.select(fits, kb.c(size), kb.c(0)));
  }
}

Value blockExtent(KernelBuilder &kb, Value first, Value total, int64_t block) {
  std::optional<int64_t> known = KernelBuilder::constant(total);
  if (!block || (known && *known <= block))
    return total;
  if (known && *known % block == 0)
    return kb.c(block);
  return kb.min(kb.sub(total, first), kb.c(block));
}

} // namespace sinter::cpu
