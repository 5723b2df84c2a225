// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: sinter-opt %s --sinter-channels-last --split-input-file | FileCheck %s

// Transposes remain at the two ends only; the bias constant is turned; the
// reduction over the spatial axes needs none behind it.
// CHECK-LABEL: func.func @chain
// CHECK: %[[T:.*]] = graph.transpose %{{.*}} {permutation = array<i64: 0, 2, 3, 1>}
// CHECK-NOT: graph.transpose
// CHECK: graph.conv %[[T]], %{{.*}} {channels_last,
// CHECK: graph.constant({{.*}}) : tensor<1x1x1x2xf32>
// CHECK: %[[B:.*]] = graph.map "add"({{.*}}) : (tensor<1x8x8x2xf32>, tensor<1x1x1x2xf32>)
// CHECK: %[[C:.*]] = graph.concat %[[B]], %[[B]] {axis = 3 : i64}
// CHECK: graph.pool "max" %[[C]] {channels_last,
// CHECK: graph.reduce "mean" %{{.*}} {axes = array<i64: 1, 2>} : (tensor<1x4x4x4xf32>) -> tensor<1x4xf32>
// CHECK-NOT: graph.transpose
// CHECK: return
func.func @chain(%x: tensor<1x3x8x8xf32>, %w: tensor<2x3x1x1xf32>) -> tensor<1x4xf32> {
  %b = graph.constant(dense<[[[1.0]], [[2.0]]]> : tensor<2x1x1xf32>) : tensor<2x1x1xf32>
  %0 = graph.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x8x8xf32>
  %1 = graph.map "add"(%0, %b) : (tensor<1x2x8x8xf32>, tensor<2x1x1xf32>) -> tensor<1x2x8x8xf32>
  %2 = graph.concat %1, %1 {axis = 1 : i64} : (tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>) -> tensor<1x4x8x8xf32>
  %3 = graph.pool "max" %2 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32>
  %4 = graph.reduce "mean" %3 {axes = array<i64: 2, 3>} : (tensor<1x4x4x4xf32>) -> tensor<1x4xf32>
  return %4 : tensor<1x4xf32>
}

// -----

// No convolution, nothing to do.
// CHECK-LABEL: func.func @untouched
// CHECK-NOT: graph.transpose
// CHECK: return
func.func @untouched(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x8x8xf32> {
  %0 = graph.map "relu"(%x) : (tensor<1x3x8x8xf32>) -> tensor<1x3x8x8xf32>
  return %0 : tensor<1x3x8x8xf32>
}

// -----

// The model's own transpose to channels last meets ours: none remains. What stays
// (a matrix product over the last axes) reads a transpose.
// CHECK-LABEL: func.func @meets
// CHECK: %[[Y:.*]] = graph.conv
// CHECK: %[[BACK:.*]] = graph.transpose %[[Y]] {permutation = array<i64: 0, 3, 1, 2>}
// CHECK: %[[P:.*]] = graph.matmul %[[BACK]]
// CHECK: return %[[Y]], %[[P]]
func.func @meets(%x: tensor<1x3x8x8xf32>, %w: tensor<2x3x1x1xf32>, %m: tensor<8x8xf32>) -> (tensor<1x8x8x2xf32>, tensor<1x2x8x8xf32>) {
  %0 = graph.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x8x8xf32>
  %1 = graph.transpose %0 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x2x8x8xf32>) -> tensor<1x8x8x2xf32>
  %2 = graph.matmul %0, %m : (tensor<1x2x8x8xf32>, tensor<8x8xf32>) -> tensor<1x2x8x8xf32>
  return %1, %2 : tensor<1x8x8x2xf32>, tensor<1x2x8x8xf32>
}

// -----

// An extent that is 0 for short inputs weighs something all the same.
// CHECK-LABEL: func.func @strided
// CHECK: %[[Y:.*]] = graph.conv
// CHECK-NEXT: graph.map "relu"(%[[Y]])
func.func @strided(%x: tensor<1x1x?xf32, #sym.dims<[1, 1, n]>>, %w: tensor<8x1x256xf32>) -> tensor<1x8x?xf32, #sym.dims<[1, 8, (n - 256) floordiv 1024 + 1]>> {
  %0 = graph.conv %x, %w {strides = array<i64: 1024>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x1x?xf32, #sym.dims<[1, 1, n]>>, tensor<8x1x256xf32>) -> tensor<1x8x?xf32, #sym.dims<[1, 8, (n - 256) floordiv 1024 + 1]>>
  %1 = graph.map "relu"(%0) : (tensor<1x8x?xf32, #sym.dims<[1, 8, (n - 256) floordiv 1024 + 1]>>) -> tensor<1x8x?xf32, #sym.dims<[1, 8, (n - 256) floordiv 1024 + 1]>>
  return %1 : tensor<1x8x?xf32, #sym.dims<[1, 8, (n - 256) floordiv 1024 + 1]>>
}
