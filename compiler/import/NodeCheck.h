// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks that need only the schema of a node, for every operator alike.
#ifndef SINTER_COMPILER_IMPORT_NODECHECK_H
#define SINTER_COMPILER_IMPORT_NODECHECK_H

#include "compiler/import/NodeImport.h"

namespace sinter::importer {

/// A node without a name goes by its first result.
std::string nameOf(const onnx::Node &node);
/// Finds the schema, then checks counts of inputs and outputs and all
/// attributes.
bool checkSchema(NodeImport &node);
/// Every name that the node reads is defined, and none is poisoned (silently).
bool areInputsDefined(NodeImport &node);
/// Element types are allowed, and equal where they share a type variable.
bool checkTypes(NodeImport &node);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_NODECHECK_H
