// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sequences and optionals whose structure is known: they live in the importer
// only. What PyTorch exports for chunk, split, unbind and stack is of that
// kind; a position or a length that depends on data is refused.
#include "compiler/import/Composer.h"
#include "compiler/import/composed/LoopAppends.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Parts = std::vector<TensorValue>;
using Name = Composer::Name;

LogicalResult setParts(NodeImport &node, size_t i, Parts parts) {
  node.model.importedNodes += parts.size(); // each is a copy
  TensorValue value;
  value.parts = std::make_shared<Parts>(std::move(parts));
  if (node.wants(i))
    value.name = std::string(node.node.outputs[i]);
  return node.setSame(i, value);
}

/// The elements of a sequence that is one tensor, when its length is known.
std::shared_ptr<const Parts> unstack(NodeImport &node, TensorValue stack) {
  std::optional<int64_t> length = sym::asConstant(sym::dimsOf(stack.type)[0]);
  if (!length || *length > 4096) {
    (void)node.fault(ErrorCode::I014,
                     "the sequence has a length that depends on data",
                     "a known length, or ConcatFromSequence, SequenceAt or "
                     "SequenceLength",
                     "give the length of an input with --shape");
    return nullptr;
  }
  stack.parts = nullptr;
  Composer c(node);
  Name all = c.keep(std::move(stack));
  auto parts = std::make_shared<Parts>();
  for (int64_t i = 0; i < *length; ++i) {
    TensorValue *part =
        c.tensor(c.op("Squeeze", {c.slice(all, 0, i, i + 1), c.ints({0})}));
    if (!part)
      return nullptr;
    parts->push_back(*part);
  }
  return parts;
}

/// The elements of an input; a fault when it is a tensor.
std::shared_ptr<const Parts> partsOf(NodeImport &node, size_t input = 0) {
  TensorValue *value = node.input(input);
  if (value && isStacked(*value))
    return unstack(node, *value);
  if (value && value->parts)
    return value->parts;
  (void)node.fault(ErrorCode::I007, "input " + Twine(input) + " is a tensor",
                   "a sequence");
  return nullptr;
}

/// All elements of a sequence of unknown length, one behind the other; nothing
/// for any other.
std::optional<TensorValue> stackOf(NodeImport &node) {
  TensorValue *value = node.input(0);
  if (!value || !isStacked(*value))
    return std::nullopt;
  TensorValue stack = *value;
  stack.parts = nullptr;
  return stack;
}

/// A position in a sequence of `size`, which is also one behind the last when
/// something is inserted.
std::optional<int64_t> positionIn(NodeImport &node, size_t input, int64_t size,
                                  bool isInsertion) {
  if (!node.input(input))
    return isInsertion ? size : size - 1;
  std::optional<SmallVector<int64_t>> given = node.constantInts(input);
  if (!given || given->size() != 1)
    return std::nullopt;
  int64_t position = (*given)[0],
          at = position < 0 ? position + size : position;
  if (at >= 0 && at < size + isInsertion)
    return at;
  (void)node.fault(ErrorCode::S001, "position " + Twine(position) +
                                        " is outside a sequence of " +
                                        Twine(size));
  return std::nullopt;
}

LogicalResult importConstruct(NodeImport &node) {
  Parts parts;
  for (size_t i = 0; i < node.inputCount(); ++i)
    parts.push_back(*node.input(i));
  return setParts(node, 0, std::move(parts));
}

LogicalResult importEmpty(NodeImport &node) { return setParts(node, 0, {}); }

LogicalResult importInsert(NodeImport &node) {
  std::shared_ptr<const Parts> parts = partsOf(node);
  if (!parts)
    return failure();
  std::optional<int64_t> at = positionIn(node, 2, parts->size(), true);
  if (!at)
    return failure();
  Parts result = *parts;
  result.insert(result.begin() + *at, *node.input(1));
  return setParts(node, 0, std::move(result));
}

LogicalResult importErase(NodeImport &node) {
  std::shared_ptr<const Parts> parts = partsOf(node);
  std::optional<int64_t> at;
  if (parts)
    at = positionIn(node, 1, parts->size(), false);
  if (!at)
    return failure();
  if (parts->empty())
    return node.fault(ErrorCode::S001, "the sequence is empty");
  Parts result = *parts;
  result.erase(result.begin() + *at);
  return setParts(node, 0, std::move(result));
}

