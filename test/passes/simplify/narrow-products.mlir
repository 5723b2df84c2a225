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

// A sum of eight bytes does not wrap as one of four does.
// CHECK-LABEL: func @long_integers
// CHECK: graph.matmul {{.*}} : (tensor<3x4xi64>, tensor<4x2xi64>) -> tensor<3x2xi64>
func.func @long_integers(%a: tensor<3x4xui8>) -> tensor<3x2xi64> {
  %w = graph.constant(dense<[[1, 0], [2, -3], [3, 1], [6, -6]]> : tensor<4x2xi64>) : tensor<4x2xi64>
  %0 = graph.cast %a : tensor<3x4xui8> to tensor<3x4xi64>
  %1 = graph.matmul %0, %w : (tensor<3x4xi64>, tensor<4x2xi64>) -> tensor<3x2xi64>
  return %1 : tensor<3x2xi64>
}

// Bytes of the other sign, and bools, are other numbers.
// CHECK-LABEL: func @wrapped
// CHECK-COUNT-2: graph.matmul {{.*}} : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
func.func @wrapped(%a: tensor<3x4xui8>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %w = graph.constant(dense<[[1, 0], [2, -3], [3, 1], [6, -6]]> : tensor<4x2xi8>) : tensor<4x2xi8>
  %s = graph.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %0 = graph.cast %w : tensor<4x2xi8> to tensor<4x2xf32>
  %1 = graph.map "mul"(%0, %s) : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  %2 = graph.cast %a : tensor<3x4xui8> to tensor<3x4xi8>
  %3 = graph.cast %2 : tensor<3x4xi8> to tensor<3x4xi16>
  %4 = graph.cast %a : tensor<3x4xui8> to tensor<3x4xi1>
  %5 = graph.cast %4 : tensor<3x4xi1> to tensor<3x4xf32>
  %6 = graph.map "mul"(%5, %s) : (tensor<3x4xf32>, tensor<f32>) -> tensor<3x4xf32>
  %7 = graph.matmul %6, %1 : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  %8 = graph.cast %2 : tensor<3x4xi8> to tensor<3x4xf32>
  %9 = graph.map "add"(%8, %s) : (tensor<3x4xf32>, tensor<f32>) -> tensor<3x4xf32>
  %10 = graph.map "mul"(%9, %s) : (tensor<3x4xf32>, tensor<f32>) -> tensor<3x4xf32>
  %11 = graph.matmul %10, %1 : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %7, %11 : tensor<3x2xf32>, tensor<3x2xf32>
}

// The zero point of a byte is a byte: padding is filled with it.
// CHECK-LABEL: func @far_zero
// CHECK-COUNT-2: graph.matmul {{.*}} : (tensor<3x4xi32>, tensor<4x2xi32>) -> tensor<3x2xi32>
func.func @far_zero(%a: tensor<3x4xui8>, %z: tensor<i32>) -> (tensor<3x2xi32>, tensor<3x2xi32>) {
  %w = graph.constant(dense<[[1, 0], [2, -3], [3, 1], [6, -6]]> : tensor<4x2xi32>) : tensor<4x2xi32>
  %far = graph.constant(dense<300> : tensor<i32>) : tensor<i32>
  %0 = graph.cast %a : tensor<3x4xui8> to tensor<3x4xi32>
  %1 = graph.map "sub"(%0, %far) : (tensor<3x4xi32>, tensor<i32>) -> tensor<3x4xi32>
  %2 = graph.map "sub"(%0, %z) : (tensor<3x4xi32>, tensor<i32>) -> tensor<3x4xi32>
  %3 = graph.matmul %1, %w : (tensor<3x4xi32>, tensor<4x2xi32>) -> tensor<3x2xi32>
  %4 = graph.matmul %2, %w : (tensor<3x4xi32>, tensor<4x2xi32>) -> tensor<3x2xi32>
  return %3, %4 : tensor<3x2xi32>, tensor<3x2xi32>
}

// A zero point of more axes than the bytes adds axes to the result.
// CHECK-LABEL: func @more_axes
// CHECK: graph.matmul {{.*}} -> tensor<1x3x2xi32>
func.func @more_axes(%a: tensor<3x4xui8>) -> tensor<1x3x2xi32> {
  %w = graph.constant(dense<[[1, 0], [2, -3], [3, 1], [6, -6]]> : tensor<4x2xi32>) : tensor<4x2xi32>
  %z = graph.constant(dense<3> : tensor<1x1x1xi32>) : tensor<1x1x1xi32>
  %0 = graph.cast %a : tensor<3x4xui8> to tensor<3x4xi32>
  %1 = graph.map "sub"(%0, %z) : (tensor<3x4xi32>, tensor<1x1x1xi32>) -> tensor<1x3x4xi32>
  %2 = graph.matmul %1, %w : (tensor<1x3x4xi32>, tensor<4x2xi32>) -> tensor<1x3x2xi32>
  return %2 : tensor<1x3x2xi32>
}

