// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which function imports which operator. Each family of operators lies in a
// file of its own and adds its rows.
#ifndef SINTER_COMPILER_IMPORT_OPTABLE_H
#define SINTER_COMPILER_IMPORT_OPTABLE_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringMap.h"

namespace sinter::importer {

class NodeImport;

using ImportFunction = mlir::LogicalResult (*)(NodeImport &);
using OpTable = llvm::StringMap<ImportFunction>;
/// Operators of another domain than ONNX's own.
void addRows(OpTable &table, llvm::StringRef domain,
             llvm::ArrayRef<std::pair<llvm::StringRef, ImportFunction>> rows);
/// Checks a node against its schema and imports it; a refusal is a fault.
mlir::LogicalResult importNode(NodeImport &node);
/// All operators, by family; those of another domain as "domain.Name".
const OpTable &operators();
/// What helps where an operator is not in the table; mostly nothing.
llvm::StringRef remedyFor(llvm::StringRef op);
void addElementwise(OpTable &);
void addArithmetic(OpTable &);
void addConvolution(OpTable &);
void addNormalisation(OpTable &);
void addMovement(OpTable &);
void addParts(OpTable &);
void addReduction(OpTable &);
void addIndexing(OpTable &);
void addRecurrent(OpTable &);
void addControl(OpTable &);
void addShapes(OpTable &);
void addCreation(OpTable &);
void addProducts(OpTable &);
void addResize(OpTable &);
void addAttention(OpTable &);
void addQuantisation(OpTable &);
void addFused(OpTable &);
void addFusedQuantised(OpTable &);
void addHeadAttention(OpTable &);
void addGroupQuery(OpTable &);
void addEmbedding(OpTable &);
void addSampling(OpTable &);
void addDetection(OpTable &);
void addSignal(OpTable &);
void addRandom(OpTable &);
void addLosses(OpTable &);
void addCaches(OpTable &);
void addSequences(OpTable &);
void addLoops(OpTable &);
void addScan(OpTable &);
void addFeatures(OpTable &);
void addLinear(OpTable &);
void addTrees(OpTable &);
void addVectors(OpTable &);
void addMaps(OpTable &);
void addTraining(OpTable &);
void addEarly(OpTable &);
void addFlexAttention(OpTable &);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_OPTABLE_H
