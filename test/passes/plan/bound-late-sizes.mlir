// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: sinter-opt %s --pass-pipeline="builtin.module(exec.program(sinter-bound-late-sizes{max-slack=1000}))" --split-input-file --verify-diagnostics | FileCheck %s

kernel.define @copy (%x: !kernel.view<[p0] x f32, [1]>) -> (%y: !kernel.view<[p0] x f32, [1]>) params = 1 {
  kernel.nest ins(%x : !kernel.view<[p0] x f32, [1]>) outs(%y : !kernel.view<[p0] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}
// The bound is the symbol's maximum, or what the read says: here the size of the
// input, so that memory follows it. What is known at entry stays as it is.
// CHECK-LABEL: exec.program @bounded
// CHECK: exec.alloc <400>
// CHECK-NEXT: exec.alloc <N * 4>
// CHECK-NEXT: exec.alloc <N * 8>
// CHECK-NOT: exec.late_outputs
exec.program @bounded inputs ["x", "n"] [tensor<?xf32, #sym.dims<[N]>>, tensor<1xi64>] outputs ["y"] [tensor<8xf32>] {
^bb0(%x: !exec.buffer, %n: !exec.buffer, %y: !exec.buffer):
  exec.symbol "N" {min = 0, max = 1000000, input = 0 : i64, axis = 0 : i64}
  exec.symbol "K" {min = 0, max = 100}
  exec.symbol "M" {min = 0, max = 1000000}
  %k = exec.alloc <K * 4>
  %m = exec.alloc <M * 4>
  %e = exec.alloc <N * 8>
  exec.launch @copy(%x, %e) offsets <[0, 0]> params <[N]>
  exec.read %e[<0>] : i64 to "K"
  exec.read %e[<8>] : i64 to "M" {exec.bound = #sym.dim<N>}
  exec.launch @copy(%x, %k) offsets <[0, 0]> params <[K]>
  exec.launch @copy(%x, %m) offsets <[0, 0]> params <[M]>
  exec.launch @copy(%k, %y) offsets <[0, 0]> params <[8]>
}

// -----

kernel.define @copy (%x: !kernel.view<[p0] x f32, [1]>) -> (%y: !kernel.view<[p0] x f32, [1]>) params = 1 {
  kernel.nest ins(%x : !kernel.view<[p0] x f32, [1]>) outs(%y : !kernel.view<[p0] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}
// A size that falls where its symbol grows: at the largest K nothing is left.
// CHECK-LABEL: exec.program @falling
// CHECK: exec.alloc <400>
// CHECK-NEXT: exec.alloc <400>
exec.program @falling inputs ["x", "n"] [tensor<?xf32, #sym.dims<[N]>>, tensor<1xi64>] outputs ["y"] [tensor<8xf32>] {
^bb0(%x: !exec.buffer, %n: !exec.buffer, %y: !exec.buffer):
  exec.symbol "N" {min = 0, max = 1000000, input = 0 : i64, axis = 0 : i64}
  exec.symbol "K" {min = 0, max = 100}
  %rest = exec.alloc <K * -4 + 400>
  %most = exec.alloc <min(N, K * -1 + 100) * 4>
  %e = exec.alloc <8>
  exec.launch @copy(%x, %e) offsets <[0, 0]> params <[2]>
  exec.read %e[<0>] : i64 to "K"
  exec.launch @copy(%x, %rest) offsets <[0, 0]> params <[K]>
  exec.launch @copy(%x, %most) offsets <[0, 0]> params <[K]>
  exec.launch @copy(%rest, %y) offsets <[0, 0]> params <[8]>
}

// -----

kernel.define @copy (%x: !kernel.view<[p0] x f32, [1]>) -> (%y: !kernel.view<[p0] x f32, [1]>) params = 1 {
  kernel.nest ins(%x : !kernel.view<[p0] x f32, [1]>) outs(%y : !kernel.view<[p0] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}
// What lies between two places is nothing when both are as large as they can be,
// and nothing when both are as small.
// CHECK-LABEL: exec.program @between
// CHECK: exec.alloc <max(0, N) * 4>
// A place may lie before the start, and count back; a size may be divided.
// CHECK-NEXT: exec.alloc <max(90, N) * 4>
// CHECK-NEXT: exec.alloc <max(0, N) * 4>
exec.program @between inputs ["x", "n"] [tensor<?xf32, #sym.dims<[N]>>, tensor<1xi64>] outputs ["y"] [tensor<8xf32>] {
^bb0(%x: !exec.buffer, %n: !exec.buffer, %y: !exec.buffer):
  exec.symbol "N" {min = 0, max = 1000000, input = 0 : i64, axis = 0 : i64}
  exec.symbol "J" {min = 0, max = 1000000}
  exec.symbol "K" {min = 0, max = 1000000}
  exec.symbol "P" {min = -90, max = 1000000}
  %between = exec.alloc <max(0, J - K) * 4>
  %back = exec.alloc <max(0, P * -1, P) * 4>
  %part = exec.alloc <max(0, J floordiv (K + 1)) * 4>
  %e = exec.alloc <16>
  exec.launch @copy(%x, %e) offsets <[0, 0]> params <[4]>
  exec.read %e[<0>] : i64 to "J" {exec.bound = #sym.dim<N>}
  exec.read %e[<8>] : i64 to "K" {exec.bound = #sym.dim<N>}
  exec.read %e[<0>] : i64 to "P" {exec.bound = #sym.dim<N>}
  exec.launch @copy(%x, %back) offsets <[0, 0]> params <[K]>
  exec.launch @copy(%x, %part) offsets <[0, 0]> params <[K]>
  exec.launch @copy(%x, %between) offsets <[0, 0]> params <[K]>
  exec.launch @copy(%between, %y) offsets <[0, 0]> params <[8]>
}

// -----

kernel.define @copy (%x: !kernel.view<[p0] x f32, [1]>) -> (%y: !kernel.view<[p0] x f32, [1]>) params = 1 {
  kernel.nest ins(%x : !kernel.view<[p0] x f32, [1]>) outs(%y : !kernel.view<[p0] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}
// An output without a bound asks for its memory when its size is known.
// CHECK-LABEL: exec.program @late_output
// CHECK-SAME: exec.late_outputs = array<i64: 0>
exec.program @late_output inputs ["x"] [tensor<8xf32>] outputs ["y"] [tensor<?xf32, #sym.dims<[K]>>] {
^bb0(%x: !exec.buffer, %y: !exec.buffer):
  exec.symbol "K" {min = 0, max = 1000000}
  %e = exec.alloc <64>
  exec.launch @copy(%x, %e) offsets <[0, 0]> params <[8]>
  exec.read %e[<0>] : i64 to "K"
  exec.launch @copy(%x, %y) offsets <[0, 0]> params <[K]>
}

// -----

kernel.define @copy (%x: !kernel.view<[p0] x f32, [1]>) -> (%y: !kernel.view<[p0] x f32, [1]>) params = 1 {
  kernel.nest ins(%x : !kernel.view<[p0] x f32, [1]>) outs(%y : !kernel.view<[p0] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}
// Both faults of a program are reported: an inner tensor, and an output that is
// written before its size is known.
exec.program @unbounded inputs ["x"] [tensor<8xf32>] outputs ["y"] [tensor<?xf32, #sym.dims<[K]>>] {
^bb0(%x: !exec.buffer, %y: !exec.buffer):
  exec.symbol "K" {min = 0, max = 1000000}
  %k = exec.alloc <K * 4>
  %e = exec.alloc <64>
  // expected-error@+1 {{output 'y' has K * 4 bytes, which depends on data: memory for up to 4000000 bytes would be reserved, over the 1000 of --max-slack; allow it with --max-slack 4M [SINTER-I014]}}
  exec.launch @copy(%x, %y) offsets <[0, 0]> params <[8]>
  exec.launch @copy(%x, %e) offsets <[0, 0]> params <[8]>
  exec.read %e[<0>] : i64 to "K"
  // expected-error@+1 {{an inner tensor has K * 4 bytes}}
  exec.launch @copy(%x, %k) offsets <[0, 0]> params <[K]>
}
