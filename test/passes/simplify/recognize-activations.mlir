// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: sinter-opt %s --sinter-recognize-activations | FileCheck %s

// (x * (1 + erf(x / 1.4142))) * 0.5, as PyTorch writes it.
// CHECK-LABEL: func @gelu
// CHECK-NEXT: graph.map "gelu"(%arg0)
// CHECK-NEXT: return
func.func @gelu(%x: tensor<8xf32>) -> tensor<8xf32> {
  %root = graph.constant(dense<1.41421354> : tensor<f32>) : tensor<f32>
  %one = graph.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %half = graph.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %0 = graph.map "div"(%x, %root) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = graph.map "erf"(%0) : (tensor<8xf32>) -> tensor<8xf32>
  %2 = graph.map "add"(%1, %one) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = graph.map "mul"(%x, %2) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %4 = graph.map "mul"(%3, %half) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %4 : tensor<8xf32>
}

// 0.5 * x * (1 + tanh(0.79788 * (x + 0.044715 * x^3)))
// CHECK-LABEL: func @gelu_tanh
// CHECK-NEXT: graph.map "gelu_tanh"(%arg0)
// CHECK-NEXT: return
func.func @gelu_tanh(%x: tensor<8xf32>) -> tensor<8xf32> {
  %three = graph.constant(dense<3.0> : tensor<f32>) : tensor<f32>
  %c = graph.constant(dense<0.044715> : tensor<f32>) : tensor<f32>
  %k = graph.constant(dense<0.797884583> : tensor<f32>) : tensor<f32>
  %one = graph.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %half = graph.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %0 = graph.map "pow"(%x, %three) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = graph.map "mul"(%0, %c) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %2 = graph.map "add"(%x, %1) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %3 = graph.map "mul"(%2, %k) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %4 = graph.map "tanh"(%3) : (tensor<8xf32>) -> tensor<8xf32>
  %5 = graph.map "add"(%4, %one) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %6 = graph.map "mul"(%x, %half) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %7 = graph.map "mul"(%6, %5) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %7 : tensor<8xf32>
}

// CHECK-LABEL: func @silu
// CHECK: graph.map "silu"(%arg0)
// CHECK-NEXT: return
func.func @silu(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = graph.map "sigmoid"(%x) : (tensor<8xf32>) -> tensor<8xf32>
  %1 = graph.map "mul"(%0, %x) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %1 : tensor<8xf32>
}

// x * clip(x + 3, 0, 6) / 6
// CHECK-LABEL: func @hard_swish
// CHECK: graph.map "hard_swish"(%arg0)
// CHECK-NEXT: return
func.func @hard_swish(%x: tensor<8xf32>) -> tensor<8xf32> {
  %zero = graph.constant(dense<0.0> : tensor<f32>) : tensor<f32>
  %three = graph.constant(dense<3.0> : tensor<f32>) : tensor<f32>
  %six = graph.constant(dense<6.0> : tensor<f32>) : tensor<f32>
  %0 = graph.map "add"(%x, %three) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = graph.map "clip"(%0, %zero, %six) : (tensor<8xf32>, tensor<f32>, tensor<f32>) -> tensor<8xf32>
  %2 = graph.map "mul"(%x, %1) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %3 = graph.map "div"(%2, %six) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %3 : tensor<8xf32>
}

// CHECK-LABEL: func @hard_sigmoid
// CHECK: graph.map "hard_sigmoid"(%arg0,
// CHECK-NEXT: return
func.func @hard_sigmoid(%x: tensor<8xf32>) -> tensor<8xf32> {
  %zero = graph.constant(dense<0.0> : tensor<f32>) : tensor<f32>
  %three = graph.constant(dense<3.0> : tensor<f32>) : tensor<f32>
  %six = graph.constant(dense<6.0> : tensor<f32>) : tensor<f32>
  %0 = graph.map "add"(%x, %three) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = graph.map "clip"(%0, %zero, %six) : (tensor<8xf32>, tensor<f32>, tensor<f32>) -> tensor<8xf32>
  %2 = graph.map "div"(%1, %six) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// CHECK-LABEL: func @mish
// CHECK: graph.map "mish"(%arg0)
// CHECK-NEXT: return
func.func @mish(%x: tensor<8xf32>) -> tensor<8xf32> {
  %one = graph.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %0 = graph.map "exp"(%x) : (tensor<8xf32>) -> tensor<8xf32>
  %1 = graph.map "add"(%0, %one) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %2 = graph.map "log"(%1) : (tensor<8xf32>) -> tensor<8xf32>
  %3 = graph.map "tanh"(%2) : (tensor<8xf32>) -> tensor<8xf32>
  %4 = graph.map "mul"(%x, %3) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %4 : tensor<8xf32>
}

// Another value's sigmoid, another constant, a broadcast argument.
// CHECK-LABEL: func @not_activations
// CHECK-NOT: graph.map "silu"
// CHECK-NOT: graph.map "gelu"
// CHECK: return
func.func @not_activations(%x: tensor<8xf32>, %y: tensor<8xf32>, %z: tensor<1xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %wrong = graph.constant(dense<1.5> : tensor<f32>) : tensor<f32>
  %one = graph.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %half = graph.constant(dense<0.5> : tensor<8xf32>) : tensor<8xf32>
  %0 = graph.map "sigmoid"(%y) : (tensor<8xf32>) -> tensor<8xf32>
  %1 = graph.map "mul"(%0, %x) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %2 = graph.map "div"(%x, %wrong) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = graph.map "erf"(%2) : (tensor<8xf32>) -> tensor<8xf32>
  %4 = graph.map "add"(%3, %one) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %5 = graph.map "mul"(%x, %4) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %6 = graph.map "mul"(%5, %half) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %7 = graph.map "sigmoid"(%z) : (tensor<1xf32>) -> tensor<1xf32>
  %8 = graph.map "mul"(%7, %half) : (tensor<1xf32>, tensor<8xf32>) -> tensor<8xf32>
  %9 = graph.map "mul"(%8, %z) : (tensor<8xf32>, tensor<1xf32>) -> tensor<8xf32>
  return %1, %6, %9 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}
