// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One step of a recurrent item: the products with the old h are added to those
// with the input, and the gates are finished in registers. A GRU that resets
// before the product takes two passes.

#include "codegen/cpu/RecurrentEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sinter::cpu {

void RecurrentEmitter::emitStep(Value time, Value local, Value oldHidden,
                                Value newHidden) {
  if (plan.isOfBytes)
    roundHidden(oldHidden);
  bool isTwoPass = plan.isGru && !op.getLinearBeforeReset();
  unsigned tall = plan.rowBlock == 1 ? 1 : tallRows(plan.rowBlock);
  auto pass = [&](ArrayRef<unsigned> gates, auto finish) {
    forTiles(rows, tall, gates.size(),
             [&](Value row, unsigned count, const UnitTile &tile) {
               Step step{time, local, oldHidden, newHidden, row, count};
               finish(step, tile);
             });
  };
  if (!isTwoPass)
    return pass(allGates, [&](const Step &step, const UnitTile &tile) {
      finishTile(step, tile);
    });
  pass({0, 1}, [&](const Step &step, const UnitTile &tile) {
    finishGates(step, tile);
  });
  pass({2}, [&](const Step &step, const UnitTile &tile) {
    finishCandidate(step, tile);
  });
}

Value RecurrentEmitter::productAt(const Step &step, const UnitTile &tile,
                                  unsigned i, unsigned v, unsigned gate) {
  Value row = productRow(step.local, kb.add(step.row, i));
  return kb.load(f32, lanes,
                 kb.at(kb.at(row, productOffsets.start(tile)),
                       productOffsets.at(v, gate)));
}

Values RecurrentEmitter::recur(const Step &step, const UnitTile &tile,
                               Value from, ArrayRef<unsigned> gates) {
  RowSource source{{}, kb.c(4)};
  Values facts;
  for (unsigned i = 0; i < step.count; ++i) {
    if (plan.isOfBytes) {
      Value row = kb.add(step.row, i);
      facts.push_back(
          scratch(plan.hiddenRounding, row, kernel::kRoundingBytes));
      source.rows.push_back(
          scratch(plan.hiddenBytes, row, plan.byteRow(plan.hidden)));
    } else {
      source.rows.push_back(stateRow(from, step, i));
    }
  }
  Values sums = multiplyPanels(kb, plan.gates, plan.depth(plan.hidden),
                               buffer(op.getRecurrence()), gates, tile, source,
                               plan.isOfBytes);
  if (plan.isOfBytes)
    sums = scaled(sums, tile, gates, facts, /*isRecurrence=*/true);
  size_t next = 0;
  for (unsigned i = 0; i < step.count; ++i)
    for (unsigned v = 0; v < tile.width; ++v)
      for (unsigned gate : gates) {
        sums[next] = sum(otherPart(step, tile, i, v, gate), sums[next]);
        ++next;
      }
  return sums;
}

bool RecurrentEmitter::isApart(unsigned gate) {
  return plan.isGru && op.getLinearBeforeReset() && gate == 2;
}

Value RecurrentEmitter::otherPart(const Step &step, const UnitTile &tile,
                                  unsigned i, unsigned v, unsigned gate) {
  return isApart(gate) ? biasAt(recurrenceBias, tile, v, gate)
                       : productAt(step, tile, i, v, gate);
}

Value RecurrentEmitter::productBias(const UnitTile &tile, unsigned v,
                                    unsigned gate) {
  Value bias = biasAt(inputBias, tile, v, gate);
  return !recurrenceBias || isApart(gate)
             ? bias
             : sum(bias, biasAt(recurrenceBias, tile, v, gate));
}

Value RecurrentEmitter::sum(Value x, Value y) {
  return arith::AddFOp::create(kb.b, kb.loc, x, y);
}

