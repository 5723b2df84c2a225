// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: sinter-opt %s --sinter-form-groups --split-input-file | FileCheck %s

// Bias, residual and activation run behind the product.
// CHECK-LABEL: func.func @epilogue
// CHECK: %[[G:.*]] = graph.group(%{{.*}}, %{{.*}}, %{{.*}})
// CHECK: graph.matmul
// CHECK-NEXT: graph.map "add"
// CHECK-NEXT: graph.map "add"
// CHECK-NEXT: graph.map "relu"
// CHECK-NEXT: graph.yield
// CHECK: return %[[G]]
func.func @epilogue(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = graph.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = graph.map "add"(%0, %b) : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  %2 = graph.map "add"(%1, %x) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = graph.map "relu"(%2) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %3 : tensor<4x8xf32>
}

// -----

// The gate depends on the product through a reduction: it must not join.
// CHECK-LABEL: func.func @cycle
// CHECK: graph.group
// CHECK-NEXT: ^bb0
// CHECK-NEXT: graph.matmul
// CHECK-NEXT: graph.yield
// CHECK: graph.group
// CHECK: graph.reduce
// CHECK-NEXT: graph.map "sigmoid"
// CHECK: graph.group
// CHECK-NEXT: ^bb0
// CHECK-NEXT: graph.map "mul"
// CHECK-NEXT: graph.yield
func.func @cycle(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> tensor<4x8xf32> {
  %0 = graph.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = graph.reduce "mean" %0 {axes = array<i64: 1>, keep_dims} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %2 = graph.map "sigmoid"(%1) : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %3 = graph.map "mul"(%0, %2) : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  return %3 : tensor<4x8xf32>
}

// -----

// A value used elsewhere is one more result; a splat is cloned into the group.
// CHECK-LABEL: func.func @second_result
// CHECK: %[[G:.*]]:2 = graph.group(%{{.*}}, %{{.*}}) : (tensor<4x8xf32>, tensor<8x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>)
// CHECK: graph.constant
// CHECK: return %[[G]]#0, %[[G]]#1
func.func @second_result(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %c = graph.constant(dense<2.0> : tensor<f32>) : tensor<f32>
  %0 = graph.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = graph.map "mul"(%0, %c) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Elementwise operations in front of a softmax run inside it; behind a broadcast
// to a larger extent they do not.
// CHECK-LABEL: func.func @prologue
// CHECK: graph.group
// CHECK: graph.map "mul"
// CHECK: graph.softmax
// CHECK: graph.yield
// CHECK: graph.group
// CHECK: graph.map "add"
func.func @prologue(%x: tensor<8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = graph.map "mul"(%x, %x) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = graph.softmax %0 {axis = 0 : i64} : (tensor<8xf32>) -> tensor<8xf32>
  %2 = graph.map "add"(%1, %y) : (tensor<8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

// What the function returns is wanted outside, also from its first operation.
// CHECK-LABEL: func.func @returned
// CHECK: graph.group
// CHECK: graph.map "mul"
// CHECK-NEXT: graph.yield
// CHECK: graph.group
// CHECK: graph.softmax
func.func @returned(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = graph.map "mul"(%x, %x) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = graph.softmax %0 {axis = 0 : i64} : (tensor<8xf32>) -> tensor<8xf32>
  return %0, %1 : tensor<8xf32>, tensor<8xf32>
}
