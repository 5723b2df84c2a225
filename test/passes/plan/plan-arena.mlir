// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: sinter-opt %s --pass-pipeline="builtin.module(exec.program(sinter-plan-arena))" --split-input-file | FileCheck %s

// Three buffers in a row: the first and the third share memory, the second lies
// above both. An alloc that nobody uses goes away.
kernel.define @copy (%x: !kernel.view<[p0] x f32, [1]>) -> (%y: !kernel.view<[p0] x f32, [1]>) params = 1 {
  kernel.nest ins(%x : !kernel.view<[p0] x f32, [1]>) outs(%y : !kernel.view<[p0] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}
// CHECK-LABEL: exec.program @chain
// CHECK: exec.symbol
// CHECK-NEXT: %[[A:.*]] = exec.alloc <N * 16>
// CHECK-NEXT: %[[C:.*]] = exec.alloc <N * 12>
// CHECK-NEXT: %[[B:.*]] = exec.alloc <N * 8> above(%[[A]], %[[C]])
// CHECK-NEXT: exec.launch @copy(%{{.*}}, %[[A]])
// CHECK-NOT: exec.alloc
exec.program @chain inputs ["x"] [tensor<?xf32, #sym.dims<[N]>>] outputs ["y"] [tensor<?xf32, #sym.dims<[N]>>] {
^bb0(%x: !exec.buffer, %y: !exec.buffer):
  exec.symbol "N" {min = 1, max = 64, likely = array<i64: 64>, input = 0 : i64, axis = 0 : i64}
  %unused = exec.alloc <N * 400>
  %b = exec.alloc <N * 8>
  %a = exec.alloc <N * 16>
  %c = exec.alloc <N * 12>
  exec.launch @copy(%x, %a) offsets <[0, 0]> params <[N]>
  exec.launch @copy(%a, %b) offsets <[0, 0]> params <[N]>
  exec.launch @copy(%b, %c) offsets <[0, 0]> params <[N]>
  exec.launch @copy(%c, %y) offsets <[0, 0]> params <[N]>
}

// -----

// Buffers of the two branches share memory; what lives across them does not.
kernel.define @copy (%x: !kernel.view<[p0] x f32, [1]>) -> (%y: !kernel.view<[p0] x f32, [1]>) params = 1 {
  kernel.nest ins(%x : !kernel.view<[p0] x f32, [1]>) outs(%y : !kernel.view<[p0] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}
// CHECK-LABEL: exec.program @branches
// CHECK: %[[K:.*]] = exec.alloc <K * 4>
// CHECK-NEXT: %[[T:.*]] = exec.alloc <64> above(%[[K]])
// CHECK-NEXT: %[[E:.*]] = exec.alloc <32> above(%[[K]])
exec.program @branches inputs ["x", "c"] [tensor<8xf32>, tensor<1xi1>] outputs ["y"] [tensor<8xf32>] {
^bb0(%x: !exec.buffer, %c: !exec.buffer, %y: !exec.buffer):
  exec.symbol "K" {min = 0, max = 100}
  %kept = exec.alloc <K * 4>
  %t = exec.alloc <64>
  %e = exec.alloc <32>
  exec.launch @copy(%x, %kept) offsets <[0, 0]> params <[8]>
  exec.if %c[<0>] then {
    exec.launch @copy(%x, %t) offsets <[0, 0]> params <[8]>
    exec.launch @copy(%t, %y) offsets <[0, 0]> params <[8]>
  } else {
    exec.launch @copy(%x, %e) offsets <[0, 0]> params <[8]>
    exec.launch @copy(%e, %y) offsets <[0, 0]> params <[8]>
  }
  exec.launch @copy(%kept, %y) offsets <[0, 0]> params <[8]>
}

// What a trip reads was written before the loop or by the trip before, and what it
// scans is read behind the loop: neither may share memory with what lives only
// inside, even behind the last reader or before the first writer of a trip.
// CHECK-LABEL: exec.program @trips
// CHECK: %[[S:.*]] = exec.alloc <128>
// CHECK-NEXT: %[[K:.*]] = exec.alloc <64> above(%[[S]])
// CHECK-NEXT: %[[T:.*]] = exec.alloc <32> above(%[[K]])
exec.program @trips inputs ["x", "c"] [tensor<8xf32>, tensor<1xi1>] outputs ["y"] [tensor<8xf32>] {
^bb0(%x: !exec.buffer, %c: !exec.buffer, %y: !exec.buffer):
  %carried = exec.alloc <64>
  %inside = exec.alloc <32>
  %scanned = exec.alloc <128>
  exec.launch @copy(%x, %carried) offsets <[0, 0]> params <[8]>
  exec.loop %c[<0>] {
    exec.launch @copy(%carried, %y) offsets <[0, 0]> params <[8]>
    exec.launch @copy(%x, %inside) offsets <[0, 0]> params <[8]>
    exec.launch @copy(%inside, %y) offsets <[0, 0]> params <[8]>
    exec.launch @copy(%x, %scanned) offsets <[0, 0]> params <[8]>
  }
  exec.launch @copy(%scanned, %y) offsets <[0, 0]> params <[8]>
}
