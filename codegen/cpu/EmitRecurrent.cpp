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
#include "codegen/cpu/RecurrentEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sinter::cpu {

RecurrentEmitter::RecurrentEmitter(KernelBuilder &kb, kernel::RecurrentOp op)
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
  if (plan.isOfBytes)
    for (Value *part : {&scales, &sumsOfColumns, &zeros})
      *part = take();
}

void RecurrentEmitter::emit() {
  kb.items(
      {kb.ceilDiv(kb.dim(plan.batch), kb.c(plan.rowBlock))},
      [&](ArrayRef<Value> item) { emitItem(kb.mul(item[0], plan.rowBlock)); });
}

void RecurrentEmitter::emitItem(Value first) {
  firstRow = first;
  std::optional<int64_t> batch = sym::asConstant(plan.batch);
  rows = batch && *batch % plan.rowBlock == 0
             ? kb.c(plan.rowBlock)
             : kb.min(kb.sub(kb.dim(plan.batch), first), kb.c(plan.rowBlock));
  Value all =
      kb.dim(cast<kernel::ViewType>(op.getInput().getType()).getDims()[0]);
  steps = lengths ? lengthOf(all) : all;
  if (plan.isOfBytes)
    ofInput = roundingOfInput();
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

Value RecurrentEmitter::lengthOf(Value all) {
  ViewAccess view = access(lengths);
  Value raw =
      kb.loadScalar(view.element, kb.at(view.base, moved(view, 0, firstRow)));
  if (!raw.getType().isInteger(64))
    raw = arith::ExtSIOp::create(kb.b, kb.loc, kb.b.getI64Type(), raw);
  return kb.max(kb.min(raw, all), kb.c(0));
}

void RecurrentEmitter::forStates(
    llvm::function_ref<void(Value row, const UnitTile &)> body) {
  kb.loop(kb.c(0), rows, 1, [&](Value row) {
    forUnits(kb, plan.hidden, 1,
             [&](const UnitTile &tile) { body(row, tile); });
  });
}

void RecurrentEmitter::loadState(Value from, int64_t to) {
  ViewAccess view = access(from);
  forStates([&](Value row, const UnitTile &tile) {
    Value value = kb.loadLanes(f32, lanes, stateAt(view, row, tile),
                               view.strides[1], tile.count);
    kb.store(value,
             kb.at(scratch(to, row, plan.stateRow()), unitBytes(tile, 0)));
  });
}

void RecurrentEmitter::storeState(Value to, Value from) {
  ViewAccess view = access(to);
  forStates([&](Value row, const UnitTile &tile) {
    Value at =
        kb.at(kb.at(from, kb.mul(row, plan.stateRow())), unitBytes(tile, 0));
    kb.storeLanes(kb.load(f32, lanes, at), stateAt(view, row, tile),
                  view.strides[1], tile.count);
  });
}

void RecurrentEmitter::clearRest(Value all) {
  kb.loop(steps, all, 1, [&](Value time) {
    forStates([&](Value row, const UnitTile &tile) {
      storeY(kb.zeros(f32, lanes), time, row, tile, 0);
    });
  });
}

void RecurrentEmitter::storeY(Value value, Value time, Value row,
                              const UnitTile &tile, unsigned vector) {
  ViewAccess view = access(op.getOutputs()[0]);
  Value unit = kb.mul(kb.add(tile.first, vector), lanes);
  Value at = kb.at(view.base, moved(view, 0, time));
  at = kb.at(at, moved(view, 1, kb.add(firstRow, row)));
  kb.storeLanes(value, kb.at(at, moved(view, 2, unit)), view.strides[2],
                tile.count);
}

void RecurrentEmitter::forTiles(Value count, unsigned tall, size_t gates,
                                TileBody body) {
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

unsigned RecurrentEmitter::tallRows(int64_t limit) {
  // A word of bytes that is taken apart is two vectors, and one on the way.
  int64_t parts = plan.isOfBytes && !kb.target.dotOf("dot4") ? 2 : 1;
  int64_t free = int64_t(kb.target.vec.registers) - (parts > 1 ? 4 : 1);
  int64_t fit = free / (plan.gates + parts);
  return unsigned(std::max<int64_t>(1, std::min(fit, limit)));
}

Values RecurrentEmitter::emitChunk(Value start, ValueRange hidden) {
  Value left = kb.sub(steps, start), count = kb.min(left, kb.c(plan.chunk));
  if (std::optional<int64_t> known = KernelBuilder::constant(steps);
      known && *known % plan.chunk == 0)
    count = kb.c(plan.chunk);
  if (plan.isOfBytes)
    roundInput(start, count);
  // One row takes steps for the rows of a tile; a batch of one may be known
  // only when it runs.
  Value single = plan.rowBlock == 1
                     ? count
                     : kb.mul(count, kb.max(kb.sub(kb.c(2), rows), kb.c(0)));
  if (KernelBuilder::constant(single) != 0)
    forTiles(single, tallRows(6), plan.gates,
             [&](Value local, unsigned n, const UnitTile &tile) {
               project(start, local, kb.c(0), n, /*overSteps=*/true, tile);
             });
  if (plan.rowBlock != 1)
    kb.loop(kb.c(0), kb.sub(count, single), 1, [&](Value local) {
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

void RecurrentEmitter::project(Value start, Value local, Value row,
                               unsigned count, bool overSteps,
                               const UnitTile &tile) {
  ViewAccess x = access(op.getInput());
  RowSource source{{}, plan.isOfBytes ? kb.c(4) : kb.dim(x.strides[2] * 4)};
  Values targets, facts;
  for (unsigned i = 0; i < count; ++i) {
    Value at = overSteps ? kb.add(local, i) : local;
    Value r = overSteps ? row : kb.add(row, i);
    if (plan.isOfBytes) {
      Value slot = kb.add(kb.mul(at, plan.rowBlock), r);
      facts.push_back(
          scratch(plan.inputRounding, slot, kernel::kRoundingBytes));
      source.rows.push_back(
          scratch(plan.inputBytes, slot, plan.byteRow(plan.inputSize)));
    } else {
      source.rows.push_back(inputRow(timeOf(kb.add(start, at)), r));
    }
    targets.push_back(kb.at(productRow(at, r), productOffsets.start(tile)));
  }
  Values sums = multiplyPanels(kb, plan.gates, plan.depth(plan.inputSize),
                               buffer(op.getWeights()), allGates, tile, source,
                               plan.isOfBytes);
  if (plan.isOfBytes)
    sums = scaled(sums, tile, allGates, facts, /*isRecurrence=*/false);
  for (unsigned v = 0; v < tile.width; ++v)
    for (unsigned gate : allGates) {
      Value bias = productBias(tile, v, gate);
      for (unsigned i = 0; i < count; ++i)
        kb.store(sum(sums[(i * tile.width + v) * plan.gates + gate], bias),
                 kb.at(targets[i], productOffsets.at(v, gate)));
    }
}

Value RecurrentEmitter::inputRow(Value time, Value row) {
  ViewAccess x = access(op.getInput());
  return kb.at(x.base,
               kb.add(moved(x, 0, time), moved(x, 1, kb.add(firstRow, row))));
}

Value RecurrentEmitter::biasAt(Value view, const UnitTile &tile, unsigned v,
                               unsigned gate, int64_t first) {
  if (!view)
    return kb.zeros(f32, lanes);
  ViewAccess source = access(view);
  Value element = kb.add(kb.div(productOffsets.start(tile), kb.c(4)),
                         first + productOffsets.at(v, gate) / 4);
  return kb.loadLanes(source.element, lanes,
                      kb.at(source.base, moved(source, 0, element)),
                      source.strides[0]);
}

LogicalResult emitRecurrent(KernelBuilder &kb, kernel::DefineOp,
                            kernel::RecurrentOp op) {
  Type element = cast<kernel::ViewType>(op.getInput().getType()).getElement();
  if (!element.isF32())
    return op.emitOpError("works on ") << element << "; expected f32";
  RecurrentEmitter(kb, op).emit();
  return success();
}

} // namespace sinter::cpu
