// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One row does one multiplication a weight, so weights are read straight into
// the multiplication and the loop is bound by loads; more rows read each weight
// once. Enough accumulators to hide the latency of the multiplication come from
// gates, then from rows or neighbouring units.

#include "codegen/cpu/RecurrentTile.h"

using namespace mlir;

namespace sinter::cpu {

constexpr int64_t kPanelRow = 64; // bytes of 16 floats
constexpr int64_t kUnroll = 4;

unsigned PanelOffsets::vectorLanes(KernelBuilder &kb) {
  return std::min(16u, kb.target.lanes(32));
}

Value PanelOffsets::start(const UnitTile &tile) const {
  int64_t perPanel = 16 / lanes;
  Value panel = kb.div(tile.first, kb.c(perPanel)),
        part = kb.mod(tile.first, kb.c(perPanel));
  return kb.add(kb.mul(panel, gates * depth * kPanelRow),
                kb.mul(part, lanes * 4));
}

int64_t PanelOffsets::at(unsigned vector, unsigned gate) const {
  int64_t perPanel = 16 / lanes;
  return (int64_t(vector) / perPanel * gates + gate) * depth * kPanelRow +
         int64_t(vector) % perPanel * lanes * 4;
}

Values multiplyPanels(KernelBuilder &kb, int64_t allGates, int64_t depth,
                      Value panels, ArrayRef<unsigned> gates,
                      const UnitTile &tile, const RowSource &source) {
  unsigned lanes = PanelOffsets::vectorLanes(kb);
  Type f32 = kb.b.getF32Type();
  PanelOffsets offsets(kb, allGates, depth);
  auto trip = [&](Value k, int64_t steps, ValueRange state) {
    Values next(state.begin(), state.end());
    Value weights = next.pop_back_val();
    for (int64_t u = 0; u < steps; ++u) {
      Values x;
      for (Value row : source.rows)
        x.push_back(kb.loadBroadcast(
            f32, lanes,
            kb.at(kb.at(row, kb.mul(k, source.step)), kb.mul(source.step, u))));
      size_t sum = 0;
      for (unsigned v = 0; v < tile.width; ++v)
        for (unsigned gate : gates) {
          Value w = kb.load(
              f32, lanes, kb.at(weights, u * kPanelRow + offsets.at(v, gate)));
          for (size_t r = 0; r < x.size(); ++r) {
            Value &into = next[r * tile.width * gates.size() + sum];
            into = kb.fma(x[r], w, into);
          }
          ++sum;
        }
    }
    next.push_back(kb.at(weights, steps * kPanelRow));
    return next;
  };
  int64_t main = depth / kUnroll * kUnroll;
  Values sums(source.rows.size() * tile.width * gates.size(),
              kb.zeros(f32, lanes));
  sums.push_back(kb.at(panels, offsets.start(tile)));
  sums = kb.loop(kb.c(0), kb.c(main), kUnroll, sums,
                 [&](Value k, ValueRange s) { return trip(k, kUnroll, s); });
  if (main < depth)
    sums = trip(kb.c(main), depth - main, sums);
  sums.pop_back();
  return sums;
}

void forUnits(KernelBuilder &kb, int64_t hidden, unsigned width,
              llvm::function_ref<void(const UnitTile &)> body) {
  int64_t lanes = PanelOffsets::vectorLanes(kb), full = hidden / lanes,
          wide = full / width * width;
  kb.loop(kb.c(0), kb.c(wide), width,
          [&](Value first) { body({first, width, Value()}); });
  kb.loop(kb.c(wide), kb.c(full), 1,
          [&](Value first) { body({first, 1, Value()}); });
  if (hidden % lanes)
    body({kb.c(full), 1, kb.c(hidden % lanes)});
}

} // namespace sinter::cpu
