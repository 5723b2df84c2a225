// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops that count: exporters of TensorFlow write "while (i < length)" with no
// number of trips, where i is carried, starts at a known number and grows by a
// constant. Found in the file's own nodes, before the body is imported.
//
//   next = Add(i, 1)    condition = Less(Cast(next), Cast(length))
//
// Once such a loop has begun, its trips are known, and its condition need not
// be computed.
#include "compiler/import/composed/LoopForm.h"

using namespace mlir;

namespace sinter::importer {
namespace {

StringRef text(onnx::Text text) { return StringRef(text.data(), text.size()); }

class LoopCount {
public:
  LoopCount(NodeImport &node, const LoopForm &form)
      : node(node), form(form), body(*form.body) {}

  /// Of a loop that ends as soon as the bool `name` is false.
  std::optional<DimAttr> tripsOf(onnx::Text name, unsigned depth = 0);

private:
  struct Step {
    DimAttr first; // the carried value before the loop
    int64_t step;
  };
  const onnx::Node *producerOf(onnx::Text name) const;
  bool keepsCounts(const onnx::Node &cast) const;
  onnx::Text behindCasts(onnx::Text name, bool isTruth = false) const;
  std::optional<size_t> carriedAs(onnx::Text name) const;
  std::optional<DimAttr> numberOf(onnx::Text name) const;
  std::optional<Step> stepOf(size_t carried) const;

  NodeImport &node;
  const LoopForm &form;
  const onnx::Graph &body;
};

std::optional<DimAttr> onlyNumber(const TensorValue *value) {
  return value && value->known && value->known->size() == 1
             ? std::optional((*value->known)[0])
             : std::nullopt;
}

bool isWide(onnx::DataType type) {
  using onnx::DataType;
  return llvm::is_contained(
      {DataType::Float, DataType::Double, DataType::Int32, DataType::Int64},
      type);
}

bool isWide(Type type) {
  return type.isF32() || type.isF64() || type.isSignlessInteger(32) ||
         type.isSignlessInteger(64);
}

const onnx::Node *LoopCount::producerOf(onnx::Text name) const {
  for (const onnx::Node &node : body.nodes)
    if (llvm::is_contained(node.outputs, name))
      return &node;
  return nullptr;
}

/// Casts to narrow types would wrap or round a count.
bool LoopCount::keepsCounts(const onnx::Node &cast) const {
  if (cast.op == "CastLike") {
    std::optional<size_t> carried = carriedAs(cast.inputs[1]);
    const TensorValue *like = carried ? &form.carried[*carried]
                              : producerOf(cast.inputs[1])
                                  ? nullptr
                                  : node.scope.find(text(cast.inputs[1]));
    return like && isWide(like->type.getElementType());
  }
  auto to = llvm::find_if(cast.attributes,
                          [](auto &one) { return one.name == "to"; });
  return to != cast.attributes.end() && isWide(onnx::DataType(to->i));
}

/// A truth value survives every Cast.
onnx::Text LoopCount::behindCasts(onnx::Text name, bool isTruth) const {
  for (size_t step = 0; step < body.nodes.size(); ++step) {
    const onnx::Node *link = producerOf(name);
    bool isCast =
        link && ((link->op == "Cast" && link->inputs.size() == 1) ||
                 (link->op == "CastLike" && link->inputs.size() == 2));
    if (!link || link->inputs.empty() ||
        (link->op != "Identity" &&
         (!isCast || (!isTruth && !keepsCounts(*link)))))
      break;
    name = link->inputs[0];
  }
  return name;
}

std::optional<size_t> LoopCount::carriedAs(onnx::Text name) const {
  for (size_t i = 0; i < form.carried.size(); ++i)
    if (body.inputs[form.firstInput() + i].name == name)
      return i;
  return std::nullopt;
}

/// The same number in all trips.
std::optional<DimAttr> LoopCount::numberOf(onnx::Text name) const {
  name = behindCasts(name);
  if (std::optional<size_t> i = carriedAs(name))
    return behindCasts(body.outputs[form.firstOutput() + *i].name) == name
               ? onlyNumber(&form.carried[*i])
               : std::nullopt;
  const onnx::Tensor *tensor = nullptr;
  for (const onnx::Tensor &one : body.initializers)
    if (one.name == name)
      tensor = &one;
  const onnx::Node *producer = producerOf(name);
  if (producer && producer->op == "Constant" &&
      producer->attributes.size() == 1 &&
      producer->attributes[0].tensors.size() == 1)
    tensor = &producer->attributes[0].tensors[0];
  if (tensor) {
    std::optional<TensorValue> constant = node.model.constantOf(
        *tensor, text(name), node.name(), text(node.node.op));
    return constant ? onlyNumber(&*constant) : std::nullopt;
  }
  return producer ? std::nullopt : onlyNumber(node.scope.find(text(name)));
}

std::optional<LoopCount::Step> LoopCount::stepOf(size_t carried) const {
  onnx::Text from = body.inputs[form.firstInput() + carried].name;
  const onnx::Node *add =
      producerOf(behindCasts(body.outputs[form.firstOutput() + carried].name));
  std::optional<DimAttr> first = onlyNumber(&form.carried[carried]);
  if (!add || add->op != "Add" || add->inputs.size() != 2 || !first)
    return std::nullopt;
  bool isLeft = behindCasts(add->inputs[0]) == from;
  if (!isLeft && behindCasts(add->inputs[1]) != from)
    return std::nullopt;
  std::optional<DimAttr> number = numberOf(add->inputs[isLeft ? 1 : 0]);
  std::optional<int64_t> step =
      number ? sym::asConstant(*number) : std::nullopt;
  return step && *step > 0 ? std::optional(Step{*first, *step}) : std::nullopt;
}

std::optional<DimAttr> LoopCount::tripsOf(onnx::Text name, unsigned depth) {
  constexpr unsigned deepest = 4;
  const onnx::Node *test = producerOf(behindCasts(name, true));
  if (!test || test->inputs.size() != 2 || depth > deepest)
    return std::nullopt;
  if (test->op == "And") {
    std::optional<DimAttr> left = tripsOf(test->inputs[0], depth + 1),
                           right = tripsOf(test->inputs[1], depth + 1);
    return left && right ? std::optional(sym::minDim(*left, *right))
                         : std::nullopt;
  }
  if (test->op != "Less")
    return std::nullopt;
  onnx::Text counted = behindCasts(test->inputs[0]);
  std::optional<DimAttr> limit = numberOf(test->inputs[1]);
  for (size_t i = 0; limit && i < form.carried.size(); ++i) {
    bool isOld = body.inputs[form.firstInput() + i].name == counted,
         isNew =
             behindCasts(body.outputs[form.firstOutput() + i].name) == counted;
    std::optional<Step> by = isOld != isNew ? stepOf(i) : std::nullopt;
    if (by)
      return node.model.maxOf(sym::ceilDiv(*limit - by->first, by->step) +
                                  (isOld ? 1 : 0),
                              node.model.dim(1));
  }
  return std::nullopt;
}

} // namespace

void countTrips(NodeImport &node, LoopForm &form) {
  if (form.trips)
    return;
  form.trips = LoopCount(node, form).tripsOf(form.body->outputs[0].name);
  form.isCounted = form.trips.has_value();
}

} // namespace sinter::importer
