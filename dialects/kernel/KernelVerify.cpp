// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the roots. They state everything an emitter relies on, so that
// an emitter never checks anything: equal dims, panels that fit their operands,
// regions of scalar operations only. A dim that depends on a parameter is equal
// to another when both are the same attribute; where two forms may differ and
// still be equal at run time (an extent behind a stride), constants are
// checked.

#include "dialects/kernel/KernelOps.h"

using namespace mlir;
using namespace sinter;
using namespace sinter::kernel;

using Types = SmallVector<Type, 4>;

static ArrayRef<sym::DimAttr> dimsOf(Value view) {
  return cast<ViewType>(view.getType()).getDims();
}

static Type elementOf(Value view) {
  return cast<ViewType>(view.getType()).getElement();
}

static Types elementsOf(ValueRange views) {
  Types types;
  for (Value view : views)
    types.push_back(elementOf(view));
  return types;
}

static std::string describe(ArrayRef<sym::DimAttr> dims) {
  std::string text = "[";
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(dims, os,
                        [&](sym::DimAttr dim) { os << sym::toString(dim); });
  return text + "]";
}

static LogicalResult verifyDims(Operation *op, ValueRange views, StringRef name,
                                ArrayRef<sym::DimAttr> expected) {
  for (auto [i, view] : llvm::enumerate(views))
    if (dimsOf(view) != expected)
      return op->emitOpError()
             << name << " " << i << " has dims " << describe(dimsOf(view))
             << ", expected " << describe(expected);
  return success();
}

static LogicalResult verifyDim(Operation *op, const Twine &what,
                               sym::DimAttr found, sym::DimAttr expected) {
  if (found == expected)
    return success();
  return op->emitOpError() << what.str() << " is " << sym::toString(found)
                           << ", expected " << sym::toString(expected);
}

static LogicalResult verifyLength(Operation *op, StringRef name, size_t found,
                                  size_t expected) {
  if (found == expected)
    return success();
  return op->emitOpError() << "'" << name << "' has " << found
                           << " entries, expected " << expected;
}

/// At least one output, every output and every extra with the same dims.
static LogicalResult verifyOutputs(Operation *op, ValueRange extras,
                                   ValueRange outputs) {
  if (outputs.empty())
    return op->emitOpError("has no output");
  ArrayRef<sym::DimAttr> dims = dimsOf(outputs[0]);
  if (failed(verifyDims(op, outputs, "output", dims)))
    return failure();
  return verifyDims(op, extras, "extra", dims);
}

/// A region takes `inputs` and yields `results`; empty, it passes inputs on.
/// A null entry in `results` accepts any type.
static LogicalResult verifyRegion(Operation *op, Region &region, StringRef name,
                                  const Types &inputs, const Types &results,
                                  bool hasIndex = false) {
  auto matches = [](TypeRange found, const Types &expected) {
    return llvm::equal(found, expected,
                       [](Type a, Type b) { return !b || a == b; });
  };
  if (region.empty()) {
    if (matches(inputs, results))
      return success();
    return op->emitOpError() << "has an empty " << name << ", but takes "
                             << inputs.size() << " values where "
                             << results.size() << " of given types are needed";
  }
  if (!region.hasOneBlock())
    return op->emitOpError() << name << " must be a single block";
  Block &block = region.front();
  if (block.getNumArguments() != inputs.size())
    return op->emitOpError() << name << " has " << block.getNumArguments()
                             << " arguments, expected " << inputs.size();
  for (auto [i, argument] : llvm::enumerate(block.getArguments()))
    if (argument.getType() != inputs[i])
      return op->emitOpError()
             << name << " argument " << i << " is " << argument.getType()
             << ", expected " << inputs[i];
  for (Operation &inner : block) {
    if (!isa<ApplyOp, CastOp, ConstOp, DimOp, IndexOp, YieldOp>(inner))
      return inner.emitOpError() << "is not a scalar operation";
    if (isa<IndexOp>(inner) && !hasIndex)
      return inner.emitOpError()
             << "is allowed only in the prologue of kernel.nest";
  }
  auto yield =
      dyn_cast_or_null<YieldOp>(block.empty() ? nullptr : &block.back());
  if (!yield)
    return op->emitOpError() << name << " must end with kernel.yield";
  if (!matches(yield.getOperandTypes(), results)) {
    InFlightDiagnostic error = op->emitOpError() << name << " yields (";
    llvm::interleaveComma(yield.getOperandTypes(), error);
    error << "), expected (";
    llvm::interleaveComma(results, error, [&](Type type) {
      if (type)
        error << type;
      else
        error << "any type";
    });
    return error << ")";
  }
  return success();
}

