// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Only branches of If nodes at the top of the model count: what a function, a
// loop or an outer node reads is read in every run.
#include "compiler/import/BranchInputs.h"

#include "llvm/ADT/STLExtras.h"

namespace sinter::importer {
namespace {

llvm::StringRef ref(onnx::Text text) {
  return llvm::StringRef(text.data(), text.size());
}

/// Names of the model's inputs that `graph` reads. A name that is defined again
/// inside counts as well, which only keeps more names together.
void readNames(const onnx::Graph &graph,
               llvm::function_ref<void(llvm::StringRef)> report) {
  for (const onnx::Node &node : graph.nodes) {
    for (onnx::Text input : node.inputs)
      report(ref(input));
    for (const onnx::Attribute &attribute : node.attributes)
      for (const onnx::Graph &inner : attribute.graphs)
        readNames(inner, report);
  }
  for (const onnx::ValueInfo &output : graph.outputs)
    report(ref(output.name));
}

} // namespace

BranchInputs::BranchInputs(const onnx::Graph &graph) {
  llvm::StringMap<bool> isAlways;
  for (const onnx::ValueInfo &input : graph.inputs)
    readers[ref(input.name)];
  auto always = [&](llvm::StringRef name) { isAlways[name] = true; };
  for (const onnx::Node &node : graph.nodes) {
    for (onnx::Text input : node.inputs)
      always(ref(input));
    for (const onnx::Attribute &attribute : node.attributes)
      for (const onnx::Graph &inner : attribute.graphs)
        if (node.op == "If" && node.domain.empty())
          readNames(inner, [&](llvm::StringRef name) {
            if (auto it = readers.find(name); it != readers.end())
              it->second.insert(&inner);
          });
        else
          readNames(inner, always);
  }
  for (const onnx::ValueInfo &output : graph.outputs)
    always(ref(output.name));
  for (auto &[name, by] : readers)
    if (isAlways.contains(name))
      by.clear();
}

std::string BranchInputs::symbolFor(llvm::StringRef input,
                                    llvm::StringRef name) {
  const Readers &by = readers[input];
  size_t others = 0;
  Family *family = nullptr;
  for (Family &known : families)
    if (known.name == name) {
      ++others;
      if (known.readers == by)
        family = &known;
    }
  if (!family) {
    std::string symbol = name.str();
    if (others)
      symbol += " of " + input.str();
    family = &families.emplace_back(Family{name.str(), symbol, by});
  }
  symbolsOf[input].push_back(family->symbol);
  return family->symbol;
}

llvm::StringRef BranchInputs::nameOf(llvm::StringRef symbol) const {
  for (const Family &family : families)
    if (family.symbol == symbol)
      return family.name;
  return symbol;
}

const BranchInputs::Family *BranchInputs::leading(const onnx::Graph &branch,
                                                  llvm::StringRef name) const {
  const Family *best = nullptr;
  for (const Family &family : families) {
    if (family.name != name ||
        (!family.readers.empty() && !family.readers.count(&branch)))
      continue;
    if (family.readers.empty())
      return &family;
    if (!best || family.readers.size() > best->readers.size())
      best = &family;
  }
  return best;
}

std::string BranchInputs::within(const onnx::Graph &branch,
                                 llvm::StringRef symbol) const {
  const Family *family = leading(branch, nameOf(symbol));
  return family ? family->symbol : symbol.str();
}

std::vector<std::string>
BranchInputs::differing(const onnx::Graph &branch) const {
  std::vector<std::string> result;
  for (const auto &[input, by] : readers) {
    auto symbols = symbolsOf.find(input);
    if (by.count(&branch) && symbols != symbolsOf.end() &&
        llvm::any_of(symbols->second, [&](const std::string &symbol) {
          return within(branch, symbol) != symbol;
        }))
      result.push_back(input.str());
  }
  llvm::sort(result);
  return result;
}

} // namespace sinter::importer
