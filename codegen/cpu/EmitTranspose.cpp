// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nests whose inputs and outputs disagree about the contiguous axis. A tile of
// n by n elements (n lanes a vector) is read in the order of the input, turned
// in registers, run through the region a vector at a time, and written in the
// order of the output: every access is a full vector. At the borders loads and
// stores are masked, and rows past the end stand at the last one with an empty
// mask.

#include "codegen/cpu/NestEmitter.h"
#include "codegen/cpu/VectorShuffle.h"

using namespace mlir;
using sinter::kernel::NestPlan;

namespace sinter::cpu {

struct NestEmitter::Tile {
  Cursor at;
  // Rows along the axis of vectors, columns along the transposed one. Null
  // counts: the tile is full.
  Value vectorCount, transposeCount;
};

// One load along the transposed axis for each step along the vectors.
Values NestEmitter::loadTransposed(const Tile &tile, unsigned input) {
  const NestPlan::Operand &operand = plan.inputs[input];
  int64_t bytes = KernelBuilder::bytesOf(operand.element);
  Value stride = kb.dim(operand.strides[plan.vectorAxis] * bytes);
  Values rows;
  for (unsigned row = 0; row < lanes; ++row) {
    if (!tile.vectorCount) {
      rows.push_back(
          kb.load(operand.element, lanes,
                  kb.at(tile.at.inputs[input], kb.mul(stride, row))));
      continue;
    }
    Value isInside = kb.less(kb.c(row), tile.vectorCount);
    Value offset = kb.select(isInside, kb.mul(stride, row), kb.c(0));
    Value count = kb.select(isInside, tile.transposeCount, kb.c(0));
    rows.push_back(kb.load(operand.element, lanes,
                           kb.at(tile.at.inputs[input], offset), count));
  }
  return transposeSquare(kb, rows);
}

void NestEmitter::emitTile(const Tile &tile) {
  unsigned axis = plan.vectorAxis, across = plan.transposeAxis;
  SmallVector<Values> turned(plan.inputs.size());
  for (auto [i, input] : llvm::enumerate(plan.inputs)) {
    sym::DimAttr stride = input.strides[axis];
    if (!sym::isConstant(stride, 0) && !sym::isConstant(stride, 1) &&
        sym::isConstant(input.strides[across], 1))
      turned[i] = loadTransposed(tile, i);
  }
  for (unsigned row = 0; row < lanes; ++row) {
    Value step = kb.c(row), count;
    if (tile.vectorCount) {
      Value isInside = kb.less(kb.c(row), tile.transposeCount);
      if (KernelBuilder::constant(isInside) == 0)
        break;
      step = kb.select(isInside, kb.c(row), kb.c(0));
      count = kb.select(isInside, tile.vectorCount, kb.c(0));
    }
    Cursor at = advance(tile.at, across, step);
    Values loaded;
    for (auto [i, columns] : llvm::enumerate(turned))
      loaded.push_back(
          columns.empty()
              ? loadOperand(plan.inputs[i], at.inputs[i], axis, lanes, count)
              : columns[row]);
    store(at, prologue(at, loaded, axis, lanes, count), axis, lanes, count);
  }
}

void NestEmitter::emitTiles(const Cursor &cursor) {
  int axis = plan.vectorAxis, across = plan.transposeAxis;
  loopOuter(0, {axis, across}, cursor, [&](const Cursor &outer) {
    Value columns = extentOf(axis, outer), rows = extentOf(across, outer);
    kb.loop(kb.c(0), rows, lanes, [&](Value j) {
      Cursor strip = advance(outer, across, j);
      kb.loop(kb.c(0), columns, lanes, [&](Value i) {
        Cursor at = advance(strip, axis, i);
        Value right = kb.sub(columns, i), below = kb.sub(rows, j);
        Value isFull = kb.both(kb.less(kb.c(lanes - 1), right),
                               kb.less(kb.c(lanes - 1), below));
        auto isMultiple = [&](Value extent) {
          std::optional<int64_t> known = KernelBuilder::constant(extent);
          return known && *known % lanes == 0;
        };
        if (isMultiple(columns) && isMultiple(rows))
          return emitTile({at, nullptr, nullptr});
        kb.ifThen(
            isFull, [&] { emitTile({at, nullptr, nullptr}); },
            [&] { emitTile({at, right, below}); });
      });
    });
  });
}

} // namespace sinter::cpu
