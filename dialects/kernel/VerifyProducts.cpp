// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the products: contract and conv, whose weights are panels or,
// for batched products, few columns and depthwise filters, views.

#include "dialects/kernel/TileProblem.h"
#include "dialects/kernel/VerifyRoot.h"

using namespace mlir;
using namespace sinter;
using namespace sinter::kernel;

/// Of a product whose lanes lie along k, `b` [.., k, n] and `a` are read in
/// vectors of k.
static LogicalResult verifyAlongK(Operation *op, Value a, Value b) {
  auto view = dyn_cast<ViewType>(b.getType());
  if (!view)
    return op->emitOpError("along k needs b as a view");
  for (auto [name, stride] :
       {std::pair("a", cast<ViewType>(a.getType()).getStrides().back()),
        std::pair("b", view.getStrides().drop_back().back())})
    if (!sym::isConstant(stride, 1))
      return op->emitOpError()
             << "along k has steps of " << sym::toString(stride) << " in "
             << name << "; expected 1";
  std::optional<int64_t> n = sym::asConstant(dimsOf(b).back());
  if (!n || *n < 1 || *n > kFewColumns)
    return op->emitOpError()
           << "along k has " << sym::toString(dimsOf(b).back())
           << " columns; expected 1 to " << kFewColumns;
  return success();
}

/// Panels are of the type of a, or signed bytes beside unsigned ones, whose
/// `run` elements that follow each other are whole words.
static LogicalResult verifyFactors(Operation *op, Type a, PanelsType panels,
                                   sym::DimAttr run) {
  Type b = panels.getElement();
  bool isWidened = a.isF32() && (b.isF16() || b.isBF16());
  if (!areDotFactors(a, b) && a != b && !isWidened)
    return op->emitOpError() << "multiplies " << a << " by " << b;
  if (!b.isSignlessInteger(8))
    return success();
  if (a == b)
    return op->emitOpError("multiplies signed bytes by signed ones");
  if (!sym::isConstant(
          sym::mod(run, sym::constantDim(op->getContext(), kDotBytes)), 0))
    return op->emitOpError()
           << "sums products of bytes over " << sym::toString(run)
           << " elements; expected a multiple of " << kDotBytes;
  return success();
}

LogicalResult ContractOp::verify() {
  if (failed(verifyOpening(*this, "a", getA(), 2)))
    return failure();
  ArrayRef<sym::DimAttr> a = dimsOf(getA()), out = dimsOf(getOutputs()[0]);
  size_t batch = out.size() - 2;
  if (a.take_front(batch + 1) != out.take_front(batch + 1))
    return emitOpError() << "a has dims " << describe(a)
                         << ", which give no output of " << describe(out);
  if (auto panels = dyn_cast<PanelsType>(getB().getType())) {
    if (failed(verifyFactors(*this, elementOf(getA()), panels, a.back())))
      return failure();
    if (failed(verifyPanels(*this, panels, 1, out.back(), a.back())))
      return failure();
  } else {
    sym::Dims expected(out.take_front(batch));
    expected.push_back(a.back());
    expected.push_back(out.back());
    if (failed(verifyDims(*this, getB(), "b", expected)))
      return failure();
  }
  if (getAlongK() && failed(verifyAlongK(*this, getA(), getB())))
    return failure();
  return verifyEpilogue(*this, getEpilogue(),
                        {accumulatorType(elementOf(getA()))}, getExtras(),
                        getOutputs());
}

static LogicalResult verifyBorders(ConvOp op, size_t spatial) {
  auto low = op.getBorderLow(), high = op.getBorderHigh();
  if (low.has_value() != high.has_value())
    return op.emitOpError("has a border at one end only");
  return success(
      !low || (succeeded(verifySteps(op, "border_low", *low, spatial, 0)) &&
               succeeded(verifySteps(op, "border_high", *high, spatial, 0))));
}

LogicalResult ConvOp::verify() {
  if (failed(verifyOpening(*this, "input", getInput(), 3)))
    return failure();
  ArrayRef<sym::DimAttr> in = dimsOf(getInput()), out = dimsOf(getOutputs()[0]);
  size_t spatial = in.size() - 2;
  if (failed(verifySlide(*this, spatial)) ||
      failed(verifyDim(*this, "batch of the input", in[0], out[0])))
    return failure();
  int64_t groups = getGroups(), positions = 1;
  for (size_t i = 0; i < spatial; ++i) {
    positions *= getKernel()[i];
    std::optional<int64_t> have = sym::asConstant(in[i + 1]),
                           want = sym::asConstant(out[i + 1]);
    int64_t reach = (getKernel()[i] - 1) * getDilations()[i] + 1;
    if (have && want && *want > 0 &&
        *have < (*want - 1) * getStrides()[i] + reach)
      return emitOpError() << "axis " << i + 1 << " of the padded input is "
                           << *have << ", but " << *want << " outputs reach "
                           << (*want - 1) * getStrides()[i] + reach;
  }
  if (failed(verifyBorders(*this, spatial)))
    return failure();
  sym::DimAttr channels = in.back(), maps = out.back();
  if (groups < 1 ||
      !sym::isConstant(
          sym::mod(channels, sym::constantDim(getContext(), groups)), 0) ||
      !sym::isConstant(sym::mod(maps, sym::constantDim(getContext(), groups)),
                       0))
    return emitOpError() << groups << " groups do not divide "
                         << sym::toString(channels) << " input and "
                         << sym::toString(maps) << " output channels";
  if (auto panels = dyn_cast<PanelsType>(getWeights().getType())) {
    if (failed(verifyPanels(*this, panels, groups, sym::floorDiv(maps, groups),
                            sym::floorDiv(channels, groups) * positions)) ||
        failed(verifyFactors(*this, elementOf(getInput()), panels,
                             sym::floorDiv(channels, groups))))
      return failure();
  } else if (getAlongK()) {
    if (groups != 1)
      return emitOpError() << "along k has " << groups << " groups; expected 1";
    if (failed(verifyDims(*this, getWeights(), "weights",
                          {channels * positions, maps})))
      return failure();
  } else {
    if (!sym::isConstant(channels, groups) || channels != maps)
      return emitOpError(
          "weights in a view are for a depthwise convolution: groups, "
          "input and output channels must be equal");
    if (failed(
            verifyDims(*this, getWeights(), "weights",
                       {sym::constantDim(getContext(), positions), channels})))
      return failure();
  }
  if (getAlongK() && failed(verifyAlongK(*this, getInput(), getWeights())))
    return failure();
  return verifyEpilogue(*this, getEpilogue(),
                        {accumulatorType(elementOf(getInput()))}, getExtras(),
                        getOutputs());
}
