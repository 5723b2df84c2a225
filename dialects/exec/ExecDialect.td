// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SINTER_DIALECTS_EXEC_DIALECT_TD
#define SINTER_DIALECTS_EXEC_DIALECT_TD

include "dialects/sym/SymDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def Exec_Dialect : Dialect {
  let name = "exec";
  let cppNamespace = "::sinter::exec";
  let summary = "The program: buffers, launches of kernels, checks and branches.";
  let description = [{
    A program is what the image (codegen/image) says as data. Buffers are untyped
    bytes; the types of views are in the kernels. Every size is a `#sym.dim` over
    the symbols of the module, so one program serves all shapes.
  }];
  let dependentDialects = ["::sinter::sym::SymDialect", "::sinter::kernel::KernelDialect",
                           "::sinter::graph::GraphDialect"];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
}

def Exec_BufferType : TypeDef<Exec_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "Bytes somewhere: arena, weights, a tensor of the caller";
}

def Exec_PackAttr : AttrDef<Exec_Dialect, "Pack"> {
  let mnemonic = "pack";
  let summary = "How a weight blob is made of its source: one strided copy";
  let description = [{
    The blob is row-major over `dims`; element i is source[offset + sum of i * strides].
    `limit`, when not empty, is [outer, inner, bound]: where
    i[outer] * dims[inner] + i[inner] >= bound, the element is zero. That is how
    panels of 16 columns are filled up. Everything we pack is one such copy:
    transposes, P16 panels, interleaved gates, the tables of depthwise filters.

        #exec.pack<[4, 64, 16], [1024, 1, 64], offset 0>
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$dims,
                        ArrayRefParameter<"int64_t">:$strides, "int64_t":$offset,
                        OptionalArrayRefParameter<"int64_t">:$limit);
  let assemblyFormat = "`<` `[` $dims `]` `,` `[` $strides `]` `,` `offset` $offset (`,` `limit` `[` $limit^ `]`)? `>`";
  let genVerifyDecl = 1;
}

#endif // SINTER_DIALECTS_EXEC_DIALECT_TD