static LogicalResult verifyEpilogue(Operation *op, Region &epilogue,
                                    Types values, ValueRange extras,
                                    ValueRange outputs) {
  values.append(elementsOf(extras));
  return verifyRegion(op, epilogue, "epilogue", values, elementsOf(outputs));
}

static LogicalResult verifyPanels(Operation *op, PanelsType panels,
                                  int64_t groups, sym::DimAttr n,
                                  sym::DimAttr k) {
  if (panels.getGroups() != groups)
    return op->emitOpError() << "panels have " << panels.getGroups()
                             << " groups, expected " << groups;
  MLIRContext *context = op->getContext();
  if (failed(verifyDim(op, "n of the panels",
                       sym::constantDim(context, panels.getN()), n)))
    return failure();
  return verifyDim(op, "k of the panels",
                   sym::constantDim(context, panels.getK()), k);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

LogicalResult ContractOp::verify() {
  if (failed(verifyOutputs(*this, getExtras(), getOutputs())))
    return failure();
  ArrayRef<sym::DimAttr> a = dimsOf(getA()), out = dimsOf(getOutputs()[0]);
  if (a.size() < 2 || a.size() != out.size())
    return emitOpError() << "a has rank " << a.size() << " and the output "
                         << out.size()
                         << "; expected the same rank, at least 2";
  size_t batch = out.size() - 2;
  if (a.take_front(batch + 1) != out.take_front(batch + 1))
    return emitOpError() << "a has dims " << describe(a)
                         << ", which give no output of " << describe(out);
  if (auto panels = dyn_cast<PanelsType>(getB().getType())) {
    if (panels.getElement() != elementOf(getA()))
      return emitOpError() << "multiplies " << elementOf(getA()) << " by "
                           << panels.getElement();
    if (failed(verifyPanels(*this, panels, 1, out.back(), a.back())))
      return failure();
  } else {
    sym::Dims expected(out.take_front(batch));
    expected.push_back(a.back());
    expected.push_back(out.back());
    if (failed(verifyDims(*this, getB(), "b", expected)))
      return failure();
  }
  return verifyEpilogue(*this, getEpilogue(),
                        {accumulatorType(elementOf(getA()))}, getExtras(),
                        getOutputs());
}

/// Attributes of a sliding window: one positive entry a spatial axis.
static LogicalResult verifySteps(Operation *op, StringRef name,
                                 ArrayRef<int64_t> values, size_t spatial,
                                 int64_t least) {
  if (failed(verifyLength(op, name, values.size(), spatial)))
    return failure();
  for (int64_t value : values)
    if (value < least)
      return op->emitOpError() << "'" << name << "' has " << value
                               << ", expected at least " << least;
  return success();
}

LogicalResult ConvOp::verify() {
  if (failed(verifyOutputs(*this, getExtras(), getOutputs())))
    return failure();
  ArrayRef<sym::DimAttr> in = dimsOf(getInput()), out = dimsOf(getOutputs()[0]);
  if (in.size() < 3 || in.size() != out.size())
    return emitOpError() << "input has rank " << in.size() << " and the output "
                         << out.size()
                         << "; expected the same rank, at least 3";
  size_t spatial = in.size() - 2;
  if (failed(verifySteps(*this, "kernel", getKernel(), spatial, 1)) ||
      failed(verifySteps(*this, "strides", getStrides(), spatial, 1)) ||
      failed(verifySteps(*this, "dilations", getDilations(), spatial, 1)) ||
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
                            sym::floorDiv(channels, groups) * positions)))
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
  return verifyEpilogue(*this, getEpilogue(),
                        {accumulatorType(elementOf(getInput()))}, getExtras(),
                        getOutputs());
}

