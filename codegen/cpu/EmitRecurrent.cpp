// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// kernel.recurrent. An item is a block of batch rows over all steps. A chunk of
// steps at a time, the products of input and input weights go to scratch as a
// tiled product; then each step reads the recurrence panels once, adds those
// products and finishes the gates in registers. h lives in two buffers that
// swap every step, since all units need all of the old h.
//
// A gate is (input k = 0, 1, ...) + bias, plus (hidden k = 0, 1, ...), however
// steps and rows are cut. Each sum has an accumulator of its own: the one over
// the input is often large, and would round off the small terms of the other.

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/RecurrentCell.h"
#include "codegen/cpu/RecurrentTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

using kernel::RecurrentPlan;

/// A view argument with strides in bytes.
struct ViewAccess {
  Value base;
  ArrayRef<sym::DimAttr> strides;
  Type element;
};

class RecurrentEmitter {
public:
  RecurrentEmitter(KernelBuilder &kb, kernel::RecurrentOp op)
      : kb(kb), op(op), plan(kernel::planOf(op)), cell(kb, op),
        f32(kb.b.getF32Type()), lanes(PanelOffsets::vectorLanes(kb)),
        productOffsets(kb, plan.gates, 1) {
    for (unsigned gate = 0; gate < plan.gates; ++gate)
      allGates.push_back(gate);
    ValueRange rest = op.getExtras();
    auto take = [&] {
      Value first = rest.front();
      rest = rest.drop_front();
      return first;
    };
    if (op.getHasBias()) {
      inputBias = take();
      recurrenceBias = take();
    }
    initialH = take();
    if (plan.isLstm)
      initialC = take();
    if (op.getHasLengths())
      lengths = take();
    if (op.getHasPeephole())
      peephole = take();
  }

  void emit() {
    kb.items({kb.ceilDiv(kb.dim(plan.batch), kb.c(plan.rowBlock))},
             [&](ArrayRef<Value> item) {
               emitItem(kb.mul(item[0], plan.rowBlock));
             });
  }

private:
  // Set for the item at hand: its first batch row, its rows, its steps.
  Value firstRow, rows, steps;

  //===--------------------------------------------------------------------===//
  // Addresses
  //===--------------------------------------------------------------------===//

  ViewAccess access(Value view) {
    auto type = cast<kernel::ViewType>(view.getType());
    return {buffer(view), type.getStrides(), type.getElement()};
  }
  Value buffer(Value argument) {
    return kb.buffer(cast<BlockArgument>(argument).getArgNumber());
  }
  Value moved(const ViewAccess &view, unsigned axis, Value index) {
    int64_t bytes = KernelBuilder::bytesOf(view.element);
    return kb.mul(index, kb.dim(view.strides[axis] * bytes));
  }
  Value scratch(int64_t offset, Value row, int64_t rowBytes) {
    return kb.at(kb.at(kb.scratch(), offset), kb.mul(row, rowBytes));
  }
  Value unitBytes(const UnitTile &tile, unsigned vector) {
    return kb.mul(kb.add(tile.first, vector), int64_t(lanes) * 4);
  }
  Value productRow(Value local, Value row) {
    return scratch(plan.products, kb.add(kb.mul(local, plan.rowBlock), row),
                   plan.productRow());
  }
  Value timeOf(Value step) {
    return op.getReverse() ? kb.sub(kb.sub(steps, 1), step) : step;
  }
  /// Vector of a [B, H] view at a row of the item.
  Value stateAt(const ViewAccess &view, Value row, const UnitTile &tile) {
    Value at = kb.at(view.base, moved(view, 0, kb.add(firstRow, row)));
    return kb.at(at, moved(view, 1, kb.mul(tile.first, lanes)));
  }

  //===--------------------------------------------------------------------===//
  // Items
  //===--------------------------------------------------------------------===//

  void emitItem(Value first) {
    firstRow = first;
    std::optional<int64_t> batch = sym::asConstant(plan.batch);
    rows = batch && *batch % plan.rowBlock == 0
               ? kb.c(plan.rowBlock)
               : kb.min(kb.sub(kb.dim(plan.batch), first), kb.c(plan.rowBlock));
    Value all =
        kb.dim(cast<kernel::ViewType>(op.getInput().getType()).getDims()[0]);
    steps = lengths ? lengthOf(all) : all;
    loadState(initialH, plan.oldHidden);
    if (initialC)
      loadState(initialC, plan.cell);
    Values hidden{kb.at(kb.scratch(), plan.oldHidden),
                  kb.at(kb.scratch(), plan.newHidden)};
    hidden =
        kb.loop(kb.c(0), steps, plan.chunk, hidden,
                [&](Value start, ValueRange h) { return emitChunk(start, h); });
    storeState(op.getOutputs()[1], hidden[0]);
    if (plan.isLstm)
      storeState(op.getOutputs()[2], kb.at(kb.scratch(), plan.cell));
    if (lengths)
      clearRest(all);
  }

