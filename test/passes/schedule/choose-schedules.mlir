// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: sinter-opt %s --sinter-choose-schedules | FileCheck %s
// RUN: sinter-opt %s --sinter-choose-schedules=isas=x86-64-v3 | FileCheck %s --check-prefix=V3
// RUN: not sinter-opt %s --sinter-choose-schedules=isas=z80 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: there is no target 'z80'

// ResNet-50, 3x3 at 56: cut by pixels into equal blocks.
// CHECK-LABEL: kernel.define @pixels
// CHECK-SAME: blocks = array<i64: {{[1-9][0-9]+, [0-9]+}}>
// CHECK-SAME: items = #sym.dim<8>
// CHECK-SAME: isa = "x86-64-v3", algo = "direct", tile_m = 6, tile_n = 16
// CHECK-SAME: isa = "x86-64-v4", algo = "direct", tile_m = {{[68]}}, tile_n = {{32|64}}
// V3-LABEL: kernel.define @pixels
// V3-SAME: schedules = [#kernel.schedule<isa = "x86-64-v3"{{[^]]*}}>]
kernel.define @pixels (%x: !kernel.view<[1, 58, 58, 64] x f32, [215296, 3712, 64, 1]>,
                       %w: !kernel.panels<1 groups, n = 64, k = 576, f32>)
    -> (%y: !kernel.view<[1, 56, 56, 64] x f32, [200704, 3584, 64, 1]>) {
  kernel.conv %x, %w : !kernel.view<[1, 58, 58, 64] x f32, [215296, 3712, 64, 1]>,
                       !kernel.panels<1 groups, n = 64, k = 576, f32>
      outs(%y : !kernel.view<[1, 56, 56, 64] x f32, [200704, 3584, 64, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>,
                  dilations = array<i64: 1, 1>, groups = 1 : i64} {}
}

// 49 pixels, 9.4 MB of weights: cut by channels, weights are read once.
// CHECK-LABEL: kernel.define @channels
// CHECK-SAME: blocks = array<i64: 0, {{[1-9][0-9]*}}>
kernel.define @channels (%x: !kernel.view<[1, 9, 9, 512] x f32, [41472, 4608, 512, 1]>,
                         %w: !kernel.panels<1 groups, n = 512, k = 4608, f32>)
    -> (%y: !kernel.view<[1, 7, 7, 512] x f32, [25088, 3584, 512, 1]>) {
  kernel.conv %x, %w : !kernel.view<[1, 9, 9, 512] x f32, [41472, 4608, 512, 1]>,
                       !kernel.panels<1 groups, n = 512, k = 4608, f32>
      outs(%y : !kernel.view<[1, 7, 7, 512] x f32, [25088, 3584, 512, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>,
                  dilations = array<i64: 1, 1>, groups = 1 : i64} {}
}

// Rows known at run time: items are a formula.
// CHECK-LABEL: kernel.define @dynamic
// CHECK-SAME: items = #sym.dim<{{.*}}p0{{.*}}>
kernel.define @dynamic (%a: !kernel.view<[p0, 384] x f32, [384, 1]>,
                        %b: !kernel.panels<1 groups, n = 1536, k = 384, f32>)
    -> (%y: !kernel.view<[p0, 1536] x f32, [1536, 1]>) params = 1 {
  kernel.contract %a, %b : !kernel.view<[p0, 384] x f32, [384, 1]>,
                           !kernel.panels<1 groups, n = 1536, k = 384, f32>
      outs(%y : !kernel.view<[p0, 1536] x f32, [1536, 1]>) {}
}

// One row: as many columns as hide the latency of an accumulator.
// CHECK-LABEL: kernel.define @vector
// CHECK-SAME: isa = "x86-64-v3", algo = "direct", tile_m = 1, tile_n = 96
// CHECK-SAME: isa = "x86-64-v4", algo = "direct", tile_m = 1, tile_n = 128
kernel.define @vector (%a: !kernel.view<[1, 768] x f32, [768, 1]>,
                       %b: !kernel.panels<1 groups, n = 3072, k = 768, f32>)
    -> (%y: !kernel.view<[1, 3072] x f32, [3072, 1]>) {
  kernel.contract %a, %b : !kernel.view<[1, 768] x f32, [768, 1]>,
                           !kernel.panels<1 groups, n = 3072, k = 768, f32>
      outs(%y : !kernel.view<[1, 3072] x f32, [3072, 1]>) {}
}

// One column: as many rows as there are registers for sums of 16 lanes.
// CHECK-LABEL: kernel.define @column
// CHECK-SAME: isa = "x86-64-v3", algo = "direct", tile_m = 6, tile_n = 16
// CHECK-SAME: isa = "x86-64-v4", algo = "direct", tile_m = 8, tile_n = 16
kernel.define @column (%a: !kernel.view<[512, 768] x f32, [768, 1]>,
                       %b: !kernel.view<[768, 1] x f32, [1, 0]>)
    -> (%y: !kernel.view<[512, 1] x f32, [1, 0]>) {
  kernel.contract %a, %b : !kernel.view<[512, 768] x f32, [768, 1]>,
                           !kernel.view<[768, 1] x f32, [1, 0]>
      outs(%y : !kernel.view<[512, 1] x f32, [1, 0]>) attributes {along_k} {}
}

// A transposed b is packed: scratch holds a tile of its columns.
// CHECK-LABEL: kernel.define @transposed
// CHECK-SAME: scratch = {{[1-9][0-9]+}}
kernel.define @transposed (%a: !kernel.view<[12, p0, 64] x f32, [64, 768, 1]>,
                           %b: !kernel.view<[12, 64, p0] x f32, [64, 1, 768]>)
    -> (%y: !kernel.view<[12, p0, p0] x f32, [p0 * p0, p0, 1]>) params = 1 {
  kernel.contract %a, %b : !kernel.view<[12, p0, 64] x f32, [64, 768, 1]>,
                           !kernel.view<[12, 64, p0] x f32, [64, 1, 768]>
      outs(%y : !kernel.view<[12, p0, p0] x f32, [p0 * p0, p0, 1]>) {}
}

// Depthwise: chunks of four cache lines, pixels in equal parts.
// CHECK-LABEL: kernel.define @depthwise
// CHECK-SAME: blocks = array<i64: 392, 0>
// CHECK-SAME: items = #sym.dim<8>
// CHECK-SAME: tile_m = 8, tile_n = 64
kernel.define @depthwise (%x: !kernel.view<[1, 58, 58, 144] x f32, [484416, 8352, 144, 1]>,
                          %w: !kernel.view<[9, 144] x f32, [144, 1]>)
    -> (%y: !kernel.view<[1, 56, 56, 144] x f32, [451584, 8064, 144, 1]>) {
  kernel.conv %x, %w : !kernel.view<[1, 58, 58, 144] x f32, [484416, 8352, 144, 1]>,
                       !kernel.view<[9, 144] x f32, [144, 1]>
      outs(%y : !kernel.view<[1, 56, 56, 144] x f32, [451584, 8064, 144, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>,
                  dilations = array<i64: 1, 1>, groups = 144 : i64} {}
}

// A schedule that is there already is an input, not a suggestion.
// CHECK-LABEL: kernel.define @kept
// CHECK-SAME: tile_m = 3, tile_n = 48
// CHECK-NOT: x86-64-v4
// CHECK: kernel.contract
kernel.define @kept (%a: !kernel.view<[4, 8] x f32, [8, 1]>,
                     %b: !kernel.panels<1 groups, n = 48, k = 8, f32>)
    -> (%y: !kernel.view<[4, 48] x f32, [48, 1]>)
    attributes {schedules = [#kernel.schedule<isa = "x86-64-v3", algo = "direct", tile_m = 3,
                                              tile_n = 48, unroll = 1, prefetch = 0>]} {
  kernel.contract %a, %b : !kernel.view<[4, 8] x f32, [8, 1]>,
                           !kernel.panels<1 groups, n = 48, k = 8, f32>
      outs(%y : !kernel.view<[4, 48] x f32, [48, 1]>) {}
}

// A function in C says itself how its work is cut: a row of the output an item.
// CHECK-LABEL: kernel.define @rows
// CHECK-SAME: items = #sym.dim<p0 * 4>
kernel.define @rows (%x: !kernel.view<[5, 4, 3] x f32, [12, 3, 1]>,
                     %i: !kernel.view<[p0] x i64, [1]>)
    -> (%y: !kernel.view<[p0, 4, 3] x f32, [12, 3, 1]>) params = 1 {
  kernel.extern "gather" ins(%x, %i : !kernel.view<[5, 4, 3] x f32, [12, 3, 1]>,
                                      !kernel.view<[p0] x i64, [1]>)
      outs(%y : !kernel.view<[p0, 4, 3] x f32, [12, 3, 1]>)
      attributes {integers = #sym.dims<[0]>}
}

// A nest is cut along what its axes become once they are merged: 100352 elements.
// CHECK-LABEL: kernel.define @merged
// CHECK-SAME: blocks = array<i64: 16384>
// CHECK-SAME: items = #sym.dim<7>
kernel.define @merged (%x: !kernel.view<[1, 32, 56, 56] x f32, [100352, 1, 1792, 32]>)
    -> (%y: !kernel.view<[1, 32, 56, 56] x f32, [100352, 1, 1792, 32]>) {
  kernel.nest ins(%x : !kernel.view<[1, 32, 56, 56] x f32, [100352, 1, 1792, 32]>)
      outs(%y : !kernel.view<[1, 32, 56, 56] x f32, [100352, 1, 1792, 32]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}

// A transpose is cut into tiles along both axes.
// CHECK-LABEL: kernel.define @tiles
// CHECK-SAME: blocks = array<i64: 64, 256>
// CHECK-SAME: items = #sym.dim<((p0 + 63) floordiv 64) * 2>
kernel.define @tiles (%x: !kernel.view<[p0, 512] x f32, [1, p0]>)
    -> (%y: !kernel.view<[p0, 512] x f32, [512, 1]>) params = 1 {
  kernel.nest ins(%x : !kernel.view<[p0, 512] x f32, [1, p0]>)
      outs(%y : !kernel.view<[p0, 512] x f32, [512, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}

// Rows are never cut, only shared out.
// CHECK-LABEL: kernel.define @rows_of_softmax
// CHECK-SAME: blocks = array<i64: 42>
// CHECK-SAME: items = #sym.dim<(p0 + 41) floordiv 42>
kernel.define @rows_of_softmax (%x: !kernel.view<[p0, 128] x f32, [128, 1]>)
    -> (%y: !kernel.view<[p0, 128] x f32, [128, 1]>) params = 1 {
  kernel.row "softmax" ins(%x : !kernel.view<[p0, 128] x f32, [128, 1]>)
      outs(%y : !kernel.view<[p0, 128] x f32, [128, 1]>) attributes {axes = 1 : i64} {}, {}
}
