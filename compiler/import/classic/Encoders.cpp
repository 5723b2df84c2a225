// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that look values up: LabelEncoder and CategoryMapper. A text is a
// handle, so its value is read from a table over all handles of the model; what
// stands behind the last one is the default, for texts that no model knows.
// Numbers are compared with every key.
#include "compiler/import/classic/Classes.h"
#include "compiler/import/classic/Ngrams.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// Keys or values of a LabelEncoder: a list of the node or a tensor; empty when
/// there are none.
Name listOf(NodeImport &node, Composer &c, const std::string &stem) {
  if (node.attribute(stem + "_strings") || node.attribute(stem + "_int64s"))
    return constantOf(node, c,
                      listOf(node, stem + "_strings", stem + "_int64s"));
  if (node.attribute(stem + "_floats")) {
    SmallVector<double> values = node.reals(stem + "_floats");
    return c.reals({int64_t(values.size())}, values,
                   node.model.builder.getF32Type());
  }
  const onnx::Attribute *given = node.attribute(stem + "_tensor");
  if (!given)
    return {};
  std::optional<TensorValue> tensor = node.model.constantOf(
      given->tensors.front(), "", node.name(), "LabelEncoder");
  return tensor ? c.keep(*tensor) : Name();
}

Name textConstant(NodeImport &node, Composer &c, const char *name) {
  Labels one{{handleOf(node.model, node.text(name))}, true};
  return c.reshape(constantOf(node, c, one), {});
}

Name defaultOf(NodeImport &node, Composer &c, Type element) {
  if (const onnx::Attribute *given = node.attribute("default_tensor")) {
    std::optional<TensorValue> tensor = node.model.constantOf(
        given->tensors.front(), "", node.name(), "LabelEncoder");
    return tensor ? c.reshape(c.keep(*tensor), {}) : Name();
  }
  if (isText(element))
    return textConstant(node, c, "default_string");
  if (isa<FloatType>(element))
    return c.scalar(node.real("default_float"), element);
  return c.cast(c.integer(node.integer("default_int64")), element);
}

/// The handles of a constant list of texts; the first of equal keys counts.
LogicalResult lookUpTexts(NodeImport &node, Composer &c, const Name &keys,
                          const Name &values, const Name &otherwise) {
  TensorValue *list = c.tensor(keys);
  if (!list || !c.type(otherwise))
    return failure();
  // For each text of the model which element of values + [default] it gets.
  int64_t count = list->type.getNumElements(), all = textCount(node.model);
  std::vector<int64_t> places(size_t(all + 1), count);
  for (int64_t i = count; i-- > 0;) {
    int64_t handle;
    memcpy(&handle, list->bytes.data() + 8 * i, 8);
    places[size_t(handle)] = i;
  }
  std::vector<char> bytes(8 * places.size());
  memcpy(bytes.data(), places.data(), bytes.size());
  Name table = c.keep(node.model.constantOf(
      RankedTensorType::get({all + 1}, node.model.builder.getI64Type()),
      std::move(bytes), ""));
  Name results =
      c.op("Concat", {values, c.reshape(otherwise, {node.model.dim(1)})},
           With().integer("axis", 0));
  With first;
  first.integer("axis", 0);
  Name x = c.op("Min", {handlesOf(node, c, c.input(0)), c.integer(all)});
  return c.set(
      0, c.op("Gather", {c.op("Gather", {results, table}, first), x}, first));
}