void RecurrentEmitter::finishTile(const Step &step, const UnitTile &tile) {
  Values sums = recur(step, tile, step.oldHidden, allGates);
  for (unsigned i = 0; i < step.count; ++i)
    for (unsigned v = 0; v < tile.width; ++v) {
      ArrayRef<Value> gates = ArrayRef<Value>(sums).slice(
          (i * tile.width + v) * plan.gates, plan.gates);
      Value h = plan.isLstm  ? finishLstm(step, tile, i, v, gates)
                : plan.isGru ? finishGru(step, tile, i, v, gates)
                             : cell.rnn(gates[0]);
      storeHidden(step, tile, i, v, h);
    }
}

void RecurrentEmitter::storeHidden(const Step &step, const UnitTile &tile,
                                   unsigned i, unsigned v, Value h) {
  kb.store(h, kb.at(stateRow(step.newHidden, step, i), unitBytes(tile, v)));
  storeY(h, step.time, kb.add(step.row, i), tile, v);
}

Value RecurrentEmitter::finishLstm(const Step &step, const UnitTile &tile,
                                   unsigned i, unsigned v,
                                   ArrayRef<Value> gates) {
  Value at = kb.at(scratchRow(plan.cell, step, i), unitBytes(tile, v));
  RecurrentCell::State next =
      cell.lstm(gates, kb.load(f32, lanes, at), peepholesAt(tile, v));
  kb.store(next.c, at);
  return next.h;
}

Peepholes RecurrentEmitter::peepholesAt(const UnitTile &tile, unsigned v) {
  if (!peephole)
    return {};
  ViewAccess view = access(peephole);
  auto part = [&](int64_t gate) {
    Value unit = kb.mul(kb.add(tile.first, v), lanes);
    Value at = moved(view, 0, kb.add(unit, gate * plan.hidden));
    return kb.loadLanes(f32, lanes, kb.at(view.base, at), view.strides[0],
                        tile.count);
  };
  return {part(0), part(1), part(2)};
}

Value RecurrentEmitter::oldHiddenAt(const Step &step, const UnitTile &tile,
                                    unsigned i, unsigned v) {
  return kb.load(f32, lanes,
                 kb.at(stateRow(step.oldHidden, step, i), unitBytes(tile, v)));
}

Value RecurrentEmitter::finishGru(const Step &step, const UnitTile &tile,
                                  unsigned i, unsigned v,
                                  ArrayRef<Value> gates) {
  Value update = cell.gruGate(gates[0]), reset = cell.gruGate(gates[1]);
  Value candidate = kb.fma(reset, gates[2], productAt(step, tile, i, v, 2));
  return cell.gru(update, candidate, oldHiddenAt(step, tile, i, v));
}

void RecurrentEmitter::finishGates(const Step &step, const UnitTile &tile) {
  Values sums = recur(step, tile, step.oldHidden, {0, 1});
  for (unsigned i = 0; i < step.count; ++i)
    for (unsigned v = 0; v < tile.width; ++v) {
      size_t first = (i * tile.width + v) * 2;
      Value update = cell.gruGate(sums[first]),
            reset = cell.gruGate(sums[first + 1]);
      Value gated = arith::MulFOp::create(kb.b, kb.loc, reset,
                                          oldHiddenAt(step, tile, i, v));
      Value unit = unitBytes(tile, v);
      kb.store(update, kb.at(scratchRow(plan.update, step, i), unit));
      kb.store(gated, kb.at(scratchRow(plan.gated, step, i), unit));
    }
}

void RecurrentEmitter::finishCandidate(const Step &step, const UnitTile &tile) {
  Values sums = recur(step, tile, kb.at(kb.scratch(), plan.gated), {2});
  for (unsigned i = 0; i < step.count; ++i)
    for (unsigned v = 0; v < tile.width; ++v) {
      Value update =
          kb.load(f32, lanes,
                  kb.at(scratchRow(plan.update, step, i), unitBytes(tile, v)));
      storeHidden(step, tile, i, v,
                  cell.gru(update, sums[i * tile.width + v],
                           oldHiddenAt(step, tile, i, v)));
    }
}

} // namespace sinter::cpu
