// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finding the values, and adding them to the results of the function.
#include "compiler/pipeline/Taps.h"

#include "compiler/import/Import.h"
#include "compiler/pipeline/Passes.h"
#include "compiler/report/MlirDiagnostics.h"
#include "dialects/exec/Taps.h"
#include "dialects/graph/GraphOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace sinter;
using namespace mlir;

// The last ONNX node of a location: the one that a kernel ends with.
static std::string nodeOf(Location location) {
  std::string name;
  location->walk([&](Location inner) {
    if (auto named = dyn_cast<NameLoc>(inner))
      name = named.getName().str();
    return WalkResult::advance();
  });
  return name;
}

// Of a fused kernel, the node whose result leaves it.
static std::string nodeOf(OpResult result) {
  if (auto group = dyn_cast<graph::GroupOp>(result.getOwner())) {
    Operation *end = group.getBody().front().getTerminator();
    if (Operation *last =
            end->getOperand(result.getResultNumber()).getDefiningOp())
      return nodeOf(last->getLoc());
  }
  return nodeOf(result.getOwner()->getLoc());
}

static llvm::StringSet<> outputNames(func::FuncOp main) {
  llvm::StringSet<> names;
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (auto name = main.getResultAttrOfType<StringAttr>(i, "graph.name"))
      names.insert(name.getValue());
  return names;
}

static void addResults(func::FuncOp main,
                       ArrayRef<std::pair<std::string, Value>> taps) {
  Operation *end = main.getBody().front().getTerminator();
  SmallVector<Value> values(end->getOperands());
  for (const auto &[name, value] : taps)
    values.push_back(value);
  unsigned first = main.getNumResults();
  end->setOperands(values);
  SmallVector<DictionaryAttr> attributes;
  for (unsigned i = 0; i < first; ++i)
    attributes.push_back(main.getResultAttrDict(i));
  Builder builder(main.getContext());
  for (const auto &[name, value] : taps) {
    NamedAttrList tap;
    tap.append("graph.name", builder.getStringAttr(name));
    if (!name.empty())
      tap.append(exec::kTap, LocationAttr(value.getLoc()));
    attributes.push_back(tap.getDictionary(main.getContext()));
  }
  main.setFunctionType(FunctionType::get(main.getContext(),
                                         main.getArgumentTypes(),
                                         ValueRange(values).getTypes()));
  main.setAllResultAttrs(attributes);
}

bool sinter::tapNodes(func::FuncOp main, const std::vector<std::string> &nodes,
                      Diagnostics &faults) {
  // A node may have become several operations: the last ones are its results.
  llvm::StringMap<Operation *> last;
  for (Operation &op : main.getBody().front().without_terminator())
    if (op.getNumResults() && !isa<graph::ConstantOp>(op))
      last[nodeOf(op.getLoc())] = &op;
  llvm::StringSet<> taken = outputNames(main);
  std::vector<std::pair<std::string, Value>> taps;
  bool isFound = true;
  for (const std::string &node : nodes) {
    Operation *op = last.lookup(node);
    if (!op) {
      faults.add({ErrorCode::U006, "", "",
                  "--tap names '" + node +
                      "', which computes no tensor of the main graph",
                  "the name of a node, as sinter inspect prints it", ""});
      isFound = false;
      continue;
    }
    for (OpResult result : op->getResults()) {
      unsigned i = result.getResultNumber();
      std::string name = node + (i ? ":" + std::to_string(i) : "");
      if (taken.insert(name).second)
        taps.push_back({name, result});
    }
  }
  if (isFound)
    addResults(main, taps);
  return isFound;
}

void sinter::tapEverything(func::FuncOp main) {
  llvm::StringSet<> taken = outputNames(main);
  std::vector<std::pair<std::string, Value>> taps;
  Operation *end = main.getBody().front().getTerminator();
  for (Operation &op : main.getBody().front().without_terminator()) {
    if (isa<graph::ConstantOp, graph::ReshapeOp, graph::TransposeOp,
            graph::SliceOp, graph::BroadcastOp, graph::FromDimsOp>(op))
      continue; // not computed by a kernel
    for (OpResult result : op.getResults()) {
      if (llvm::is_contained(end->getOperands(), result))
        continue;
      std::string node = nodeOf(result), name = node;
      for (unsigned copy = 2; !taken.insert(name).second; ++copy)
        name = node + "#" + std::to_string(copy);
      taps.push_back({name, result});
    }
  }
  addResults(main, taps);
}

mlir::OwningOpRef<ModuleOp> sinter::importTapped(const CompileOptions &options,
                                                 mlir::MLIRContext &context,
                                                 Diagnostics &faults) {
  auto module =
      importModel(options.modelPath, context, importOptionsOf(options), faults);
  if (!module)
    return {};
  DiagnosticCollector diagnostics(context);
  mlir::PassManager passes(&context);
  addGraphPasses(passes, {});
  if (mlir::failed(passes.run(*module))) {
    diagnostics.moveTo(faults, "graph");
    return {};
  }
  tapEverything(module->lookupSymbol<mlir::func::FuncOp>("main"));
  return module;
}
