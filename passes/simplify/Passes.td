// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each simplification does, with its before and after.

#ifndef SINTER_PASSES_SIMPLIFY_PASSES_TD
#define SINTER_PASSES_SIMPLIFY_PASSES_TD

include "mlir/Pass/PassBase.td"

def FoldConstants : Pass<"sinter-fold-constants", "::mlir::func::FuncOp"> {
  let summary = "Computes operations whose operands are constants.";
  let description = [{
    The reference evaluator computes; results above 4 KB go into the weight store
    with a recipe. Splats stay splats at any size. What folding adds to the model
    is limited: an operation that would take more than is left of `growth` bytes, or
    more than `work` multiply-adds, stays.

      %0 = graph.map "add"(%two, %three)      ==>      %0 = graph.constant(5)
  }];
  let constructor = "::sinter::createFoldConstants(nullptr)";
  let options = [Option<"growth", "growth", "int64_t", "64 << 20",
                        "Bytes that all folded results may add to the operands'">,
                 Option<"work", "work", "int64_t", "int64_t(1) << 32",
                        "Multiply-adds that a folded product may have">];
  let statistics = [Statistic<"folded", "operations-folded", "Operations computed">];
}

def NarrowProducts : Pass<"sinter-narrow-products", "::mlir::func::FuncOp"> {
  let summary = "Products of quantised operands become sums of products of bytes.";
  let description = [{
    Operands without their zero points, in i16, and floats between dequantisation
    and quantisation become unsigned bytes times constant signed ones, summed in
    i32; zero points and bias are one i32 for each output behind the sum, scales
    one factor. Refuses operands of which the right one is no constant or has over
    2^26 elements, or whose groups are no whole words of four bytes. Integers keep their bits.

      %x = cast(%q) - 128, %w = cast(%k)               i16
      %s = graph.matmul %x, %w
      ==>
      %t = graph.matmul %q, %k                         ui8, i8
      %s = %t - 128 * (sums of the columns of %k)
  }];
  let constructor = "::sinter::createNarrowProducts(nullptr)";
  let statistics = [Statistic<"narrowed", "products-narrowed", "Products of bytes">,
                    Statistic<"shifted", "tensors-shifted", "Signed tensors made unsigned">];
}

def FoldBatchNorm : Pass<"sinter-fold-batch-norm", "::mlir::func::FuncOp"> {
  let summary = "Batch normalisation becomes filter and bias, or a multiply and an add.";
  let description = [{
    After a convolution with a constant filter that nothing else reads, scale and
    shift are multiplied into filter and bias, in float64, rounded once. Elsewhere
    the normalisation becomes graph.map operations. No graph.batch_norm is left.

      graph.batch_norm(graph.conv %x, %w), %s, %b, %m, %v
      ==>
      graph.conv %x, %w' bias %b'
  }];
  let statistics = [Statistic<"scaled", "filters-scaled", "Filters that took a scale in">];
}

def FoldScale : Pass<"sinter-fold-scale", "::mlir::func::FuncOp"> {
  let summary = "Constant factors and terms move into the filter and the bias before them.";
  let description = [{
    A per-channel constant that is multiplied to, or added to, the only use of a
    convolution; a constant factor per column behind a matrix product.

      graph.map "mul"(graph.conv %x, %w bias %b), %c
      ==>
      graph.conv %x, %w*c bias %b*c
  }];
  let statistics = [Statistic<"folded", "operations-folded", "Factors and terms folded">];
}

def ShareHeads : Pass<"sinter-share-heads", "::mlir::func::FuncOp"> {
  let summary = "Query heads that share keys become rows of one product.";
  let description = [{
    Keys or values that a broadcast and a reshape repeat for several query heads
    are not repeated. Constant factors of that side go to the queries, and so
    does one factor of two that an exporter splits between both sides.

      graph.matmul %q, (graph.reshape (graph.broadcast %k))
      ==>
      graph.reshape (graph.matmul (graph.reshape %q), %k)
  }];
  let statistics = [Statistic<"shared", "products-shared", "Products without repeated heads">];
}

def CleanAlgebra : Pass<"sinter-clean-algebra", "::mlir::func::FuncOp"> {
  let summary = "Removes operations that change nothing and joins those that undo each other.";
  let description = [{
    x * 1, x + 0, x / 1, x ^ 1, x / 2^n, casts, transposes, reshapes, slices, pads and
    broadcasts that are identities; two transposes or reshapes in a row; a
    broadcast that the elementwise user does by itself. A max pool of stride 1 is
    taken one axis after the other where that reads less than half. x + 0 turns -0 into +0,
    which no comparison of results sees.
  }];
}

def RecognizeActivations : Pass<"sinter-recognize-activations", "::mlir::func::FuncOp"> {
  let summary = "Activations that an exporter took apart become one scalar operation.";
  let description = [{
    gelu (erf and tanh), silu, hard_sigmoid, hard_swish, mish, softplus. Constants
    are compared with a relative tolerance of 1e-3 of float32's printing, so 1.4142
    is the root of two. An intermediate value that something else reads stays.

      x * sigmoid(x)      ==>      graph.map "silu"(x)
  }];
}

def RecognizeNormalization : Pass<"sinter-recognize-normalization", "::mlir::func::FuncOp"> {
  let summary = "Layer and RMS normalisation and softmax that were taken apart become one operation.";
  let description = [{
      d = x - mean(x);  d / sqrt(mean(d * d) + e) * s + b
      ==>
      graph.normalize x scale s bias b
  }];
}

def UnifySymbols : Pass<"sinter-unify-symbols", "::mlir::func::FuncOp"> {
  let summary = "Extents that the model checks to be equal get one name.";
  let description = [{
    A graph.check of the function's own block makes two input symbols, or a symbol
    and a constant, one; the check itself stays. Shapes become comparable that were
    not: a matrix product whose inner extents had two names.

      x: [A, K], w: [L, 8], check K equals L
      ==>
      x: [A, K], w: [K, 8], check K equals L
  }];
}

def ExpandStatistics : Pass<"sinter-expand-statistics", "::mlir::func::FuncOp"> {
  let summary = "Normalisations that hand out their mean and deviation are taken apart.";
  let description = [{
    Statistics that nobody reads are dropped; where one is read, the normalisation
    becomes reductions and elementwise operations.

      %y, %mean, %inverse = graph.normalize %x {with_statistics}
      ==>
      %mean = graph.reduce "mean" %x;  %d = %x - %mean;  ...
  }];
}

def WidenHalves : Pass<"sinter-widen-halves", "::mlir::func::FuncOp"> {
  let summary = "What products read on the left is kept in f32.";
  let description = [{
    A product broadcasts each element of its left side; widening a half there takes
    longer than the multiply-adds. Values stay rounded to halves. The right side, and
    constants, stay halves. Operations that only move elements, and have no other
    reader, move f32.

      graph.matmul %x, %w : f16
      ==>
      graph.cast (graph.matmul (graph.cast %x), %w : f32) : f16
  }];
  let statistics = [Statistic<"count", "products-widened", "Products that read f32">];
}

#endif // SINTER_PASSES_SIMPLIFY_PASSES_TD
