// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `sym` dialect holds symbolic integers and nothing else. Every floor of the
// compiler (graph, kernel, exec) speaks of sizes, strides, offsets and item
// counts with the same attribute, so "are these two shapes equal?" is pointer
// equality everywhere.

#ifndef SINTER_DIALECTS_SYM_TD
#define SINTER_DIALECTS_SYM_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"

def Sym_Dialect : Dialect {
  let name = "sym";
  let cppNamespace = "::sinter::sym";
  let summary = "Symbolic integers in one normal form.";
  let useDefaultAttributePrinterParser = 1;
}

def Sym_DimAttr : AttrDef<Sym_Dialect, "Dim"> {
  let mnemonic = "dim";
  let summary = "A symbolic integer";
  let description = [{
    A polynomial over symbols and over atoms `floordiv`, `min`, `max`. Built only
    through `dialects/sym/Dim.h`, which normalises, so equal forms are the same
    attribute. `ceildiv` and `mod` are accepted in text and rewritten to
    `floordiv`.

        #sym.dim<B * S * 384>
        #sym.dim<(H - 1) floordiv 2 + 1>
        #sym.dim<max(0, min(N, 8) - k)>
  }];
  let parameters = (ins
    "::sinter::sym::DimKind":$kind,
    "int64_t":$value,
    "::mlir::StringAttr":$name,
    ArrayRefParameter<"::sinter::sym::DimAttr">:$operands
  );
  let hasCustomAssemblyFormat = 1;
}

def Sym_DimsAttr : AttrDef<Sym_Dialect, "Dims"> {
  let mnemonic = "dims";
  let summary = "A list of symbolic integers; the encoding of a tensor with a dynamic shape";
  let description = [{
        tensor<?x?x384xf32, #sym.dims<[B, S, 384]>>
  }];
  let parameters = (ins ArrayRefParameter<"::sinter::sym::DimAttr">:$dims);
  let hasCustomAssemblyFormat = 1;
}

#endif // SINTER_DIALECTS_SYM_TD
