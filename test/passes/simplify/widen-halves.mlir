// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: sinter-opt %s --sinter-widen-halves --canonicalize | FileCheck %s

// The right side stays a constant of halves; the moves in front of the product
// move f32.
// CHECK-LABEL: func @product
// CHECK-SAME: (%[[X:.*]]: tensor<4x6xf16>)
// CHECK-DAG: %[[W:.*]] = graph.constant{{.*}} tensor<4x8xf16>
// CHECK-DAG: %[[RELU:.*]] = graph.map "relu"(%[[X]])
// CHECK: %[[WIDE:.*]] = graph.cast %[[RELU]] : tensor<4x6xf16> to tensor<4x6xf32>
// CHECK: %[[TURNED:.*]] = graph.transpose %[[WIDE]]
// CHECK: %[[SUM:.*]] = graph.matmul %[[TURNED]], %[[W]] : (tensor<6x4xf32>, tensor<4x8xf16>) -> tensor<6x8xf32>
// CHECK: %[[HALF:.*]] = graph.cast %[[SUM]] : tensor<6x8xf32> to tensor<6x8xf16>
// CHECK: return %[[HALF]]
func.func @product(%x: tensor<4x6xf16>) -> tensor<6x8xf16> {
  %w = graph.constant(dense<0.5> : tensor<4x8xf16>) : tensor<4x8xf16>
  %0 = graph.map "relu"(%x) : (tensor<4x6xf16>) -> tensor<4x6xf16>
  %1 = graph.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<4x6xf16>) -> tensor<6x4xf16>
  %2 = graph.matmul %1, %w : (tensor<6x4xf16>, tensor<4x8xf16>) -> tensor<6x8xf16>
  return %2 : tensor<6x8xf16>
}

// What others read as well is widened once, beside the halves.
// CHECK-LABEL: func @shared
// CHECK: %[[SUM:.*]] = graph.map "add"
// CHECK: %[[WIDE:.*]] = graph.cast %[[SUM]] : tensor<1x2x5xbf16> to tensor<1x2x5xf32>
// CHECK: graph.conv %[[WIDE]], %{{.*}} bias %{{.*}} : (tensor<1x2x5xf32>, tensor<2x2x1xbf16>, tensor<2xf32>) -> tensor<1x2x5xf32>
// CHECK: graph.matmul %[[WIDE]], %[[SUM]] {transpose_b}
func.func @shared(%x: tensor<1x2x5xbf16>, %b: tensor<2xbf16>) -> (tensor<1x2x5xbf16>, tensor<1x2x2xbf16>) {
  %w = graph.constant(dense<0.5> : tensor<2x2x1xbf16>) : tensor<2x2x1xbf16>
  %0 = graph.map "add"(%x, %x) : (tensor<1x2x5xbf16>, tensor<1x2x5xbf16>) -> tensor<1x2x5xbf16>
  %1 = graph.conv %0, %w bias %b {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x2x5xbf16>, tensor<2x2x1xbf16>, tensor<2xbf16>) -> tensor<1x2x5xbf16>
  %2 = graph.matmul %0, %0 {transpose_b} : (tensor<1x2x5xbf16>, tensor<1x2x5xbf16>) -> tensor<1x2x2xbf16>
  return %1, %2 : tensor<1x2x5xbf16>, tensor<1x2x2xbf16>
}

// CHECK-LABEL: func @singles
// CHECK-NOT: graph.cast
func.func @singles(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = graph.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// A filter that is no constant: the operation may become one of C, of one type.
// CHECK-LABEL: func @transposed
// CHECK-NOT: graph.cast
func.func @transposed(%x: tensor<1x2x5xf16>, %w: tensor<2x2x3xf16>) -> tensor<1x2x7xf16> {
  %0 = graph.conv_transpose %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>, group = 1 : i64} : (tensor<1x2x5xf16>, tensor<2x2x3xf16>) -> tensor<1x2x7xf16>
  return %0 : tensor<1x2x7xf16>
}
