// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dimensions that the model fixes and --shape opens.
#ifndef SINTER_COMPILER_IMPORT_OPENEDDIMS_H
#define SINTER_COMPILER_IMPORT_OPENEDDIMS_H

#include "compiler/import/ModelImporter.h"

namespace sinter::importer {

/// A fault for each name that --shape gives to a dimension that the model
/// declares as a number, where the rest of the model needs that number.
void checkOpenedDims(ModelImporter &importer, const onnx::Graph &graph,
                     mlir::Operation *function);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_OPENEDDIMS_H
