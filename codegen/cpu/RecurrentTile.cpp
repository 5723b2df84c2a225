// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One row does one multiplication a weight, so weights are read straight into
// the multiplication and the loop is bound by loads; more rows read each weight
// once. Enough accumulators to hide the latency of the multiplication come from
// gates, then from rows or neighbouring units.

#include "codegen/cpu/RecurrentTile.h"
#include "codegen/cpu/TileDots.h"

using namespace mlir;

namespace sinter::cpu {

constexpr int64_t kPanelRow = 64; // bytes of 16 floats or words
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

namespace {

/// Elements of rows and panels as they are multiplied: floats, or words of
/// bytes, which few machines take whole.
class Factors {
public:
  Factors(KernelBuilder &kb, bool ofBytes)
      : kb(kb), ofBytes(ofBytes), lanes(PanelOffsets::vectorLanes(kb)),
        element(ofBytes ? Type(kb.b.getI32Type()) : kb.b.getF32Type()) {}

  Value zeros() { return kb.zeros(element, lanes); }
  /// Words that are taken apart fill a trip, and LLVM reorders sums of integers
  /// over more of them until registers run out.
  int64_t unroll() const {
    return ofBytes && !kb.target.dotOf("dot4") ? 1 : kUnroll;
  }
  DotFactor ofRow(Value pointer) {
    return made(kb.loadBroadcast(element, lanes, pointer), /*isSigned=*/false);
  }
  DotFactor ofPanels(Value pointer) {
    return made(kb.load(element, lanes, pointer), /*isSigned=*/true);
  }
  Value add(const DotFactor &x, const DotFactor &w, Value sum) {
    return ofBytes ? addDots(kb, x, w, sum) : kb.fma(x.words, w.words, sum);
  }

private:
  DotFactor made(Value value, bool isSigned) {
    return ofBytes ? dotFactor(kb, value, isSigned) : DotFactor{value, {}};
  }

  KernelBuilder &kb;
  bool ofBytes;
  unsigned lanes;
  Type element;
};

} // namespace

Values multiplyPanels(KernelBuilder &kb, int64_t allGates, int64_t depth,
                      Value panels, ArrayRef<unsigned> gates,
                      const UnitTile &tile, const RowSource &source,
                      bool ofBytes) {
  Factors factors(kb, ofBytes);
  PanelOffsets offsets(kb, allGates, depth);
  auto trip = [&](Value k, int64_t steps, ValueRange state) {
    Values next(state.begin(), state.end());
    Value weights = next.pop_back_val();
    for (int64_t u = 0; u < steps; ++u) {
      SmallVector<DotFactor> x;
      for (Value row : source.rows)
        x.push_back(factors.ofRow(
            kb.at(kb.at(row, kb.mul(k, source.step)), kb.mul(source.step, u))));
      size_t sum = 0;
      for (unsigned v = 0; v < tile.width; ++v)
        for (unsigned gate : gates) {
          DotFactor w = factors.ofPanels(
              kb.at(weights, u * kPanelRow + offsets.at(v, gate)));
          for (size_t r = 0; r < x.size(); ++r) {
            Value &into = next[r * tile.width * gates.size() + sum];
            into = factors.add(x[r], w, into);
          }
          ++sum;
        }
    }
    next.push_back(kb.at(weights, steps * kPanelRow));
    return next;
  };
  int64_t unroll = factors.unroll(), main = depth / unroll * unroll;
  Values sums(source.rows.size() * tile.width * gates.size(), factors.zeros());
  sums.push_back(kb.at(panels, offsets.start(tile)));
  sums = kb.loop(kb.c(0), kb.c(main), unroll, sums,
                 [&](Value k, ValueRange s) { return trip(k, unroll, s); });
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
