// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the roots but the products. They state everything an emitter
// relies on, so that an emitter never checks anything: equal dims, panels that
// fit their operands, regions of scalar operations only. A dim that depends on
// a parameter is equal to another when both are the same attribute; where two
// forms may differ and still be equal at run time (an extent behind a stride),
// constants are checked.

#include "dialects/kernel/TileProblem.h"
#include "dialects/kernel/VerifyRoot.h"

using namespace mlir;
using namespace sinter;
using namespace sinter::kernel;

//===----------------------------------------------------------------------===//
// Windows, rows, nests
//===----------------------------------------------------------------------===//

LogicalResult WindowOp::verify() {
  if (failed(verifyOpening(*this, "input", getInput(), 3)))
    return failure();
  if (getKind() != "max" && getKind() != "average" && getKind() != "lp")
    return emitOpError() << "kind '" << getKind()
                         << "' is not max, average or lp";
  ArrayRef<sym::DimAttr> in = dimsOf(getInput()), out = dimsOf(getOutputs()[0]);
  size_t spatial = in.size() - 2;
  if (failed(verifySlide(*this, spatial)) ||
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

/// Panels of the gates' columns, with k padded to words where they are bytes.
static LogicalResult verifyGatePanels(RecurrentOp op, sym::DimAttr n,
                                      sym::DimAttr inputs, sym::DimAttr units) {
  bool isOfBytes = op.getQuantisedState();
  for (auto [panels, k] : {std::pair(op.getWeights(), inputs),
                           std::pair(op.getRecurrence(), units)}) {
    auto type = dyn_cast<PanelsType>(panels.getType());
    if (!type)
      return op.emitOpError("needs weights and recurrence in panels");
    if (type.getElement().isSignlessInteger(8) != isOfBytes)
      return op.emitOpError("has panels of ")
             << type.getElement() << "; expected i8 with a quantised state, "
             << "floats without";
    sym::DimAttr depth = isOfBytes ? sym::ceilDiv(k, kDotBytes) * kDotBytes : k;
    if (failed(verifyPanels(op, type, 1, n, depth)))
      return failure();
  }
  return success();
}

LogicalResult RecurrentOp::verify() {
  bool isLstm = getCell() == "lstm", isGru = getCell() == "gru";
  if (!isLstm && !isGru && getCell() != "rnn")
    return emitOpError() << "cell '" << getCell()
                         << "' is not lstm, gru or rnn";
  size_t states = isLstm ? 2 : 1, gates = isLstm ? 4 : isGru ? 3 : 1;
  size_t biases = getHasBias() ? 2 : 0;
  size_t bytes = getQuantisedState() ? 3 : 0;
  size_t extras = biases + states + getHasLengths() + getHasPeephole() + bytes;
  if (failed(verifyLength(*this, "extras", getExtras().size(), extras)) ||
      failed(verifyLength(*this, "outputs", getOutputs().size(), 1 + states)) ||
      failed(verifyLength(*this, "activations", getActivations().size(),
                          isLstm  ? 3
                          : isGru ? 2
                                  : 1)))
    return failure();
  if (getHasPeephole() && !isLstm)
    return emitOpError("has peepholes, which only an lstm cell has");
  if (getQuantisedState() && !isLstm)
    return emitOpError("has a quantised state, which only an lstm cell has");
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
  if (failed(verifyGatePanels(*this, n, in[2], out[2])))
    return failure();
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
  if (failed(verifyDims(*this, rest.take_back(bytes),
                        "what belongs to the columns", {n * 2})))
    return failure();
  return verifyDims(*this, rest.drop_back(bytes), "peephole", {out[2] * 3});
}

LogicalResult ExternOp::verify() {
  if (getOutputs().empty())
    return emitOpError("has no output");
  if (getCallee().empty())
    return emitOpError("names no function");
  return success();
}