// Floats hold sums that i32 does not.
// CHECK-LABEL: func @long_sum
// CHECK: graph.matmul {{.*}} : (tensor<3x70000xf32>, tensor<70000x2xf32>) -> tensor<3x2xf32>
func.func @long_sum(%a: tensor<3x70000xui8>) -> tensor<3x2xf32> {
  %w = graph.constant(dense<127> : tensor<70000x2xi8>) : tensor<70000x2xi8>
  %s = graph.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %0 = graph.cast %w : tensor<70000x2xi8> to tensor<70000x2xf32>
  %1 = graph.map "mul"(%0, %s) : (tensor<70000x2xf32>, tensor<f32>) -> tensor<70000x2xf32>
  %2 = graph.cast %a : tensor<3x70000xui8> to tensor<3x70000xf32>
  %3 = graph.map "mul"(%2, %s) : (tensor<3x70000xf32>, tensor<f32>) -> tensor<3x70000xf32>
  %4 = graph.matmul %3, %1 : (tensor<3x70000xf32>, tensor<70000x2xf32>) -> tensor<3x2xf32>
  return %4 : tensor<3x2xf32>
}

// Nor does a bias near the end of i32 leave room for a sum.
// CHECK-LABEL: func @large_bias
// CHECK: graph.conv %{{[^ ]*}}, %{{[^ ]*}} {{.*}} (tensor<1x4x4x4xui8>, tensor<2x4x1x1xi8>) -> tensor<1x2x4x4xi32>
// CHECK: graph.map "add"
func.func @large_bias(%a: tensor<1x4x4x4xui8>) -> tensor<1x2x4x4xf32> {
  %w = graph.constant(dense<3> : tensor<2x4x1x1xi8>) : tensor<2x4x1x1xi8>
  %b = graph.constant(dense<2147483647> : tensor<2xi32>) : tensor<2xi32>
  %s = graph.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %sb = graph.constant(dense<0.25> : tensor<f32>) : tensor<f32>
  %0 = graph.cast %a : tensor<1x4x4x4xui8> to tensor<1x4x4x4xf32>
  %1 = graph.map "mul"(%0, %s) : (tensor<1x4x4x4xf32>, tensor<f32>) -> tensor<1x4x4x4xf32>
  %2 = graph.cast %w : tensor<2x4x1x1xi8> to tensor<2x4x1x1xf32>
  %3 = graph.map "mul"(%2, %s) : (tensor<2x4x1x1xf32>, tensor<f32>) -> tensor<2x4x1x1xf32>
  %4 = graph.cast %b : tensor<2xi32> to tensor<2xf32>
  %5 = graph.map "mul"(%4, %sb) : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %6 = graph.conv %1, %3 bias %5 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x4x4xf32>, tensor<2x4x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %6 : tensor<1x2x4x4xf32>
}

// A cast cuts towards 0: bytes of a clip may be shifted only when it was of
// whole numbers.
// CHECK-LABEL: func @cut
// CHECK: graph.cast %{{.*}} : tensor<3x4xf32> to tensor<3x4xi8>
func.func @cut(%a: tensor<3x4xf32>) -> (tensor<3x4xi32>, tensor<3x2xf32>) {
  %w = graph.constant(dense<1.0> : tensor<4x2xf32>) : tensor<4x2xf32>
  %low = graph.constant(dense<-128.0> : tensor<f32>) : tensor<f32>
  %high = graph.constant(dense<127.0> : tensor<f32>) : tensor<f32>
  %0 = graph.map "clip"(%a, %low, %high) : (tensor<3x4xf32>, tensor<f32>, tensor<f32>) -> tensor<3x4xf32>
  %1 = graph.cast %0 : tensor<3x4xf32> to tensor<3x4xi8>
  %2 = graph.cast %1 : tensor<3x4xi8> to tensor<3x4xi32>
  %3 = graph.matmul %a, %w : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %2, %3 : tensor<3x4xi32>, tensor<3x2xf32>
}
