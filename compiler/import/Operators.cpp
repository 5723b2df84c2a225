// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of operators. Versions are told apart inside an operator's
// function, by the schema in force: most differ only in defaults, which the
// schema holds.
#include "compiler/import/NodeImport.h"
#include "compiler/import/contrib/Contrib.h"

namespace sinter::importer {

static OpTable makeTable() {
  OpTable table;
  addElementwise(table);
  addArithmetic(table);
  addProducts(table);
  addConvolution(table);
  addNormalisation(table);
  addReduction(table);
  addMovement(table);
  addParts(table);
  addShapes(table);
  addCreation(table);
  addIndexing(table);
  addResize(table);
  addAttention(table);
  addQuantisation(table);
  addRecurrent(table);
  addControl(table);
  addFused(table);
  addFusedQuantised(table);
  addHeadAttention(table);
  addGroupQuery(table);
  addEmbedding(table);
  addBlocks(table);
  addExperts(table);
  addFloatWeights(table);
  addGated(table);
  addOlder(table);
  addPadding(table);
  addDecoding(table);
  addPictures(table);
  addSampling(table);
  addDetection(table);
  addSignal(table);
  addRandom(table);
  addLosses(table);
  addCaches(table);
  addSequences(table);
  addLoops(table);
  addScan(table);
  addFeatures(table);
  addLinear(table);
  addTrees(table);
  addVectors(table);
  addMaps(table);
  addTraining(table);
  addEarly(table);
  addSparseAttention(table);
  addFlexAttention(table);
  return table;
}

const OpTable &operators() {
  static const OpTable table = makeTable();
  return table;
}

void addRows(OpTable &table, llvm::StringRef domain,
             llvm::ArrayRef<std::pair<llvm::StringRef, ImportFunction>> rows) {
  for (const auto &[name, function] : rows)
    table[(domain + "." + name).str()] = function;
}

llvm::StringRef remedyFor(llvm::StringRef op) {
  for (const char *text : {"StringNormalizer", "StringConcat", "StringSplit",
                           "RegexFullMatch", "com.microsoft.Tokenizer"})
    if (op == text)
      return "A run of Sinter looks texts up, moves and compares them; it "
             "makes "
             "no new texts and reads no letters: do that before the model.";
  for (const char *text : {"ai.onnx.ml.DictVectorizer", "ai.onnx.ml.CastMap"})
    if (op == text)
      return "No value of Sinter is a map: turn it into a tensor before the "
             "model.";
  if (op == "ai.onnx.preview.training.Gradient")
    return "Write the gradient out before the export.";
  return op == "ImageDecoder" ? "Decode the picture before the model." : "";
}

} // namespace sinter::importer

namespace {

/// What the table takes and lacks of one domain, by its prefix.
struct DomainList {
  size_t known = 0;
  std::string rows, missing;
  bool isEvery = false; // version in the list, and not those since opset 7
  void add(std::string_view op, llvm::StringRef shown, bool isKnown) {
    if (!isKnown) {
      missing += (missing.empty() ? "" : ", ") + shown.str();
      return;
    }
    ++known;
    rows += "| " + shown.str() + " | ";
    const char *separator = "";
    for (int version : sinter::onnx::versionsOf(op))
      if (isEvery || version >= 7 ||
          version == sinter::onnx::findSchema(op, 7)->since) {
        rows += separator + std::to_string(version);
        separator = ", ";
      }
    rows += " |\n";
  }
};

} // namespace

std::string sinter::operatorPage() {
  const importer::OpTable &table = importer::operators();
  DomainList standard, classic, contrib, preview;
  preview.isEvery = true;
  classic.isEvery = true;
  for (std::string_view op : onnx::operatorNames()) {
    llvm::StringRef name(op.data(), op.size()), shown = name;
    DomainList &list = shown.consume_front("com.microsoft.")     ? contrib
                       : shown.consume_front("ai.onnx.ml.")      ? classic
                       : shown.consume_front("ai.onnx.preview.") ? preview
                                                                 : standard;
    list.add(op, shown, table.contains(name));
  }
  std::string page = "<!-- Written by sinter-import --operators; do not edit. "
                     "-->\n\n# ONNX operators\n\n";
  page += "Sinter takes " + std::to_string(standard.known) +
          " operators of ai.onnx, opset 7 to " +
          std::to_string(onnx::newestOpset()) +
          ", each in all of its versions. Functions that a model brings along "
          "are inlined.\n\n| Operator | Versions |\n|---|---|\n" +
          standard.rows + "\nNot supported: " + standard.missing + ".\n";
  page += "\n## ai.onnx.ml\n\nOf the operators for models that are no nets, "
          "Sinter takes " +
          std::to_string(classic.known) +
          ". Labels, keys and categories may be texts: a tensor of them is "
          "looked up, moved and compared like any other, on its way in and "
          "out as well ([RFC 14](rfcs/0014-texts.md)). No run makes new "
          "texts.\n\n| Operator | Versions |\n|---|---|\n" +
          classic.rows + "\nNot supported: " + classic.missing + ".\n";
  page += "\n## ai.onnx.preview\n\nOf the operators on trial, Sinter takes " +
          std::to_string(preview.known) +
          ".\n\n| Operator | Versions |\n|---|---|\n" + preview.rows +
          "\nNot supported: " + preview.missing + ".\n";
  page += "\n## com.microsoft\n\nOf the operators that ONNX Runtime's "
          "optimiser writes into models, Sinter takes " +
          std::to_string(contrib.known) +
          ".\n\n| Operator | Versions |\n|---|---|\n" + contrib.rows +
          "\nNot supported: " + contrib.missing + ".\n";
  return page;
}
