// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Transposes by halves: elements are interleaved within 16 bytes first (unpack
// instructions), then whole 16-byte blocks change places. With four lanes a
// block:
//
//   a0 a1 a2 a3 | a4 ..      a0 b0 a1 b1 | ..      a0 b0 c0 d0 | a4 b4 c4 d4
//   b0 b1 b2 b3 | b4 ..  ->  a2 b2 a3 b3 | ..  ->  a1 b1 c1 d1 | ..
//   c0 ..                    c0 d0 c1 d1 | ..      ..
//
// and then columns of blocks: one shuffle each that LLVM knows as an insertion
// or a permutation of 128-bit lanes.

#include "codegen/cpu/VectorShuffle.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace sinter::cpu {

Value shuffle(KernelBuilder &kb, Value x, Value y, ArrayRef<int64_t> lanes) {
  return vector::ShuffleOp::create(kb.b, kb.loc, x, y, lanes);
}

namespace {

// Interleaves groups of `width` lanes of x and y within blocks of `block`
// lanes, taking the low or the high half of each block.
Value unpack(KernelBuilder &kb, Value x, Value y, unsigned lanes,
             unsigned block, unsigned width, bool high) {
  SmallVector<int64_t> picks;
  for (unsigned base = 0; base < lanes; base += block)
    for (unsigned group = 0; group < block / 2; group += width)
      for (unsigned source : {0u, lanes})
        for (unsigned i = 0; i < width; ++i)
          picks.push_back(source + base + (high ? block / 2 : 0) + group + i);
  return shuffle(kb, x, y, picks);
}

// Exchanges the blocks of `width` lanes that lie `width` apart.
std::pair<Value, Value> exchange(KernelBuilder &kb, Value x, Value y,
                                 unsigned lanes, unsigned width) {
  SmallVector<int64_t> low, high;
  for (unsigned base = 0; base < lanes; base += 2 * width)
    for (unsigned source : {0u, lanes})
      for (unsigned i = 0; i < width; ++i) {
        low.push_back(source + base + i);
        high.push_back(source + base + width + i);
      }
  return {shuffle(kb, x, y, low), shuffle(kb, x, y, high)};
}

} // namespace

Values transposeSquare(KernelBuilder &kb, Values rows) {
  unsigned n = rows.size();
  Type element = cast<VectorType>(rows[0].getType()).getElementType();
  unsigned block = std::min<unsigned>(n, 16 / KernelBuilder::bytesOf(element));
  // Within blocks: afterwards register `g + r` of a group of `block` registers
  // holds, in its block k, column block * k + r of the group's rows.
  for (unsigned width = 1; width < block; width *= 2) {
    Values next(n);
    for (unsigned base = 0; base < n; base += 2 * width)
      for (unsigned i = 0; i < width; ++i) {
        Value x = rows[base + i], y = rows[base + width + i];
        next[base + 2 * i] = unpack(kb, x, y, n, block, width, false);
        next[base + 2 * i + 1] = unpack(kb, x, y, n, block, width, true);
      }
    rows = next;
  }
  for (unsigned width = block; width < n; width *= 2)
    for (unsigned base = 0; base < n; base += 2 * width)
      for (unsigned i = 0; i < width; ++i)
        std::tie(rows[base + i], rows[base + width + i]) =
            exchange(kb, rows[base + i], rows[base + width + i], n, width);
  return rows;
}

Value foldLanes(KernelBuilder &kb, Value vector,
                llvm::function_ref<Value(Value, Value)> combine) {
  unsigned lanes = cast<VectorType>(vector.getType()).getNumElements();
  for (; lanes > 1; lanes /= 2) {
    SmallVector<int64_t> low, high;
    for (unsigned i = 0; i < lanes / 2; ++i) {
      low.push_back(i);
      high.push_back(lanes / 2 + i);
    }
    vector = combine(shuffle(kb, vector, vector, low),
                     shuffle(kb, vector, vector, high));
  }
  return vector;
}

} // namespace sinter::cpu
