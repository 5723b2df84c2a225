// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linear models of ai.onnx.ml: one matrix product, a transform of the scores
// and, for a classifier, the label of the largest.
#include "compiler/import/classic/Classes.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// X * coefficients^T + intercepts, [N, targets]; f32, as both are stored.
Name scoresOf(NodeImport &node, Composer &c, int64_t targets) {
  Type f32 = node.model.builder.getF32Type();
  Name x = c.cast(featureRows(node, c), f32);
  int64_t features = featuresOf(c, x);
  if (features < 0)
    return {};
  SmallVector<double> weights = node.reals("coefficients"),
                      intercepts = node.reals("intercepts");
  if (targets < 1 || int64_t(weights.size()) / targets != features ||
      int64_t(weights.size()) % targets != 0) {
    (void)c.fault(ErrorCode::I005,
                  "has " + Twine(weights.size()) + " coefficients for " +
                      Twine(features) + " features",
                  Twine(targets) + " for each feature");
    return {};
  }
  if (!intercepts.empty() && int64_t(intercepts.size()) != targets) {
    (void)c.fault(ErrorCode::I005,
                  "has " + Twine(intercepts.size()) + " intercepts",
                  Twine(targets) + " or none");
    return {};
  }
  std::vector<Name> operands = {x, c.reals({targets, features}, weights, f32)};
  if (!intercepts.empty())
    operands.push_back(c.reals({targets}, intercepts, f32));
  return c.op("Gemm", operands, With().integer("transB", 1));
}

LogicalResult importRegressor(NodeImport &node) {
  Composer c(node);
  return c.set(
      0, transformed(node, c, scoresOf(node, c, node.integer("targets"))));
}

LogicalResult importClassifier(NodeImport &node) {
  std::optional<Labels> labels = labelsOf(node, "classlabels_ints");
  if (!labels)
    return failure();
  Composer c(node);
  int64_t classes = std::max<size_t>(node.reals("intercepts").size(), 1);
  Name scores = scoresOf(node, c, classes);
  if (!c.type(scores))
    return failure();
  if (classes > 1) {
    if (int64_t(labels->size()) != classes)
      return c.fault(ErrorCode::I005,
                     "has " + Twine(labels->size()) + " labels",
                     Twine(classes) + " as intercepts");
    if (failed(c.set(0, labelled(node, c, largest(c, scores), *labels))))
      return failure();
    return c.set(1, transformed(node, c, scores));
  }
  // One score decides between two classes.
  if (labels->size() != 2)
    return c.fault(ErrorCode::I005,
                   "has " + Twine(labels->size()) +
                       " labels and scores of one class",
                   "two labels");
  Type f32 = node.model.builder.getF32Type();
  Name score = c.reshape(scores, {c.dimsOf(scores)[0]});
  Name isSecond = c.cast(c.op("Greater", {score, c.scalar(0, f32)}),
                         node.model.builder.getI64Type());
  if (failed(c.set(0, labelled(node, c, isSecond, *labels))))
    return failure();
  std::string kind = node.text("post_transform");
  Name second = kind == "LOGISTIC" || kind == "PROBIT"
                    ? transformed(node, c, scores)
                    : scores;
  Name first = kind == "PROBIT" ? second : c.sub(c.scalar(1, f32), second);
  return c.set(1, c.op("Concat", {first, second}, With().integer("axis", 1)));
}

} // namespace

void addLinear(OpTable &table) {
  table["ai.onnx.ml.LinearRegressor"] = importRegressor;
  table["ai.onnx.ml.LinearClassifier"] = importClassifier;
}

} // namespace sinter::importer
