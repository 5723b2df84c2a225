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

Labels listOf(NodeImport &node, StringRef texts, StringRef integers) {
  const onnx::Attribute *given = node.attribute(texts);
  Labels list;
  list.areTexts = given && !given->strings.empty();
  if (!list.areTexts)
    list.values = node.integers(integers);
  else
    for (onnx::Text text : given->strings)
      list.values.push_back(handleOf(node.model, text));
  return list;
}

Name constantOf(NodeImport &node, Composer &c, const Labels &labels) {
  if (!labels.areTexts)
    return c.ints(labels.values);
  Dims contents;
  for (int64_t handle : labels.values)
    contents.push_back(node.model.dim(handle));
  return c.keep(node.model.knownOf(
      contents, RankedTensorType::get({int64_t(labels.size())},
                                      textType(node.model.context))));
}

Name handlesOf(NodeImport &node, Composer &c, const Name &name) {
  TensorValue *from = c.tensor(name);
  if (!from || !isText(from->type.getElementType()))
    return name;
  RankedTensorType type = from->type.clone(node.model.builder.getI64Type());
  if (from->isConstant) {
    TensorValue retyped = *from;
    retyped.type = type;
    retyped.value = {};
    return c.keep(std::move(retyped));
  }
  auto bridge = UnrealizedConversionCastOp::create(
      node.model.builder, node.location, TypeRange(type), c.value(name));
  return c.bind(bridge.getResult(0));
}

std::optional<Labels> labelsOf(NodeImport &node, const char *integers) {
  Labels labels = listOf(node, "classlabels_strings", integers);
  if (labels.size() != 0)
    return labels;
  (void)node.fault(ErrorCode::I005, "has no labels of classes",
                   "'" + Twine(integers) + "' or 'classlabels_strings'");
  return std::nullopt;
}

Name labelled(NodeImport &node, Composer &c, const Name &index,
              const Labels &labels) {
  bool isPosition = !labels.areTexts;
  for (auto [i, label] : llvm::enumerate(labels.values))
    isPosition &= label == int64_t(i);
  return isPosition ? index
                    : c.op("Gather", {constantOf(node, c, labels), index},
                           With().integer("axis", 0));
}

Name largest(Composer &c, const Name &scores) {
  return c.op("ArgMax", {scores},
              With().integer("axis", 1).integer("keepdims", 0));
}

} // namespace sinter::importer
