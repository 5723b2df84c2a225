// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PROBIT and SOFTMAX_ZERO are written as ONNX Runtime computes them: the
// standard names them and gives no formula.
#include "compiler/import/classic/Classes.h"

using namespace mlir;

namespace sinter::importer {

using Name = Composer::Name;

Name featureRows(NodeImport &node, Composer &c) {
  int64_t rank = node.rank(0);
  if (rank != 1 && rank != 2) {
    (void)c.fault(ErrorCode::S001, "input 'X' has rank " + Twine(rank),
                  "[rows, features] or [features]");
    return {};
  }
  Type element = node.type(0).getElementType();
  Type wanted = element.isF64() ? element : node.model.builder.getF32Type();
  Name x = c.cast(c.input(0), wanted);
  return rank == 1 ? c.unsqueeze(x, {0}) : x;
}

int64_t featuresOf(Composer &c, const Name &rows) {
  Dims dims = c.dimsOf(rows);
  if (dims.empty())
    return -1;
  if (std::optional<int64_t> extent = sym::asConstant(dims.back()))
    return *extent;
  (void)c.fault(ErrorCode::I014, "the number of features is " +
                                     sym::toString(dims.back()) +
                                     ", which is no constant");
  return -1;
}

/// Inverse error function by Winitzki's formula.
static Name probit(Composer &c, const Name &scores, Type element) {
  auto number = [&](double value) { return c.scalar(value, element); };
  constexpr double a = 0.147;
  Name x = c.sub(c.mul(scores, number(2)), number(1));
  Name log = c.op("Log", {c.mul(c.sub(number(1), x), c.add(number(1), x))});
  Name v = c.add(number(2 / (3.14159 * a)), c.mul(number(0.5), log));
  Name inner = c.sub(c.mul(v, v), c.mul(number(1 / a), log));
  Name root = c.op("Sqrt", {c.sub(c.op("Sqrt", {inner}), v)});
  return c.mul(number(1.41421356), c.mul(c.op("Sign", {x}), root));
}

/// Scores within 1e-7 of zero take no part in the sum.
static Name softmaxZero(Composer &c, const Name &scores, Type element) {
  Name most = c.op("ReduceMax", {scores, c.ints({1})});
  Name away = c.op("Greater", {c.op("Abs", {scores}), c.scalar(1e-7, element)});
  Name power = c.op("Exp", {c.sub(scores, most)});
  Name sum =
      c.op("ReduceSum", {c.mul(power, c.cast(away, element)), c.ints({1})});
  Name small = c.mul(scores, c.op("Exp", {c.op("Neg", {most})}));
  return c.div(c.op("Where", {away, power, small}), sum);
}

Name transformed(NodeImport &node, Composer &c, const Name &scores) {
  return transformed(c, scores, node.text("post_transform"));
}

Name transformed(Composer &c, const Name &scores, StringRef kind) {
  RankedTensorType type = c.type(scores);
  if (kind == "NONE" || !type)
    return scores;
  if (kind == "LOGISTIC")
    return c.op("Sigmoid", {scores});
  if (kind == "SOFTMAX")
    return c.op("Softmax", {scores}, With().integer("axis", 1));
  if (kind == "SOFTMAX_ZERO")
    return softmaxZero(c, scores, type.getElementType());
  if (kind == "PROBIT")
    return probit(c, scores, type.getElementType());
  (void)c.fault(ErrorCode::I005, "post_transform is '" + kind + "'",
                "NONE, LOGISTIC, SOFTMAX, SOFTMAX_ZERO or PROBIT");
  return {};
}

std::optional<SmallVector<int64_t>> labelsOf(NodeImport &node,
                                             const char *integers) {
  SmallVector<int64_t> labels = node.integers(integers);
  const onnx::Attribute *texts = node.attribute("classlabels_strings");
  if (texts && !texts->strings.empty()) {
    (void)node.fault(ErrorCode::I007, "the labels of the classes are texts",
                     "integers in '" + Twine(integers) + "'",
                     "export with options={'nocl': True}, which makes a label "
                     "the number of its class, or train on such numbers");
    return std::nullopt;
  }
  if (labels.empty()) {
    (void)node.fault(ErrorCode::I005, "has no labels of classes",
                     "integers in '" + Twine(integers) + "'");
    return std::nullopt;
  }
  return labels;
}

Name labelled(Composer &c, const Name &index, ArrayRef<int64_t> labels) {
  bool isPosition = true;
  for (auto [i, label] : llvm::enumerate(labels))
    isPosition &= label == int64_t(i);
  return isPosition ? index
                    : c.op("Gather", {c.ints(labels), index},
                           With().integer("axis", 0));
}

Name largest(Composer &c, const Name &scores) {
  return c.op("ArgMax", {scores},
              With().integer("axis", 1).integer("keepdims", 0));
}

} // namespace sinter::importer
