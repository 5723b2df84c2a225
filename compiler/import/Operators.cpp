// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of operators. Versions are told apart inside an operator's
// function, by the schema in force: most differ only in defaults, which the
// schema holds.
#include "compiler/import/NodeImport.h"

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
  return table;
}

const OpTable &operators() {
  static const OpTable table = makeTable();
  return table;
}

} // namespace sinter::importer

std::string sinter::operatorPage() {
  const importer::OpTable &table = importer::operators();
  std::string page = "<!-- Written by sinter-import --operators; do not edit. "
                     "-->\n\n# ONNX operators\n\n";
  size_t known = 0;
  std::string rows, missing;
  for (std::string_view op : onnx::operatorNames()) {
    if (!table.contains(llvm::StringRef(op.data(), op.size()))) {
      missing += (missing.empty() ? "" : ", ") + std::string(op);
      continue;
    }
    ++known;
    rows += "| " + std::string(op) + " | ";
    const char *separator = "";
    for (int version : onnx::versionsOf(op))
      if (version >= 7 || version == onnx::findSchema(op, 7)->since) {
        rows += separator + std::to_string(version);
        separator = ", ";
      }
    rows += " |\n";
  }
  page += "Sinter takes " + std::to_string(known) +
          " operators of ai.onnx, opset 7 to " +
          std::to_string(onnx::newestOpset()) +
          ", each in all of its versions. Functions that a model brings along "
          "are inlined.\n\n| Operator | Versions |\n|---|---|\n" +
          rows + "\nNot supported: " + missing + ".\n";
  return page;
}
