// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Losses that models export beside their outputs.
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
    return !node.input(2) ||
           (node.requireRank(2, 1) &&
            node.requireEqual(node.dims(2)[0], node.dims(0)[1],
                              "the weights and the classes"));
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

} // namespace

void addLosses(OpTable &table) {
  table["NegativeLogLikelihoodLoss"] = importLikelihoodLoss;
  table["SoftmaxCrossEntropyLoss"] = importEntropyLoss;
}

} // namespace sinter::importer
