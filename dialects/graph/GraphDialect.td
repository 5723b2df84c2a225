// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect itself and the attribute that refers to a weight.

#ifndef SINTER_DIALECTS_GRAPH_DIALECT_TD
#define SINTER_DIALECTS_GRAPH_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"

def Graph_Dialect : Dialect {
  let name = "graph";
  let cppNamespace = "::sinter::graph";
  let summary = "What is computed: ONNX semantics on tensors with symbolic dimensions.";
  let description = [{
    One operation is one thing a kernel may want to see whole; whatever is a plain
    composition in ONNX is composed by the importer. Elementwise arithmetic is a
    single operation, `graph.map`, indexed by the scalar-op table. Shapes live in
    types (`tensor<?x64xf32, #sym.dims<[N, 64]>>`), never in shape tensors.
    The location of an operation names its ONNX node.
  }];
  let dependentDialects = ["::sinter::sym::SymDialect"];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    /// Bytes of the constants; owned by this dialect instance.
    ::sinter::graph::WeightStore &getWeights() { return *weights; }
  private:
    std::shared_ptr<::sinter::graph::WeightStore> weights;
  public:
  }];
}

def Graph_WeightAttr : AttrDef<Graph_Dialect, "Weight"> {
  let mnemonic = "weight";
  let summary = "A constant whose bytes are in the weight store";
  let description = [{
    `#graph.weight<"conv1.weight">`. The key is unique in the store of the context.
  }];
  let parameters = (ins "::mlir::StringAttr":$key);
  let assemblyFormat = "`<` $key `>`";
}

#endif // SINTER_DIALECTS_GRAPH_DIALECT_TD
