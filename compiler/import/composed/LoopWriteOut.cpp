// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A loop of few trips, written out one by one: what a trip carries may change
// its shape, and what is known stays known.
#include "compiler/import/Composer.h"
#include "compiler/import/composed/LoopForm.h"
#include <deque>

using namespace mlir;

namespace sinter::importer {

using Name = Composer::Name;

static StringRef ref(onnx::Text text) {
  return StringRef(text.data(), text.size());
}

bool keepsCondition(const LoopForm &form) {
  if (form.isScan || form.isCounted)
    return true;
  onnx::Text name = form.body->outputs[0].name;
  for (size_t step = 0; step <= form.body->nodes.size(); ++step) {
    if (name == form.body->inputs[1].name)
      return true;
    const onnx::Node *producer = nullptr;
    for (const onnx::Node &node : form.body->nodes)
      if (llvm::is_contained(node.outputs, name))
        producer = &node;
    if (!producer)
      break;
    if (producer->op != "Identity" && producer->op != "Cast") {
      bool isConstant = producer->op == "Constant" &&
                        producer->attributes.size() == 1 &&
                        producer->attributes[0].tensors.size() == 1;
      if (!isConstant)
        return false;
      const onnx::Tensor &tensor = producer->attributes[0].tensors[0];
      return tensor.raw && tensor.raw->size() == 1 && (*tensor.raw)[0] == 1;
    }
    name = producer->inputs[0];
  }
  for (const onnx::Tensor &tensor : form.body->initializers)
    if (tensor.name == name)
      return tensor.raw && tensor.raw->size() == 1 && (*tensor.raw)[0] == 1;
  return false;
}

bool isKnownTrue(const TensorValue *value) {
  return !value || (value->known && value->known->size() == 1 &&
                    sym::isConstant((*value->known)[0], 1));
}

bool mayEndEarly(const LoopForm &form) {
  return !keepsCondition(form) || !isKnownTrue(form.condition);
}

void bindInputs(NodeImport &node, const LoopForm &form, Scope &scope,
                int64_t trip) {
  Type i64 = node.model.builder.getI64Type(),
       i1 = node.model.builder.getI1Type();
  auto bind = [&](size_t i, TensorValue value) {
    scope.values[ref(form.body->inputs[i].name)] = std::move(value);
  };
  if (!form.isScan) {
    bind(0, node.model.knownOf({node.model.dim(trip)},
                               RankedTensorType::get({}, i64)));
    bind(1, node.model.knownOf({node.model.dim(1)},
                               RankedTensorType::get({}, i1)));
  }
  for (size_t i = 0; i < form.carried.size(); ++i)
    bind(form.firstInput() + i, form.carried[i]);
}

LogicalResult writeOut(NodeImport &node, LoopForm &form, int64_t trips) {
  std::vector<std::vector<Name>> scanned(form.scans());
  Composer c(node);
  std::deque<Scope> scopes; // results of a trip live in its scope
  for (int64_t trip = 0; trip < trips; ++trip) {
    scopes.emplace_back();
    Scope &scope = scopes.back();
    scope.prefix =
        node.scope.prefix + node.name() + "[" + std::to_string(trip) + "]/";
    bindInputs(node, form, scope, trip);
    for (size_t i = 0; i < form.scannedInputs.size(); ++i) {
      Name slice =
          c.op("Gather", {c.keep(form.scannedInputs[i]), c.integer(trip)},
               With().integer("axis", 0));
      if (TensorValue *value = c.tensor(slice))
        scope.values[ref(form.body->inputs[form.carried.size() + i].name)] =
            *value;
    }
    std::optional<SmallVector<TensorValue *>> results =
        importSubgraph(node, scope, *form.body);
    if (!results)
      return failure();
    for (size_t i = 0; i < form.carried.size(); ++i)
      form.carried[i] = *(*results)[form.firstOutput() + i];
    for (size_t i = 0; i < scanned.size(); ++i)
      scanned[i].push_back(c.unsqueeze(
          c.keep(*(*results)[form.firstOutput() + form.carried.size() + i]),
          {0}));
  }
  for (size_t i = 0; i < form.carried.size(); ++i)
    if (failed(node.setSame(i, form.carried[i])))
      return failure();
  for (size_t i = 0; i < scanned.size(); ++i) {
    if (!node.wants(form.carried.size() + i))
      continue;
    if (scanned[i].empty())
      return node.fault(ErrorCode::I014,
                        "scans in no trip: its result has no known shape");
    if (failed(c.set(form.carried.size() + i,
                     c.op("Concat", scanned[i], With().integer("axis", 0)))))
      return failure();
  }
  return success();
}

} // namespace sinter::importer
