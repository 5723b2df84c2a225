// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The nodes of one graph, in an order that respects their inputs (files need
// not be sorted), each checked against its schema before its own code runs. A
// refused node poisons its results, so that one mistake is one fault.
#include "compiler/import/NodeCheck.h"
#include "compiler/import/NodeImport.h"
#include "compiler/import/UpperBounds.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace sinter::importer {

static StringRef ref(onnx::Text text) {
  return StringRef(text.data(), text.size());
}

void ModelImporter::importInitializers(const onnx::Graph &graph, Scope &scope) {
  for (const onnx::Tensor &tensor : graph.initializers) {
    StringRef name = ref(tensor.name);
    if (scope.values.contains(name)) {
      faults.add({ErrorCode::I009, "", "",
                  "initializer '" + name.str() + "' is defined twice", "", ""});
      continue;
    }
    std::optional<TensorValue> value = constantOf(tensor, name, "", "");
    if (!value) {
      value.emplace();
      value->isPoisoned = true;
    }
    scope.values[name] = std::move(*value);
  }
  for (const onnx::SparseTensor &tensor : graph.sparseInitializers)
    faults.add(
        {ErrorCode::I013, "", "",
         "initializer '" + std::string(tensor.values.name) + "' is sparse", "",
         ""});
}

const onnx::Function *
ModelImporter::findFunction(const onnx::Node &node) const {
  for (const onnx::Function &function : proto.functions)
    if (function.name == node.op && function.domain == node.domain &&
        function.overload == node.overload)
      return &function;
  return nullptr;
}

namespace {

/// Order of nodes by depth-first search over the names they read.
class NodeOrder {
public:
  NodeOrder(const std::vector<onnx::Node> &nodes, Scope &scope,
            Diagnostics &faults)
      : nodes(nodes), scope(scope), faults(faults), states(nodes.size(), New) {
    for (size_t i = 0; i < nodes.size(); ++i)
      for (onnx::Text output : nodes[i].outputs)
        if (!output.empty() && (scope.values.contains(ref(output)) ||
                                !producers.try_emplace(ref(output), i).second))
          faults.add(
              {ErrorCode::I009, nameOf(nodes[i]), std::string(nodes[i].op),
               "its result '" + std::string(output) + "' is defined already",
               "", ""});
  }

  std::vector<size_t> run() {
    for (size_t i = 0; i < nodes.size(); ++i)
      visit(i);
    return std::move(order);
  }

private:
  enum State : char { New, Open, Done };

  void readNames(const onnx::Node &node, SmallVectorImpl<StringRef> &names) {
    for (onnx::Text input : node.inputs)
      names.push_back(ref(input));
    for (const onnx::Attribute &attribute : node.attributes)
      for (const onnx::Graph &graph : attribute.graphs)
        readOuterNames(graph, names);
  }

  /// What a subgraph reads and does not define itself: its own names may be
  /// used again around it.
  void readOuterNames(const onnx::Graph &graph,
                      SmallVectorImpl<StringRef> &names) {
    llvm::StringSet<> own;
    for (const onnx::ValueInfo &input : graph.inputs)
      own.insert(ref(input.name));
    for (const onnx::Tensor &tensor : graph.initializers)
      own.insert(ref(tensor.name));
    SmallVector<StringRef> read;
    for (const onnx::Node &inner : graph.nodes) {
      for (onnx::Text output : inner.outputs)
        own.insert(ref(output));
      readNames(inner, read);
    }
    for (const onnx::ValueInfo &output : graph.outputs)
      read.push_back(ref(output.name));
    for (StringRef name : read)
      if (!own.contains(name))
        names.push_back(name);
  }

  /// The producers of what node `i` reads.
  SmallVector<size_t> producersOf(size_t i) {
    SmallVector<StringRef> names;
    readNames(nodes[i], names);
    SmallVector<size_t> result;
    for (StringRef name : names)
      if (auto it = producers.find(name); it != producers.end())
        result.push_back(it->second);
    return result;
  }

  /// Without recursion: a chain may be as long as the model.
  void visit(size_t root) {
    if (states[root] != New)
      return;
    std::vector<std::pair<size_t, SmallVector<size_t>>> stack;
    states[root] = Open;
    stack.push_back({root, producersOf(root)});
    while (!stack.empty()) {
      auto &[node, pending] = stack.back();
      if (pending.empty()) {
        states[node] = Done;
        order.push_back(node);
        stack.pop_back();
        continue;
      }
      size_t next = pending.pop_back_val();
      if (states[next] == Open) {
        refuseCycle(nodes[next]);
      } else if (states[next] == New) {
        states[next] = Open;
        stack.push_back({next, producersOf(next)});
      }
    }
  }

