// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LSTM, GRU and RNN: one kernel a direction. Gate columns of the same 16 units
// lie beside each other in the panels, so that a step's gates meet in
// registers.

#include "dialects/kernel/TileProblem.h"
#include "passes/lower/KernelEmitter.h"

using namespace mlir;

namespace sinter::lower {
namespace {

struct Cell {
  int64_t gates, states, activations;
};

Cell cellOf(StringRef name) {
  if (name == "lstm")
    return {4, 2, 3};
  return name == "gru" ? Cell{3, 1, 2} : Cell{1, 1, 1};
}

/// Lowers one graph.recurrent.
class RecurrentLowering {
public:
  RecurrentLowering(Lowering &lowering, graph::RecurrentOp op)
      : lowering(lowering), op(op), cell(cellOf(op.getCell())) {}

  LogicalResult run();

private:
  Value panels(Value weights, int64_t direction);
  Place column(int64_t offset);
  Place columns(int64_t part, int64_t direction);
  Place direction(const Place &place, unsigned axis, int64_t d);
  void addBias(KernelEmitter &emitter, int64_t d);
  void addState(KernelEmitter &emitter, Value initial, int64_t d);
  void addOperands(KernelEmitter &emitter, int64_t d);
  void launch(KernelEmitter &emitter, int64_t d, int64_t directions);