  Value lengthOf(Value all) {
    ViewAccess view = access(lengths);
    Value raw =
        kb.loadScalar(view.element, kb.at(view.base, moved(view, 0, firstRow)));
    if (!raw.getType().isInteger(64))
      raw = arith::ExtSIOp::create(kb.b, kb.loc, kb.b.getI64Type(), raw);
    return kb.max(kb.min(raw, all), kb.c(0));
  }

  void forStates(llvm::function_ref<void(Value row, const UnitTile &)> body) {
    kb.loop(kb.c(0), rows, 1, [&](Value row) {
      forUnits(kb, plan.hidden, 1,
               [&](const UnitTile &tile) { body(row, tile); });
    });
  }

  void loadState(Value from, int64_t to) {
    ViewAccess view = access(from);
    forStates([&](Value row, const UnitTile &tile) {
      Value value = kb.loadLanes(f32, lanes, stateAt(view, row, tile),
                                 view.strides[1], tile.count);
      kb.store(value,
               kb.at(scratch(to, row, plan.stateRow()), unitBytes(tile, 0)));
    });
  }

  void storeState(Value to, Value from) {
    ViewAccess view = access(to);
    forStates([&](Value row, const UnitTile &tile) {
      Value at =
          kb.at(kb.at(from, kb.mul(row, plan.stateRow())), unitBytes(tile, 0));
      kb.storeLanes(kb.load(f32, lanes, at), stateAt(view, row, tile),
                    view.strides[1], tile.count);
    });
  }

  /// Y past the end of a sequence is zero.
  void clearRest(Value all) {
    kb.loop(steps, all, 1, [&](Value time) {
      forStates([&](Value row, const UnitTile &tile) {
        storeY(kb.zeros(f32, lanes), time, row, tile, 0);
      });
    });
  }

  void storeY(Value value, Value time, Value row, const UnitTile &tile,
              unsigned vector) {
    ViewAccess view = access(op.getOutputs()[0]);
    Value unit = kb.mul(kb.add(tile.first, vector), lanes);
    Value at = kb.at(view.base, moved(view, 0, time));
    at = kb.at(at, moved(view, 1, kb.add(firstRow, row)));
    kb.storeLanes(value, kb.at(at, moved(view, 2, unit)), view.strides[2],
                  tile.count);
  }

  //===--------------------------------------------------------------------===//
  // Tiles
  //===--------------------------------------------------------------------===//

  using TileBody =
      llvm::function_ref<void(Value row, unsigned count, const UnitTile &)>;

  /// All units times rows [0, count), `tall` rows at once where there are as
  /// many. Units go outside: a panel serves all tall tiles from L1. One row
  /// takes several vectors of units, for independent accumulators.
  void forTiles(Value count, unsigned tall, size_t gates, TileBody body) {
    Value full = tall > 1 ? kb.sub(count, kb.mod(count, kb.c(tall))) : kb.c(0);
    if (KernelBuilder::constant(full) != 0)
      forUnits(kb, plan.hidden, 1, [&](const UnitTile &tile) {
        kb.loop(kb.c(0), full, tall, [&](Value row) { body(row, tall, tile); });
      });
    unsigned width = gates >= 3 ? 2 : gates == 2 ? 4 : 8;
    kb.loop(full, count, 1, [&](Value row) {
      forUnits(kb, plan.hidden, width,
               [&](const UnitTile &tile) { body(row, 1, tile); });
    });
  }

  /// Rows at once so that accumulators, weights and row values stay in
  /// registers.
  unsigned tallRows(int64_t limit) {
    int64_t free = int64_t(kb.target.vec.registers) - 2;
    int64_t fit = free / (plan.gates + 1);
    return unsigned(std::max<int64_t>(1, std::min(fit, limit)));
  }

  //===--------------------------------------------------------------------===//
  // Products with the input, a chunk of steps at a time
  //===--------------------------------------------------------------------===//

