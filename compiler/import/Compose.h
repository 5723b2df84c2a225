// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What more than one operator's file composes of products and convolutions.
#ifndef SINTER_COMPILER_IMPORT_COMPOSE_H
#define SINTER_COMPILER_IMPORT_COMPOSE_H

#include "compiler/import/NodeImport.h"

namespace sinter::importer {

/// ONNX's MatMul, vectors included.
mlir::Value matrixProduct(NodeImport &node, mlir::Value a, mlir::Value b);
/// The convolution that the node's attributes describe; `filterAt` is the
/// position of the filter among its inputs, the bias may be null.
mlir::Value convolution(NodeImport &node, mlir::Value input, mlir::Value filter,
                        mlir::Value bias, size_t filterAt);

/// A function of dialects/kernel/ExternTable.def; null after a fault.
mlir::Operation *externCall(NodeImport &node, llvm::StringRef callee,
                            mlir::ValueRange inputs,
                            llvm::ArrayRef<DimAttr> integers,
                            llvm::ArrayRef<double> floats,
                            mlir::TypeRange results);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_COMPOSE_H
