// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations of the graph dialect. Ops marked `Inferred` compute their result
// types from operands and attributes (Shapes*.cpp) and their verifier demands
// equality; the others state their result type because it is not a function of
// the operands (reshape, broadcast, random extents).

#ifndef SINTER_DIALECTS_GRAPH_OPS_TD
#define SINTER_DIALECTS_GRAPH_OPS_TD

include "dialects/graph/GraphDialect.td"
include "dialects/sym/SymDialect.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"

class Graph_Op<string mnemonic, list<Trait> traits = []>
    : Op<Graph_Dialect, mnemonic, traits>;

/// A pure operation whose result types follow from operands and attributes.
class Graph_Inferred<string mnemonic, list<Trait> traits = []>
    : Graph_Op<mnemonic, !listconcat(traits, [
        Pure, InferTypeOpAdaptor])>;

/// A pure operation that states its result type; `hasVerifier` checks it.
class Graph_Stated<string mnemonic, list<Trait> traits = []>
    : Graph_Op<mnemonic, !listconcat(traits, [Pure])> {
  let hasVerifier = 1;
}

defvar Tensor = AnyRankedTensor;
defvar Ints = DenseI64ArrayAttr;

//===----------------------------------------------------------------------===//
// Module level and constants
//===----------------------------------------------------------------------===//

