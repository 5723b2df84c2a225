// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: sinter-opt %s --sinter-fold-batch-norm | FileCheck %s

// scale / sqrt(var + eps) = 2, so the filter doubles; bias' = (1 - 3) * 2 + 10.
// CHECK-LABEL: func @after_conv
// CHECK: %[[W:.*]] = graph.constant(dense<6.000000e+00> : tensor<2x1x1x1xf32>)
// CHECK: %[[B:.*]] = graph.constant(dense<6.000000e+00> : tensor<2xf32>)
// CHECK: %[[Y:.*]] = graph.conv %{{.*}}, %[[W]] bias %[[B]]
// CHECK-NEXT: return %[[Y]]
func.func @after_conv(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = graph.constant(dense<3.0> : tensor<2x1x1x1xf32>) : tensor<2x1x1x1xf32>
  %b = graph.constant(dense<1.0> : tensor<2xf32>) : tensor<2xf32>
  %scale = graph.constant(dense<4.0> : tensor<2xf32>) : tensor<2xf32>
  %shift = graph.constant(dense<10.0> : tensor<2xf32>) : tensor<2xf32>
  %mean = graph.constant(dense<3.0> : tensor<2xf32>) : tensor<2xf32>
  %var = graph.constant(dense<3.0> : tensor<2xf32>) : tensor<2xf32>
  %0 = graph.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = graph.batch_norm %0, %scale, %shift, %mean, %var {epsilon = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// The convolution's own result is read too: its filter must stay.
// CHECK-LABEL: func @two_readers
// CHECK: graph.conv %{{.*}}, %{{[^ ]*}} {
// CHECK: graph.map "mul"
// CHECK: graph.map "add"
func.func @two_readers(%x: tensor<1x1x4x4xf32>) -> (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) {
  %w = graph.constant(dense<3.0> : tensor<2x1x1x1xf32>) : tensor<2x1x1x1xf32>
  %s = graph.constant(dense<4.0> : tensor<2xf32>) : tensor<2xf32>
  %0 = graph.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = graph.batch_norm %0, %s, %s, %s, %s {epsilon = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %0, %1 : tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>
}

// Alone: one factor and one term a channel, in the shape of the channels.
// CHECK-LABEL: func @alone
// CHECK: graph.reshape %{{.*}} : tensor<2xf32> to tensor<2x1x1xf32>
// CHECK: %[[M:.*]] = graph.map "mul"(%arg0,
// CHECK: graph.map "add"(%[[M]],
// CHECK-NOT: graph.batch_norm
func.func @alone(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %s = graph.constant(dense<4.0> : tensor<2xf32>) : tensor<2xf32>
  %1 = graph.batch_norm %x, %s, %s, %s, %s {epsilon = 1.0 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// Parameters that are inputs are computed at run time.
// CHECK-LABEL: func @computed
// CHECK: graph.map "sqrt"
// CHECK-NOT: graph.batch_norm
func.func @computed(%x: tensor<3x2xf32>, %s: tensor<2xf32>, %v: tensor<2xf32>) -> tensor<3x2xf32> {
  %1 = graph.batch_norm %x, %s, %s, %s, %v {epsilon = 1.0e-5 : f64} : (tensor<3x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}

// The parameters' extent has another name than the channels.
// CHECK-LABEL: func @renamed
// CHECK: graph.reshape %{{.*}} : tensor<?xf32, #sym.dims<[D]>> to tensor<?x1xf32, #sym.dims<[C, 1]>>
// CHECK-NOT: graph.batch_norm
// CHECK: return %{{.*}} : tensor<2x?x4xf32, #sym.dims<[2, C, 4]>>
func.func @renamed(%x: tensor<2x?x4xf32, #sym.dims<[2, C, 4]>>, %s: tensor<?xf32, #sym.dims<[D]>>) -> tensor<2x?x4xf32, #sym.dims<[2, C, 4]>> {
  %1 = graph.batch_norm %x, %s, %s, %s, %s {epsilon = 1.0 : f64} : (tensor<2x?x4xf32, #sym.dims<[2, C, 4]>>, tensor<?xf32, #sym.dims<[D]>>, tensor<?xf32, #sym.dims<[D]>>, tensor<?xf32, #sym.dims<[D]>>, tensor<?xf32, #sym.dims<[D]>>) -> tensor<2x?x4xf32, #sym.dims<[2, C, 4]>>
  return %1 : tensor<2x?x4xf32, #sym.dims<[2, C, 4]>>
}
