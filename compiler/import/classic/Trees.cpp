// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random forests and boosted trees. The forest is one function; what becomes of
// its scores is composed. Where the standard is vague (one score for two
// classes) this is what ONNX Runtime does.
#include "compiler/import/classic/Forest.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// SUM, AVERAGE, MIN or MAX; -1 after a fault.
int64_t aggregateOf(NodeImport &node) {
  std::string kind = node.text("aggregate_function");
  int64_t number = llvm::StringSwitch<int64_t>(kind)
                       .Case("SUM", 0)
                       .Case("AVERAGE", 1)
                       .Case("MIN", 2)
                       .Case("MAX", 3)
                       .Default(-1);
  if (number < 0)
    (void)node.fault(ErrorCode::I005, "aggregate_function is '" + kind + "'",
                     "SUM, AVERAGE, MIN or MAX");
  return number;
}

/// base_values: one for each score or none.
Name withBase(NodeImport &node, Composer &c, const Name &scores,
              int64_t count) {
  SmallVector<double> base = numbersOf(node, "base_values");
  RankedTensorType type = c.type(scores);
  if (base.empty() || !type)
    return scores;
  if (int64_t(base.size()) == count)
    return c.add(scores, c.reals({count}, base, type.getElementType()));
  (void)c.fault(ErrorCode::I005, "has " + Twine(base.size()) + " base_values",
                Twine(count) + " or none");
  return {};
}

LogicalResult importRegressor(NodeImport &node) {
  Composer c(node);
  Forest forest;
  int64_t kind = aggregateOf(node), targets = node.integer("n_targets", 1);
  Name x = featureRows(node, c);
  int64_t features = featuresOf(c, x);
  if (kind < 0 || features < 0 || !forest.readLists(node, "target") ||
      !forest.check(node, features, targets))
    return failure();
  Name y = withBase(node, c, forest.scores(node, c, x, targets, kind), targets);
  y = transformed(node, c, y);
  return c.set(0, c.cast(y, node.model.builder.getF32Type()));
}

/// Two classes and one score s: it is a probability when all weights are
/// positive, else it is above zero for the second class.
LogicalResult importTwoClasses(NodeImport &node, Composer &c,
                               const Name &scores, bool isPositive,
                               const Labels &labels) {
  RankedTensorType type = c.type(scores);
  if (!type)
    return failure();
  Type element = type.getElementType();
  std::string kind = node.text("post_transform");
  if (kind == "PROBIT")
    return c.fault(ErrorCode::I005, "PROBIT of one score for two classes",
                   "scores of both classes");
  Name score = c.reshape(scores, {c.dimsOf(scores)[0]});
  Name isSecond =
      c.op("Greater", {score, c.scalar(isPositive ? 0.5 : 0, element)});
  isSecond = c.cast(isSecond, node.model.builder.getI64Type());
  if (failed(c.set(0, labelled(node, c, isSecond, labels))))
    return failure();
  Name second = kind == "LOGISTIC" ? c.op("Sigmoid", {scores}) : scores;
  Name first = isPositive || kind == "LOGISTIC"
                   ? c.sub(c.scalar(1, element), second)
                   : c.op("Neg", {second});
  Name both = c.op("Concat", {first, second}, With().integer("axis", 1));
  return c.set(1, c.cast(both, node.model.builder.getF32Type()));
}

LogicalResult importClassifier(NodeImport &node) {
  std::optional<Labels> labels = labelsOf(node, "classlabels_int64s");
  if (!labels)
    return failure();
  Composer c(node);
  Forest forest;
  int64_t classes = int64_t(labels->size());
  Name x = featureRows(node, c);
  int64_t features = featuresOf(c, x);
  if (features < 0 || !forest.readLists(node, "class") ||
      !forest.check(node, features, classes))
    return failure();
  bool isFirst = llvm::all_of(forest.targets, [](int32_t t) { return !t; });
  size_t base = numbersOf(node, "base_values").size();
  if (classes == 2 && isFirst && base < 2) {
    bool isPositive =
        llvm::all_of(forest.weights, [](double w) { return w >= 0; });
    Name s = withBase(node, c, forest.scores(node, c, x, 1, 0), 1);
    return importTwoClasses(node, c, s, isPositive, *labels);
  }
  Name scores =
      withBase(node, c, forest.scores(node, c, x, classes, 0), classes);
  if (failed(c.set(0, labelled(node, c, largest(c, scores), *labels))))
    return failure();
  Name z = transformed(node, c, scores);
  return c.set(1, c.cast(z, node.model.builder.getF32Type()));
}

/// TreeEnsemble, which replaces both in version 5 of the domain.
LogicalResult importEnsemble(NodeImport &node) {
  Composer c(node);
  Forest forest;
  Type element = node.type(0).getElementType();
  static constexpr int64_t kinds[] = {1, 0, 2, 3};
  static constexpr const char *transforms[] = {"NONE", "SOFTMAX", "LOGISTIC",
                                               "SOFTMAX_ZERO", "PROBIT"};
  int64_t aggregate = node.integer("aggregate_function"),
          transform = node.integer("post_transform"),
          targets = node.integer("n_targets", 1);
  if (aggregate < 0 || aggregate > 3 || transform < 0 || transform > 4)
    return c.fault(ErrorCode::I005,
                   "aggregate_function or post_transform is out of range",
                   "0 to 3, 0 to 4");
  Name x = featureRows(node, c);
  int64_t features = featuresOf(c, x);
  if (features < 0 || !forest.readTables(node) ||
      !forest.check(node, features, targets))
    return failure();
  Name y = forest.scores(node, c, x, targets, kinds[aggregate]);
  return c.set(0, c.cast(transformed(c, y, transforms[transform]), element));
}

} // namespace

void addTrees(OpTable &table) {
  table["ai.onnx.ml.TreeEnsembleRegressor"] = importRegressor;
  table["ai.onnx.ml.TreeEnsembleClassifier"] = importClassifier;
  table["ai.onnx.ml.TreeEnsemble"] = importEnsemble;
}

} // namespace sinter::importer
