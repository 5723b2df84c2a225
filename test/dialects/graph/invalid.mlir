// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One case for each clause of a shape function or verifier.
//
// RUN: sinter-opt %s --split-input-file --verify-diagnostics

func.func @f(%x: tensor<2xf32>) {
  // expected-error@+1 {{no scalar operation is called 'frob'}}
  %0 = "graph.map"(%x) {kind = "frob"} : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error@+1 {{'add' takes 2 operands, found 1}}
  %0 = "graph.map"(%x) {kind = "add"} : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>, %y: tensor<2xi32>) {
  // expected-error@+1 {{element types of 'add' differ: 'f32' and 'i32'}}
  %0 = "graph.map"(%x, %y) {kind = "add"} : (tensor<2xf32>, tensor<2xi32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2xi32>) {
  // expected-error@+1 {{'exp' works on floats, found 'i32'}}
  %0 = "graph.map"(%x) {kind = "exp"} : (tensor<2xi32>) -> tensor<2xi32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>, %y: tensor<3xf32>) {
  // expected-error@+2 {{shapes [2] and [3] do not broadcast}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "graph.map"(%x, %y) {kind = "add"} : (tensor<2xf32>, tensor<3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error@+2 {{are incompatible with return type(s)}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "graph.map"(%x) {kind = "relu"} : (tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error@+1 {{must have the same shape}}
  %0 = graph.cast %x : tensor<2xf32> to tensor<3xi32>
  return
}

// -----

func.func @f() {
  // expected-error@+1 {{value must be a dense attribute or #graph.weight}}
  %0 = graph.constant("text") : tensor<2xf32>
  return
}

// -----

func.func @f() {
  // expected-error@+1 {{value has type 'tensor<3xf32>', result has 'tensor<2xf32>'}}
  %0 = graph.constant(dense<1.0> : tensor<3xf32>) : tensor<2xf32>
  return
}

// -----

func.func @f() {
  // expected-error@+1 {{must have a static shape}}
  %0 = graph.constant(#graph.weight<"w">) : tensor<?xf32, #sym.dims<[N]>>
  return
}

// -----

func.func @f() {
  // expected-error@+1 {{holds 2 dimensions, result type is 'tensor<3xi64>'}}
  %0 = graph.from_dims #sym.dims<[N, 2]> to tensor<3xi64>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error@+2 {{the inner dimension of a is 3 but the inner dimension of b is 4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "graph.matmul"(%a, %b) : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8x8xf32>, %w: tensor<8x3x3x3xf32>) {
  // expected-error@+2 {{the number of input channels is 4 but filter channels x group is 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "graph.conv"(%x, %w) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x8x8xf32>, tensor<8x3x3x3xf32>) -> tensor<1x8x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x3x2x2xf32>, %w: tensor<8x3x7x7xf32>) {
  // expected-error@+2 {{spatial axis 0 is smaller than its window}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "graph.conv"(%x, %w) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x2x2xf32>, tensor<8x3x7x7xf32>) -> tensor<1x8x1x1xf32>
  return
}

// -----

func.func @f(%x: tensor<1x3x8xf32>) {
  // expected-error@+2 {{kernel, strides and dilations must be 1 or more}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "graph.pool"(%x) {kind = "max", kernel = array<i64: 2>, strides = array<i64: 0>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x3x8xf32>) -> tensor<1x3x4xf32>
  return
}

// -----

func.func @f(%x: tensor<1x3x8xf32>) {
  // expected-error@+1 {{kind must be max, average or lp, found 'median'}}
  %0 = "graph.pool"(%x) {kind = "median", kernel = array<i64: 2>, strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x3x8xf32>) -> tensor<1x3x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{axis 1 is listed twice}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "graph.transpose"(%x) {permutation = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{the number of elements is 6 but that of the result is 8}}
  %0 = graph.reshape %x : tensor<2x3xf32> to tensor<8xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{cannot widen [2, 3] to [4, 3]}}
  %0 = graph.broadcast %x : tensor<2x3xf32> to tensor<4x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) {
  // expected-error@+2 {{inputs differ in axis 1: [2, 3] and [2, 4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "graph.concat"(%x, %y) {axis = 0} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @f(%x: tensor<8xf32>) {
  // expected-error@+2 {{elements 6 to 10 of axis 0 are outside its extent 8}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "graph.slice"(%x) {starts = #sym.dims<[6]>, sizes = #sym.dims<[3]>, steps = array<i64: 2>} : (tensor<8xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @f(%x: tensor<8x2xf32>, %i: tensor<3xf32>) {
  // expected-error@+2 {{indices must be i32 or i64, found 'f32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "graph.gather"(%x, %i) {axis = 0} : (tensor<8x2xf32>, tensor<3xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @f(%x: tensor<8xf32>) {
  // expected-error@+2 {{k is 9 but axis 0 has extent 8}}
  // expected-error@+1 {{failed to infer returned types}}
  %0:2 = "graph.topk"(%x) {k = #sym.dim<9>, axis = 0, largest = true, sorted = true} : (tensor<8xf32>) -> (tensor<9xf32>, tensor<9xi64>)
  return
}

// -----

func.func @f(%x: tensor<5x2x8xf32>, %w: tensor<1x15x8xf32>, %r: tensor<1x16x4xf32>) {
  // expected-error@+2 {{weights is [1, 15, 8], expected [1, 16, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0:3 = "graph.recurrent"(%x, %w, %r) {cell = "lstm", direction = "forward", activations = [], operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>} : (tensor<5x2x8xf32>, tensor<1x15x8xf32>, tensor<1x16x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @f(%c: tensor<i1>, %x: tensor<4xf32>) {
  // expected-error@+1 {{the then branch yields 'tensor<4xf32>', the operation results in 'tensor<5xf32>'}}
  %0 = graph.if %c : (tensor<i1>) -> tensor<5xf32> then {
    graph.yield %x : tensor<4xf32>
  } else {
    graph.yield %x : tensor<4xf32>
  }
  return
}

// -----

func.func @f(%c: tensor<2xi1>) {
  // expected-error@+1 {{condition must be one bool}}
  graph.if %c : (tensor<2xi1>) -> () then {
    graph.yield
  } else {
    graph.yield
  }
  return
}

// -----

func.func @f(%c: tensor<1xi1>, %i: tensor<i64>) {
  // expected-error@+1 {{condition must be one bool}}
  %0 = graph.loop %c from(%i) counts "t" : (tensor<1xi1>, tensor<i64>) -> tensor<i64> {
  ^bb0(%a: tensor<i64>):
    graph.yield %c, %a : tensor<1xi1>, tensor<i64>
  }
  return
}

// -----

func.func @f(%c: tensor<i1>, %x: tensor<4xf32>) {
  // expected-error@+1 {{the first carried value must be one i64}}
  %0 = graph.loop %c from(%x) counts "t" : (tensor<i1>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    graph.yield %c, %a : tensor<i1>, tensor<4xf32>
  }
  return
}

// -----

func.func @f(%c: tensor<i1>, %i: tensor<i64>) {
  // expected-error@+1 {{body takes 'tensor<i32>', carried are 'tensor<i64>'}}
  %0 = graph.loop %c from(%i) counts "t" : (tensor<i1>, tensor<i64>) -> tensor<i64> {
  ^bb0(%a: tensor<i32>):
    graph.yield %c, %i : tensor<i1>, tensor<i64>
  }
  return
}

// -----

func.func @f(%c: tensor<i1>, %i: tensor<i64>, %x: tensor<4xf32>) {
  // expected-error@+1 {{carries 'tensor<i64>', 'tensor<4xf32>'}}
  %0:2 = graph.loop %c from(%i, %x) counts "t" : (tensor<i1>, tensor<i64>, tensor<4xf32>) -> (tensor<i64>, tensor<4xf32>) {
  ^bb0(%a: tensor<i64>, %b: tensor<4xf32>):
    %l = graph.concat %b, %b {axis = 0 : i64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
    graph.yield %c, %a, %l : tensor<i1>, tensor<i64>, tensor<8xf32>
  }
  return
}

// -----

func.func @f(%c: tensor<i1>, %i: tensor<i64>, %x: tensor<4xf32>) {
  // expected-error@+1 {{scans 'tensor<4xf32>' into 'tensor<7x5xf32>'}}
  %0:2 = graph.loop %c from(%i) counts "t" : (tensor<i1>, tensor<i64>) -> (tensor<i64>, tensor<7x5xf32>) {
  ^bb0(%a: tensor<i64>):
    graph.yield %c, %a, %x : tensor<i1>, tensor<i64>, tensor<4xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<2x2xf32>) {
  // expected-error@+1 {{no function is named 'eigenvalues'}}
  %0 = graph.extern "eigenvalues"(%x) <[]> : (tensor<2x2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x2xf32>) {
  // expected-error@+1 {{must have a result}}
  graph.extern "det"(%x) <[]> : (tensor<2x2xf32>) -> ()
  return
}
