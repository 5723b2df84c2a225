// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types of fewer bits than a kernel loads: integers of 2 and 4 bits, floats of
// 4 and 8. While a model is imported its values have these types, and a cast to
// one rounds to what it holds; then every value gets a type of whole bytes that
// holds the same numbers, constants too.
#ifndef SINTER_COMPILER_IMPORT_SMALLTYPES_H
#define SINTER_COMPILER_IMPORT_SMALLTYPES_H

#include "compiler/import/Diagnostics.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace sinter::importer {

class NodeImport;

/// The type that stands in for `element`; null where none needs to.
mlir::Type wideTypeOf(mlir::Type element);

/// `value` as numbers that `element`, a small type, holds; beyond its ends
/// floats become the last number, or, without `saturate`, infinite or NaN.
mlir::Value roundedTo(NodeImport &node, mlir::Value value, mlir::Type element,
                      bool saturate);

/// Gives every value in `main` of a small type the wide one; a fault for an
/// input or output, which callers would have to hand over in bits.
void widenSmallTypes(mlir::func::FuncOp main, Diagnostics &faults);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_SMALLTYPES_H