//===----------------------------------------------------------------------===//
// Windows, rows, nests
//===----------------------------------------------------------------------===//

LogicalResult WindowOp::verify() {
  if (failed(verifyOutputs(*this, getExtras(), getOutputs())))
    return failure();
  if (getKind() != "max" && getKind() != "average" && getKind() != "lp")
    return emitOpError() << "kind '" << getKind()
                         << "' is not max, average or lp";
  ArrayRef<sym::DimAttr> in = dimsOf(getInput()), out = dimsOf(getOutputs()[0]);
  if (in.size() < 3 || in.size() != out.size())
    return emitOpError() << "input has rank " << in.size() << " and the output "
                         << out.size()
                         << "; expected the same rank, at least 3";
  size_t spatial = in.size() - 2;
  if (failed(verifySteps(*this, "kernel", getKernel(), spatial, 1)) ||
      failed(verifySteps(*this, "strides", getStrides(), spatial, 1)) ||
      failed(verifySteps(*this, "dilations", getDilations(), spatial, 1)) ||
      failed(verifySteps(*this, "pads", getPads(), spatial, 0)) ||
      failed(verifySteps(*this, "end_pads", getEndPads(), spatial, 0)) ||
      failed(verifyDim(*this, "batch of the input", in[0], out[0])) ||
      failed(verifyDim(*this, "channels of the input", in.back(), out.back())))
    return failure();
  if (static_cast<int64_t>(getP()) < 1)
    return emitOpError("p of an lp window must be positive");
  if (getKind() != "max" && !isa<FloatType>(elementOf(getInput())))
    return emitOpError() << "'" << getKind() << "' is not defined on "
                         << elementOf(getInput());
  return verifyEpilogue(*this, getEpilogue(), {elementOf(getInput())},
                        getExtras(), getOutputs());
}

LogicalResult RowOp::verify() {
  if (failed(verifyOutputs(*this, getExtras(), getOutputs())))
    return failure();
  ArrayRef<sym::DimAttr> dims = dimsOf(getOutputs()[0]);
  if (getKind() != "softmax" && getKind() != "log_softmax" &&
      getKind() != "layer_norm" && getKind() != "rms_norm")
    return emitOpError()
           << "kind '" << getKind()
           << "' is not softmax, log_softmax, layer_norm or rms_norm";
  if (static_cast<int64_t>(getAxes()) < 1 || getAxes() > dims.size())
    return emitOpError() << "a row of " << getAxes()
                         << " axes does not fit rank " << dims.size();
  if (failed(verifyDims(*this, getInputs(), "input", dims)) ||
      failed(verifyRegion(*this, getPrologue(), "prologue",
                          elementsOf(getInputs()), {Type()})))
    return failure();
  Type value = getPrologue().empty()
                   ? elementOf(getInputs()[0])
                   : getPrologue().front().back().getOperand(0).getType();
  if (!isa<FloatType>(value))
    return emitOpError() << "normalises a row of " << value
                         << "; expected a float type";
  return verifyEpilogue(*this, getEpilogue(), {value}, getExtras(),
                        getOutputs());
}

LogicalResult NestOp::verify() {
  if (failed(verifyOutputs(*this, getExtras(), getOutputs())))
    return failure();
  ArrayRef<sym::DimAttr> dims = dimsOf(getOutputs()[0]);
  if (failed(verifyDims(*this, getInputs(), "input", dims)) ||
      failed(verifyLength(*this, "combine", getCombine().size(),
                          getOutputs().size())))
    return failure();
  size_t axes = getAxes(), reduced = 0;
  for (StringAttr combine : getCombine().getAsRange<StringAttr>()) {
    if (!llvm::is_contained({"none", "sum", "prod", "max", "min"},
                            combine.getValue()))
      return emitOpError() << "combine '" << combine.getValue()
                           << "' is not none, sum, prod, max or min";
    reduced += combine.getValue() != "none";
  }
  if (axes > dims.size() || (axes > 0 && reduced != getOutputs().size()) ||
      (axes == 0 && reduced != 0))
    return emitOpError() << "reduces " << axes << " of " << dims.size()
                         << " axes for " << reduced << " of "
                         << getOutputs().size()
                         << " outputs; expected all outputs or none";
  for (Value output : getOutputs())
    for (sym::DimAttr stride :
         cast<ViewType>(output.getType()).getStrides().take_back(axes))
      if (!sym::isConstant(stride, 0))
        return emitOpError() << "an output has stride " << sym::toString(stride)
                             << " along a reduced axis, expected 0";
  Types values(getOutputs().size());
  if (failed(verifyRegion(*this, getPrologue(), "prologue",
                          elementsOf(getInputs()), values,
                          /*hasIndex=*/true)))
    return failure();
  values = getPrologue().empty()
               ? elementsOf(getInputs())
               : Types(getPrologue().front().back().getOperandTypes());
  for (IndexOp index : getPrologue().getOps<IndexOp>())
    if (index.getAxis() >= dims.size())
      return index.emitOpError() << "names axis " << index.getAxis()
                                 << " of a domain of rank " << dims.size();
  return verifyEpilogue(*this, getEpilogue(), values, getExtras(),
                        getOutputs());
}

