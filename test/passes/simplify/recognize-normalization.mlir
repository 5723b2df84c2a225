// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: sinter-opt %s --sinter-recognize-normalization | FileCheck %s

// CHECK-LABEL: func @layer_norm
// CHECK: graph.normalize %arg0 scale %{{.*}} bias %{{.*}} {axis = 2 : i64, epsilon = 9.99{{[0-9]+}}E-6 : f64}
// CHECK-NEXT: return
func.func @layer_norm(%x: tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>) -> tensor<?x?x4xf32, #sym.dims<[B, S, 4]>> {
  %e = graph.constant(dense<1.0e-5> : tensor<f32>) : tensor<f32>
  %s = graph.constant(dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>) : tensor<4xf32>
  %b = graph.constant(dense<[4.0, 3.0, 2.0, 1.0]> : tensor<4xf32>) : tensor<4xf32>
  %0 = graph.reduce "mean" %x {axes = array<i64: 2>, keep_dims} : (tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>) -> tensor<?x?x1xf32, #sym.dims<[B, S, 1]>>
  %1 = graph.map "sub"(%x, %0) : (tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>, tensor<?x?x1xf32, #sym.dims<[B, S, 1]>>) -> tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>
  %2 = graph.map "mul"(%1, %1) : (tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>, tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>) -> tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>
  %3 = graph.reduce "mean" %2 {axes = array<i64: 2>, keep_dims} : (tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>) -> tensor<?x?x1xf32, #sym.dims<[B, S, 1]>>
  %4 = graph.map "add"(%3, %e) : (tensor<?x?x1xf32, #sym.dims<[B, S, 1]>>, tensor<f32>) -> tensor<?x?x1xf32, #sym.dims<[B, S, 1]>>
  %5 = graph.map "sqrt"(%4) : (tensor<?x?x1xf32, #sym.dims<[B, S, 1]>>) -> tensor<?x?x1xf32, #sym.dims<[B, S, 1]>>
  %6 = graph.map "div"(%1, %5) : (tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>, tensor<?x?x1xf32, #sym.dims<[B, S, 1]>>) -> tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>
  %7 = graph.map "mul"(%6, %s) : (tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>, tensor<4xf32>) -> tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>
  %8 = graph.map "add"(%7, %b) : (tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>, tensor<4xf32>) -> tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>
  return %8 : tensor<?x?x4xf32, #sym.dims<[B, S, 4]>>
}

// x * (1 / sqrt(mean(x * x) + e)) * s
// CHECK-LABEL: func @rms_norm
// CHECK: graph.normalize %arg0 scale %{{.*}} {axis = 1 : i64, {{.*}}rms}
// CHECK-NEXT: return
func.func @rms_norm(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %e = graph.constant(dense<1.0e-5> : tensor<f32>) : tensor<f32>
  %s = graph.constant(dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>) : tensor<4xf32>
  %2 = graph.map "mul"(%x, %x) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %3 = graph.reduce "mean" %2 {axes = array<i64: 1>, keep_dims} : (tensor<2x4xf32>) -> tensor<2x1xf32>
  %4 = graph.map "add"(%3, %e) : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
  %5 = graph.map "sqrt"(%4) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %6 = graph.map "reciprocal"(%5) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %7 = graph.map "mul"(%x, %6) : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  %8 = graph.map "mul"(%s, %7) : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %8 : tensor<2x4xf32>
}

// CHECK-LABEL: func @softmax
// CHECK-NEXT: graph.softmax %arg0 {axis = 1 : i64}
func.func @softmax(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %0 = graph.reduce "max" %x {axes = array<i64: 1>, keep_dims} : (tensor<2x4xf32>) -> tensor<2x1xf32>
  %1 = graph.map "sub"(%x, %0) : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  %2 = graph.map "exp"(%1) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %3 = graph.reduce "sum" %2 {axes = array<i64: 1>, keep_dims} : (tensor<2x4xf32>) -> tensor<2x1xf32>
  %4 = graph.map "div"(%2, %3) : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %4 : tensor<2x4xf32>
}

// The variance of another axis, and the mean of another value.
// CHECK-LABEL: func @not_norms
// CHECK-NOT: graph.normalize
// CHECK: return
func.func @not_norms(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %e = graph.constant(dense<1.0e-5> : tensor<f32>) : tensor<f32>
  %2 = graph.map "mul"(%x, %x) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = graph.reduce "mean" %2 {axes = array<i64: 0>, keep_dims} : (tensor<4x4xf32>) -> tensor<1x4xf32>
  %4 = graph.map "add"(%3, %e) : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xf32>
  %5 = graph.map "sqrt"(%4) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %6 = graph.map "div"(%x, %5) : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x4xf32>
  return %6 : tensor<4x4xf32>
}