LogicalResult lookUpNumbers(NodeImport &node, Composer &c, const Name &keys,
                            const Name &values, const Name &otherwise) {
  Name x = c.unsqueeze(c.input(0), {node.rank(0)});
  Name hit = c.op("Equal", {x, keys});
  RankedTensorType from = c.type(keys);
  if (from && isa<FloatType>(from.getElementType()))
    hit = c.op("Or",
               {hit, c.op("And", {c.op("IsNaN", {x}), c.op("IsNaN", {keys})})});
  Name hits = c.cast(hit, node.model.builder.getI32Type());
  With last;
  last.integer("axis", -1).integer("keepdims", 0);
  Name at = c.op("ArgMax", {hits}, last);
  Name isKnown = c.cast(
      c.op("ReduceMax", {hits, c.ints({-1})}, With().integer("keepdims", 0)),
      node.model.builder.getI1Type());
  Name found = c.op("Gather", {values, at}, With().integer("axis", 0));
  return c.set(0, c.op("Where", {isKnown, found, otherwise}));
}

LogicalResult lookUp(NodeImport &node, Composer &c, const Name &keys,
                     const Name &values, const Name &otherwise) {
  return isText(node.type(0).getElementType())
             ? lookUpTexts(node, c, keys, values, otherwise)
             : lookUpNumbers(node, c, keys, values, otherwise);
}

/// Of equal keys the last one counts, where looking up takes the first.
void countLast(Labels &keys, Labels &values) {
  std::reverse(keys.values.begin(), keys.values.end());
  std::reverse(values.values.begin(), values.values.end());
}

/// Version 1: numbers are places in a list of texts, texts get their place.
LogicalResult importClasses(NodeImport &node, Composer &c) {
  Labels classes = listOf(node, "classes_strings", "");
  Labels places;
  for (size_t i = 0; i < classes.size(); ++i)
    places.values.push_back(int64_t(i));
  if (classes.size() == 0)
    return c.fault(ErrorCode::I005, "has no 'classes_strings'", "one or more");
  countLast(classes, places);
  bool isInverse = !isText(node.type(0).getElementType());
  Name texts = constantOf(node, c, classes),
       numbers = constantOf(node, c, places);
  if (isInverse)
    return lookUp(node, c, numbers, texts,
                  textConstant(node, c, "default_string"));
  return lookUp(node, c, texts, numbers,
                c.integer(node.integer("default_int64")));
}

LogicalResult importLabelEncoder(NodeImport &node) {
  Composer c(node);
  if (node.since() == 1)
    return importClasses(node, c);
  Name keys = listOf(node, c, "keys"), values = listOf(node, c, "values");
  RankedTensorType from = c.type(keys), to = c.type(values);
  if (!from || !to)
    return node.fault(ErrorCode::I005, "has no keys or no values",
                      "a list or a tensor of each");
  if (from.getRank() != 1 || from.getShape() != to.getShape() ||
      from.getElementType() != node.type(0).getElementType())
    return c.fault(ErrorCode::I005,
                   "keys and values are not two lists of the same length, "
                   "or the keys have another type than the input");
  if (from.getNumElements() == 0)
    return c.fault(ErrorCode::I005, "has no keys", "one or more");
  return lookUp(node, c, keys, values, defaultOf(node, c, to.getElementType()));
}

LogicalResult importCategoryMapper(NodeImport &node) {
  Composer c(node);
  Labels texts = listOf(node, "cats_strings", ""), numbers;
  numbers.values = node.integers("cats_int64s");
  if (texts.size() == 0 || texts.size() != numbers.size())
    return c.fault(ErrorCode::I005,
                   "has " + Twine(texts.size()) + " 'cats_strings' and " +
                       Twine(numbers.size()) + " 'cats_int64s'",
                   "as many of both, one or more");
  countLast(texts, numbers);
  Name from = constantOf(node, c, texts), to = constantOf(node, c, numbers);
  if (isText(node.type(0).getElementType()))
    return lookUp(node, c, from, to, c.integer(node.integer("default_int64")));
  return lookUp(node, c, to, from, textConstant(node, c, "default_string"));
}

} // namespace

void addEncoders(OpTable &table) {
  addNgrams(table);
  table["ai.onnx.ml.LabelEncoder"] = importLabelEncoder;
  table["ai.onnx.ml.CategoryMapper"] = importCategoryMapper;
}

} // namespace sinter::importer
