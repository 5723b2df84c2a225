// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: sinter-opt %s --sinter-narrow-products --cse | FileCheck %s

// The zero point of the left side is one number a column.
// CHECK-LABEL: func @integers
// CHECK: %[[W:.*]] = graph.constant(dense<{{.*}}> : tensor<4x2xi8>)
// CHECK: %[[S:.*]] = graph.matmul %arg0, %[[W]] : (tensor<3x4xui8>, tensor<4x2xi8>) -> tensor<3x2xi32>
// CHECK: graph.constant(dense<[36, -24]> : tensor<2xi32>)
// CHECK: graph.map "sub"(%[[S]],
func.func @integers(%a: tensor<3x4xui8>) -> tensor<3x2xi32> {
  %w = graph.constant(dense<[[1, 0], [2, -3], [3, 1], [6, -6]]> : tensor<4x2xi8>) : tensor<4x2xi8>
  %z = graph.constant(dense<3> : tensor<i16>) : tensor<i16>
  %0 = graph.cast %a : tensor<3x4xui8> to tensor<3x4xi16>
  %1 = graph.map "sub"(%0, %z) : (tensor<3x4xi16>, tensor<i16>) -> tensor<3x4xi16>
  %2 = graph.cast %w : tensor<4x2xi8> to tensor<4x2xi16>
  %3 = graph.matmul %1, %2 : (tensor<3x4xi16>, tensor<4x2xi16>) -> tensor<3x2xi32>
  return %3 : tensor<3x2xi32>
}

// A zero point known at run time, signed bytes, and a depth of no whole words.
// CHECK-LABEL: func @runtime_zero
// CHECK: %[[U:.*]] = graph.cast %{{.*}} : tensor<3x5xi16> to tensor<3x5xui8>
// CHECK: %[[P:.*]] = graph.pad "constant" %[[U]]
// CHECK: graph.matmul %[[P]], %{{.*}} : (tensor<3x8xui8>, tensor<8x2xi8>) -> tensor<3x2xi32>
// CHECK: graph.map "mul"
// CHECK: graph.map "sub"
func.func @runtime_zero(%a: tensor<3x5xi8>, %z: tensor<i8>) -> tensor<3x2xi32> {
  %w = graph.constant(dense<[[1, 0], [2, -3], [3, 1], [6, -6], [7, 7]]> : tensor<5x2xi8>) : tensor<5x2xi8>
  %0 = graph.cast %a : tensor<3x5xi8> to tensor<3x5xi16>
  %1 = graph.cast %z : tensor<i8> to tensor<i16>
  %2 = graph.map "sub"(%0, %1) : (tensor<3x5xi16>, tensor<i16>) -> tensor<3x5xi16>
  %3 = graph.cast %w : tensor<5x2xi8> to tensor<5x2xi16>
  %4 = graph.matmul %2, %3 : (tensor<3x5xi16>, tensor<5x2xi16>) -> tensor<3x2xi32>
  return %4 : tensor<3x2xi32>
}

// Numbers beyond signed bytes: a column of ones gives the sums of the rows.
// CHECK-LABEL: func @wide
// CHECK: graph.matmul %arg0, %{{.*}} : (tensor<3x4xui8>, tensor<4x2xi8>) -> tensor<3x2xi32>
// CHECK: graph.matmul %arg0, %{{.*}} : (tensor<3x4xui8>, tensor<4x1xi8>) -> tensor<3x1xi32>
func.func @wide(%a: tensor<3x4xui8>) -> tensor<3x2xi32> {
  %w = graph.constant(dense<[[200, 0], [2, 3], [3, 1], [6, 6]]> : tensor<4x2xui8>) : tensor<4x2xui8>
  %0 = graph.cast %a : tensor<3x4xui8> to tensor<3x4xi16>
  %1 = graph.cast %w : tensor<4x2xui8> to tensor<4x2xi16>
  %2 = graph.matmul %0, %1 : (tensor<3x4xi16>, tensor<4x2xi16>) -> tensor<3x2xi32>
  return %2 : tensor<3x2xi32>
}

// Between dequantisation and quantisation: one factor on the sum. Padding is the
// zero point.
// CHECK-LABEL: func @convolution
// CHECK: graph.pad "constant" %arg0 value
// CHECK: %[[C:.*]] = graph.conv %{{.*}}, %{{.*}} bias %{{.*}} {{.*}}pads = array<i64: 0, 0, 0, 0>{{.*}} (tensor<1x4x5x5xui8>, tensor<2x4x2x2xi8>, tensor<2xi32>) -> tensor<1x2x4x4xi32>
// CHECK: graph.cast %[[C]]
// CHECK: graph.map "round"
// CHECK-NOT: graph.conv
func.func @convolution(%a: tensor<1x4x4x4xui8>) -> tensor<1x2x4x4xui8> {
  %w = graph.constant(dense<3> : tensor<2x4x2x2xi8>) : tensor<2x4x2x2xi8>
  %sw = graph.constant(dense<[[[[0.5]]], [[[0.25]]]]> : tensor<2x1x1x1xf32>) : tensor<2x1x1x1xf32>
  %sa = graph.constant(dense<0.125> : tensor<f32>) : tensor<f32>
  %sy = graph.constant(dense<4.0> : tensor<f32>) : tensor<f32>
  %z = graph.constant(dense<7> : tensor<i32>) : tensor<i32>
  %low = graph.constant(dense<0.0> : tensor<f32>) : tensor<f32>
  %high = graph.constant(dense<255.0> : tensor<f32>) : tensor<f32>
  %0 = graph.cast %a : tensor<1x4x4x4xui8> to tensor<1x4x4x4xi32>
  %1 = graph.map "sub"(%0, %z) : (tensor<1x4x4x4xi32>, tensor<i32>) -> tensor<1x4x4x4xi32>
  %2 = graph.cast %1 : tensor<1x4x4x4xi32> to tensor<1x4x4x4xf32>
  %3 = graph.map "mul"(%2, %sa) : (tensor<1x4x4x4xf32>, tensor<f32>) -> tensor<1x4x4x4xf32>
  %4 = graph.cast %w : tensor<2x4x2x2xi8> to tensor<2x4x2x2xf32>
  %5 = graph.map "mul"(%4, %sw) : (tensor<2x4x2x2xf32>, tensor<2x1x1x1xf32>) -> tensor<2x4x2x2xf32>
  %6 = graph.conv %3, %5 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x4x4xf32>, tensor<2x4x2x2xf32>) -> tensor<1x2x4x4xf32>
  %7 = graph.map "div"(%6, %sy) : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %8 = graph.map "round"(%7) : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %9 = graph.map "clip"(%8, %low, %high) : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %10 = graph.cast %9 : tensor<1x2x4x4xf32> to tensor<1x2x4x4xui8>
  return %10 : tensor<1x2x4x4xui8>
}

// Both sides known at run time: as it is.
// CHECK-LABEL: func @stays
// CHECK: graph.matmul {{.*}} : (tensor<3x4xi16>, tensor<4x2xi16>) -> tensor<3x2xi32>
func.func @stays(%a: tensor<3x4xui8>, %b: tensor<4x2xui8>) -> tensor<3x2xi32> {
  %0 = graph.cast %a : tensor<3x4xui8> to tensor<3x4xi16>
  %1 = graph.cast %b : tensor<4x2xui8> to tensor<4x2xi16>
  %2 = graph.matmul %0, %1 : (tensor<3x4xi16>, tensor<4x2xi16>) -> tensor<3x2xi32>
  return %2 : tensor<3x2xi32>
}
