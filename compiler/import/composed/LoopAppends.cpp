// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Found in the file's own nodes, before the body is imported.
#include "compiler/import/composed/LoopAppends.h"
#include "compiler/import/Composer.h"

using namespace mlir;

namespace sinter::importer {
namespace {

/// How often the nodes read `name`, graphs inside them included.
size_t readsOf(const onnx::Graph &graph, onnx::Text name) {
  size_t count = 0;
  for (const onnx::Node &node : graph.nodes) {
    count += size_t(llvm::count(node.inputs, name));
    for (const onnx::Attribute &attribute : node.attributes)
      for (const onnx::Graph &inner : attribute.graphs)
        count += readsOf(inner, name);
  }
  for (const onnx::ValueInfo &output : graph.outputs)
    count += output.name == name;
  return count;
}

const onnx::Node *producerOf(const onnx::Graph &graph, onnx::Text name) {
  for (const onnx::Node &node : graph.nodes)
    if (llvm::is_contained(node.outputs, name))
      return &node;
  return nullptr;
}

} // namespace

std::optional<Append> findAppend(const LoopForm &form, size_t i) {
  const onnx::Graph &body = *form.body;
  onnx::Text from = body.inputs[form.firstInput() + i].name,
             to = body.outputs[form.firstOutput() + i].name;
  const onnx::Node *join = producerOf(body, to);
  const TensorValue &first = form.carried[i];
  if (!join || join->inputs.size() != 2 || readsOf(body, to) != 1 ||
      join->op != (first.parts ? "SequenceInsert" : "Concat") ||
      (first.parts && (isStacked(first) || !first.parts->empty())))
    return std::nullopt;
  onnx::Text name = join->inputs[0];
  for (size_t step = 0; name != from; ++step) {
    const onnx::Node *link = producerOf(body, name);
    if (!link || (link->op != "Cast" && link->op != "Identity") ||
        link->inputs.size() != 1 || readsOf(body, name) != 1 ||
        step > body.nodes.size())
      return std::nullopt;
    name = link->inputs[0];
  }
  if (readsOf(body, from) != 1)
    return std::nullopt;
  Append append;
  append.part = join->inputs[1];
  append.isSequence = bool(first.parts);
  if (append.isSequence)
    return append;
  for (const onnx::Attribute &attribute : join->attributes)
    if (attribute.name == "axis" && attribute.reference.empty())
      append.axis = attribute.i;
  int64_t rank = first.type.getRank();
  append.axis += append.axis < 0 ? rank : 0;
  if (append.axis < 0 || append.axis >= rank)
    return std::nullopt;
  return append;
}

Value emptyOf(NodeImport &node, Value whole, int64_t axis) {
  Dims sizes = sym::dimsOf(cast<RankedTensorType>(whole.getType()));
  if (sym::isConstant(sizes[axis], 0))
    return whole;
  sizes[axis] = node.model.dim(0);
  return node.slice(whole, Dims(sizes.size(), node.model.dim(0)), sizes,
                    SmallVector<int64_t>(sizes.size(), 1));
}

Value joinParts(NodeImport &node, Value first, Value parts, int64_t axis) {
  Dims dims = sym::dimsOf(cast<RankedTensorType>(parts.getType()));
  SmallVector<int64_t> order;
  for (int64_t i = 1; i < int64_t(dims.size()); ++i)
    order.push_back(i);
  order.insert(order.begin() + axis, 0);
  Dims joined(dims.begin() + 1, dims.end());
  joined[axis] = joined[axis] * dims[0];
  Value grown =
      node.reshape(axis == 0 ? parts : node.transpose(parts, order), joined);
  if (!grown || !first)
    return grown;
  Dims before = sym::dimsOf(cast<RankedTensorType>(first.getType()));
  if (sym::isConstant(before[axis], 0))
    return grown;
  Composer c(node);
  return c.value(c.op("Concat", {c.bind(first), c.bind(grown)},
                      With().integer("axis", axis)));
}

LogicalResult setStacked(NodeImport &node, size_t i, Value parts) {
  TensorValue sequence;
  sequence.type = cast<RankedTensorType>(parts.getType());
  sequence.value = parts;
  sequence.parts = std::make_shared<std::vector<TensorValue>>();
  return node.setSame(i, sequence);
}

} // namespace sinter::importer
