// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: sinter-opt %s --sinter-clean-algebra | FileCheck %s

// CHECK-LABEL: func @identities
// CHECK-NEXT: return %arg0
func.func @identities(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %zero = graph.constant(dense<0.0> : tensor<f32>) : tensor<f32>
  %one = graph.constant(dense<1.0> : tensor<3xf32>) : tensor<3xf32>
  %0 = graph.map "add"(%zero, %x) : (tensor<f32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = graph.map "mul"(%0, %one) : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %2 = graph.map "div"(%1, %one) : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %3 = graph.cast %2 : tensor<2x3xf32> to tensor<2x3xf32>
  %4 = graph.slice %3 {starts = #sym.dims<[0, 0]>, sizes = #sym.dims<[2, 3]>, steps = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = graph.concat %4 {axis = 0 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %5 : tensor<2x3xf32>
}

// x * 1 that broadcasts x must stay.
// CHECK-LABEL: func @broadcasts
// CHECK: graph.map "mul"
func.func @broadcasts(%x: tensor<1x3xf32>) -> tensor<2x3xf32> {
  %one = graph.constant(dense<1.0> : tensor<2x1xf32>) : tensor<2x1xf32>
  %0 = graph.map "mul"(%x, %one) : (tensor<1x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func @transposes
// CHECK-NEXT: return %arg0
func.func @transposes(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = graph.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = graph.transpose %0 {permutation = array<i64: 2, 0, 1>} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// Axes of one element move no element.
// CHECK-LABEL: func @unit_axes
// CHECK-NEXT: graph.reshape %arg0 : tensor<2x1x4xf32> to tensor<8xf32>
// CHECK-NEXT: return
func.func @unit_axes(%x: tensor<2x1x4xf32>) -> tensor<8xf32> {
  %0 = graph.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<2x1x4xf32>) -> tensor<1x2x4xf32>
  %1 = graph.reshape %0 : tensor<1x2x4xf32> to tensor<8xf32>
  return %1 : tensor<8xf32>
}

// The sum broadcasts by itself; the copy is in vain.
// CHECK-LABEL: func @broadcast_operand
// CHECK-NEXT: graph.map "add"(%arg0, %arg1) : (tensor<2x3xf32>, tensor<3xf32>)
func.func @broadcast_operand(%x: tensor<2x3xf32>, %b: tensor<3xf32>) -> tensor<2x3xf32> {
  %0 = graph.broadcast %b : tensor<3xf32> to tensor<2x3xf32>
  %1 = graph.map "add"(%x, %0) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// Only a widening cast may be left out.
// CHECK-LABEL: func @casts
// CHECK-DAG: graph.cast %arg0 : tensor<2xi32> to tensor<2xf32>
// CHECK-DAG: graph.cast %arg1 : tensor<2xf32> to tensor<2xi32>
// CHECK-DAG: graph.cast %{{[0-9]+}} : tensor<2xi32> to tensor<2xf32>
func.func @casts(%x: tensor<2xi32>, %y: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = graph.cast %x : tensor<2xi32> to tensor<2xi64>
  %1 = graph.cast %0 : tensor<2xi64> to tensor<2xf32>
  %2 = graph.cast %y : tensor<2xf32> to tensor<2xi32>
  %3 = graph.cast %2 : tensor<2xi32> to tensor<2xf32>
  return %1, %3 : tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: func @powers
// CHECK: graph.map "mul"(%arg0, %arg0)
// CHECK: graph.map "sqrt"(%arg0)
// CHECK: graph.map "relu"(%arg0)
func.func @powers(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %two = graph.constant(dense<2.0> : tensor<f32>) : tensor<f32>
  %half = graph.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %zero = graph.constant(dense<0.0> : tensor<f32>) : tensor<f32>
  %0 = graph.map "pow"(%x, %two) : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %1 = graph.map "pow"(%x, %half) : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %2 = graph.map "max"(%x, %zero) : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %0, %1, %2 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// A power of two is divided by exactly; 3 is not.
// CHECK-LABEL: func @quotients
// CHECK-DAG: %[[F:.*]] = graph.constant(dense<1.250000e-01> : tensor<f32>)
// CHECK-DAG: graph.map "mul"(%arg0, %[[F]])
// CHECK-DAG: graph.map "div"(%arg0,
func.func @quotients(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %eight = graph.constant(dense<8.0> : tensor<f32>) : tensor<f32>
  %three = graph.constant(dense<3.0> : tensor<f32>) : tensor<f32>
  %0 = graph.map "div"(%x, %eight) : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %1 = graph.map "div"(%x, %three) : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}

// 25 elements a result become 10; 9 would become 6 and one more tensor, and windows
// that do not overlap share nothing.
// CHECK-LABEL: func @boxes
// CHECK: %[[ROWS:.*]] = graph.pool "max" %arg0 {dilations = array<i64: 1, 1>, kernel = array<i64: 5, 1>, pads = array<i64: 2, 0, 1, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x20x20xf32>) -> tensor<1x8x19x20xf32>
// CHECK: graph.pool "max" %[[ROWS]] {dilations = array<i64: 1, 2>, kernel = array<i64: 1, 5>, pads = array<i64: 0, 4, 0, 4>, strides = array<i64: 1, 1>} : (tensor<1x8x19x20xf32>) -> tensor<1x8x19x20xf32>
// CHECK: graph.pool "max" %arg0 {{.*}}kernel = array<i64: 3, 3>
// CHECK: graph.pool "max" %arg0 {{.*}}kernel = array<i64: 5, 5>{{.*}}strides = array<i64: 2, 2>
// CHECK: graph.pool "average" %arg0 {{.*}}kernel = array<i64: 5, 5>
func.func @boxes(%x: tensor<1x8x20x20xf32>) -> (tensor<1x8x19x20xf32>, tensor<1x8x18x18xf32>, tensor<1x8x8x8xf32>, tensor<1x8x16x16xf32>) {
  %0 = graph.pool "max" %x {kernel = array<i64: 5, 5>, strides = array<i64: 1, 1>, pads = array<i64: 2, 4, 1, 4>, dilations = array<i64: 1, 2>} : (tensor<1x8x20x20xf32>) -> tensor<1x8x19x20xf32>
  %1 = graph.pool "max" %x {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x20x20xf32>) -> tensor<1x8x18x18xf32>
  %2 = graph.pool "max" %x {kernel = array<i64: 5, 5>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x20x20xf32>) -> tensor<1x8x8x8xf32>
  %3 = graph.pool "average" %x {kernel = array<i64: 5, 5>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x20x20xf32>) -> tensor<1x8x16x16xf32>
  return %0, %1, %2, %3 : tensor<1x8x19x20xf32>, tensor<1x8x18x18xf32>, tensor<1x8x8x8xf32>, tensor<1x8x16x16xf32>
}
