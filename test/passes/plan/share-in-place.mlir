// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: sinter-opt %s --sinter-share-in-place --split-input-file | FileCheck %s

// Read for the last time, with the result's view: the result takes its memory.
// The first buffer is read twice, by the second kernel as well.
kernel.define @add (%x: !kernel.view<[16] x f32, [1]>, %y: !kernel.view<[16] x f32, [1]>) -> (%z: !kernel.view<[16] x f32, [1]>) {
  kernel.nest ins(%x, %y : !kernel.view<[16] x f32, [1]>, !kernel.view<[16] x f32, [1]>) outs(%z : !kernel.view<[16] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
    ^bb0(%a: f32, %b: f32):
      %0 = kernel.apply "add"(%a, %b) : (f32, f32) -> f32
      kernel.yield %0 : f32
    }, {}
}
// CHECK-LABEL: exec.program @chain
// CHECK: exec.launch @add(%[[X:.*]], %[[X]], %[[A:[0-9]+]])
// CHECK: exec.launch @add(%[[X]], %[[A]], %[[B:[0-9]+]])
// CHECK: exec.launch @add(%[[A]], %[[B]], %[[A]])
// CHECK: exec.launch @add(%[[A]], %[[X]], %[[Y:.*]])
exec.program @chain inputs ["x"] [tensor<16xf32>] outputs ["y"] [tensor<16xf32>] {
^bb0(%x: !exec.buffer, %y: !exec.buffer):
  %a = exec.alloc <64>
  %b = exec.alloc <64>
  %c = exec.alloc <64>
  exec.launch @add(%x, %x, %a) offsets <[0, 0, 0]> params <[]>
  exec.launch @add(%x, %a, %b) offsets <[0, 0, 0]> params <[]>
  exec.launch @add(%a, %b, %c) offsets <[0, 0, 0]> params <[]>
  exec.launch @add(%c, %x, %y) offsets <[0, 0, 0]> params <[]>
}

// -----

// Other views, other sizes, a buffer that is read as two operands, one of the
// caller: they stay apart.
kernel.define @turn (%x: !kernel.view<[4, 4] x f32, [1, 4]>) -> (%y: !kernel.view<[4, 4] x f32, [4, 1]>) {
  kernel.nest ins(%x : !kernel.view<[4, 4] x f32, [1, 4]>) outs(%y : !kernel.view<[4, 4] x f32, [4, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}
kernel.define @add (%x: !kernel.view<[16] x f32, [1]>, %y: !kernel.view<[16] x f32, [1]>) -> (%z: !kernel.view<[16] x f32, [1]>) {
  kernel.nest ins(%x, %y : !kernel.view<[16] x f32, [1]>, !kernel.view<[16] x f32, [1]>) outs(%z : !kernel.view<[16] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
    ^bb0(%a: f32, %b: f32):
      %0 = kernel.apply "add"(%a, %b) : (f32, f32) -> f32
      kernel.yield %0 : f32
    }, {}
}
// CHECK-LABEL: exec.program @apart
// CHECK: exec.launch @add(%[[X:.*]], %[[X]], %[[A:[0-9]+]])
// CHECK: exec.launch @turn(%[[A]], %[[B:[0-9]+]])
// CHECK: exec.launch @add(%[[B]], %[[B]], %[[C:[0-9]+]])
// CHECK: exec.launch @add(%[[C]], %[[X]], %[[D:[0-9]+]])
// CHECK: exec.launch @add(%[[D]], %[[D]], %{{.*}})
exec.program @apart inputs ["x"] [tensor<16xf32>] outputs ["y"] [tensor<16xf32>] {
^bb0(%x: !exec.buffer, %y: !exec.buffer):
  %a = exec.alloc <64>
  %b = exec.alloc <64>
  %c = exec.alloc <64>
  %d = exec.alloc <128>
  exec.launch @add(%x, %x, %a) offsets <[0, 0, 0]> params <[]>
  exec.launch @turn(%a, %b) offsets <[0, 0]> params <[]>
  exec.launch @add(%b, %b, %c) offsets <[0, 0, 0]> params <[]>
  exec.launch @add(%c, %x, %d) offsets <[0, 0, 64]> params <[]>
  exec.launch @add(%d, %d, %y) offsets <[0, 64, 0]> params <[]>
}

// -----

// What a convolution adds to its sums may be overwritten, what it multiplies not.
kernel.define @conv (%x: !kernel.view<[1, 8, 16] x f32, [0, 16, 1]>, %w: !kernel.panels<1 groups, n = 16, k = 16, f32>, %e: !kernel.view<[1, 8, 16] x f32, [0, 16, 1]>) -> (%y: !kernel.view<[1, 8, 16] x f32, [0, 16, 1]>) {
  kernel.conv %x, %w : !kernel.view<[1, 8, 16] x f32, [0, 16, 1]>, !kernel.panels<1 groups, n = 16, k = 16, f32> extras(%e : !kernel.view<[1, 8, 16] x f32, [0, 16, 1]>) outs(%y : !kernel.view<[1, 8, 16] x f32, [0, 16, 1]>) attributes {dilations = array<i64: 1>, groups = 1 : i64, kernel = array<i64: 1>, strides = array<i64: 1>} {
    ^bb0(%a: f32, %b: f32):
      %0 = kernel.apply "add"(%a, %b) : (f32, f32) -> f32
      kernel.yield %0 : f32
    }
}
// CHECK-LABEL: exec.program @residual
// CHECK: exec.launch @conv(%{{.*}}, %{{.*}}, %{{.*}}, %[[A:[0-9]+]])
// CHECK: exec.launch @conv(%{{.*}}, %{{.*}}, %[[A]], %[[A]])
// CHECK: exec.launch @conv(%[[A]], %{{.*}}, %{{.*}}, %[[C:[0-9]+]])
// CHECK: exec.launch @conv(%[[C]], %{{.*}}, %{{.*}}, %{{.*}})
exec.program @residual inputs ["x", "w"] [tensor<1x8x16xf32>, tensor<256xf32>] outputs ["y"] [tensor<1x8x16xf32>] {
^bb0(%x: !exec.buffer, %w: !exec.buffer, %y: !exec.buffer):
  %a = exec.alloc <512>
  %b = exec.alloc <512>
  %c = exec.alloc <512>
  exec.launch @conv(%x, %w, %x, %a) offsets <[0, 0, 0, 0]> params <[]>
  exec.launch @conv(%x, %w, %a, %b) offsets <[0, 0, 0, 0]> params <[]>
  exec.launch @conv(%b, %w, %x, %c) offsets <[0, 0, 0, 0]> params <[]>
  exec.launch @conv(%c, %w, %x, %y) offsets <[0, 0, 0, 0]> params <[]>
}
