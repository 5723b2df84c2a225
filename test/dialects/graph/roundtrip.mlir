// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is printed parses back to the same text, in the short and the generic form.
//
// RUN: sinter-opt %s | FileCheck %s
// RUN: sinter-opt %s > %t.1 && sinter-opt %t.1 > %t.2 && diff %t.1 %t.2
// RUN: sinter-opt %s --mlir-print-op-generic | sinter-opt > %t.3 && diff %t.1 %t.3

// CHECK: graph.symbol "N" {max = 64 : i64, min = 1 : i64}
graph.symbol "N" {min = 1, max = 64}
// CHECK: graph.check <N> equals <M> {broadcast}
graph.check #sym.dim<N> equals #sym.dim<M> {broadcast}

// CHECK-LABEL: func @elementwise
func.func @elementwise(%x: tensor<?x8xf32, #sym.dims<[N, 8]>>, %y: tensor<8xf32>)
    -> tensor<?x8xi1, #sym.dims<[N, 8]>> {
  // CHECK: graph.map "add"(%{{.*}}, %{{.*}}) : (tensor<?x8xf32, #sym.dims<[N, 8]>>, tensor<8xf32>) -> tensor<?x8xf32, #sym.dims<[N, 8]>>
  %0 = graph.map "add"(%x, %y) : (tensor<?x8xf32, #sym.dims<[N, 8]>>, tensor<8xf32>) -> tensor<?x8xf32, #sym.dims<[N, 8]>>
  %1 = graph.map "less"(%0, %y) : (tensor<?x8xf32, #sym.dims<[N, 8]>>, tensor<8xf32>) -> tensor<?x8xi1, #sym.dims<[N, 8]>>
  return %1 : tensor<?x8xi1, #sym.dims<[N, 8]>>
}

// Two symbols that nothing relates: the extent is exact for 0, 1 and equality.
// CHECK-LABEL: func @unproved
func.func @unproved(%x: tensor<?xf32, #sym.dims<[N]>>, %y: tensor<?xf32, #sym.dims<[M]>>) {
  // CHECK: -> tensor<?xf32, #sym.dims<[min(1, M) * min(1, N) * max(M, N)]>>
  %0 = graph.map "add"(%x, %y) : (tensor<?xf32, #sym.dims<[N]>>, tensor<?xf32, #sym.dims<[M]>>) -> tensor<?xf32, #sym.dims<[max(N, M) * min(N, 1) * min(M, 1)]>>
  // CHECK: -> tensor<?xf32, #sym.dims<[min(1, M) * min(1, N) * max(M, N)]>>
  %1 = graph.map "add"(%0, %y) : (tensor<?xf32, #sym.dims<[max(N, M) * min(N, 1) * min(M, 1)]>>, tensor<?xf32, #sym.dims<[M]>>) -> tensor<?xf32, #sym.dims<[max(N, M) * min(N, 1) * min(M, 1)]>>
  return
}

// CHECK-LABEL: func @window
func.func @window(%x: tensor<?x3x?x224xf32, #sym.dims<[N, 3, H, 224]>>, %w: tensor<64x3x7x7xf32>) {
  // CHECK: graph.conv {{.*}} -> tensor<?x64x?x112xf32, #sym.dims<[N, 64, (H + 1) floordiv 2, 112]>>
  %0 = graph.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 3, 3, 3, 3>, dilations = array<i64: 1, 1>, group = 1} : (tensor<?x3x?x224xf32, #sym.dims<[N, 3, H, 224]>>, tensor<64x3x7x7xf32>) -> tensor<?x64x?x112xf32, #sym.dims<[N, 64, (H + 1) floordiv 2, 112]>>
  // CHECK: graph.pool "max"
  %1 = graph.pool "max" %0 {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<?x64x?x112xf32, #sym.dims<[N, 64, (H - 1) floordiv 2 + 1, 112]>>) -> tensor<?x64x?x56xf32, #sym.dims<[N, 64, (H - 1) floordiv 4 + 1, 56]>>
  // CHECK: graph.reduce "mean"
  %2 = graph.reduce "mean" %1 {axes = array<i64: 2, 3>} : (tensor<?x64x?x56xf32, #sym.dims<[N, 64, (H - 1) floordiv 4 + 1, 56]>>) -> tensor<?x64xf32, #sym.dims<[N, 64]>>
  return
}

// CHECK-LABEL: func @products
func.func @products(%x: tensor<?x12x?x64xf32, #sym.dims<[B, 12, S, 64]>>) {
  // CHECK: graph.matmul {{.*}} {transpose_b}
  %0 = graph.matmul %x, %x {transpose_b} : (tensor<?x12x?x64xf32, #sym.dims<[B, 12, S, 64]>>, tensor<?x12x?x64xf32, #sym.dims<[B, 12, S, 64]>>) -> tensor<?x12x?x?xf32, #sym.dims<[B, 12, S, S]>>
  %1 = graph.softmax %0 {axis = 3} : (tensor<?x12x?x?xf32, #sym.dims<[B, 12, S, S]>>) -> tensor<?x12x?x?xf32, #sym.dims<[B, 12, S, S]>>
  %2 = graph.transpose %x {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x12x?x64xf32, #sym.dims<[B, 12, S, 64]>>) -> tensor<?x?x12x64xf32, #sym.dims<[B, S, 12, 64]>>
  // CHECK: graph.reshape {{.*}} to tensor<?x?x768xf32, #sym.dims<[B, S, 768]>>
  %3 = graph.reshape %2 : tensor<?x?x12x64xf32, #sym.dims<[B, S, 12, 64]>> to tensor<?x?x768xf32, #sym.dims<[B, S, 768]>>
  %4 = graph.from_dims #sym.dims<[B, S, 768]> to tensor<3xi64>
  graph.bind_dim %4[1] to "T" : tensor<3xi64>
  return
}

// CHECK-LABEL: func @branch
func.func @branch(%c: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: graph.constant(dense<0.000000e+00> : tensor<4xf32>)
  %zero = graph.constant(dense<0.0> : tensor<4xf32>) : tensor<4xf32>
  // CHECK: graph.constant(#graph.weight<"w">)
  %w = graph.constant(#graph.weight<"w">) : tensor<4xf32>
  // CHECK: graph.if
  %0 = graph.if %c : (tensor<i1>) -> tensor<4xf32> then {
    graph.yield %x : tensor<4xf32>
  } else {
    graph.yield %w : tensor<4xf32>
  }
  // CHECK: graph.group
  %1 = graph.group(%0) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %r = graph.map "relu"(%a) : (tensor<4xf32>) -> tensor<4xf32>
    graph.yield %r : tensor<4xf32>
  }
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func @recurrent
func.func @recurrent(%x: tensor<?x2x8xf32, #sym.dims<[S, 2, 8]>>, %w: tensor<1x16x8xf32>, %r: tensor<1x16x4xf32>, %h: tensor<1x2x4xf32>) {
  // CHECK: graph.recurrent "lstm"
  %0:3 = graph.recurrent "lstm" %x, %w, %r h %h {direction = "forward", activations = ["sigmoid", "tanh", "tanh"]} : (tensor<?x2x8xf32, #sym.dims<[S, 2, 8]>>, tensor<1x16x8xf32>, tensor<1x16x4xf32>, tensor<1x2x4xf32>) -> (tensor<?x1x2x4xf32, #sym.dims<[S, 1, 2, 4]>>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// CHECK-LABEL: func @loop
func.func @loop(%c: tensor<i1>, %i: tensor<i64>, %x: tensor<2x2xf32>) {
  // CHECK: graph.loop %{{.*}} from(%{{.*}}, %{{.*}}) counts "trip" : (tensor<i1>, tensor<i64>, tensor<2x2xf32>) -> (tensor<i64>, tensor<2x2xf32>, tensor<9xf32>) {
  %0:3 = graph.loop %c from(%i, %x) counts "trip" : (tensor<i1>, tensor<i64>, tensor<2x2xf32>) -> (tensor<i64>, tensor<2x2xf32>, tensor<9xf32>) {
  ^bb0(%n: tensor<i64>, %a: tensor<2x2xf32>):
    // CHECK: graph.extern "det"(%{{.*}}) <[]> : (tensor<2x2xf32>) -> (tensor<f32>, tensor<2x2xf64>)
    %d:2 = graph.extern "det"(%a) <[]> : (tensor<2x2xf32>) -> (tensor<f32>, tensor<2x2xf64>)
    graph.yield %c, %n, %a, %d#0 : tensor<i1>, tensor<i64>, tensor<2x2xf32>, tensor<f32>
  }
  return
}
