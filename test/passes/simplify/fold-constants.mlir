// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: sinter-opt %s --sinter-fold-constants | FileCheck %s
// RUN: sinter-opt %s --sinter-fold-constants=growth=1000 | FileCheck %s --check-prefix=SMALL
// RUN: sinter-opt %s --sinter-fold-constants=work=1000 | FileCheck %s --check-prefix=WORK

// A chain folds in one walk.
// CHECK-LABEL: func @chain
// CHECK-NEXT: %[[C:.*]] = graph.constant(dense<[5.000000e+00, 7.000000e+00]> : tensor<2xf32>)
// CHECK-NEXT: return %[[C]]
func.func @chain() -> tensor<2xf32> {
  %a = graph.constant(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
  %b = graph.constant(dense<2.0> : tensor<f32>) : tensor<f32>
  %c = graph.constant(dense<3.0> : tensor<f32>) : tensor<f32>
  %0 = graph.map "mul"(%a, %b) : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %1 = graph.map "add"(%0, %c) : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// A splat stays one element, whatever its size and the budget.
// CHECK-LABEL: func @splat
// CHECK: graph.constant(dense<-2.000000e+00> : tensor<1024x1024xf32>)
// SMALL-LABEL: func @splat
// SMALL: graph.constant(dense<-2.000000e+00> : tensor<1024x1024xf32>)
func.func @splat() -> tensor<1024x1024xf32> {
  %a = graph.constant(dense<2.0> : tensor<1xf32>) : tensor<1xf32>
  %0 = graph.broadcast %a : tensor<1xf32> to tensor<1024x1024xf32>
  %1 = graph.map "neg"(%0) : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %1 : tensor<1024x1024xf32>
}

// A result above 4 KB is a weight; one that grows beyond the budget stays.
// CHECK-LABEL: func @large
// CHECK: graph.constant(#graph.weight<"folded.broadcast(constant)">)
// SMALL-LABEL: func @large
// SMALL: graph.broadcast
func.func @large() -> tensor<1024x2xf32> {
  %a = graph.constant(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
  %0 = graph.broadcast %a : tensor<2xf32> to tensor<1024x2xf32>
  return %0 : tensor<1024x2xf32>
}

// Not computed: an operand that varies, an index that is wrong.
// CHECK-LABEL: func @stays
// CHECK: graph.map
// CHECK: graph.gather
func.func @stays(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<1xf32>) {
  %a = graph.constant(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
  %i = graph.constant(dense<7> : tensor<1xi64>) : tensor<1xi64>
  %0 = graph.map "add"(%x, %a) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = graph.gather %a, %i {axis = 0 : i64} : (tensor<2xf32>, tensor<1xi64>) -> tensor<1xf32>
  return %0, %1 : tensor<2xf32>, tensor<1xf32>
}

// Bools, and an operation inside a branch.
// CHECK-LABEL: func @branch
// CHECK: graph.constant(dense<[true, false]> : tensor<2xi1>)
func.func @branch(%c: tensor<i1>, %x: tensor<2xi1>) -> tensor<2xi1> {
  %a = graph.constant(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
  %b = graph.constant(dense<1.5> : tensor<f32>) : tensor<f32>
  %0 = graph.if %c : (tensor<i1>) -> tensor<2xi1> then {
    %1 = graph.map "less"(%a, %b) : (tensor<2xf32>, tensor<f32>) -> tensor<2xi1>
    graph.yield %1 : tensor<2xi1>
  } else {
    graph.yield %x : tensor<2xi1>
  }
  return %0 : tensor<2xi1>
}

// Splats that must be written out, and products, are computed only within limits.
// CHECK-LABEL: func @limits
// CHECK-NOT: graph.reduce
// CHECK-NOT: graph.matmul
// SMALL-LABEL: func @limits
// SMALL: graph.reduce
// SMALL: graph.matmul
// WORK-LABEL: func @limits
// WORK-NOT: graph.reduce
// WORK: graph.matmul
func.func @limits() -> (tensor<f32>, tensor<2x2xf32>) {
  %a = graph.constant(dense<1.0> : tensor<64x64xf32>) : tensor<64x64xf32>
  %b = graph.constant(dense<1.0> : tensor<2x300xf32>) : tensor<2x300xf32>
  %0 = graph.reduce "sum" %a {axes = array<i64: 0, 1>} : (tensor<64x64xf32>) -> tensor<f32>
  %1 = graph.matmul %b, %b {transpose_b} : (tensor<2x300xf32>, tensor<2x300xf32>) -> tensor<2x2xf32>
  return %0, %1 : tensor<f32>, tensor<2x2xf32>
}
