// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where k runs through memory, squares of lanes x lanes are transposed in
// registers: stage b exchanges bit b of the lane with bit b of the register,
// which is one or two shuffles a register. Anything else is gathered lane by
// lane.

#include "codegen/cpu/TilePack.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

constexpr unsigned kPanel = 16;

Values transposeSquare(KernelBuilder &kb, Values rows) {
  unsigned lanes = rows.size();
  for (unsigned bit = 1; bit < lanes; bit *= 2) {
    SmallVector<int64_t> low, high;
    for (unsigned lane = 0; lane < lanes; ++lane) {
      low.push_back(lane & bit ? lanes + lane - bit : lane);
      high.push_back(lane & bit ? lanes + lane : lane + bit);
    }
    Values next = rows;
    for (unsigned i = 0; i < lanes; ++i) {
      if (i & bit)
        continue;
      next[i] =
          vector::ShuffleOp::create(kb.b, kb.loc, rows[i], rows[i | bit], low);
      next[i | bit] =
          vector::ShuffleOp::create(kb.b, kb.loc, rows[i], rows[i | bit], high);
    }
    rows = next;
  }
  return rows;
}

} // namespace

void packColumns(KernelBuilder &kb, const kernel::TileOperand &b, Value from,
                 Value panels, unsigned lanes, unsigned width, Value count,
                 int64_t depth) {
  int64_t bytes = KernelBuilder::bytesOf(b.element), rowBytes = kPanel * bytes;
  Value columnStride = kb.dim(b.column * bytes), step = kb.dim(b.step * bytes);
  int64_t squares =
      sym::isConstant(b.step, 1) && !count ? depth / lanes * lanes : 0;
  for (unsigned first = 0; first < width; first += lanes) {
    Value left = count ? kb.sub(count, first) : Value();
    Value source = kb.at(from, kb.mul(columnStride, first));
    Value target = kb.at(
        panels, (first / kPanel * depth * kPanel + first % kPanel) * bytes);
    kb.loop(kb.c(0), kb.c(squares), lanes, [&](Value k) {
      Values rows;
      for (unsigned lane = 0; lane < lanes; ++lane)
        rows.push_back(kb.load(b.element, lanes,
                               kb.at(kb.at(source, kb.mul(columnStride, lane)),
                                     kb.mul(k, bytes))));
      rows = transposeSquare(kb, rows);
      for (unsigned lane = 0; lane < lanes; ++lane)
        kb.store(rows[lane],
                 kb.at(kb.at(target, kb.mul(k, rowBytes)), lane * rowBytes));
    });
    kb.loop(kb.c(squares), kb.c(depth), 1, [&](Value k) {
      Value row = kb.at(source, kb.mul(k, step));
      kb.store(kb.loadLanes(b.element, lanes, row, b.column, left),
               kb.at(target, kb.mul(k, rowBytes)));
    });
  }
}

} // namespace sinter::cpu
