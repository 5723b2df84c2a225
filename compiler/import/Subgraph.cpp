// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One walk for all of them; what the results mean is the node's business.
#include "compiler/import/Subgraph.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;

namespace sinter::importer {

std::optional<SmallVector<TensorValue *>>
importSubgraph(NodeImport &node, Scope &scope, const onnx::Graph &graph) {
  if (node.depth >= 32) {
    (void)node.fault(ErrorCode::I015, "graphs nest deeper than 32 levels");
    return std::nullopt;
  }
  size_t before = node.model.faults.all().size();
  scope.parent = &node.scope;
  // Nothing within has to run.
  llvm::SaveAndRestore extents(node.model.extents);
  node.model.importInitializers(graph, scope);
  node.model.importNodes(graph.nodes, scope, node.arguments, node.opsets,
                         node.depth + 1);
  SmallVector<TensorValue *> results;
  for (const onnx::ValueInfo &output : graph.outputs) {
    StringRef name(output.name.data(), output.name.size());
    TensorValue *value = scope.find(name);
    if (!value)
      (void)node.fault(ErrorCode::I008,
                       "its graph does not compute its output '" + name + "'");
    results.push_back(value);
  }
  node.isRefused |= node.model.faults.all().size() != before ||
                    llvm::any_of(results, [](TensorValue *value) {
                      return !value || value->isPoisoned;
                    });
  if (node.isRefused)
    return std::nullopt;
  return results;
}

size_t nodesIn(const onnx::Graph &graph) {
  size_t count = graph.nodes.size();
  for (const onnx::Node &node : graph.nodes)
    for (const onnx::Attribute &attribute : node.attributes)
      for (const onnx::Graph &inner : attribute.graphs)
        count += nodesIn(inner);
  return count;
}

} // namespace sinter::importer
