// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Texts as handles (RFC 0014). All texts that a model's constants and
// attributes hold stand in one table before the first node is imported; the
// handle of a text is its place there. While importing, a tensor of texts has
// elements of type si64, which no number of ONNX is: schemas, constants and
// control flow then see texts as a type of their own. At the end they are i64.
#ifndef SINTER_COMPILER_IMPORT_TEXTS_H
#define SINTER_COMPILER_IMPORT_TEXTS_H

#include "compiler/import/ModelImporter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace sinter::importer {

mlir::Type textType(mlir::MLIRContext &context);
bool isText(mlir::Type element);

/// Makes the table of this import: the empty text, those of string tensors and
/// of attributes, ascending by bytes. Views into the file.
void collectTexts(mlir::MLIRContext &context, const onnx::Model &model);
/// Of a text that was collected; how many there are.
int64_t handleOf(ModelImporter &model, onnx::Text text);
int64_t textCount(ModelImporter &model);

/// Every si64 of the module becomes i64. Arguments and results of `main` that
/// held texts carry `graph.text`, and the module then the table, `graph.texts`.
void lowerTexts(mlir::ModuleOp module, mlir::func::FuncOp main);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_TEXTS_H
