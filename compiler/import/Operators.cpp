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
  addProducts(table);
  addConvolution(table);
  addNormalisation(table);
  addReduction(table);
  addMovement(table);
  addShapes(table);
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
