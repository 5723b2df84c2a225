// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What ai.onnx.ml does to features before a model sees them, composed of plain
// operators: scaled, normalised, imputed, encoded.
#include "compiler/import/classic/Classes.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// One number, or one for each feature, as a row; a fault for another count.
Name row(NodeImport &node, Composer &c, const char *name,
         ArrayRef<double> values, int64_t features, Type element) {
  if (features < 0)
    return {};
  if (values.size() == 1 || int64_t(values.size()) == features)
    return c.reals({int64_t(values.size())}, values, element);
  (void)c.fault(ErrorCode::I005,
                "'" + Twine(name) + "' has " + Twine(values.size()) +
                    " numbers for " + Twine(features) + " features",
                "1 or " + Twine(features));
  return {};
}

LogicalResult importScaler(NodeImport &node) {
  Composer c(node);
  Name x = featureRows(node, c);
  int64_t features = featuresOf(c, x);
  if (features < 0)
    return failure();
  Type element = c.type(x).getElementType();
  if (SmallVector<double> offset = node.reals("offset"); !offset.empty())
    x = c.sub(x, row(node, c, "offset", offset, features, element));
  if (SmallVector<double> scale = node.reals("scale"); !scale.empty())
    x = c.mul(x, row(node, c, "scale", scale, features, element));
  x = c.reshape(x, node.dims(0));
  return c.set(0, c.cast(x, node.model.builder.getF32Type()));
}

LogicalResult importBinarizer(NodeImport &node) {
  Composer c(node);
  Type element = node.type(0).getElementType();
  Name x = c.input(0);
  if (!element.isF64()) // an integer is compared with the threshold as it is
    x = c.cast(x, node.model.builder.getF32Type());
  Name limit =
      c.scalar(node.real("threshold"),
               element.isF64() ? element : node.model.builder.getF32Type());
  return c.set(0, c.cast(c.op("Greater", {x, limit}), element));
}

LogicalResult importNormalizer(NodeImport &node) {
  Composer c(node);
  std::string kind = node.text("norm");
  Name x = featureRows(node, c);
  RankedTensorType type = c.type(x);
  if (!type)
    return failure();
  Name length;
  if (kind == "MAX")
    length = c.op("ReduceMax", {x, c.ints({1})});
  else if (kind == "L1" || kind == "L2")
    length = c.op(kind == "L1" ? "ReduceL1" : "ReduceL2", {x, c.ints({1})});
  else
    return c.fault(ErrorCode::I005, "norm is '" + kind + "'", "MAX, L1 or L2");
  Type element = type.getElementType();
  Name isZero = c.op("Equal", {length, c.scalar(0, element)});
  Name divisor = c.op("Where", {isZero, c.scalar(1, element), length});
  Name y = c.cast(c.div(x, divisor), node.model.builder.getF32Type());
  return c.set(0, c.reshape(y, node.dims(0)));
}

LogicalResult importImputer(NodeImport &node) {
  Composer c(node);
  Type element = node.type(0).getElementType();
  bool isReal = isa<FloatType>(element);
  if (node.rank(0) < 1)
    return c.fault(ErrorCode::S001, "input 'X' has rank 0", "rank 1 or more");
  Name x = c.input(0), row1;
  int64_t features = featuresOf(c, x);
  if (features < 0)
    return failure();
  Name missing;
  if (isReal) {
    double replaced = node.real("replaced_value_float");
    missing = std::isnan(replaced)
                  ? c.op("IsNaN", {x})
                  : c.op("Equal", {x, c.scalar(replaced, element)});
    row1 = row(node, c, "imputed_value_floats",
               node.reals("imputed_value_floats"), features, element);
  } else {
    SmallVector<int64_t> values = node.integers("imputed_value_int64s");
    missing = c.op(
        "Equal",
        {x, c.cast(c.integer(node.integer("replaced_value_int64")), element)});
    if (values.size() != 1 && int64_t(values.size()) != features)
      return c.fault(ErrorCode::I005,
                     "'imputed_value_int64s' has " + Twine(values.size()) +
                         " numbers for " + Twine(features) + " features",
                     "1 or " + Twine(features));
    row1 = c.cast(c.ints(values), element);
  }
  return c.set(0, c.op("Where", {missing, row1, x}));
}

LogicalResult importVectorizer(NodeImport &node) {
  Composer c(node);
  SmallVector<int64_t> widths = node.integers("inputdimensions");
  Type f32 = node.model.builder.getF32Type();
  std::vector<Name> parts;
  for (size_t i = 0; i < node.inputCount(); ++i) {
    Name x = c.cast(c.input(i), f32);
    if (node.rank(i) == 1)
      x = c.unsqueeze(x, {0});
    else if (node.rank(i) != 2)
      return c.fault(ErrorCode::S001,
                     "input " + Twine(i) + " has rank " + Twine(node.rank(i)),
                     "[rows, features] or [features]");
    Dims dims = c.dimsOf(x);
    if (i < widths.size() && !dims.empty() &&
        !node.requireEqual(dims.back(), node.model.dim(widths[i]),
                           "the extent of an input and 'inputdimensions'"))
      return failure();
    parts.push_back(x);
  }
  return c.set(0, c.op("Concat", parts, With().integer("axis", 1)));
}

LogicalResult importExtractor(NodeImport &node) {
  Composer c(node);
  Name at =
      c.reshape(c.input(1), {sym::product(&node.model.context, node.dims(1))});
  Name x = c.input(0);
  if (node.rank(0) == 1)
    x = c.unsqueeze(x, {0});
  return c.set(0, c.op("Gather", {x, at}, With().integer("axis", -1)));
}

LogicalResult importOneHot(NodeImport &node) {
  Composer c(node);
  Labels kinds = listOf(node, "cats_strings", "cats_int64s");
  bool areTexts = isText(node.type(0).getElementType());
  if (kinds.size() == 0 || kinds.areTexts != areTexts)
    return node.fault(ErrorCode::I005,
                      kinds.size() == 0 ? "has no categories"
                      : areTexts        ? "has numbers as categories of texts"
                                        : "has texts as categories of numbers",
                      "'cats_strings' for texts, 'cats_int64s' for numbers");
  Name x = areTexts ? c.input(0)
                    : c.cast(c.input(0), node.model.builder.getI64Type());
  Name hit = c.op("Equal",
                  {c.unsqueeze(x, {node.rank(0)}), constantOf(node, c, kinds)});
  return c.set(0, c.cast(hit, node.model.builder.getF32Type()));
}

} // namespace

void addFeatures(OpTable &table) {
  addRows(table, "ai.onnx.ml",
          {{"Scaler", importScaler},
           {"Binarizer", importBinarizer},
           {"Normalizer", importNormalizer},
           {"Imputer", importImputer},
           {"FeatureVectorizer", importVectorizer},
           {"ArrayFeatureExtractor", importExtractor},
           {"OneHotEncoder", importOneHot}});
  addEncoders(table);
}

} // namespace sinter::importer