def Graph_SymbolOp : Graph_Op<"symbol"> {
  let summary = "Facts about one dimension symbol";
  let description = [{
        graph.symbol "batch" {min = 0, max = 2147483648, likely = [1]}

    `bound` names the run-time source: `input`, `axis` say that the symbol is that
    dimension of that function argument; without them a `graph.bind_dim` binds it.
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$min, I64Attr:$max,
                       DefaultValuedAttr<I64Attr, "1">:$divisor,
                       DefaultValuedAttr<Ints, "{}">:$likely,
                       OptionalAttr<I64Attr>:$input, OptionalAttr<I64Attr>:$axis);
  let assemblyFormat = "$name attr-dict";
}

def Graph_CheckOp : Graph_Op<"check"> {
  let summary = "An equality of dimensions that the model needs and nothing proved";
  let description = [{
    Becomes a check of the shape program; a violation is SINTER_E_SHAPE with the
    node of this operation's location. With `broadcast`, it also holds when either
    side is 1.
  }];
  let arguments = (ins Sym_DimAttr:$left, Sym_DimAttr:$right, UnitAttr:$broadcast);
  let assemblyFormat = "$left `equals` $right attr-dict";
}

def Graph_ConstantOp : Graph_Op<"constant", [Pure, ConstantLike]> {
  let summary = "A constant tensor";
  let description = [{
    `value` is a dense attribute (a splat, or at most 4 KB) or `#graph.weight<key>`.
  }];
  let arguments = (ins AnyAttr:$value);
  let results = (outs Tensor:$result);
  let assemblyFormat = "`(` $value `)` attr-dict `:` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Graph_FromDimsOp : Graph_Stated<"from_dims"> {
  let summary = "Dimensions as a tensor of integers (rank 0 or 1), in row-major order";
  let arguments = (ins Sym_DimsAttr:$dims);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$dims attr-dict `to` type($result)";
}

def Graph_BindDimOp : Graph_Op<"bind_dim"> {
  let summary = "Binds a symbol to one element of an integer tensor at run time";
  let description = [{
    Used when a shape comes out of data. The value is checked against the symbol's
    range; `element` counts in row-major order.
  }];
  let arguments = (ins Tensor:$source, I64Attr:$element, StrAttr:$symbol);
  let assemblyFormat = "$source `[` $element `]` `to` $symbol attr-dict `:` type($source)";
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

def Graph_MapOp : Graph_Inferred<"map"> {
  let summary = "A scalar operation applied to every element, operands broadcast";
  let description = [{
    `kind` is a row of the scalar-op table. Operands broadcast as in NumPy. Where
    the row says Bool the result element type is i1, else the operands' type.

        %y = graph.map "add"(%x, %b) : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  }];
  let arguments = (ins StrAttr:$kind, Variadic<Tensor>:$operands_);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$kind `(` $operands_ `)` attr-dict `:` functional-type($operands_, $result)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{ ::sinter::scalar::Kind getScalarKind(); }];
}

def Graph_CastOp : Graph_Stated<"cast", [Elementwise]> {
  let summary = "Element type conversion";
  let description = [{
    Float to integer truncates towards zero and, out of range, saturates (ONNX
    leaves it undefined); to bool is `x != 0`; float to narrower float rounds to
    nearest even. `saturate` is ONNX's flag for fp8.
  }];
  let arguments = (ins Tensor:$input, DefaultValuedAttr<BoolAttr, "true">:$saturate);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($result)";
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

def Graph_MatMulOp : Graph_Inferred<"matmul"> {
  let summary = "Matrix product over the last two axes, leading axes broadcast";
  let description = [{
    `transpose_a`/`transpose_b` swap the last two axes of that operand first. Both
    operands have rank >= 2 (the importer wraps vectors by reshapes).
  }];
  let arguments = (ins Tensor:$a, Tensor:$b, UnitAttr:$transpose_a, UnitAttr:$transpose_b);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$a `,` $b attr-dict `:` functional-type(operands, $result)";
}

def Graph_ConvOp : Graph_Inferred<"conv"> {
  let summary = "Convolution (cross-correlation), 1-3 spatial axes";
  let description = [{
    input [N, C, spatial...] (with `channels_last`: [N, spatial..., C]); filter
    [M, C/group, kernel...] always; bias [M]. `pads` is begin..., end... of the
    spatial axes.
    y[n,m,o] = bias[m] + sum_{c,k} filter[m,c,k] * x[n, g*C/group + c, o*stride + k*dilation - pad]
  }];
  let arguments = (ins Tensor:$input, Tensor:$filter, Optional<Tensor>:$bias,
                       Ints:$strides, Ints:$pads, Ints:$dilations, I64Attr:$group,
                       UnitAttr:$channels_last);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input `,` $filter (`bias` $bias^)? attr-dict `:` functional-type(operands, $result)";
}

def Graph_ConvTransposeOp : Graph_Inferred<"conv_transpose"> {
  let summary = "Transposed convolution";
  let description = [{
    filter [C, M/group, kernel...]. Result extent = (in - 1) * stride +
    output_padding + (kernel - 1) * dilation + 1 - pads.
  }];
  let arguments = (ins Tensor:$input, Tensor:$filter, Optional<Tensor>:$bias,
                       Ints:$strides, Ints:$pads, Ints:$dilations, Ints:$output_padding,
                       I64Attr:$group, UnitAttr:$channels_last);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input `,` $filter (`bias` $bias^)? attr-dict `:` functional-type(operands, $result)";
}

//===----------------------------------------------------------------------===//
// Windows, reductions, norms
//===----------------------------------------------------------------------===//

def Graph_PoolOp : Graph_Inferred<"pool"> {
  let summary = "max, average or lp pooling; `with_indices` adds the flat argmax";
  let description = [{
    `kind` is "max", "average" or "lp" (order `p`). `ceil_mode` as ONNX: the last
    window must start inside the input or its begin padding. `count_include_pad`
    is for average. Indices are flat in the (N,C,spatial) tensor, column-major
    when `column_major_indices`.
  }];
  let arguments = (ins Tensor:$input, StrAttr:$kind, Ints:$kernel, Ints:$strides,
                       Ints:$pads, Ints:$dilations, UnitAttr:$ceil_mode,
                       UnitAttr:$count_include_pad, DefaultValuedAttr<I64Attr, "2">:$p,
                       UnitAttr:$with_indices, UnitAttr:$column_major_indices,
                       UnitAttr:$channels_last);
  let results = (outs Variadic<Tensor>:$results);
  let assemblyFormat = "$kind $input attr-dict `:` functional-type(operands, $results)";
  let hasVerifier = 1;
}

def Graph_ReduceOp : Graph_Inferred<"reduce"> {
  let summary = "sum, mean, prod, min, max, l1, l2, log_sum, log_sum_exp, sum_square over axes";
  let description = [{
    Reduced axes stay with extent 1 when `keep_dims`. Float sums use 16 virtual
    lanes in the compiled code and index order in the evaluator.
  }];
  let arguments = (ins Tensor:$input, StrAttr:$kind, Ints:$axes, UnitAttr:$keep_dims);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$kind $input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Graph_ArgReduceOp : Graph_Inferred<"arg_reduce"> {
  let summary = "Index (i64) of the max or min along an axis";
  let arguments = (ins Tensor:$input, StrAttr:$kind, I64Attr:$axis, UnitAttr:$keep_dims,
                       UnitAttr:$select_last);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$kind $input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Graph_SoftmaxOp : Graph_Inferred<"softmax"> {
  let summary = "softmax or log-softmax along one axis";
  let description = [{ exp(x - max) / sum exp(x - max). Older opsets are reshaped by the importer. }];
  let arguments = (ins Tensor:$input, I64Attr:$axis, UnitAttr:$log);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
}

def Graph_BatchNormOp : Graph_Inferred<"batch_norm"> {
  let summary = "Inference batch normalisation over axis 1 (last axis with channels_last)";
  let description = [{ (x - mean) / sqrt(variance + epsilon) * scale + bias }];
  let arguments = (ins Tensor:$input, Tensor:$scale, Tensor:$bias, Tensor:$mean,
                       Tensor:$variance, F64Attr:$epsilon, UnitAttr:$channels_last);
  let results = (outs Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}

def Graph_NormalizeOp : Graph_Inferred<"normalize", [AttrSizedOperandSegments]> {
  let summary = "Layer and RMS normalisation over the axes from `axis` to the last";
  let description = [{
    y = (x - mean) / sqrt(variance + epsilon) * scale + bias; with `rms`, no mean
    is taken off and variance is the mean square. scale and bias broadcast against
    the normalised axes. `with_statistics` adds mean and 1/sqrt(...) as results.
  }];
  let arguments = (ins Tensor:$input, Optional<Tensor>:$scale, Optional<Tensor>:$bias,
                       I64Attr:$axis, F64Attr:$epsilon, UnitAttr:$rms,
                       UnitAttr:$with_statistics);
  let results = (outs Variadic<Tensor>:$results);
  let assemblyFormat = "$input (`scale` $scale^)? (`bias` $bias^)? attr-dict `:` functional-type(operands, $results)";
}

def Graph_GroupNormOp : Graph_Inferred<"group_norm"> {
  let summary = "Group normalisation of [N, C, ...]; instance normalisation has groups = C";
  let arguments = (ins Tensor:$input, Tensor:$scale, Tensor:$bias, I64Attr:$groups,
                       F64Attr:$epsilon);
  let results = (outs Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}

def Graph_LrnOp : Graph_Inferred<"lrn"> {
  let summary = "Local response normalisation across axis 1";
  let description = [{ y = x / (bias + alpha/size * sum of squares of `size` neighbours)^beta }];
  let arguments = (ins Tensor:$input, I64Attr:$size, F64Attr:$alpha, F64Attr:$beta, F64Attr:$bias);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
}

def Graph_CumSumOp : Graph_Inferred<"cumsum"> {
  let summary = "Running sum along an axis";
  let arguments = (ins Tensor:$input, I64Attr:$axis, UnitAttr:$exclusive, UnitAttr:$reverse);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

def Graph_TransposeOp : Graph_Inferred<"transpose"> {
  let summary = "Permutes axes: result axis i is input axis permutation[i]";
  let arguments = (ins Tensor:$input, Ints:$permutation);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Graph_ReshapeOp : Graph_Stated<"reshape"> {
  let summary = "Same elements in row-major order, another shape (also flatten, squeeze, unsqueeze)";
  let arguments = (ins Tensor:$input);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($result)";
}

def Graph_BroadcastOp : Graph_Stated<"broadcast"> {
  let summary = "NumPy broadcast to the result type";
  let arguments = (ins Tensor:$input);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($result)";
}

def Graph_ConcatOp : Graph_Inferred<"concat"> {
  let summary = "Joins tensors along an axis";
  let arguments = (ins Variadic<Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` functional-type($inputs, $result)";
}

def Graph_SliceOp : Graph_Inferred<"slice"> {
  let summary = "result[i] = input[starts + i * steps], extents in `sizes`";
  let description = [{
    Bounds are already clamped by the importer: starts and sizes are dimensions of
    this model, steps are non-zero constants (negative ones walk backwards).
  }];
  let arguments = (ins Tensor:$input, Sym_DimsAttr:$starts, Sym_DimsAttr:$sizes, Ints:$steps);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
}

def Graph_PadOp : Graph_Inferred<"pad"> {
  let summary = "Pads (or with negative amounts crops): constant, edge, reflect or wrap";
  let arguments = (ins Tensor:$input, Optional<Tensor>:$value, StrAttr:$mode,
                       Sym_DimsAttr:$low, Sym_DimsAttr:$high);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$mode $input (`value` $value^)? attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Graph_GatherOp : Graph_Inferred<"gather"> {
  let summary = "ONNX Gather: indices pick along one axis; negative counts from the end";
  let arguments = (ins Tensor:$input, Tensor:$indices, I64Attr:$axis);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input `,` $indices attr-dict `:` functional-type(operands, $result)";
}

def Graph_GatherElementsOp : Graph_Inferred<"gather_elements"> {
  let summary = "ONNX GatherElements";
  let arguments = (ins Tensor:$input, Tensor:$indices, I64Attr:$axis);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input `,` $indices attr-dict `:` functional-type(operands, $result)";
}

def Graph_GatherNDOp : Graph_Inferred<"gather_nd"> {
  let summary = "ONNX GatherND";
  let arguments = (ins Tensor:$input, Tensor:$indices, I64Attr:$batch_dims);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input `,` $indices attr-dict `:` functional-type(operands, $result)";
}

def Graph_ScatterElementsOp : Graph_Inferred<"scatter_elements"> {
  let summary = "ONNX ScatterElements; `reduction` is none, add, mul, min or max";
  let arguments = (ins Tensor:$input, Tensor:$indices, Tensor:$updates, I64Attr:$axis,
                       StrAttr:$reduction);
  let results = (outs Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}

def Graph_ScatterNDOp : Graph_Inferred<"scatter_nd"> {
  let summary = "ONNX ScatterND; `reduction` is none, add, mul, min or max";
  let arguments = (ins Tensor:$input, Tensor:$indices, Tensor:$updates, StrAttr:$reduction);
  let results = (outs Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}

def Graph_ResizeOp : Graph_Stated<"resize"> {
  let summary = "ONNX Resize to the result type's extents";
  let description = [{
    `mode`: nearest, linear, cubic. `scales` holds one factor an axis (1 where the
    axis is kept); 0 says that the factor is result extent / input extent.
    `coordinate_mode`, `nearest_mode`, `cubic_coeff_a`, `exclude_outside`,
    `extrapolation_value`, `antialias` as ONNX. `roi` pairs only for tf_crop_and_resize.
  }];
  let arguments = (ins Tensor:$input, StrAttr:$mode, StrAttr:$coordinate_mode,
                       StrAttr:$nearest_mode, DenseF64ArrayAttr:$scales,
                       DefaultValuedAttr<DenseF64ArrayAttr, "{}">:$roi,
                       DefaultValuedAttr<F64Attr, "-0.75">:$cubic_coeff_a,
                       DefaultValuedAttr<F64Attr, "0.0">:$extrapolation_value,
                       UnitAttr:$exclude_outside, UnitAttr:$antialias);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$mode $input attr-dict `:` type($input) `to` type($result)";
}

def Graph_TriluOp : Graph_Inferred<"trilu"> {
  let summary = "Keeps the upper or lower triangle of the last two axes, k diagonals off";
  let arguments = (ins Tensor:$input, Sym_DimAttr:$k, UnitAttr:$upper);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
}

def Graph_RangeOp : Graph_Stated<"range"> {
  let summary = "start + i * delta; the extent is in the result type";
  let arguments = (ins Tensor:$start, Tensor:$delta);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$start `,` $delta attr-dict `:` functional-type(operands, $result)";
}

def Graph_OneHotOp : Graph_Stated<"one_hot"> {
  let summary = "on/off values (`values` = [off, on]) at `indices` along a new axis";
  let arguments = (ins Tensor:$indices, Tensor:$values, I64Attr:$axis);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$indices `,` $values attr-dict `:` functional-type(operands, $result)";
}

def Graph_TopKOp : Graph_Inferred<"topk"> {
  let summary = "k largest (or smallest) along an axis with their indices; ties: lower index first";
  let arguments = (ins Tensor:$input, Sym_DimAttr:$k, I64Attr:$axis, BoolAttr:$largest, BoolAttr:$sorted);
  let results = (outs Tensor:$values, Tensor:$indices);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Graph_NonZeroOp : Graph_Stated<"nonzero"> {
  let summary = "Coordinates [rank, count] of non-zero elements; count is a symbol bound by `count`";
  let description = [{ `count` (i64 scalar) carries the extent; the buffer is reserved for the bound. }];
  let arguments = (ins Tensor:$input);
  let results = (outs Tensor:$result, Tensor:$count);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Graph_ExternOp : Graph_Stated<"extern"> {
  let summary = "A function of dialects/kernel/ExternTable.def on whole tensors";
  let description = [{
    For operators that are loops over data and nothing else: boxes, sampling at
    places that data name, sets. Integers and floats are what the table lists.
    Results that have no reader may be room that the function works in.

        %y = graph.extern "det"(%x) <[]> : (tensor<2x2xf32>) -> (tensor<f32>, tensor<2x2xf64>)
  }];
  let arguments = (ins StrAttr:$callee, Variadic<Tensor>:$inputs, Sym_DimsAttr:$integers, DefaultValuedAttr<DenseF64ArrayAttr, "{}">:$floats);
  let results = (outs Variadic<Tensor>:$results);
  let assemblyFormat = "$callee `(` $inputs `)` $integers attr-dict `:` functional-type($inputs, $results)";
}

def Graph_RecurrentOp : Graph_Inferred<"recurrent", [AttrSizedOperandSegments]> {
  let summary = "ONNX LSTM, GRU or RNN over a sequence";
  let description = [{
    input [S, B, I]; weights [D, G*H, I], recurrence [D, G*H, H], bias [D, 2*G*H],
    lengths [B] (i32), initial_h/initial_c [D, B, H], peephole [D, 3*H]; D = 2 for
    `bidirectional`. Results: Y [S, D, B, H], Y_h [D, B, H] and for LSTM Y_c.
    `cell` is "lstm", "gru" or "rnn"; gate order as ONNX (iofc, zrh). `activations` are scalar-op
    names (G-1 or as ONNX per direction), with alphas/betas. layout=1 is transposed by the importer.
    `quantised_state` (LSTM): i8 weights in words of 4; scales, sums and zero points end the bias.
  }];
  let arguments = (ins Tensor:$input, Tensor:$weights, Tensor:$recurrence,
                       Optional<Tensor>:$bias, Optional<Tensor>:$lengths,
                       Optional<Tensor>:$initial_h, Optional<Tensor>:$initial_c,
                       Optional<Tensor>:$peephole,
                       StrAttr:$cell, StrAttr:$direction, StrArrayAttr:$activations,
                       DefaultValuedAttr<DenseF64ArrayAttr, "{}">:$alphas,
                       DefaultValuedAttr<DenseF64ArrayAttr, "{}">:$betas,
                       OptionalAttr<F64Attr>:$clip, UnitAttr:$linear_before_reset,
                       UnitAttr:$input_forget, UnitAttr:$quantised_state);
  let results = (outs Variadic<Tensor>:$results);
  let assemblyFormat = [{
    $cell $input `,` $weights `,` $recurrence (`bias` $bias^)? (`lengths` $lengths^)?
    (`h` $initial_h^)? (`c` $initial_c^)? (`peephole` $peephole^)? attr-dict `:`
    functional-type(operands, $results)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Control flow and fusion
//===----------------------------------------------------------------------===//

def Graph_IfOp : Graph_Op<"if", [SingleBlock, RecursiveMemoryEffects]> {
  let summary = "Two branches; regions see the values around them";
  let arguments = (ins Tensor:$condition);
  let regions = (region SizedRegion<1>:$then_region, SizedRegion<1>:$else_region);
  let results = (outs Variadic<Tensor>:$results);
  let assemblyFormat = "$condition attr-dict `:` functional-type(operands, $results) `then` $then_region `else` $else_region";
  let hasVerifier = 1;
}

def Graph_LoopOp : Graph_Op<"loop", [SingleBlock, RecursiveMemoryEffects]> {
  let summary = "Runs its body as long as a condition holds";
  let description = [{
    The body takes the carried values, sees the values around it, and yields the
    next condition, the next carried values, and then what each trip scans. The
    first carried value counts trips (i64). Results: the carried values at the
    end, then [extent, ...] for each scanned one; slices behind the last trip
    are unspecified. `counter` names the symbol of the trip while the body runs.
  }];
  let arguments = (ins Tensor:$condition, Variadic<Tensor>:$initial, StrAttr:$counter);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<Tensor>:$results);
  let assemblyFormat = "$condition `from` `(` $initial `)` `counts` $counter attr-dict `:` functional-type(operands, $results) $body";
  let hasVerifier = 1;
}

def Graph_YieldOp : Graph_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "Ends a region of graph.if, graph.loop or graph.group";
  let arguments = (ins Variadic<Tensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Graph_GroupOp : Graph_Op<"group", [SingleBlock, IsolatedFromAbove, RecursiveMemoryEffects]> {
  let summary = "Operations that one kernel computes";
  let description = [{
    Made by the fusion pass: at most one root (conv, matmul, pool, softmax, ...) and
    the elementwise operations that run in its prologue or epilogue. Block arguments
    correspond to operands. Lowered to one kernel.define and one exec.launch.
  }];
  let arguments = (ins Variadic<Tensor>:$inputs);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<Tensor>:$results);
  let assemblyFormat = "`(` $inputs `)` attr-dict `:` functional-type($inputs, $results) $body";
  let hasVerifier = 1;
}

#endif // SINTER_DIALECTS_GRAPH_OPS_TD