LogicalResult importAt(NodeImport &node) {
  if (std::optional<TensorValue> stack = stackOf(node)) {
    Composer c(node);
    return c.set(0, c.op("Gather", {c.keep(*stack), c.input(1)},
                         With().integer("axis", 0)));
  }
  std::shared_ptr<const Parts> parts = partsOf(node);
  std::optional<int64_t> at;
  if (parts)
    at = positionIn(node, 1, parts->size(), false);
  return at ? node.setSame(0, (*parts)[*at]) : failure();
}

LogicalResult importLength(NodeImport &node) {
  Type i64 = node.model.builder.getI64Type();
  if (std::optional<TensorValue> stack = stackOf(node))
    return node.setKnown(0, {sym::dimsOf(stack->type)[0]},
                         RankedTensorType::get({}, i64));
  std::shared_ptr<const Parts> parts = partsOf(node);
  if (!parts)
    return failure();
  return node.setKnown(0, {node.model.dim(parts->size())},
                       RankedTensorType::get({}, i64));
}

/// The sizes that a model lists, which have to make up the whole.
std::optional<SmallVector<int64_t>> listedSizes(NodeImport &node,
                                                DimAttr extent) {
  std::optional<SmallVector<int64_t>> sizes = node.constantInts(1);
  if (!sizes)
    return std::nullopt;
  int64_t sum = 0;
  for (int64_t size : *sizes)
    if (size < 0 || llvm::AddOverflow(sum, size, sum)) {
      (void)node.fault(ErrorCode::S001, "a part has " + Twine(size) + " of " +
                                            sym::toString(extent) +
                                            " elements");
      return std::nullopt;
    }
  if (!node.requireEqual(node.model.dim(sum), extent,
                         "the sum of the parts and the whole"))
    return std::nullopt;
  return sizes;
}

/// Sizes of the parts; nothing after a fault.
std::optional<SmallVector<int64_t>> sizesOf(NodeImport &node, DimAttr extent) {
  TensorValue *split = node.input(1);
  if (split && split->type.getRank() == 1)
    return listedSizes(node, extent);
  int64_t chunk = 1;
  if (split) {
    std::optional<SmallVector<int64_t>> given = node.constantInts(1);
    if (!given || given->size() != 1)
      return std::nullopt;
    chunk = (*given)[0];
  }
  std::optional<int64_t> length = sym::asConstant(extent);
  if (!length || chunk < 1 || *length / chunk > 4096) {
    (void)node.fault(ErrorCode::I014,
                     "the axis has " + sym::toString(extent) +
                         " elements, cut into parts of " + Twine(chunk),
                     "a known extent, and at most 4096 parts",
                     "give the shape of the inputs with --shape");
    return std::nullopt;
  }
  SmallVector<int64_t> sizes;
  for (int64_t at = 0; at < *length; at += chunk)
    sizes.push_back(std::min(chunk, *length - at));
  return sizes;
}

LogicalResult importSplit(NodeImport &node) {
  std::optional<int64_t> axis = node.axis(node.integer("axis"), node.rank(0));
  if (!axis)
    return failure();
  std::optional<SmallVector<int64_t>> sizes =
      sizesOf(node, node.dims(0)[*axis]);
  if (!sizes)
    return failure();
  Composer c(node);
  Name x = c.input(0);
  Parts parts;
  int64_t from = 0;
  for (int64_t size : *sizes) {
    Name part = c.slice(x, *axis, from, from + size);
    if (!node.input(1) && node.integer("keepdims") == 0)
      part = c.op("Squeeze", {part, c.ints({*axis})});
    from += size;
    TensorValue *value = c.tensor(part);
    if (!value)
      return failure();
    parts.push_back(*value);
  }
  return setParts(node, 0, std::move(parts));
}

LogicalResult importStacked(NodeImport &node, TensorValue &stack) {
  bool isNew = node.integer("new_axis") != 0;
  int64_t rank = stack.type.getRank();
  std::optional<int64_t> axis =
      node.axis(node.integer("axis"), isNew ? rank : rank - 1);
  if (!axis)
    return failure();
  Value all = node.model.materialise(stack, node.location);
  if (!isNew)
    return node.set(0, joinParts(node, {}, all, *axis));
  SmallVector<int64_t> order;
  for (int64_t i = 1; i < rank; ++i)
    order.push_back(i);
  order.insert(order.begin() + *axis, 0);
  return node.set(0, node.transpose(all, order));
}