  /// Once for a node: its results are poisoned, so what reads them is silent.
  void refuseCycle(const onnx::Node &node) {
    bool isNew = false;
    for (onnx::Text output : node.outputs)
      if (!output.empty()) {
        auto [it, isFirst] = scope.values.try_emplace(ref(output));
        it->second.isPoisoned = true;
        isNew |= isFirst;
      }
    if (isNew)
      faults.add({ErrorCode::I010, nameOf(node), std::string(node.op),
                  "the node needs its own result", "", ""});
  }

  const std::vector<onnx::Node> &nodes;
  Scope &scope;
  Diagnostics &faults;
  std::vector<State> states;
  llvm::StringMap<size_t> producers;
  std::vector<size_t> order;
};

/// Runs the body of a model-local function in a scope of its own.
LogicalResult inlineFunction(NodeImport &call, const onnx::Function &function) {
  if (call.depth >= 32)
    return call.fault(ErrorCode::I016, "calls nest deeper than 32 levels");
  if (call.inputCount() > function.inputs.size())
    return call.fault(ErrorCode::I006,
                      "has " + Twine(call.inputCount()) + " inputs",
                      "at most " + Twine(function.inputs.size()));
  Scope scope;
  scope.prefix = call.scope.prefix + call.name() + "/";
  for (size_t i = 0; i < function.inputs.size(); ++i)
    if (TensorValue *value = call.input(i))
      scope.values[ref(function.inputs[i])] = *value;
  AttributeMap arguments;
  for (const onnx::Attribute &attribute : function.defaults)
    arguments[ref(attribute.name)] = &attribute;
  for (const onnx::Attribute &attribute : call.node.attributes)
    if (const onnx::Attribute *resolved = call.attribute(ref(attribute.name)))
      arguments[ref(attribute.name)] = resolved;
  call.model.importNodes(
      function.nodes, scope, arguments,
      function.opsets.empty() ? call.opsets : function.opsets, call.depth + 1);
  for (size_t i = 0; i < function.outputs.size(); ++i) {
    if (!call.wants(i))
      continue;
    TensorValue *value = scope.find(ref(function.outputs[i]));
    if (!value)
      return call.fault(ErrorCode::I008,
                        "the function does not compute its output '" +
                            ref(function.outputs[i]) + "'");
    if (failed(call.setSame(i, *value)))
      return failure();
  }
  return success();
}

/// Functions that call each other twice, ten deep, are a thousand; a file of
/// some kilobytes could ask for more than any memory holds.
constexpr size_t mostNodes = 1'000'000;

} // namespace

LogicalResult importNode(NodeImport &node) {
  if (++node.model.importedNodes > mostNodes) {
    // What comes after the one fault is refused without another.
    if (std::exchange(node.model.isTooLong, true))
      return failure();
    return node.fault(ErrorCode::I016,
                      "functions, loops and sequences written out make more "
                      "than " +
                          Twine(mostNodes) + " nodes");
  }
  if (const onnx::Function *function = node.model.findFunction(node.node)) {
    if (!areInputsDefined(node))
      return failure();
    return inlineFunction(node, *function);
  }
  bool isFine = checkSchema(node);
  bool isDefined = areInputsDefined(node);
  if (!isFine || !isDefined || !checkTypes(node))
    return failure();
  auto it = operators().find(node.schema->name);
  if (it == operators().end())
    return node.fault(ErrorCode::I004,
                      Twine("operator ") + ref(node.node.op) +
                          " is not supported",
                      "", remedyFor(ref(node.schema->name)));
  size_t before = node.model.faults.all().size();
  if (failed(it->second(node)))
    return node.model.faults.all().size() != before
               ? failure()
               : node.fault(ErrorCode::I004,
                            "this form of the operator is not supported");
  followBounds(node);
  return success();
}

void ModelImporter::importNodes(const std::vector<onnx::Node> &nodes,
                                Scope &scope, const AttributeMap &attributes,
                                const std::vector<onnx::Opset> &opsets,
                                unsigned depth) {
  for (size_t i : NodeOrder(nodes, scope, faults).run()) {
    const onnx::Node &node = nodes[i];
    NodeImport import(*this, node, scope, attributes, opsets, depth);
    bool isRefused = failed(importNode(import));
    for (onnx::Text output : node.outputs) {
      if (output.empty() || scope.values.contains(ref(output)))
        continue;
      TensorValue &value = scope.values[ref(output)];
      value.isPoisoned = true;
      value.name = std::string(output);
      if (!isRefused)
        (void)import.fault(ErrorCode::I006, "its operator has no result for '" +
                                                ref(output) + "'");
    }
  }
}

} // namespace sinter::importer
