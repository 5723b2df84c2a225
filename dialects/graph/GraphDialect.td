// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The graph dialect says what is computed: ONNX semantics over tensors with
// symbolic dimensions, one op for what a kernel should see whole. It knows no
// layout, no machine and no schedule.
#ifndef SINTER_GRAPH_DIALECT_TD
#define SINTER_GRAPH_DIALECT_TD

include "mlir/IR/DialectBase.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Graph_Dialect : Dialect {
  let name = "graph";
  let cppNamespace = "::sinter::graph";
  let summary = "What a model computes.";
}

#endif // SINTER_GRAPH_DIALECT_TD
