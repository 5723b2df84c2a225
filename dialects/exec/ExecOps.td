// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SINTER_DIALECTS_EXEC_OPS_TD
#define SINTER_DIALECTS_EXEC_OPS_TD

include "dialects/exec/ExecDialect.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"

class Exec_Op<string mnemonic, list<Trait> traits = []>
    : Op<Exec_Dialect, mnemonic, traits>;

def Exec_ProgramOp : Exec_Op<"program", [IsolatedFromAbove, Symbol, SingleBlock, NoTerminator]> {
  let summary = "One entry of a model";
  let description = [{
    Block arguments are the caller's tensors: inputs, then outputs. Their types
    (shape, element) and names are in attributes.

        exec.program @main inputs ["x": tensor<1x4xf32>] outputs ["y": tensor<1x4xf32>] {
        ^bb0(%x: !exec.buffer, %y: !exec.buffer):
          ...
        }
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$input_names,
                       TypeArrayAttr:$input_types, StrArrayAttr:$output_names,
                       TypeArrayAttr:$output_types, OptionalAttr<StrAttr>:$sym_visibility);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `inputs` $input_names $input_types `outputs` $output_names $output_types
    attr-dict-with-keyword $body
  }];
  let hasVerifier = 1;
}

def Exec_SymbolOp : Exec_Op<"symbol"> {
  let summary = "Facts about a dimension symbol, as graph.symbol states them";
  let description = [{
    With `input` and `axis`, the symbol is that dimension of that input; without
    them an exec.read binds it.
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$min, I64Attr:$max,
                       DefaultValuedAttr<I64Attr, "1">:$divisor,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$likely,
                       OptionalAttr<I64Attr>:$input, OptionalAttr<I64Attr>:$axis);
  let assemblyFormat = "$name attr-dict";
  let hasVerifier = 1;
}

def Exec_AllocOp : Exec_Op<"alloc"> {
  let summary = "Bytes of the arena";
  let description = [{
    Planned programs hold every alloc at their start, in order of offset; the
    offset of a buffer is the largest end of the buffers in `above`, rounded up to
    64 (decisions.md 1.3): valid for every shape.
  }];
  let arguments = (ins Sym_DimAttr:$bytes, Variadic<Exec_BufferType>:$above);
  let results = (outs Exec_BufferType:$result);
  let assemblyFormat = "$bytes (`above` `(` $above^ `)`)? attr-dict";
}

def Exec_WeightOp : Exec_Op<"weight", [Pure]> {
  let summary = "A packed constant";
  let description = [{
    `source` is a dense attribute or `#graph.weight`, of element type `element`;
    `pack` makes the blob. Equal weights are one blob.
  }];
  let arguments = (ins AnyAttr:$source, TypeAttr:$element, Exec_PackAttr:$pack);
  let results = (outs Exec_BufferType:$result);
  let assemblyFormat = "$source `as` $element $pack attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{ int64_t getBytes(); }];
}

def Exec_LaunchOp : Exec_Op<"launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a kernel";
  let description = [{
    `offsets` are bytes from the start of each buffer to the first element of the
    kernel's view; `params` are the actual values of p0, p1, ... The location is
    the ONNX node. With `no_wait` the next record may start before this one ends.

        exec.launch @k3(%x, %w, %y) offsets <[0, 0, 256]> params <[N * 7]>
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Exec_BufferType>:$buffers,
                       Sym_DimsAttr:$offsets, Sym_DimsAttr:$params, UnitAttr:$no_wait);
  let assemblyFormat = "$kernel `(` $buffers `)` `offsets` $offsets `params` $params attr-dict";
}

def Exec_CheckOp : Exec_Op<"check"> {
  let summary = "Stops the run with SINTER_E_SHAPE when two dimensions differ";
  let arguments = (ins Sym_DimAttr:$left, Sym_DimAttr:$right);
  let assemblyFormat = "$left `equals` $right attr-dict";
}

def Exec_ReadOp : Exec_Op<"read"> {
  let summary = "Binds a symbol to an element of a buffer of integers";
  let arguments = (ins Exec_BufferType:$source, Sym_DimAttr:$offset, TypeAttr:$element,
                       StrAttr:$symbol);
  let assemblyFormat = "$source `[` $offset `]` `:` $element `to` $symbol attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// {input, element} when it reads a fixed element of an integer input of the
    /// program: such a symbol is known before the run begins.
    std::optional<std::pair<unsigned, int64_t>> getInputElement();
  }];
}

def Exec_LoopOp : Exec_Op<"loop", [NoTerminator, NoRegionArguments]> {
  let summary = "Runs a list of records as long as a byte is not 0";
  let description = [{ The byte is read before every trip; the records write it. }];
  let arguments = (ins Exec_BufferType:$condition, Sym_DimAttr:$offset);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$condition `[` $offset `]` attr-dict-with-keyword $body";
}

def Exec_IfOp : Exec_Op<"if", [NoTerminator, NoRegionArguments]> {
  let summary = "Runs one of two lists of records";
  let description = [{ `condition` points at one byte, a bool; results are in buffers made before. }];
  let arguments = (ins Exec_BufferType:$condition, Sym_DimAttr:$offset);
  let regions = (region SizedRegion<1>:$then_region, SizedRegion<1>:$else_region);
  let assemblyFormat = "$condition `[` $offset `]` attr-dict-with-keyword `then` $then_region `else` $else_region";
}

#endif // SINTER_DIALECTS_EXEC_OPS_TD
