// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An LSTM whose weights are bytes: rows of input and h are rounded to bytes
// before they are multiplied, sums are exact in i32, and the scales join them
// afterwards. Zero points of rows and weights are taken off the sums:
//
//   sum (x - zx) (w - zw)  =  sum x w  -  zx (sum w - k zw)  -  zw sum x
//
// The input has one scale; h has one for each row and step, so that rows do not
// depend on their neighbours.

#include "codegen/cpu/RecurrentEmitter.h"
#include "codegen/cpu/VectorExpr.h"
#include "codegen/cpu/VectorShuffle.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

constexpr int64_t kZeroAt = 4, kSumAt = 8; // in the facts of a row

/// Lane 0 in `lanes` lanes.
Value firstLane(KernelBuilder &kb, Value vector, unsigned lanes) {
  return shuffle(kb, vector, vector, SmallVector<int64_t>(lanes, 0));
}

/// `range` with `length` floats at `row`, `stride` apart.
Values joined(KernelBuilder &kb, ValueRange range, Value row,
              sym::DimAttr stride, int64_t length, unsigned lanes) {
  auto join = [&](Value k, Value count, ValueRange so) {
    Value at = kb.at(row, kb.mul(k, kb.dim(stride * 4)));
    Vec x(kb, kb.loadLanes(kb.b.getF32Type(), lanes, at, stride, count));
    return Values{minKeepingFirst(Vec(kb, so[0]), x).value,
                  maxKeepingFirst(Vec(kb, so[1]), x).value};
  };
  int64_t full = length / lanes * lanes;
  Values both =
      kb.loop(kb.c(0), kb.c(full), lanes, range,
              [&](Value k, ValueRange so) { return join(k, Value(), so); });
  if (full < length)
    both = join(kb.c(full), kb.c(length - full), both);
  return both;
}

/// Between 0 and 255, which NaN becomes 0 of.
Vec asByte(Vec x) {
  return minKeepingFirst(x.number(255), maxKeepingFirst(x.number(0), x));
}

/// As DynamicQuantizeLinear, from the least and the greatest in each lane.
Rounding roundingOf(KernelBuilder &kb, ValueRange range, unsigned lanes) {
  auto fold = [&](Value vector, Vec (*combine)(Vec, Vec)) {
    Value one = foldLanes(kb, vector, [&](Value x, Value y) {
      return combine(Vec(kb, x), Vec(kb, y)).value;
    });
    return Vec(kb, firstLane(kb, one, lanes));
  };
  Vec low = fold(range[0], minKeepingFirst),
      high = fold(range[1], maxKeepingFirst);
  Vec step = (high - low) / low.number(255);
  Vec scale = select(greater(step, 0), step, low.number(1));
  return {scale.value, asByte(roundEven(-low / scale)).value};
}

} // namespace

void roundRow(KernelBuilder &kb, Value row, sym::DimAttr stride, int64_t length,
              const Rounding &rounding, Value bytes, Value facts) {
  Type f32 = kb.b.getF32Type();
  unsigned lanes = PanelOffsets::vectorLanes(kb);
  Vec scale(kb, rounding.scale), zero(kb, rounding.zero);
  Type i32 = kb.b.getI32Type(), i8 = kb.b.getI8Type();
  auto roundVector = [&](Value k, Value count, Value sum) {
    Value at = kb.at(row, kb.mul(k, kb.dim(stride * 4)));
    Vec x(kb, kb.loadLanes(f32, lanes, at, stride, count));
    Vec inside = asByte(roundEven(x / scale) + zero);
    Vec whole = inside.make<arith::FPToSIOp>(x.like(i32), inside.value);
    if (count)
      whole = select(Vec(kb, kb.mask(lanes, count)), whole, whole.integer(0));
    kb.store(whole.make<arith::TruncIOp>(x.like(i8), whole.value).value,
             kb.at(bytes, k));
    return addInt(Vec(kb, sum), whole).value;
  };
  int64_t full = length / lanes * lanes;
  Values sums =
      kb.loop(kb.c(0), kb.c(full), lanes, Values{kb.zeros(i32, lanes)},
              [&](Value k, ValueRange so) {
                return Values{roundVector(k, Value(), so[0])};
              });
  Value sum = sums[0];
  if (full < length)
    sum = roundVector(kb.c(full), kb.c(length - full), sum);
  kb.store(firstLane(kb, scale.value, 1), facts);
  Vec whole = zero.make<arith::FPToSIOp>(zero.like(i32), zero.value);
  kb.store(firstLane(kb, whole.value, 1), kb.at(facts, kZeroAt));
  kb.store(foldLanes(kb, sum,
                     [&](Value x, Value y) {
                       return addInt(Vec(kb, x), Vec(kb, y)).value;
                     }),
           kb.at(facts, kSumAt));
}

