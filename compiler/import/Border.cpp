// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the inputs and outputs of a model are that are no plain tensors.
#include "compiler/import/Border.h"

#include "dialects/graph/GraphOps.h"

using namespace mlir;

namespace sinter::importer {

TensorValue likeInput(ModelImporter &importer, const onnx::ValueInfo &info,
                      TensorValue value) {
  using Kind = onnx::Type::Kind;
  bool isOptional = info.type.kind == Kind::Optional;
  Kind kind = isOptional ? info.type.held : info.type.kind;
  if (value.isPoisoned)
    return value;
  std::string name = "input '" + std::string(info.name) + "'";
  if (kind == Kind::Sequence) {
    importer.faults.note(name + " is a sequence: give its elements as one "
                                "tensor, along a first axis");
    value.parts = std::make_shared<std::vector<TensorValue>>();
  }
  if (!isOptional)
    return value;
  importer.faults.note(name + " is optional: taken as given");
  TensorValue held = value;
  value = TensorValue();
  value.name = held.name;
  value.parts = std::make_shared<std::vector<TensorValue>>(1, held);
  return value;
}

Value likeDeclared(ModelImporter &importer, const onnx::ValueInfo &info,
                   Value value) {
  if (!value || !info.type.shape || importer.unsqueezed.empty())
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  Dims left, ones;
  for (DimAttr dim : sym::dimsOf(type))
    (llvm::is_contained(importer.unsqueezed, dim) ? ones : left).push_back(dim);
  if (ones.empty() || left.size() != info.type.shape->size())
    return value;
  for (DimAttr dim : ones)
    if (importer.rangeOf(dim).min > 1)
      return value;
  Location location = value.getLoc();
  for (DimAttr dim : ones)
    graph::CheckOp::create(importer.builder, location, dim, importer.dim(1),
                           UnitAttr());
  return graph::ReshapeOp::create(importer.builder, location,
                                  sym::tensorOf(left, type.getElementType()),
                                  value);
}

using NamedValue = std::pair<std::string, TensorValue>;

std::vector<NamedValue> partsOf(ModelImporter &importer,
                                const onnx::ValueInfo &info,
                                const TensorValue &value) {
  std::string name(info.name);
  if (!value.parts)
    return {{name, value}};
  bool isHeld = info.type.kind == onnx::Type::Kind::Optional && !value.value &&
                value.parts->size() == 1;
  if (isHeld && !value.parts->front().parts)
    return {{name, value.parts->front()}};
  std::vector<NamedValue> found,
      open = {{name, isHeld ? value.parts->front() : value}};
  while (!open.empty()) {
    NamedValue next = std::move(open.back());
    open.pop_back();
    if (!next.second.parts || next.second.value) {
      next.second.parts = nullptr;
      found.push_back(std::move(next));
      continue;
    }
    for (size_t i = next.second.parts->size(); i-- > 0;)
      open.push_back(
          {next.first + "_" + std::to_string(i), (*next.second.parts)[i]});
  }
  std::string shown;
  for (const NamedValue &part : found)
    shown += (shown.empty() ? "'" : ", '") + part.first + "'";
  bool isStacked = found.size() == 1 && found[0].first == name;
  importer.faults.note(
      "output '" + name +
      (isStacked ? "' is a sequence: its elements are one tensor, along a "
                   "first axis"
                 : "' is a sequence: its elements are the outputs " +
                       (shown.empty() ? "(none)" : shown)));
  return found;
}

} // namespace sinter::importer
