// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations of the graph dialect, at most 40 a file.
#ifndef SINTER_GRAPH_OPS_TD
#define SINTER_GRAPH_OPS_TD

include "dialects/graph/GraphDialect.td"

class Graph_Op<string mnemonic, list<Trait> traits = []>
    : Op<Graph_Dialect, mnemonic, traits>;

#endif // SINTER_GRAPH_OPS_TD
