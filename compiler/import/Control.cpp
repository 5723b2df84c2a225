// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// If. A condition that is known picks its branch here and the other one is
// never imported, which is how most exporters' rank checks disappear.
#include "compiler/import/NodeImport.h"

using namespace mlir;

namespace sinter::importer {
namespace {

/// Imports a branch into the current insertion point; its results by position.
std::optional<SmallVector<TensorValue *>>
importBranch(NodeImport &node, Scope &scope, const onnx::Graph &graph) {
  if (node.depth >= 32) {
    (void)node.fault(ErrorCode::I015, "branches nest deeper than 32 levels");
    return std::nullopt;
  }
  size_t before = node.model.faults.all().size();
  scope.parent = &node.scope;
  scope.prefix = node.scope.prefix;
  node.model.importInitializers(graph, scope);
  node.model.importNodes(graph.nodes, scope, node.arguments, node.opsets,
                         node.depth + 1);
  SmallVector<TensorValue *> results;
  for (const onnx::ValueInfo &output : graph.outputs) {
    StringRef name(output.name.data(), output.name.size());
    TensorValue *value = scope.find(name);
    if (!value)
      (void)node.fault(ErrorCode::I008,
                       "a branch does not compute its output '" + name + "'");
    results.push_back(value);
  }
  if (graph.outputs.size() != node.node.outputs.size())
    (void)node.fault(ErrorCode::I006,
                     "a branch has " + Twine(graph.outputs.size()) + " outputs",
                     Twine(node.node.outputs.size()));
  if (node.model.faults.all().size() != before ||
      llvm::any_of(results,
                   [](TensorValue *value) { return value->isPoisoned; }))
    return std::nullopt;
  return results;
}

LogicalResult importIf(NodeImport &node) {
  const onnx::Graph &thenGraph = node.attribute("then_branch")->graphs[0];
  const onnx::Graph &elseGraph = node.attribute("else_branch")->graphs[0];
  TensorValue *condition = node.input(0);
  std::optional<int64_t> choice;
  if (condition->known && condition->known->size() == 1)
    choice = sym::asConstant((*condition->known)[0]);
  if (choice) {
    Scope scope;
    std::optional<SmallVector<TensorValue *>> results =
        importBranch(node, scope, *choice ? thenGraph : elseGraph);
    if (!results)
      return failure();
    for (size_t i = 0; i < results->size(); ++i)
      if (failed(node.setSame(i, *(*results)[i])))
        return failure();
    return success();
  }
  Value value = node.value(0);
  OpBuilder &builder = node.model.builder;
  OperationState state(node.location, graph::IfOp::getOperationName());
  state.addOperands(value);
  SmallVector<Type> types[2];
  bool isFine = true;
  for (size_t branch = 0; branch < 2; ++branch) {
    OpBuilder::InsertionGuard guard(builder);
    Block *block = new Block();
    state.addRegion()->push_back(block);
    builder.setInsertionPointToStart(block);
    Scope scope;
    std::optional<SmallVector<TensorValue *>> results =
        importBranch(node, scope, branch == 0 ? thenGraph : elseGraph);
    SmallVector<Value> yielded;
    if (results)
      for (TensorValue *result : *results) {
        yielded.push_back(node.model.materialise(*result, node.location));
        types[branch].push_back(yielded.back().getType());
      }
    isFine &= results.has_value();
    graph::YieldOp::create(builder, node.location, yielded);
  }
  if (isFine && types[0] != types[1]) {
    isFine = false;
    for (auto [a, b] : llvm::zip(types[0], types[1]))
      if (a != b) {
        std::string text;
        llvm::raw_string_ostream(text)
            << "the branches differ: " << a << " and " << b;
        (void)node.fault(ErrorCode::S001, text,
                         "results of one type and shape");
        break;
      }
  }
  if (!isFine)
    return failure();
  state.addTypes(types[0]);
  Operation *branches = builder.create(state);
  for (size_t i = 0; i < branches->getNumResults(); ++i)
    if (failed(node.set(i, branches->getResult(i))))
      return failure();
  return success();
}

} // namespace

void addControl(OpTable &table) { table["If"] = importIf; }

} // namespace sinter::importer
