// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Roots and scalar regions. Common rules:
//
// * `extras` are operands of the epilogue: views with the dims of the outputs
//   (broadcast by stride 0). The epilogue takes the root's value, then one scalar
//   per extra, and yields one value per output. An empty region passes the value on.
// * A root has exactly the outputs of the define that the region yields, all with
//   equal dims, any strides.
// * Reduction order is part of the root and never of a schedule.

#ifndef SINTER_DIALECTS_KERNEL_OPS_TD
#define SINTER_DIALECTS_KERNEL_OPS_TD

include "dialects/kernel/KernelDialect.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"

class Kernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<Kernel_Dialect, mnemonic, traits>;

class Kernel_Root<string mnemonic, list<Trait> traits = []>
    : Kernel_Op<mnemonic, !listconcat(traits, [AttrSizedOperandSegments])> {
  let hasVerifier = 1;
}

def View : TypeAlias<Kernel_ViewType, "strided view">;
def ViewOrPanels : AnyTypeOf<[Kernel_ViewType, Kernel_PanelsType]>;
defvar Ints = DenseI64ArrayAttr;

//===----------------------------------------------------------------------===//
// Define
//===----------------------------------------------------------------------===//

def Kernel_DefineOp : Kernel_Op<"define", [IsolatedFromAbove, Symbol, SingleBlock,
                                           NoTerminator]> {
  let summary = "One kernel: views in, views out";
  let description = [{
    Block arguments are the buffers of a launch in order; the last `num_outputs`
    are written. `num_params` formal parameters are named p0, p1, ... in types and
    attributes. `items` is the number of independent work items (a product of the
    block counts in `blocks`, outermost first); any partition of them over threads
    gives the same bits. `blocks` is the extent of work of one item along the root's
    parallel axes (0: the whole axis). `scratch` is bytes of scratch per worker.
    `schedules` has one entry an ISA.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$num_outputs, I64Attr:$num_params,
                       OptionalAttr<Sym_DimAttr>:$items, OptionalAttr<Ints>:$blocks,
                       OptionalAttr<I64Attr>:$scratch,
                       OptionalAttr<TypedArrayAttrBase<Kernel_ScheduleAttr, "schedules">>:$schedules,
                       OptionalAttr<StrAttr>:$sym_visibility);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The one root operation of the body.
    ::mlir::Operation *getRoot();
    ::mlir::Block::BlockArgListType getOutputs() {
      return getBody().getArguments().take_back(getNumOutputs());
    }
    /// The schedule for an ISA; null when there is none.
    ScheduleAttr getScheduleFor(::llvm::StringRef isa);
  }];
}

//===----------------------------------------------------------------------===//
// Roots
//===----------------------------------------------------------------------===//

