// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors whose contents are known as dimensions (shapes, their parts and sums)
// are computed by the importer and leave no operation. This is the way for
// every operator that works element by element.
#ifndef SINTER_COMPILER_IMPORT_KNOWNCONTENTS_H
#define SINTER_COMPILER_IMPORT_KNOWNCONTENTS_H

#include "compiler/import/NodeImport.h"

namespace sinter::importer {

/// One element of the result from those of the operands; nothing when it is no
/// dimension.
using FoldElement =
    llvm::function_ref<std::optional<DimAttr>(llvm::ArrayRef<DimAttr>)>;

/// Sets the first result from the known contents of the inputs, broadcast
/// against each other. False, and nothing is set, when an input is unknown,
/// the result is large or some element cannot be followed.
bool foldKnown(NodeImport &node, llvm::ArrayRef<TensorValue *> inputs,
               mlir::Type element, FoldElement compute);

/// As a set of the first result to what `build` makes, for an operator on
/// floats that may be fractions of dimensions, as in ceil(height / 2): follows
/// Add, Sub, Mul, Div, Floor, Ceil and Cast. An integral result is known and is
/// not built.
mlir::LogicalResult setFollowed(NodeImport &node, llvm::StringRef op,
                                mlir::Type element,
                                llvm::function_ref<mlir::Value()> build);

/// a / b toward zero; b is not negative.
DimAttr truncatedDiv(ModelImporter &model, DimAttr a, DimAttr b);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_KNOWNCONTENTS_H