//===----------------------------------------------------------------------===//
// Recurrent and extern
//===----------------------------------------------------------------------===//

LogicalResult RecurrentOp::verify() {
  bool isLstm = getCell() == "lstm", isGru = getCell() == "gru";
  if (!isLstm && !isGru && getCell() != "rnn")
    return emitOpError() << "cell '" << getCell()
                         << "' is not lstm, gru or rnn";
  size_t states = isLstm ? 2 : 1, gates = isLstm ? 4 : isGru ? 3 : 1;
  size_t biases = getHasBias() ? 2 : 0;
  size_t extras = biases + states + getHasLengths() + getHasPeephole();
  if (failed(verifyLength(*this, "extras", getExtras().size(), extras)) ||
      failed(verifyLength(*this, "outputs", getOutputs().size(), 1 + states)) ||
      failed(verifyLength(*this, "activations", getActivations().size(),
                          isLstm  ? 3
                          : isGru ? 2
                                  : 1)))
    return failure();
  if (getHasPeephole() && !isLstm)
    return emitOpError("has peepholes, which only an lstm cell has");
  ArrayRef<sym::DimAttr> in = dimsOf(getInput()), out = dimsOf(getOutputs()[0]);
  if (in.size() != 3 || out.size() != 3)
    return emitOpError() << "input has rank " << in.size() << " and Y "
                         << out.size() << "; expected 3 and 3";
  if (failed(verifyDim(*this, "sequence of Y", out[0], in[0])) ||
      failed(verifyDim(*this, "batch of Y", out[1], in[1])))
    return failure();
  auto hidden = sym::asConstant(out[2]);
  if (!hidden)
    return emitOpError() << "has " << sym::toString(out[2])
                         << " units; the number of units must be a constant";
  sym::DimAttr n =
      sym::constantDim(getContext(), (*hidden + 15) / 16 * 16 * gates);
  for (auto [panels, k] :
       {std::pair(getWeights(), in[2]), std::pair(getRecurrence(), out[2])}) {
    auto type = dyn_cast<PanelsType>(panels.getType());
    if (!type)
      return emitOpError("needs weights and recurrence in panels");
    if (failed(verifyPanels(*this, type, 1, n, k)))
      return failure();
  }
  sym::Dims state = {in[1], out[2]};
  ValueRange rest = getExtras();
  if (failed(verifyDims(*this, rest.take_front(biases), "bias", {n})))
    return failure();
  rest = rest.drop_front(biases);
  if (failed(
          verifyDims(*this, rest.take_front(states), "initial state", state)) ||
      failed(
          verifyDims(*this, getOutputs().drop_front(), "final state", state)))
    return failure();
  rest = rest.drop_front(states);
  if (getHasLengths()) {
    if (failed(verifyDims(*this, rest.take_front(1), "lengths", {in[1]})))
      return failure();
    rest = rest.drop_front();
  }
  return verifyDims(*this, rest, "peephole", {out[2] * 3});
}

LogicalResult ExternOp::verify() {
  if (getOutputs().empty())
    return emitOpError("has no output");
  if (getCallee().empty())
    return emitOpError("names no function");
  return success();
}