def Kernel_ContractOp : Kernel_Root<"contract"> {
  let summary = "Batched matrix product";
  let description = [{
    a: view [batch..., M, K]; b: view [batch..., K, N] (any strides) or panels with
    groups 1; outputs and extras [batch..., M, N]. Each output element is one
    accumulator over k = 0..K-1 in order. With `along_k`, for few columns, it is 16
    virtual lanes: lane l takes k = l, l+16, ... in order, and lanes are combined
    pairwise (l, l+8), (l, l+4), (l, l+2), (l, l+1); k is contiguous in a and b then.
  }];
  let arguments = (ins View:$a, ViewOrPanels:$b, Variadic<View>:$extras,
                       Variadic<View>:$outputs, UnitAttr:$along_k);
  let regions = (region AnyRegion:$epilogue);
  let assemblyFormat = [{
    $a `,` $b `:` type($a) `,` type($b) (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $outputs `:` type($outputs) `)` attr-dict-with-keyword $epilogue
  }];
}

def Kernel_ConvOp : Kernel_Root<"conv"> {
  let summary = "Convolution, channels last, padding already in memory";
  let description = [{
    input [N, spatial..., C] is the *padded* input (the zero halo lies in the
    buffer), weights are panels with `groups` groups, n = M/groups,
    k = positions * C/groups in the order (position, channel). Outputs and extras
    [N, spatial..., M]. Depthwise (groups = C = M) has weights as a view
    [positions, C]. `border_low` and `border_high`, one entry a spatial axis, say how
    many lines at either end of the input hold nothing but zeros: a tile leaves out
    the positions with which all of its rows would read those. With `along_k`, for few
    maps, weights are a view [k, M] whose k is contiguous, and each run of input that
    is contiguous in memory is summed in 16 virtual lanes as by contract.
  }];
  let arguments = (ins View:$input, ViewOrPanels:$weights, Variadic<View>:$extras,
                       Variadic<View>:$outputs, Ints:$kernel, Ints:$strides,
                       Ints:$dilations, I64Attr:$groups,
                       OptionalAttr<Ints>:$border_low, OptionalAttr<Ints>:$border_high,
                       UnitAttr:$along_k);
  let regions = (region AnyRegion:$epilogue);
  let assemblyFormat = [{
    $input `,` $weights `:` type($input) `,` type($weights) (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $outputs `:` type($outputs) `)` attr-dict-with-keyword $epilogue
  }];
}

def Kernel_WindowOp : Kernel_Root<"window"> {
  let summary = "Pooling, channels last: max, average, lp";
  let description = [{
    input [N, spatial..., C] without padding; windows are clamped to it. `pads` are
    the begin paddings (the end follows from the output's extent). Average divides
    by the clamped count, or by the window clipped to the padded input with
    `count_include_pad` (`end_pads` gives the end paddings for that).
  }];
  let arguments = (ins View:$input, Variadic<View>:$extras, Variadic<View>:$outputs,
                       StrAttr:$kind, Ints:$kernel, Ints:$strides, Ints:$dilations,
                       Ints:$pads, Ints:$end_pads, UnitAttr:$count_include_pad,
                       DefaultValuedAttr<I64Attr, "2">:$p);
  let regions = (region AnyRegion:$epilogue);
  let assemblyFormat = [{
    $kind $input `:` type($input) (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $outputs `:` type($outputs) `)` attr-dict-with-keyword $epilogue
  }];
}

def Kernel_RowOp : Kernel_Root<"row"> {
  let summary = "softmax, log_softmax, layer_norm, rms_norm over the trailing axes";
  let description = [{
    `inputs` all have the outputs' dims; the prologue turns one scalar of each into
    the row's value (empty: the single input). The last `axes` dims form the row.
    The epilogue takes the normalised value and the extras (scale and bias are
    extras). Row statistics use 16 virtual lanes: lane l takes elements l, l+16, ...;
    lanes are combined pairwise (l, l+8), (l, l+4), (l, l+2), (l, l+1).
  }];
  let arguments = (ins Variadic<View>:$inputs, Variadic<View>:$extras,
                       Variadic<View>:$outputs, StrAttr:$kind, I64Attr:$axes,
                       DefaultValuedAttr<F64Attr, "0.0">:$epsilon);
  let regions = (region AnyRegion:$prologue, AnyRegion:$epilogue);
  let assemblyFormat = [{
    $kind (`ins` `(` $inputs^ `:` type($inputs) `)`)? (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $outputs `:` type($outputs) `)` attr-dict-with-keyword $prologue `,` $epilogue
  }];
}

def Kernel_NestOp : Kernel_Root<"nest"> {
  let summary = "Elementwise over an iteration domain, with optional reduction";
  let description = [{
    All views have equal dims, the iteration domain; transposes, slices and
    broadcasts are strides. The prologue maps one scalar per input (it may use
    `kernel.index`) to one value per output. With `combine` (sum, prod, max, min,
    one per output; "none" otherwise) the last `axes` dims are reduced: outputs have
    stride 0 there, and the epilogue (value per output -> value per output) runs on
    the reduced value. Sums over a contiguous last axis use 16 virtual lanes as in
    kernel.row; over other axes, index order.
  }];
  let arguments = (ins Variadic<View>:$inputs, Variadic<View>:$extras,
                       Variadic<View>:$outputs, StrArrayAttr:$combine, I64Attr:$axes);
  let regions = (region AnyRegion:$prologue, AnyRegion:$epilogue);
  let assemblyFormat = [{
    (`ins` `(` $inputs^ `:` type($inputs) `)`)? (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $outputs `:` type($outputs) `)` attr-dict-with-keyword $prologue `,` $epilogue
  }];
}

def Kernel_RecurrentOp : Kernel_Root<"recurrent"> {
  let summary = "One direction of an LSTM, GRU or RNN over a sequence";
  let description = [{
    input [S, B, I]; weights: panels with k = I and n = G * ceil(H/16) * 16, panel
    u * G + g holding units 16u..16u+15 of gate g (LSTM: i, o, f, c; GRU: z, r, h),
    zero past H; recurrence likewise with k = H. Extras, in this order: Wb [n] and
    Rb [n] (`has_bias`; columns as the panels), initial h [B, H], initial c [B, H] (LSTM), lengths [B] i32
    (`has_lengths`), peephole [3*H] in the order i, o, f (`has_peephole`).
    Outputs: Y [S, B, H], Y_h [B, H], Y_c [B, H] (LSTM). With `reverse` steps run
    from the end (of each sequence) and Y is in the order of the input. With
    `quantised_state` (LSTM) both panels are i8 with k padded to words of 4, the input
    is rounded to u8 with one scale and h with one a row and step; the extras end with
    scales, sums and zero points, each [2*n]: columns of weights, then of recurrence.
  }];
  let arguments = (ins View:$input, ViewOrPanels:$weights, ViewOrPanels:$recurrence,
                       Variadic<View>:$extras, Variadic<View>:$outputs,
                       StrAttr:$cell, UnitAttr:$reverse, StrArrayAttr:$activations,
                       DefaultValuedAttr<DenseF64ArrayAttr, "{}">:$alphas,
                       DefaultValuedAttr<DenseF64ArrayAttr, "{}">:$betas,
                       OptionalAttr<F64Attr>:$clip, UnitAttr:$linear_before_reset,
                       UnitAttr:$input_forget, UnitAttr:$has_bias, UnitAttr:$has_lengths,
                       UnitAttr:$has_peephole, UnitAttr:$quantised_state);
  let assemblyFormat = [{
    $cell $input `,` $weights `,` $recurrence `:` type($input) `,` type($weights) `,` type($recurrence)
    (`extras` `(` $extras^ `:` type($extras) `)`)? `outs` `(` $outputs `:` type($outputs) `)` attr-dict-with-keyword
  }];
}

def Kernel_ExternOp : Kernel_Root<"extern"> {
  let summary = "A function written in freestanding C, compiled per ISA and linked in";
  let description = [{
    Data movement by index, top-k, resize and the like. The C function `callee`
    receives views with run-time dims and strides (codegen/cpu/extern/Extern.h) and
    the integer and float arguments; `item_axis` is the output axis cut into items.
  }];
  let arguments = (ins StrAttr:$callee, Variadic<View>:$inputs, Variadic<View>:$outputs,
                       OptionalAttr<Sym_DimsAttr>:$integers,
                       DefaultValuedAttr<DenseF64ArrayAttr, "{}">:$floats);
  let assemblyFormat = [{
    $callee (`ins` `(` $inputs^ `:` type($inputs) `)`)? `outs` `(` $outputs `:` type($outputs) `)` attr-dict-with-keyword
  }];
}

//===----------------------------------------------------------------------===//
// Scalar regions
//===----------------------------------------------------------------------===//

def Kernel_ApplyOp : Kernel_Op<"apply", [Pure]> {
  let summary = "One row of the scalar-op table";
  let arguments = (ins StrAttr:$kind, Variadic<AnyType>:$operands_);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$kind `(` $operands_ `)` attr-dict `:` functional-type($operands_, $result)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{ ::sinter::scalar::Kind getScalarKind(); }];
}

def Kernel_CastOp : Kernel_Op<"cast", [Pure]> {
  let summary = "Scalar conversion with the rules of graph.cast";
  let arguments = (ins AnyType:$input, DefaultValuedAttr<BoolAttr, "true">:$saturate);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($result)";
}

def Kernel_ConstOp : Kernel_Op<"const", [Pure, ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "A scalar constant";
  let arguments = (ins TypedAttrInterface:$value);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$value attr-dict";
  let hasFolder = 1;
}

def Kernel_IndexOp : Kernel_Op<"index", [Pure]> {
  let summary = "Coordinate of the current element along an axis of the domain (i64)";
  let arguments = (ins I64Attr:$axis);
  let results = (outs I64:$result);
  let assemblyFormat = "$axis attr-dict";
}

def Kernel_DimOp : Kernel_Op<"dim", [Pure]> {
  let summary = "The value of a dimension over the formal parameters (i64)";
  let arguments = (ins Sym_DimAttr:$value);
  let results = (outs I64:$result);
  let assemblyFormat = "$value attr-dict";
}

def Kernel_YieldOp : Kernel_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "Values of a scalar region";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif // SINTER_DIALECTS_KERNEL_OPS_TD
