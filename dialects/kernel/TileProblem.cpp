// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Normalises roots into tile problems. Axes of extent one disappear and axes
// that lie end to end in every operand become one: a 1x1 convolution over
// unpadded pixels, or a matmul over [batch, rows], ends with a single row axis
// of one stride, which needs no row pointers.

#include "dialects/kernel/TileProblem.h"

using namespace mlir;

namespace sinter::kernel {
namespace {

using sym::DimAttr;
using sym::Dims;

unsigned argumentOf(Value view) {
  return cast<BlockArgument>(view).getArgNumber();
}

ViewType viewOf(Value value) { return cast<ViewType>(value.getType()); }

// Joins axes of `extents` in place; `strides` are the same axes of each
// operand. Returns which axis each of those left was before; none for several.
SmallVector<std::optional<unsigned>> collapse(Dims &extents,
                                              ArrayRef<Dims *> strides) {
  SmallVector<std::optional<unsigned>> before;
  for (unsigned i = 0; i < extents.size(); ++i)
    before.push_back(i);
  for (size_t i = extents.size(); i-- > 0;) {
    bool unit = sym::isConstant(extents[i], 1);
    bool joins =
        i + 1 < extents.size() && llvm::all_of(strides, [&](Dims *operand) {
          return (*operand)[i] == (*operand)[i + 1] * extents[i + 1];
        });
    if (!unit && !joins)
      continue;
    if (joins && !unit) {
      extents[i + 1] = extents[i] * extents[i + 1];
      before[i + 1] = std::nullopt;
    }
    extents.erase(extents.begin() + i);
    before.erase(before.begin() + i);
    for (Dims *operand : strides)
      operand->erase(operand->begin() + i);
  }
  return before;
}

void collapseAll(TileProblem &problem) {
  SmallVector<Dims *> rows{&problem.a.rows},
      batch{&problem.a.batch, &problem.b.batch};
  for (auto *list : {&problem.extras, &problem.outputs})
    for (TileOperand &operand : *list) {
      rows.push_back(&operand.rows);
      batch.push_back(&operand.batch);
    }
  SmallVector<std::optional<unsigned>> before = collapse(problem.rows, rows);
  collapse(problem.batch, batch);
  for (TileProblem::Axis &axis : problem.positions) {
    if (!axis.border)
      continue;
    auto now =
        llvm::find(before, std::optional<unsigned>(axis.border->rowAxis));
    if (now == before.end())
      axis.border.reset();
    else
      axis.border->rowAxis = unsigned(now - before.begin());
  }
}

// Outputs and extras are [batch.., rows.., n]; the last axis is split into
// (group, n within the group) when there are groups.
TileOperand resultOperand(Value value, size_t batchAxes, DimAttr groupSize) {
  ViewType view = viewOf(value);
  ArrayRef<DimAttr> strides = view.getStrides();
  TileOperand operand;
  operand.buffer = argumentOf(value);
  operand.element = view.getElement();
  operand.batch.assign(strides.begin(), strides.begin() + batchAxes);
  operand.rows.assign(strides.begin() + batchAxes, strides.end() - 1);
  operand.column = strides.back();
  if (groupSize)
    operand.batch.push_back(operand.column * groupSize);
  return operand;
}

// b as panels, or as a view [.., k, n].
void setWeights(TileProblem &problem, Value weights) {
  problem.b.buffer = argumentOf(weights);
  if (auto panels = dyn_cast<PanelsType>(weights.getType())) {
    problem.panels = true;
    problem.b.element = panels.getElement();
    problem.b.step = sym::constantDim(weights.getContext(), 16);
    problem.b.column = sym::constantDim(weights.getContext(), 1);
    return;
  }
  ViewType view = viewOf(weights);
  problem.b.element = view.getElement();
  problem.b.step = view.getStrides().drop_back().back();
  problem.b.column = view.getStrides().back();
}

/// Sums of integers are the same bits whatever their sign.
Type sumType(Type element) {
  Type type = accumulatorType(element);
  return type.isUnsignedInteger()
             ? IntegerType::get(type.getContext(), type.getIntOrFloatBitWidth())
             : type;
}

} // namespace

bool TileProblem::packsB() const {
  return !panels && !alongK && !sym::isConstant(b.column, 1) &&
         sym::asConstant(run);
}

bool areDotFactors(Type a, Type b) {
  return a.isUnsignedInteger(8) && b.isSignlessInteger(8);
}

bool paysAlongK(int64_t n, int64_t positions, int64_t run) {
  // In multiply-adds of 16 lanes: a step of columns broadcasts one element of a
  // and takes half of one, a sum of 16 lanes some four. A single step is no
  // loop.
  constexpr int64_t stepsPerSum = 4;
  int64_t steps = positions * ((run + kLanesOfK - 1) / kLanesOfK);
  return n >= 1 && n <= kFewColumns && positions * (run / kLanesOfK) >= 2 &&
         2 * n * (steps + stepsPerSum) < positions * run;
}

int64_t TileProblem::scratchBytes(int64_t columns) const {
  if (!packsB())
    return kTileScratch;
  int64_t element = (b.element.getIntOrFloatBitWidth() + 7) / 8;
  return kTileScratch +
         (columns + 15) / 16 * 16 * *sym::asConstant(run) * element;
}

DimAttr TileProblem::rowCount() const {
  return sym::product(n.getContext(), rows);
}
DimAttr TileProblem::batchCount() const {
  return sym::product(n.getContext(), batch);
}
DimAttr TileProblem::reductionCount() const {
  DimAttr count = run;
  for (const Axis &axis : positions)
    count = count * axis.extent;
  return count;
}

// Filters along one axis (of sound, of text) are often derivatives: the sums of
// their taps are large and cancel. Kept apart, they do not round each other
// off. Few channels are not worth the additions.
static bool hasSumsOfPositions(ConvOp op, DimAttr channels) {
  constexpr int64_t fewest = 32;
  std::optional<int64_t> known = sym::asConstant(channels);
  return known && *known >= fewest &&
         llvm::count_if(op.getKernel(), [](int64_t k) { return k > 1; }) == 1;
}

/// Positions that follow each other in memory make longer runs.
static void joinPositions(TileProblem &problem) {
  while (!problem.positions.empty() &&
         problem.positions.back().stride == problem.run * problem.a.step) {
    problem.run = problem.run * problem.positions.back().extent;
    problem.positions.pop_back();
  }
}

/// The border along spatial axis `i`, whose rows are axis `rowAxis` of a.
static std::optional<TileProblem::Border> borderOf(ConvOp op, size_t i,
                                                   size_t rowAxis) {
  if (!op.getBorderLow() || !op.getBorderHigh())
    return std::nullopt;
  int64_t low = (*op.getBorderLow())[i], high = (*op.getBorderHigh())[i];
  if (low == 0 && high == 0)
    return std::nullopt;
  return TileProblem::Border{
      unsigned(rowAxis), op.getStrides()[i], op.getDilations()[i], low,
      viewOf(op.getInput()).getDims()[i + 1] - low - high};
}

/// Steps of words where the panels are bytes.
static void setDots(TileProblem &problem) {
  if (!problem.panels || !problem.b.element.isSignlessInteger(8))
    return;
  problem.dots = true;
  problem.run = sym::floorDiv(problem.run, kDotBytes);
  problem.a.step = problem.a.step * kDotBytes;
  problem.b.element = IntegerType::get(problem.b.element.getContext(), 32);
  for (DimAttr &stride : problem.b.batch)
    stride = sym::floorDiv(stride, kDotBytes);
}

TileProblem problemOf(ContractOp op) {
  ViewType a = viewOf(op.getA());
  size_t batchAxes = a.getRank() - 2;
  TileProblem problem;
  problem.n = viewOf(op.getOutputs()[0]).getDims().back();
  problem.run = a.getDims().back();
  problem.accumulator = sumType(a.getElement());
  problem.epilogue = &op.getEpilogue();
  problem.alongK = op.getAlongK();
  setWeights(problem, op.getB());
  // One b for the whole batch: the batch axes are rows like any other.
  bool sharedB = problem.panels;
  if (!problem.panels) {
    ArrayRef<DimAttr> strides = viewOf(op.getB()).getStrides().drop_back(2);
    sharedB = llvm::all_of(
        strides, [](DimAttr stride) { return sym::isConstant(stride, 0); });
    if (!sharedB)
      problem.b.batch.assign(strides.begin(), strides.end());
  }
  size_t outer = sharedB ? 0 : batchAxes;
  problem.batch.assign(a.getDims().begin(), a.getDims().begin() + outer);
  problem.rows.assign(a.getDims().begin() + outer, a.getDims().end() - 1);
  problem.a.buffer = argumentOf(op.getA());
  problem.a.element = a.getElement();
  problem.a.batch.assign(a.getStrides().begin(),
                         a.getStrides().begin() + outer);
  problem.a.rows.assign(a.getStrides().begin() + outer,
                        a.getStrides().end() - 1);
  problem.a.step = a.getStrides().back();
  for (Value extra : op.getExtras())
    problem.extras.push_back(resultOperand(extra, outer, {}));
  for (Value output : op.getOutputs())
    problem.outputs.push_back(resultOperand(output, outer, {}));
  collapseAll(problem);
  setDots(problem);
  return problem;
}

/// The run of channels, and positions that join it; problem.positions has all.
static void setReduction(TileProblem &problem, ConvOp op, DimAttr channels,
                         bool isProduct) {
  problem.a.step = problem.a.column = viewOf(op.getInput()).getStrides().back();
  problem.run = channels;
  // A single channel is no axis: the run is the innermost one of the kernel.
  if (problem.panels && sym::isConstant(channels, 1) &&
      !problem.positions.empty()) {
    TileProblem::Axis axis = problem.positions.pop_back_val();
    problem.run = axis.extent;
    problem.a.step = axis.stride;
  }
  problem.sumsPositions = isProduct && isa<FloatType>(problem.accumulator) &&
                          hasSumsOfPositions(op, channels);
  if (isProduct && !problem.sumsPositions)
    joinPositions(problem);
}

TileProblem problemOf(ConvOp op) {
  MLIRContext *context = op.getContext();
  ViewType input = viewOf(op.getInput());
  auto panels = dyn_cast<PanelsType>(op.getWeights().getType());
  bool isProduct = panels || op.getAlongK();
  ArrayRef<DimAttr> out = viewOf(op.getOutputs()[0]).getDims(),
                    strides = input.getStrides();
  size_t spatial = input.getRank() - 2;
  auto fixed = [&](int64_t value) { return sym::constantDim(context, value); };
  TileProblem problem;
  problem.n = panels ? fixed(panels.getN()) : out.back();
  problem.panels = bool(panels);
  problem.alongK = op.getAlongK();
  problem.accumulator = sumType(input.getElement());
  problem.epilogue = &op.getEpilogue();
  // All channels of a depthwise convolution are columns of one group.
  int64_t groups = isProduct ? op.getGroups() : 1;
  DimAttr channels =
      isProduct ? sym::floorDiv(input.getDims().back(), groups) : fixed(1);

  // A single group lets images and pixels be rows of one list.
  size_t outer = groups == 1 ? 0 : 1;
  problem.batch.assign(out.begin(), out.begin() + outer);
  problem.rows.assign(out.begin() + outer, out.end() - 1);
  problem.a.buffer = argumentOf(op.getInput());
  problem.a.element = input.getElement();
  problem.a.batch.assign(strides.begin(), strides.begin() + outer);
  if (groups == 1)
    problem.a.rows.push_back(strides[0]);
  for (size_t i = 0; i < spatial; ++i) {
    problem.a.rows.push_back(strides[i + 1] * op.getStrides()[i]);
    if (op.getKernel()[i] > 1)
      problem.positions.push_back({fixed(op.getKernel()[i]),
                                   strides[i + 1] * op.getDilations()[i],
                                   borderOf(op, i, problem.a.rows.size() - 1)});
  }
  setReduction(problem, op, channels, isProduct);
  setWeights(problem, op.getWeights());
  DimAttr groupSize;
  if (groups > 1) {
    groupSize = problem.n;
    problem.batch.push_back(fixed(groups));
    problem.a.batch.push_back(problem.a.column * channels);
    problem.b.batch.push_back(fixed(0)); // images share the weights
    problem.b.batch.push_back(
        fixed((panels.getN() + 15) / 16 * 16 * panels.getK()));
  }
  for (Value extra : op.getExtras())
    problem.extras.push_back(resultOperand(extra, outer, groupSize));
  for (Value output : op.getOutputs())
    problem.outputs.push_back(resultOperand(output, outer, groupSize));
  collapseAll(problem);
  setDots(problem);
  return problem;
}

} // namespace sinter::kernel
