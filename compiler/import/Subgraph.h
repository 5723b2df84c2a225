// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The graphs that nodes carry: branches, bodies of loops and of maps.
#ifndef SINTER_COMPILER_IMPORT_SUBGRAPH_H
#define SINTER_COMPILER_IMPORT_SUBGRAPH_H

#include "compiler/import/NodeImport.h"

namespace sinter::importer {

/// Imports a graph into the insertion point. It sees the names around the node
/// and what `scope` holds already: the values of its inputs. Its outputs, or
/// nothing after a fault.
std::optional<llvm::SmallVector<TensorValue *>>
importSubgraph(NodeImport &node, Scope &scope, const onnx::Graph &graph);

/// The operations that running `graph` once makes, about.
size_t nodesIn(const onnx::Graph &graph);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_SUBGRAPH_H
