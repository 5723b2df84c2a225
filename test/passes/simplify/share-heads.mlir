// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: sinter-opt %s --sinter-share-heads | FileCheck %s

// Four query heads on two of keys, both sides scaled: the keys are read as they are.
// CHECK-LABEL: func @keys
// CHECK-NOT: graph.broadcast
// CHECK: %[[Q:.*]] = graph.map "mul"(%{{.*}}, %{{.*}})
// CHECK: %[[S:.*]] = graph.map "mul"(%[[Q]], %{{.*}})
// CHECK: %[[A:.*]] = graph.reshape %[[S]] {{.*}} to tensor<1x2x6x8xf32>
// CHECK: %[[K:.*]] = graph.reshape {{.*}} to tensor<1x2x5x8xf32>
// CHECK: %[[Y:.*]] = graph.matmul %[[A]], %[[K]] {transpose_b}
// CHECK: graph.reshape %[[Y]] {{.*}} to tensor<1x4x3x5xf32>
func.func @keys(%q: tensor<1x4x3x8xf32>, %k: tensor<1x2x5x8xf32>) -> tensor<1x4x3x5xf32> {
  %c = graph.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %q1 = graph.map "mul"(%q, %c) : (tensor<1x4x3x8xf32>, tensor<f32>) -> tensor<1x4x3x8xf32>
  %k1 = graph.reshape %k : tensor<1x2x5x8xf32> to tensor<1x2x1x5x8xf32>
  %k2 = graph.broadcast %k1 : tensor<1x2x1x5x8xf32> to tensor<1x2x2x5x8xf32>
  %k3 = graph.reshape %k2 : tensor<1x2x2x5x8xf32> to tensor<1x4x5x8xf32>
  %k4 = graph.transpose %k3 {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x4x5x8xf32>) -> tensor<1x4x8x5xf32>
  %k5 = graph.map "mul"(%k4, %c) : (tensor<1x4x8x5xf32>, tensor<f32>) -> tensor<1x4x8x5xf32>
  %y = graph.matmul %q1, %k5 : (tensor<1x4x3x8xf32>, tensor<1x4x8x5xf32>) -> tensor<1x4x3x5xf32>
  return %y : tensor<1x4x3x5xf32>
}

// Values, not transposed and not scaled.
// CHECK-LABEL: func @values
// CHECK-NOT: graph.broadcast
// CHECK: graph.matmul {{.*}} : (tensor<1x2x6x5xf32>, tensor<1x2x5x8xf32>) -> tensor<1x2x6x8xf32>
func.func @values(%p: tensor<1x4x3x5xf32>, %v: tensor<1x2x1x5x8xf32>) -> tensor<1x4x3x8xf32> {
  %v1 = graph.broadcast %v : tensor<1x2x1x5x8xf32> to tensor<1x2x2x5x8xf32>
  %v2 = graph.reshape %v1 : tensor<1x2x2x5x8xf32> to tensor<1x4x5x8xf32>
  %y = graph.matmul %p, %v2 : (tensor<1x4x3x5xf32>, tensor<1x4x5x8xf32>) -> tensor<1x4x3x8xf32>
  return %y : tensor<1x4x3x8xf32>
}

// Heads that alternate (h0 h1 h0 h1) are not those of one group.
// CHECK-LABEL: func @alternating
// CHECK: graph.broadcast
func.func @alternating(%p: tensor<1x4x3x5xf32>, %v: tensor<1x1x2x5x8xf32>) -> tensor<1x4x3x8xf32> {
  %v1 = graph.broadcast %v : tensor<1x1x2x5x8xf32> to tensor<1x2x2x5x8xf32>
  %v2 = graph.reshape %v1 : tensor<1x2x2x5x8xf32> to tensor<1x4x5x8xf32>
  %y = graph.matmul %p, %v2 : (tensor<1x4x3x5xf32>, tensor<1x4x5x8xf32>) -> tensor<1x4x3x8xf32>
  return %y : tensor<1x4x3x8xf32>
}

// A factor of the right-hand side alone stays where it is.
// CHECK-LABEL: func @one_factor
// CHECK: graph.map "mul"(%arg1
func.func @one_factor(%q: tensor<1x4x3x8xf32>, %k: tensor<1x4x8x5xf32>) -> tensor<1x4x3x5xf32> {
  %c = graph.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %k1 = graph.map "mul"(%k, %c) : (tensor<1x4x8x5xf32>, tensor<f32>) -> tensor<1x4x8x5xf32>
  %y = graph.matmul %q, %k1 : (tensor<1x4x3x8xf32>, tensor<1x4x8x5xf32>) -> tensor<1x4x3x5xf32>
  return %y : tensor<1x4x3x5xf32>
}
