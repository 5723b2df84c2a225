// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// If. A condition that is known picks its branch here and the other one is
// never imported, which is how most exporters' rank checks disappear.
#include "compiler/import/NodeImport.h"
#include "compiler/import/Subgraph.h"

using namespace mlir;

namespace sinter::importer {
namespace {

/// The results of a branch, imported into the insertion point.
std::optional<SmallVector<TensorValue *>>
importBranch(NodeImport &node, Scope &scope, const onnx::Graph &graph) {
  scope.prefix = node.scope.prefix;
  if (graph.outputs.size() != node.node.outputs.size()) {
    (void)node.fault(ErrorCode::I006,
                     "a branch has " + Twine(graph.outputs.size()) + " outputs",
                     Twine(node.node.outputs.size()));
    return std::nullopt;
  }
  return importSubgraph(node, scope, graph);
}

/// The results of one branch become those of the node.
LogicalResult takeBranch(NodeImport &node, const onnx::Graph &graph) {
  Scope scope;
  std::optional<SmallVector<TensorValue *>> results =
      importBranch(node, scope, graph);
  if (!results)
    return failure();
  for (size_t i = 0; i < results->size(); ++i)
    if (failed(node.setSame(i, *(*results)[i])))
      return failure();
  return success();
}

/// Imports a branch into a new region of `state`; its types, or nothing.
std::optional<SmallVector<Type>>
addBranch(NodeImport &node, OperationState &state, const onnx::Graph &graph) {
  OpBuilder &builder = node.model.builder;
  OpBuilder::InsertionGuard guard(builder);
  Block *block = new Block();
  state.addRegion()->push_back(block);
  builder.setInsertionPointToStart(block);
  Scope scope;
  std::optional<SmallVector<TensorValue *>> results =
      importBranch(node, scope, graph);
  SmallVector<Value> yielded;
  SmallVector<Type> types;
  if (results)
    for (TensorValue *result : *results) {
      if (result->parts) {
        (void)node.fault(ErrorCode::I013, "a branch results in a sequence",
                         "tensors, or a condition that is known");
        results.reset();
        break;
      }
      yielded.push_back(node.model.materialise(*result, node.location));
      types.push_back(yielded.back().getType());
    }
  graph::YieldOp::create(builder, node.location, yielded);
  return results ? std::optional(types) : std::nullopt;
}

bool haveOneRank(ArrayRef<Type> a, ArrayRef<Type> b) {
  return llvm::all_of(llvm::zip(a, b), [](auto pair) {
    auto [x, y] = pair;
    return cast<RankedTensorType>(x).getRank() ==
           cast<RankedTensorType>(y).getRank();
  });
}

LogicalResult importIf(NodeImport &node) {
  const onnx::Graph &thenGraph = node.attribute("then_branch")->graphs[0];
  const onnx::Graph &elseGraph = node.attribute("else_branch")->graphs[0];
  TensorValue *condition = node.input(0);
  std::optional<int64_t> choice;
  if (condition->known && condition->known->size() == 1)
    choice = sym::asConstant((*condition->known)[0]);
  if (choice)
    return takeBranch(node, *choice ? thenGraph : elseGraph);
  OpBuilder &builder = node.model.builder;
  OperationState state(node.location, graph::IfOp::getOperationName());
  state.addOperands(node.reshape(node.value(0), {}));
  std::optional<SmallVector<Type>> types = addBranch(node, state, thenGraph),
                                   others = addBranch(node, state, elseGraph);
  if (!types || !others)
    return failure();
  // "Squeeze the axis if its extent is 1": the rank has to be known, so the
  // extent is demanded, and checked when the model runs.
  if (condition->equality && !haveOneRank(*types, *others)) {
    auto [left, right] = *condition->equality;
    node.model.faults.note("node '" + node.name() + "' is taken to hold " +
                           sym::toString(left) + " == " + sym::toString(right));
    graph::CheckOp::create(builder, node.location, left, right, UnitAttr());
    return takeBranch(node, thenGraph);
  }
  for (auto [a, b] : llvm::zip(*types, *others))
    if (a != b) {
      std::string text;
      llvm::raw_string_ostream(text)
          << "the branches differ: " << a << " and " << b;
      return node.fault(ErrorCode::S001, text, "results of one type and shape");
    }
  state.addTypes(*types);
  Operation *branches = builder.create(state);
  for (size_t i = 0; i < branches->getNumResults(); ++i)
    if (failed(node.set(i, branches->getResult(i))))
      return failure();
  return success();
}

} // namespace

void addControl(OpTable &table) { table["If"] = importIf; }

} // namespace sinter::importer
