// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Losses that models export beside their outputs; and a convolution that sees
// the past, which a model hands from run to run.
#include "compiler/import/Composer.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// -input[n, target, ...] times the weight of its class, reduced as asked; an
/// ignored target weighs nothing.
Name negativeLikelihood(NodeImport &node, Composer &c, const Name &logs) {
  Type element = node.type(0).getElementType(),
       i64 = node.model.builder.getI64Type();
  Name target = c.cast(c.input(1), i64), ignored;
  if (node.attribute("ignore_index")) {
    ignored = c.op("Equal", {target, c.integer(node.integer("ignore_index"))});
    target = c.op("Where", {ignored, c.integer(0), target});
  }
  Name picked = c.op("GatherElements", {logs, c.unsqueeze(target, {1})},
                     With().integer("axis", 1));
  Name loss = c.op("Neg", {c.op("Squeeze", {picked, c.ints({1})})}), weight;
  if (node.input(2))
    weight = c.op("Gather", {c.input(2), target}, With().integer("axis", 0));
  if (!ignored.empty())
    weight = c.op("Where", {ignored, c.scalar(0, element),
                            weight.empty() ? c.scalar(1, element) : weight});
  if (!weight.empty())
    loss = c.mul(loss, weight);
  std::string reduction = node.text("reduction");
  With flat;
  flat.integer("keepdims", 0);
  if (reduction == "none")
    return loss;
  if (reduction == "sum")
    return c.op("ReduceSum", {loss}, flat);
  if (weight.empty())
    return c.op("ReduceMean", {loss}, flat);
  return c.div(c.op("ReduceSum", {loss}, flat),
               c.op("ReduceSum", {weight}, flat));
}

bool hasClasses(NodeImport &node) {
  if (node.rank(0) >= 2 && node.rank(1) + 1 == node.rank(0))
    return true;
  (void)node.fault(ErrorCode::S001,
                   "scores and targets have ranks " + Twine(node.rank(0)) +
                       " and " + Twine(node.rank(1)),
                   "[N, C, ...] and [N, ...]");
  return false;
}

LogicalResult importLikelihoodLoss(NodeImport &node) {
  if (!hasClasses(node))
    return failure();
  Composer c(node);
  return c.set(0, negativeLikelihood(node, c, c.input(0)));
}

LogicalResult importEntropyLoss(NodeImport &node) {
  if (!hasClasses(node))
    return failure();
  Composer c(node);
  Name logs = c.op("LogSoftmax", {c.input(0)}, With().integer("axis", 1));
  if (failed(c.set(1, logs)))
    return failure();
  return c.set(0, negativeLikelihood(node, c, logs));
}

/// A depthwise convolution over what came before and the input.
LogicalResult importCausalConv(NodeImport &node) {
  Composer c(node);
  Dims x = node.dims(0), w = node.dims(1);
  std::optional<int64_t> channels, kernel;
  if (x.size() == 3 && w.size() == 3) {
    channels = sym::asConstant(w[0]);
    kernel = sym::asConstant(w[2]);
  }
  if (!channels || !kernel || *kernel < 1)
    return c.fault(ErrorCode::S001, "input or weight has another rank",
                   "[batch, channels, length] and a known [channels, 1, k]");
  DimAttr before = node.model.dim(*kernel - 1), none = node.model.dim(0);
  Name all =
      node.input(3)
          ? c.op("Concat", {c.input(3), c.input(0)}, With().integer("axis", 2))
          : c.op("Pad",
                 {c.input(0), c.dims({none, none, before, none, none, none})});
  Name y = c.op("Conv", {all, c.input(1), c.input(2)},
                With().integer("group", *channels));
  std::string activation = node.text("activation");
  if (activation == "silu" || activation == "swish")
    y = c.mul(y, c.op("Sigmoid", {y}));
  else if (activation != "none")
    return c.fault(ErrorCode::I005, "activation is '" + activation + "'",
                   "silu, swish or none");
  Name last = c.op("Slice",
                   {all, c.dims({x[2]}), c.dims({x[2] + before}), c.ints({2})});
  return failed(c.set(1, last)) ? failure() : c.set(0, y);
}

} // namespace

void addLosses(OpTable &table) {
  table["NegativeLogLikelihoodLoss"] = importLikelihoodLoss;
  table["SoftmaxCrossEntropyLoss"] = importEntropyLoss;
  table["CausalConvWithState"] = importCausalConv;
}

} // namespace sinter::importer
