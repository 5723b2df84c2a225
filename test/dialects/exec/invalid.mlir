// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One case for each clause of the verifiers.
//
// RUN: sinter-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{expects one name for every input and output type}}
exec.program @main inputs ["x"] [] outputs [] [] {
}

// -----

// expected-error@+1 {{expects tensor types, found i32}}
exec.program @main inputs ["x"] [i32] outputs [] [] {
^bb0(%x: !exec.buffer):
}

// -----

// expected-error@+1 {{has 0 block arguments; expected 1}}
exec.program @main inputs ["x"] [tensor<1xf32>] outputs [] [] {
}

// -----

// expected-error@+1 {{expects block arguments of type !exec.buffer, found 'i32'}}
exec.program @main inputs ["x"] [tensor<1xf32>] outputs [] [] {
^bb0(%x: i32):
}

// -----

// expected-error@+1 {{has an empty range, 4 to 3}}
exec.symbol "N" {min = 4, max = 3}

// -----

// expected-error@+1 {{has divisor 0; expected at least 1}}
exec.symbol "N" {min = 1, max = 3, divisor = 0}

// -----

// expected-error@+1 {{expects `input` and `axis` together}}
exec.symbol "N" {min = 1, max = 3, axis = 0 : i64}

// -----

// expected-error@+1 {{has a source of 'f32'; expected 'f64'}}
%w = exec.weight dense<1.0> : tensor<1xf32> as f64 <[1], [1], offset 0>

// -----

// expected-error@+1 {{expects a dense attribute or #graph.weight as its source}}
%w = exec.weight "text" as f32 <[1], [1], offset 0>

// -----

// expected-error@+1 {{has 1 dims but 2 strides; expected as many}}
%w = exec.weight dense<1.0> : tensor<1xf32> as f32 <[1], [1, 1], offset 0>

// -----

// expected-error@+1 {{has the negative dim -1}}
%w = exec.weight dense<1.0> : tensor<1xf32> as f32 <[-1], [1], offset 0>

// -----

// expected-error@+1 {{has a limit that is not [outer axis, inner axis, bound]}}
%w = exec.weight dense<1.0> : tensor<1xf32> as f32 <[1], [1], offset 0, limit [0, 1, 1]>

// -----

// expected-error@+1 {{refers to @k, which is not a kernel.define}}
exec.launch @k() offsets <[]> params <[]>

// -----

kernel.define @k (%x: !kernel.view<[p0] x f32, [1]>) -> (%y: !kernel.view<[p0] x f32, [1]>) params = 1 {
  kernel.nest ins(%x : !kernel.view<[p0] x f32, [1]>) outs(%y : !kernel.view<[p0] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}
%a = exec.alloc <4>
// expected-error@+1 {{gives 1 buffers and 1 offsets; @k takes 2}}
exec.launch @k(%a) offsets <[0]> params <[1]>

// -----

kernel.define @k (%x: !kernel.view<[p0] x f32, [1]>) -> (%y: !kernel.view<[p0] x f32, [1]>) params = 1 {
  kernel.nest ins(%x : !kernel.view<[p0] x f32, [1]>) outs(%y : !kernel.view<[p0] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}
%a = exec.alloc <4>
// expected-error@+1 {{gives 0 parameters; @k takes 1}}
exec.launch @k(%a, %a) offsets <[0, 0]> params <[]>

// -----

%a = exec.alloc <4>
// expected-error@+1 {{reads 'f32'; expected i1, i8, i32 or i64}}
exec.read %a[<0>] : f32 to "N"
