// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LSTM, GRU and RNN. Activations become rows of the scalar-op table; layout 1
// is transposed to the sequence-first layout of the operation. The kernel works
// in f32, so that the states of halves are not rounded between steps, as ONNX
// Runtime has it; doubles lose the digits that f32 lacks.
#include "compiler/import/NodeImport.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace sinter::importer {
namespace {

struct Cell {
  StringRef op, name;
  SmallVector<StringRef, 3> activations; // of one direction
};

/// Scalar-op rows by ONNX name, with ONNX's defaults for alpha and beta.
struct ActivationRow {
  StringRef name, kind;
  double alpha, beta;
};
const ActivationRow activationRows[] = {
    {"sigmoid", "sigmoid", 0, 0},
    {"tanh", "tanh", 0, 0},
    {"relu", "relu", 0, 0},
    {"hardsigmoid", "hard_sigmoid", 0.2, 0.5},
    {"leakyrelu", "leaky_relu", 0.01, 0},
    {"elu", "elu", 1, 0},
    {"softsign", "softsign", 0, 0},
    {"softplus", "softplus", 0, 0},
    {"thresholdedrelu", "thresholded_relu", 1, 0}};

struct Activations {
  SmallVector<StringRef> kinds;
  SmallVector<double> alphas, betas;
};

std::optional<Activations> activationsOf(NodeImport &node, const Cell &cell,
                                         int64_t directions) {
  SmallVector<std::string> names;
  if (const onnx::Attribute *given = node.attribute("activations"))
    for (onnx::Text text : given->strings)
      names.push_back(StringRef(text.data(), text.size()).lower());
  for (int64_t d = 0;
       names.size() < cell.activations.size() * directions && d < directions;
       ++d)
    for (StringRef name : cell.activations)
      names.push_back(name.str());
  if (names.size() != cell.activations.size() * directions) {
    (void)node.fault(ErrorCode::I005,
                     "names " + Twine(names.size()) + " activations",
                     Twine(cell.activations.size() * directions));
    return std::nullopt;
  }
  Activations result;
  SmallVector<double> alphas = node.reals("activation_alpha"),
                      betas = node.reals("activation_beta");
  size_t nextAlpha = 0, nextBeta = 0;
  for (const std::string &name : names) {
    const ActivationRow *row = llvm::find_if(
        activationRows, [&](const ActivationRow &r) { return r.name == name; });
    if (row == std::end(activationRows)) {
      (void)node.fault(ErrorCode::I004,
                       "activation '" + name + "' is not supported");
      return std::nullopt;
    }
    // Given parameters are consumed in order by the activations that take one.
    double alpha = row->alpha, beta = row->beta;
    if (alpha != 0 && nextAlpha < alphas.size())
      alpha = alphas[nextAlpha++];
    if (row->kind == "hard_sigmoid" && nextBeta < betas.size())
      beta = betas[nextBeta++];
    result.kinds.push_back(row->kind);
    result.alphas.push_back(alpha);
    result.betas.push_back(beta);
  }
  return result;
}

Dims dimsOf(Value value) {
  return sym::dimsOf(cast<RankedTensorType>(value.getType()));
}

/// States and lengths have the batch of the input, the input and states the
/// sizes of the weights. Exporters name these axes apart or not at all: a check
/// stands before the layer, and everything behind it sees one form of the
/// extent, a constant where one is given.
bool agreeOnExtents(NodeImport &node, MutableArrayRef<Value> operands,
                    ArrayRef<int32_t> segments, int64_t directions) {
  if (node.rank(1) != 3 || node.rank(2) != 3)
    return true; // the operation itself says so
  enum Role { Batch, Size, Hidden, Directions, None };
  static constexpr Role roles[][3] = {
      {None, Batch, Size},         {None, None, None},
      {None, None, None},          {None, None, None},
      {Batch, None, None},         {Directions, Batch, Hidden},
      {Directions, Batch, Hidden}, {None, None, None}};
  DimAttr agreed[] = {
      {}, node.dims(1)[2], node.dims(2)[2], node.model.dim(directions)};
  auto each = [&](llvm::function_ref<bool(Value &, unsigned, Role)> act) {
    size_t next = 0;
    for (size_t i = 0; i < segments.size(); ++i) {
      if (!segments[i])
        continue;
      Value &operand = operands[next++];
      for (unsigned axis = 0; axis < 3; ++axis)
        if (roles[i][axis] != None && operand &&
            axis < dimsOf(operand).size() &&
            !act(operand, axis, roles[i][axis]))
          return false;
    }
    return true;
  };
  return each([&](Value &operand, unsigned axis, Role role) {
           DimAttr own = dimsOf(operand)[axis];
           if (agreed[role] &&
               !node.requireEqual(agreed[role], own,
                                  role == Batch ? "batch sizes"
                                                : "sizes of the layer"))
             return false;
           if (!agreed[role] || sym::asConstant(own))
             agreed[role] = own;
           return true;
         }) &&
         each([&](Value &operand, unsigned axis, Role role) {
           operand = node.written(operand, axis, agreed[role]);
           return bool(operand);
         });
}

/// X, W, R, B, lengths, initial h and, for an LSTM, c and peepholes; those that
/// are given, with the batch in second place.
void takeOperands(NodeImport &node, bool isLstm, bool isBatchFirst,
                  SmallVectorImpl<Value> &operands,
                  MutableArrayRef<int32_t> segments) {
  for (size_t i = 0; i < (isLstm ? 8 : 6); ++i) {
    if (!node.input(i))
      continue;
    bool hasBatch = i == 0 || i == 5 || i == 6;
    Value value = node.value(i);
    if (i != 4)
      value = node.cast(value, node.model.builder.getF32Type());
    if (isBatchFirst && hasBatch && node.rank(i) == 3)
      value = node.transpose(value, {1, 0, 2});
    operands.push_back(value);
    segments[i] = 1;
  }
}

LogicalResult importRecurrent(NodeImport &node) {
  static const Cell cells[] = {{"LSTM", "lstm", {"sigmoid", "tanh", "tanh"}},
                               {"GRU", "gru", {"sigmoid", "tanh"}},
                               {"RNN", "rnn", {"tanh"}}};
  StringRef op(node.node.op.data(), node.node.op.size());
  const Cell *cell =
      llvm::find_if(cells, [&](const Cell &c) { return c.op == op; });
  std::string direction = StringRef(node.text("direction")).lower();
  std::optional<Activations> activations =
      activationsOf(node, *cell, direction == "bidirectional" ? 2 : 1);
  if (!activations)
    return failure();
  bool isBatchFirst = node.integer("layout") == 1;
  bool isLstm = cell->name == "lstm";
  SmallVector<Value> operands;
  SmallVector<int32_t> segments(8, 0);
  takeOperands(node, isLstm, isBatchFirst, operands, segments);
  if (!agreeOnExtents(node, operands, segments,
                      direction == "bidirectional" ? 2 : 1))
    return failure();
  AttributeList attributes = node.attrs();
  attributes.text("cell", cell->name)
      .text("direction", direction)
      .texts("activations", activations->kinds)
      .reals("alphas", activations->alphas)
      .reals("betas", activations->betas)
      .flag("linear_before_reset", node.integer("linear_before_reset"))
      .flag("input_forget", node.integer("input_forget"))
      .segments(segments);
  if (node.attribute("clip"))
    attributes.real("clip", node.real("clip"));
  Operation *recurrent = node.create<graph::RecurrentOp>(operands, attributes);
  if (!recurrent)
    return failure();
  for (size_t i = 0; i < recurrent->getNumResults(); ++i) {
    if (!node.wants(i))
      continue;
    Value result =
        node.cast(recurrent->getResult(i), node.type(0).getElementType());
    if (isBatchFirst) // [S, D, B, H] -> [B, S, D, H]; [D, B, H] -> [B, D, H]
      result = i == 0 ? node.transpose(result, {2, 0, 1, 3})
                      : node.transpose(result, {1, 0, 2});
    if (failed(node.set(i, result)))
      return failure();
  }
  return success();
}

} // namespace

void addRecurrent(OpTable &table) {
  for (StringRef op : {"LSTM", "GRU", "RNN"})
    table[op] = importRecurrent;
}

} // namespace sinter::importer
