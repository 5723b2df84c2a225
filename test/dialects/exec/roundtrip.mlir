// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every operation of a program prints what it parses.
//
// RUN: sinter-opt %s | sinter-opt | FileCheck %s

kernel.define @copy (%x: !kernel.view<[p0] x f32, [1]>) -> (%y: !kernel.view<[p0] x f32, [1]>) params = 1 {
  kernel.nest ins(%x : !kernel.view<[p0] x f32, [1]>) outs(%y : !kernel.view<[p0] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}

// CHECK-LABEL: exec.program @main inputs ["x", "c"] [tensor<?xf32, #sym.dims<[N]>>, tensor<1xi1>] outputs ["y"]
exec.program @main inputs ["x", "c"] [tensor<?xf32, #sym.dims<[N]>>, tensor<1xi1>]
                   outputs ["y"] [tensor<?xf32, #sym.dims<[N]>>] {
^bb0(%x: !exec.buffer, %c: !exec.buffer, %y: !exec.buffer):
  // CHECK: exec.symbol "N" {axis = 0 : i64, input = 0 : i64, max = 64 : i64, min = 1 : i64}
  exec.symbol "N" {min = 1, max = 64, input = 0 : i64, axis = 0 : i64}
  // CHECK: %[[A:.*]] = exec.alloc <N * 4>
  %a = exec.alloc <N * 4>
  // CHECK: exec.alloc <N * 8> above(%[[A]])
  %b = exec.alloc <N * 8> above(%a)
  // CHECK: exec.weight dense<{{.*}}> : tensor<4xf32> as f32 <[2, 2], [1, 2], offset 0, limit[0, 1, 3]>
  %w = exec.weight dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> as f32 <[2, 2], [1, 2], offset 0, limit [0, 1, 3]>
  // CHECK: exec.check <N> equals <4>
  exec.check <N> equals <4>
  // CHECK: exec.launch @copy(%{{.*}}, %[[A]]) offsets <[0, 16]> params <[N]> {no_wait}
  exec.launch @copy(%x, %a) offsets <[0, 16]> params <[N]> {no_wait}
  // CHECK: exec.read %[[A]][<8>] : i64 to "M"
  exec.read %a[<8>] : i64 to "M"
  // CHECK: exec.if %{{.*}}[<0>] then {
  exec.if %c[<0>] then {
    exec.launch @copy(%a, %y) offsets <[0, 0]> params <[N]>
  // CHECK: } else {
  } else {
    exec.launch @copy(%b, %y) offsets <[0, 0]> params <[N]>
  }
  // CHECK: exec.loop %{{.*}}[<0>] {
  exec.loop %c[<0>] {
    exec.launch @copy(%a, %y) offsets <[0, 0]> params <[N]>
  }
}