  Values emitChunk(Value start, ValueRange hidden) {
    Value left = kb.sub(steps, start), count = kb.min(left, kb.c(plan.chunk));
    if (std::optional<int64_t> known = KernelBuilder::constant(steps);
        known && *known % plan.chunk == 0)
      count = kb.c(plan.chunk);
    if (plan.rowBlock == 1) // rows of the tile are steps
      forTiles(count, tallRows(6), plan.gates,
               [&](Value local, unsigned n, const UnitTile &tile) {
                 project(start, local, kb.c(0), n, /*overSteps=*/true, tile);
               });
    else
      kb.loop(kb.c(0), count, 1, [&](Value local) {
        forTiles(rows, tallRows(plan.rowBlock), plan.gates,
                 [&](Value row, unsigned n, const UnitTile &tile) {
                   project(start, local, row, n, /*overSteps=*/false, tile);
                 });
      });
    return kb.loop(kb.c(0), count, 1, hidden, [&](Value local, ValueRange h) {
      emitStep(timeOf(kb.add(start, local)), local, h[0], h[1]);
      return Values{h[1], h[0]};
    });
  }

  void project(Value start, Value local, Value row, unsigned count,
               bool overSteps, const UnitTile &tile) {
    ViewAccess x = access(op.getInput());
    RowSource source{{}, kb.dim(x.strides[2] * 4)};
    Values targets;
    for (unsigned i = 0; i < count; ++i) {
      Value at = overSteps ? kb.add(local, i) : local;
      Value r = overSteps ? row : kb.add(row, i);
      Value offset = kb.add(moved(x, 0, timeOf(kb.add(start, at))),
                            moved(x, 1, kb.add(firstRow, r)));
      source.rows.push_back(kb.at(x.base, offset));
      targets.push_back(kb.at(productRow(at, r), productOffsets.start(tile)));
    }
    Values sums =
        multiplyPanels(kb, plan.gates, plan.inputSize, buffer(op.getWeights()),
                       allGates, tile, source);
    for (unsigned v = 0; v < tile.width; ++v)
      for (unsigned gate : allGates) {
        Value bias = productBias(tile, v, gate);
        for (unsigned i = 0; i < count; ++i)
          kb.store(sum(sums[(i * tile.width + v) * plan.gates + gate], bias),
                   kb.at(targets[i], productOffsets.at(v, gate)));
      }
  }

  /// Columns of a bias lie as those of panels; zero without one.
  Value biasAt(Value view, const UnitTile &tile, unsigned v, unsigned gate) {
    if (!view)
      return kb.zeros(f32, lanes);
    ViewAccess source = access(view);
    Value element = kb.add(kb.div(productOffsets.start(tile), kb.c(4)),
                           productOffsets.at(v, gate) / 4);
    return kb.loadLanes(f32, lanes,
                        kb.at(source.base, moved(source, 0, element)),
                        source.strides[0]);
  }

  //===--------------------------------------------------------------------===//
  // Steps
  //===--------------------------------------------------------------------===//

  /// One step of one tile of rows and units.
  struct Step {
    Value time, local, oldHidden, newHidden;
    Value row;
    unsigned count;
  };

