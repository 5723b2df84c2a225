// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: sinter-opt %s --sinter-fold-scale | FileCheck %s

// CHECK-LABEL: func @conv_chain
// CHECK: %[[W:.*]] = graph.constant(dense<{{.*}}1.000000e+00{{.*}}2.000000e+00{{.*}}> : tensor<2x1x1x1xf32>)
// CHECK: %[[B:.*]] = graph.constant(dense<[5.000000e+00, 6.000000e+00]> : tensor<2xf32>)
// CHECK: %[[Y:.*]] = graph.conv %{{.*}}, %[[W]] bias %[[B]]
// CHECK-NEXT: return %[[Y]]
func.func @conv_chain(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = graph.constant(dense<1.0> : tensor<2x1x1x1xf32>) : tensor<2x1x1x1xf32>
  %s = graph.constant(dense<[[[1.0]], [[2.0]]]> : tensor<2x1x1xf32>) : tensor<2x1x1xf32>
  %t = graph.constant(dense<[[[[5.0]], [[6.0]]]]> : tensor<1x2x1x1xf32>) : tensor<1x2x1x1xf32>
  %0 = graph.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = graph.map "mul"(%s, %0) : (tensor<2x1x1xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = graph.map "add"(%1, %t) : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x4x4xf32>
}

// CHECK-LABEL: func @columns
// CHECK: graph.constant(dense<{{.*}}2.500000e-01, 5.000000e-01{{.*}}> : tensor<3x2xf32>)
// CHECK: graph.matmul
// CHECK-NEXT: return
func.func @columns(%x: tensor<4x3xf32>) -> tensor<4x2xf32> {
  %w = graph.constant(dense<1.0> : tensor<3x2xf32>) : tensor<3x2xf32>
  %s = graph.constant(dense<[4.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
  %0 = graph.matmul %x, %w : (tensor<4x3xf32>, tensor<3x2xf32>) -> tensor<4x2xf32>
  %1 = graph.map "div"(%0, %s) : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  return %1 : tensor<4x2xf32>
}

// Along another axis, or added to a matrix product: both stay.
// CHECK-LABEL: func @stays
// CHECK: graph.map "mul"
// CHECK: graph.map "add"
func.func @stays(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %w = graph.constant(dense<1.0> : tensor<3x2xf32>) : tensor<3x2xf32>
  %s = graph.constant(dense<[[4.0], [2.0]]> : tensor<2x1xf32>) : tensor<2x1xf32>
  %t = graph.constant(dense<[4.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
  %0 = graph.matmul %x, %w : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %1 = graph.map "mul"(%0, %s) : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %2 = graph.map "add"(%1, %t) : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  return %2 : tensor<2x2xf32>
}