  Lowering &lowering;
  graph::RecurrentOp op;
  Cell cell;
  Place input;
  int64_t hidden = 0;
  Type element;
};

int64_t extent(Value value, unsigned axis) {
  return cast<RankedTensorType>(value.getType()).getDimSize(axis);
}

/// Panel u * G + g holds units 16u .. 16u+15 of gate g.
Value RecurrentLowering::panels(Value weights, int64_t d) {
  Place place = lowering.placeOf(weights);
  int64_t k = extent(weights, 2), units = (hidden + 15) / 16;
  auto stride = [&](unsigned axis) {
    return *sym::asConstant(place.strides[axis]);
  };
  Lowering::Packing packing{
      {units, cell.gates, k, 16},
      {16 * stride(1), hidden * stride(1), stride(2), stride(1)},
      d * stride(0),
      {0, 3, hidden}};
  if (op.getQuantisedState()) { // words of k
    packing.dims[2] /= kernel::kDotBytes;
    packing.strides[2] *= kernel::kDotBytes;
    packing.dims.push_back(kernel::kDotBytes);
    packing.strides.push_back(stride(2));
  }
  return lowering.bufferOf(*lowering.pack(place, packing).storage);
}

/// Part `part` of what the bias holds, of the columns of weights and those of
/// recurrence, each as panels have them.
Place RecurrentLowering::columns(int64_t part, int64_t d) {
  Place bias = lowering.placeOf(op.getBias());
  int64_t units = (hidden + 15) / 16, all = cell.gates * hidden,
          step = *sym::asConstant(bias.strides[1]);
  Place packed = lowering.pack(
      bias, {{2, units, cell.gates, 16},
             {all * step, 16 * step, hidden * step, step},
             d * *sym::asConstant(bias.strides[0]) + 2 * part * all * step,
             {1, 3, hidden}});
  return *reshape(packed, {lowering.dim(2 * units * cell.gates * 16)});
}

/// One column of the bias, gates beside each other, from element `offset`.
Place RecurrentLowering::column(int64_t offset) {
  Place bias = lowering.placeOf(op.getBias());
  int64_t units = (hidden + 15) / 16, step = *sym::asConstant(bias.strides[1]);
  Place packed = lowering.pack(bias, {{units, cell.gates, 16},
                                      {16 * step, hidden * step, step},
                                      offset * step,
                                      {0, 2, hidden}});
  return *reshape(packed, {lowering.dim(units * cell.gates * 16)});
}

Place RecurrentLowering::direction(const Place &place, unsigned axis,
                                   int64_t d) {
  Place result = place;
  result.offset = result.offset + result.strides[axis] * d;
  result.dims.erase(result.dims.begin() + axis);
  result.strides.erase(result.strides.begin() + axis);
  return result;
}

void RecurrentLowering::addBias(KernelEmitter &emitter, int64_t d) {
  if (!op.getBias())
    return;
  int64_t columns = cell.gates * hidden, all = extent(op.getBias(), 1);
  emitter.addView(column(d * all));
  emitter.addView(column(d * all + columns));
}

void RecurrentLowering::addState(KernelEmitter &emitter, Value initial,
                                 int64_t d) {
  if (initial)
    return emitter.addView(lowering.rowContiguous(
        direction(lowering.placeOf(initial), 0, d), op.getLoc()));
  Storage &zero = lowering.storages.emplace_back();
  zero.kind = Storage::Weight;
  zero.element = element;
  zero.dims = {lowering.dim(1)};
  zero.source = DenseElementsAttr::get(RankedTensorType::get({1}, element),
                                       lowering.builder.getZeroAttr(element));
  Place place = wholeOf(zero);
  place.dims = {input.dims[1], lowering.dim(hidden)};
  place.strides.assign(2, lowering.dim(0));
  emitter.addView(place);
}

static ArrayRef<double> part(ArrayRef<double> values, int64_t d,
                             int64_t directions) {
  size_t count = values.size() / directions;
  return values.slice(d * count, count);
}

void RecurrentLowering::addOperands(KernelEmitter &emitter, int64_t d) {
  int64_t n = (hidden + 15) / 16 * 16 * cell.gates;
  auto addPanels = [&](Value weights) {
    auto type = cast<RankedTensorType>(weights.getType());
    emitter.addPanels(panels(weights, d), 1, n, type.getDimSize(2),
                      type.getElementType());
  };
  emitter.addView(input);
  addPanels(op.getWeights());
  addPanels(op.getRecurrence());
  addBias(emitter, d);
  addState(emitter, op.getInitialH(), d);
  if (cell.states == 2)
    addState(emitter, op.getInitialC(), d);
  if (op.getLengths())
    emitter.addView(lowering.placeOf(op.getLengths()));
  if (op.getPeephole())
    emitter.addView(direction(lowering.placeOf(op.getPeephole()), 0, d));
  for (int64_t part = 1; part < 4 && op.getQuantisedState(); ++part)
    emitter.addView(columns(part, d)); // scales, sums, zero points
  emitter.addView(direction(lowering.destinationOf(op.getResults()[0]), 1, d));
  for (int64_t i = 0; i < cell.states; ++i)
    emitter.addView(
        direction(lowering.destinationOf(op.getResults()[1 + i]), 0, d));
}

void RecurrentLowering::launch(KernelEmitter &emitter, int64_t d,
                               int64_t directions) {
  bool isReverse = op.getDirection() == "reverse" || d == 1;
  ArrayAttr activations = op.getActivations();
  SmallVector<Attribute> names(activations.getValue().slice(
      d * activations.size() / directions, activations.size() / directions));
  emitter.launch(
      1 + cell.states,
      [&](OpBuilder &b, ValueRange arguments) {
        auto root = kernel::RecurrentOp::create(
            b, b.getUnknownLoc(), arguments[0], arguments[1], arguments[2],
            arguments.drop_front(3).drop_back(1 + cell.states),
            arguments.take_back(1 + cell.states), op.getCell(), isReverse,
            b.getArrayAttr(names), part(op.getAlphas(), d, directions),
            part(op.getBetas(), d, directions), op.getClipAttr(),
            op.getLinearBeforeReset(), op.getInputForget(), bool(op.getBias()),
            bool(op.getLengths()), bool(op.getPeephole()),
            op.getQuantisedState());
        (void)root;
      },
      /*noWait=*/d + 1 < directions);
}

LogicalResult RecurrentLowering::run() {
  for (Value value : {op.getWeights(), op.getRecurrence(), op.getBias()})
    if (value)
      for (sym::DimAttr stride : lowering.placeOf(value).strides)
        if (!sym::asConstant(stride))
          return op.emitError("has weights whose size is known at run time "
                              "only, ")
                 << sym::toString(stride)
                 << "; expected constants, given with --dim [SINTER-I014]";
  element = cast<RankedTensorType>(op.getInput().getType()).getElementType();
  if (!element.isF32())
    return op.emitOpError("works on ") << element << "; expected f32";
  hidden = extent(op.getRecurrence(), 1) / cell.gates;
  int64_t directions = extent(op.getWeights(), 0);
  input = lowering.rowContiguous(lowering.placeOf(op.getInput()), op.getLoc());
  // Directions do not meet: with their operands ready, they run side by side.
  std::vector<KernelEmitter> emitters;
  emitters.reserve(directions);
  for (int64_t d = 0; d < directions; ++d)
    addOperands(emitters.emplace_back(lowering, op.getLoc(), op.getCell()), d);
  for (int64_t d = 0; d < directions; ++d)
    launch(emitters[d], d, directions);
  return success();
}

} // namespace

LogicalResult Lowering::lowerRecurrent(graph::RecurrentOp op) {
  return RecurrentLowering(*this, op).run();
}

} // namespace sinter::lower