  void emitStep(Value time, Value local, Value oldHidden, Value newHidden) {
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

  Value stateRow(Value base, const Step &step, unsigned i) {
    return kb.at(base, kb.mul(kb.add(step.row, i), plan.stateRow()));
  }
  Value scratchRow(int64_t offset, const Step &step, unsigned i) {
    return stateRow(kb.at(kb.scratch(), offset), step, i);
  }

  Value productAt(const Step &step, const UnitTile &tile, unsigned i,
                  unsigned v, unsigned gate) {
    Value row = productRow(step.local, kb.add(step.row, i));
    return kb.load(f32, lanes,
                   kb.at(kb.at(row, productOffsets.start(tile)),
                         productOffsets.at(v, gate)));
  }

  /// Sums of `gates` over the old h, which lies in rows from `from`.
  Values recur(const Step &step, const UnitTile &tile, Value from,
               ArrayRef<unsigned> gates) {
    RowSource source{{}, kb.c(4)};
    for (unsigned i = 0; i < step.count; ++i)
      source.rows.push_back(stateRow(from, step, i));
    Values sums =
        multiplyPanels(kb, plan.gates, plan.hidden, buffer(op.getRecurrence()),
                       gates, tile, source);
    size_t next = 0;
    for (unsigned i = 0; i < step.count; ++i)
      for (unsigned v = 0; v < tile.width; ++v)
        for (unsigned gate : gates) {
          sums[next] = sum(otherPart(step, tile, i, v, gate), sums[next]);
          ++next;
        }
    return sums;
  }

  /// The hidden part of a candidate that is scaled by r before the input part
  /// joins: it has sums and a bias of its own.
  bool isApart(unsigned gate) {
    return plan.isGru && op.getLinearBeforeReset() && gate == 2;
  }

  /// What joins the sum over the old h.
  Value otherPart(const Step &step, const UnitTile &tile, unsigned i,
                  unsigned v, unsigned gate) {
    return isApart(gate) ? biasAt(recurrenceBias, tile, v, gate)
                         : productAt(step, tile, i, v, gate);
  }

  Value productBias(const UnitTile &tile, unsigned v, unsigned gate) {
    Value bias = biasAt(inputBias, tile, v, gate);
    return !recurrenceBias || isApart(gate)
               ? bias
               : sum(bias, biasAt(recurrenceBias, tile, v, gate));
  }

  Value sum(Value x, Value y) {
    return arith::AddFOp::create(kb.b, kb.loc, x, y);
  }

  void finishTile(const Step &step, const UnitTile &tile) {
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

  void storeHidden(const Step &step, const UnitTile &tile, unsigned i,
                   unsigned v, Value h) {
    kb.store(h, kb.at(stateRow(step.newHidden, step, i), unitBytes(tile, v)));
    storeY(h, step.time, kb.add(step.row, i), tile, v);
  }

  Value finishLstm(const Step &step, const UnitTile &tile, unsigned i,
                   unsigned v, ArrayRef<Value> gates) {
    Value at = kb.at(scratchRow(plan.cell, step, i), unitBytes(tile, v));
    RecurrentCell::State next =
        cell.lstm(gates, kb.load(f32, lanes, at), peepholesAt(tile, v));
    kb.store(next.c, at);
    return next.h;
  }

  Peepholes peepholesAt(const UnitTile &tile, unsigned v) {
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

  Value oldHiddenAt(const Step &step, const UnitTile &tile, unsigned i,
                    unsigned v) {
    return kb.load(
        f32, lanes,
        kb.at(stateRow(step.oldHidden, step, i), unitBytes(tile, v)));
  }

  /// linear_before_reset: everything is at hand after one pass.
  Value finishGru(const Step &step, const UnitTile &tile, unsigned i,
                  unsigned v, ArrayRef<Value> gates) {
    Value update = cell.gruGate(gates[0]), reset = cell.gruGate(gates[1]);
    Value candidate = kb.fma(reset, gates[2], productAt(step, tile, i, v, 2));
    return cell.gru(update, candidate, oldHiddenAt(step, tile, i, v));
  }

  /// First pass of a GRU: z, and h gated by r, wait in scratch for the second.
  void finishGates(const Step &step, const UnitTile &tile) {
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

  void finishCandidate(const Step &step, const UnitTile &tile) {
    Values sums = recur(step, tile, kb.at(kb.scratch(), plan.gated), {2});
    for (unsigned i = 0; i < step.count; ++i)
      for (unsigned v = 0; v < tile.width; ++v) {
        Value update = kb.load(
            f32, lanes,
            kb.at(scratchRow(plan.update, step, i), unitBytes(tile, v)));
        storeHidden(step, tile, i, v,
                    cell.gru(update, sums[i * tile.width + v],
                             oldHiddenAt(step, tile, i, v)));
      }
  }

  KernelBuilder &kb;
  kernel::RecurrentOp op;
  RecurrentPlan plan;
  RecurrentCell cell;
  Type f32;
  unsigned lanes;
  PanelOffsets productOffsets;
  SmallVector<unsigned, 4> allGates;
  Value inputBias, recurrenceBias, initialH, initialC, lengths, peephole;
};

} // namespace

LogicalResult emitRecurrent(KernelBuilder &kb, kernel::DefineOp,
                            kernel::RecurrentOp op) {
  Type element = cast<kernel::ViewType>(op.getInput().getType()).getElement();
  if (!element.isF32())
    return op.emitOpError("works on ") << element << "; expected f32";
  RecurrentEmitter(kb, op).emit();
  return success();
}

} // namespace sinter::cpu
