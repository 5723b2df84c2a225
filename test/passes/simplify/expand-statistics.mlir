// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: sinter-opt %s --sinter-expand-statistics | FileCheck %s

// CHECK-LABEL: func @unread
// CHECK-NEXT: graph.normalize %arg0 scale %arg1 {{.*}} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: return
func.func @unread(%x: tensor<2x4xf32>, %s: tensor<4xf32>) -> tensor<2x4xf32> {
  %0:3 = graph.normalize %x scale %s {axis = 1 : i64, epsilon = 1.0e-5 : f64, with_statistics} : (tensor<2x4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  return %0#0 : tensor<2x4xf32>
}

// CHECK-LABEL: func @read
// CHECK: %[[M:.*]] = graph.reduce "mean" %arg0
// CHECK: %[[R:.*]] = graph.map "reciprocal"
// CHECK-NOT: graph.normalize
// CHECK: return %{{.*}}, %[[M]], %[[R]]
func.func @read(%x: tensor<2x4xf32>, %s: tensor<4xf32>, %b: tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2x1xf32>, tensor<2x1xf32>) {
  %0:3 = graph.normalize %x scale %s bias %b {axis = 1 : i64, epsilon = 1.0e-5 : f64, with_statistics} : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  return %0#0, %0#1, %0#2 : tensor<2x4xf32>, tensor<2x1xf32>, tensor<2x1xf32>
}

// CHECK-LABEL: func @plain
// CHECK-NEXT: graph.normalize
func.func @plain(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %0 = graph.normalize %x {axis = 1 : i64, epsilon = 1.0e-5 : f64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
