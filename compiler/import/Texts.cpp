// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of texts, and the way from si64 to i64.
#include "compiler/import/Texts.h"

#include "dialects/Support/Check.h"
#include "dialects/graph/Texts.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace sinter::importer {

Type textType(MLIRContext &context) {
  return IntegerType::get(&context, 64, IntegerType::Signed);
}

bool isText(Type element) { return element.isSignedInteger(64); }

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

namespace {

class Collector {
public:
  void add(const onnx::Graph &graph) {
    for (const onnx::Tensor &tensor : graph.initializers)
      add(tensor);
    add(graph.nodes);
  }
  void add(const std::vector<onnx::Node> &nodes);
  void add(const onnx::Attribute &attribute, bool withLone);

  // What pads and zeros are, and the default of encoders.
  onnx::Texts texts = {"", "_Unused"};

private:
  void add(const onnx::Tensor &tensor) {
    if (tensor.type == onnx::DataType::String)
      texts.insert(texts.end(), tensor.strings.begin(), tensor.strings.end());
  }
};

void Collector::add(const std::vector<onnx::Node> &nodes) {
  for (const onnx::Node &node : nodes) {
    // A lone text of an operator is a mode; of a call it may be anything.
    bool isPlain = node.domain.empty() || node.domain == "ai.onnx" ||
                   node.domain == "ai.onnx.ml" ||
                   node.domain == "com.microsoft";
    for (const onnx::Attribute &attribute : node.attributes)
      add(attribute, !isPlain || attribute.name == "value_string" ||
                         attribute.name == "default_string");
  }
}

void Collector::add(const onnx::Attribute &attribute, bool withLone) {
  for (const onnx::Tensor &tensor : attribute.tensors)
    add(tensor);
  for (const onnx::Graph &graph : attribute.graphs)
    add(graph);
  if (attribute.name == "nodes_modes") // one for each node of a forest
    return;
  texts.insert(texts.end(), attribute.strings.begin(), attribute.strings.end());
  if (withLone)
    texts.push_back(attribute.s);
}

/// Owns the table of the import under way, as the graph dialect owns weights.
class TextDialect : public Dialect {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TextDialect)
  explicit TextDialect(MLIRContext *context)
      : Dialect(getDialectNamespace(), context, TypeID::get<TextDialect>()) {}
  static StringRef getDialectNamespace() { return "sinter_import_texts"; }
  onnx::Texts texts;
};

} // namespace

void collectTexts(MLIRContext &context, const onnx::Model &model) {
  Collector found;
  if (model.graph)
    found.add(*model.graph);
  for (const onnx::Function &function : model.functions) {
    found.add(function.nodes);
    for (const onnx::Attribute &attribute : function.defaults)
      found.add(attribute, true);
  }
  llvm::sort(found.texts);
  found.texts.erase(llvm::unique(found.texts), found.texts.end());
  context.getOrLoadDialect<TextDialect>()->texts = std::move(found.texts);
}

static const onnx::Texts &tableOf(MLIRContext &context) {
  return context.getLoadedDialect<TextDialect>()->texts;
}

int64_t textCount(ModelImporter &model) {
  return int64_t(tableOf(model.context).size());
}

int64_t handleOf(ModelImporter &model, onnx::Text text) {
  const onnx::Texts &table = tableOf(model.context);
  auto found = llvm::lower_bound(table, text);
  SINTER_CHECK(found != table.end() && *found == text,
               "a text was not collected");
  return found - table.begin();
}

//===----------------------------------------------------------------------===//
// The way down
//===----------------------------------------------------------------------===//

static void lowerType(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (type && isText(type.getElementType()))
    value.setType(type.clone(IntegerType::get(type.getContext(), 64)));
}

static bool holdsTexts(Type type) {
  return isText(cast<RankedTensorType>(type).getElementType());
}

/// False when there are none.
static bool markTexts(func::FuncOp main) {
  UnitAttr mark = UnitAttr::get(main.getContext());
  for (auto [i, type] : llvm::enumerate(main.getArgumentTypes()))
    if (holdsTexts(type))
      main.setArgAttr(i, graph::kText, mark);
  for (auto [i, type] : llvm::enumerate(main.getResultTypes()))
    if (holdsTexts(type))
      main.setResultAttr(i, graph::kText, mark);
  return llvm::any_of(main.getArgumentTypes(), holdsTexts) ||
         llvm::any_of(main.getResultTypes(), holdsTexts);
}

void lowerTexts(ModuleOp module, func::FuncOp main) {
  Builder builder(module.getContext());
  bool atBorder = markTexts(main);
  SmallVector<Operation *> bridges;
  module->walk([&](Operation *op) {
    for (Value result : op->getResults())
      lowerType(result);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Value argument : block.getArguments())
          lowerType(argument);
    for (NamedAttribute attribute : op->getAttrs())
      if (auto dense = dyn_cast<DenseElementsAttr>(attribute.getValue()))
        if (isText(dense.getElementType()))
          op->setAttr(attribute.getName(), dense.bitcast(builder.getI64Type()));
    if (isa<UnrealizedConversionCastOp>(op))
      bridges.push_back(op);
  });
  for (Operation *op : bridges) {
    op->getResult(0).replaceAllUsesWith(op->getOperand(0));
    op->erase();
  }
  main.setFunctionType(
      builder.getFunctionType(main.front().getArgumentTypes(),
                              main.front().getTerminator()->getOperandTypes()));
  if (!atBorder)
    return;
  SmallVector<Attribute> texts;
  for (onnx::Text text : tableOf(*module.getContext()))
    texts.push_back(builder.getStringAttr(StringRef(text.data(), text.size())));
  module->setAttr(graph::kTexts, builder.getArrayAttr(texts));
}

} // namespace sinter::importer