LogicalResult importConcat(NodeImport &node) {
  if (std::optional<TensorValue> stack = stackOf(node))
    return importStacked(node, *stack);
  std::shared_ptr<const Parts> parts = partsOf(node);
  if (!parts)
    return failure();
  if (parts->empty())
    return node.fault(ErrorCode::S001, "the sequence is empty");
  Composer c(node);
  std::vector<Name> names;
  int64_t axis = node.integer("axis");
  for (const TensorValue &part : *parts) {
    Name name = c.keep(part);
    names.push_back(node.integer("new_axis") != 0 ? c.unsqueeze(name, {axis})
                                                  : name);
  }
  return c.set(0, c.op("Concat", names, With().integer("axis", axis)));
}

/// The body once for each element.
LogicalResult importMap(NodeImport &node) {
  std::shared_ptr<const Parts> parts = partsOf(node);
  const onnx::Graph &body = node.attribute("body")->graphs[0];
  if (!parts)
    return failure();
  if (body.inputs.size() != node.inputCount() ||
      body.outputs.size() < node.node.outputs.size())
    return node.fault(ErrorCode::I006,
                      "its body takes " + Twine(body.inputs.size()) +
                          " values and has " + Twine(body.outputs.size()) +
                          " outputs");
  std::vector<std::shared_ptr<const Parts>> given(node.inputCount());
  for (size_t i = 0; i < given.size(); ++i)
    if (TensorValue *value = node.input(i); value && value->parts)
      if (given[i] = partsOf(node, i); !given[i])
        return failure();
  std::vector<Parts> results(node.node.outputs.size());
  for (size_t trip = 0; trip < parts->size(); ++trip) {
    Scope scope;
    scope.prefix =
        node.scope.prefix + node.name() + "[" + std::to_string(trip) + "]/";
    for (size_t i = 0; i < node.inputCount(); ++i) {
      const TensorValue *value = node.input(i);
      if (given[i]) {
        if (trip >= given[i]->size())
          return node.fault(ErrorCode::S001, "its sequences differ in length");
        value = &(*given[i])[trip];
      }
      StringRef name(body.inputs[i].name.data(), body.inputs[i].name.size());
      if (value)
        scope.values[name] = *value;
    }
    std::optional<SmallVector<TensorValue *>> outputs =
        importSubgraph(node, scope, body);
    if (!outputs)
      return failure();
    for (size_t i = 0; i < results.size(); ++i)
      results[i].push_back(*(*outputs)[i]);
  }
  for (size_t i = 0; i < results.size(); ++i)
    if (failed(setParts(node, i, std::move(results[i]))))
      return failure();
  return success();
}

LogicalResult importOptional(NodeImport &node) {
  return setParts(node, 0, node.input(0) ? Parts{*node.input(0)} : Parts());
}

LogicalResult importGetElement(NodeImport &node) {
  TensorValue *value = node.input(0);
  // From opset 18 on what is no optional is its own element.
  if (!value->parts || isStacked(*value))
    return node.setSame(0, *value);
  if (value->parts->empty())
    return node.fault(ErrorCode::S001, "the optional holds nothing");
  return node.setSame(0, (*value->parts)[0]);
}

LogicalResult importHasElement(NodeImport &node) {
  TensorValue *value = node.input(0);
  bool isFull =
      value && (!value->parts || isStacked(*value) || !value->parts->empty());
  return node.setKnown(
      0, {node.model.dim(isFull)},
      RankedTensorType::get({}, node.model.builder.getI1Type()));
}

} // namespace

void addSequences(OpTable &table) {
  table["SequenceConstruct"] = importConstruct;
  table["SequenceEmpty"] = importEmpty;
  table["SequenceInsert"] = importInsert;
  table["SequenceErase"] = importErase;
  table["SequenceAt"] = importAt;
  table["SequenceLength"] = importLength;
  table["SplitToSequence"] = importSplit;
  table["ConcatFromSequence"] = importConcat;
  table["SequenceMap"] = importMap;
  table["Optional"] = importOptional;
  table["OptionalGetElement"] = importGetElement;
  table["OptionalHasElement"] = importHasElement;
}

} // namespace sinter::importer