Rounding RecurrentEmitter::roundingOfInput() {
  ViewAccess x = access(op.getInput());
  ArrayRef<sym::DimAttr> dims =
      cast<kernel::ViewType>(op.getInput().getType()).getDims();
  Values range(2, kb.zeros(f32, lanes));
  range = kb.loop(
      kb.c(0), kb.dim(dims[0]), 1, range, [&](Value time, ValueRange outer) {
        return kb.loop(
            kb.c(0), kb.dim(dims[1]), 1, outer, [&](Value row, ValueRange so) {
              Value at =
                  kb.at(x.base, kb.add(moved(x, 0, time), moved(x, 1, row)));
              return joined(kb, so, at, x.strides[2], plan.inputSize, lanes);
            });
      });
  return roundingOf(kb, range, lanes);
}

void RecurrentEmitter::roundInput(Value start, Value count) {
  ViewAccess x = access(op.getInput());
  kb.loop(kb.c(0), count, 1, [&](Value local) {
    kb.loop(kb.c(0), rows, 1, [&](Value row) {
      Value slot = kb.add(kb.mul(local, plan.rowBlock), row);
      roundRow(kb, inputRow(timeOf(kb.add(start, local)), row), x.strides[2],
               plan.inputSize, ofInput,
               scratch(plan.inputBytes, slot, plan.byteRow(plan.inputSize)),
               scratch(plan.inputRounding, slot, kernel::kRoundingBytes));
    });
  });
}

void RecurrentEmitter::roundHidden(Value hidden) {
  sym::DimAttr one = sym::constantDim(kb.b.getContext(), 1);
  kb.loop(kb.c(0), rows, 1, [&](Value row) {
    Value at = kb.at(hidden, kb.mul(row, plan.stateRow()));
    Values range(2, kb.zeros(f32, lanes));
    range = joined(kb, range, at, one, plan.hidden, lanes);
    roundRow(kb, at, one, plan.hidden, roundingOf(kb, range, lanes),
             scratch(plan.hiddenBytes, row, plan.byteRow(plan.hidden)),
             scratch(plan.hiddenRounding, row, kernel::kRoundingBytes));
  });
}

Values RecurrentEmitter::scaled(ArrayRef<Value> sums, const UnitTile &tile,
                                ArrayRef<unsigned> gates, ArrayRef<Value> facts,
                                bool isRecurrence) {
  Type i32 = kb.b.getI32Type();
  int64_t first = isRecurrence ? plan.columns : 0;
  Values result(sums.begin(), sums.end());
  for (unsigned v = 0; v < tile.width; ++v)
    for (auto [g, gate] : llvm::enumerate(gates)) {
      auto column = [&, gate = gate](Value view) {
        return Vec(kb, biasAt(view, tile, v, gate, first));
      };
      auto whole = [&](Vec x) {
        return x.make<arith::FPToSIOp>(x.like(i32), x.value);
      };
      Vec scale = column(scales), ofColumn = whole(column(sumsOfColumns)),
          zero = whole(column(zeros));
      for (auto [i, row] : llvm::enumerate(facts)) {
        auto fact = [&, row = row](Type element, int64_t at) {
          return Vec(kb, kb.loadBroadcast(element, lanes, kb.at(row, at)));
        };
        Value &sum = result[(i * tile.width + v) * gates.size() + g];
        Vec owed = addInt(mulInt(fact(i32, kZeroAt), ofColumn),
                          mulInt(fact(i32, kSumAt), zero));
        Vec exact = subInt(Vec(kb, sum), owed);
        Vec real = exact.make<arith::SIToFPOp>(scale.type(), exact.value);
        sum = (real * (fact(f32, 0) * scale)).value;
      }
    }
  return result;
}

} // namespace sinter::cpu
