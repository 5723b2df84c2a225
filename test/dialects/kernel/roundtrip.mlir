// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every root and every scalar operation prints what it parses.
//
// RUN: sinter-opt %s | sinter-opt | FileCheck %s

// CHECK-LABEL: kernel.define @matmul
// CHECK-SAME: (%[[A:.*]]: !kernel.view<[p0, 384] x f32, [384, 1]>, %{{.*}}: !kernel.panels<1 groups, n = 100, k = 384, f32>
// CHECK-SAME: ) -> (%{{.*}}: !kernel.view<[p0, 100] x f32, [100, 1]>) params = 1 attributes {blocks = array<i64: 32, 0>, items = #sym.dim<(p0 + 31) floordiv 32>
kernel.define @matmul (%a: !kernel.view<[p0, 384] x f32, [384, 1]>,
                       %b: !kernel.panels<1 groups, n = 100, k = 384, f32>,
                       %bias: !kernel.view<[p0, 100] x f32, [0, 1]>)
    -> (%y: !kernel.view<[p0, 100] x f32, [100, 1]>) params = 1
    attributes {items = #sym.dim<p0 ceildiv 32>, blocks = array<i64: 32, 0>,
                schedules = [#kernel.schedule<isa = "x86-64-v4", algo = "direct", tile_m = 14,
                                              tile_n = 32, unroll = 1, prefetch = 0>]} {
  // CHECK: kernel.contract %[[A]], %{{.*}} extras(%{{.*}} : !kernel.view<[p0, 100] x f32, [0, 1]>) outs(
  kernel.contract %a, %b : !kernel.view<[p0, 384] x f32, [384, 1]>,
                           !kernel.panels<1 groups, n = 100, k = 384, f32>
      extras(%bias : !kernel.view<[p0, 100] x f32, [0, 1]>)
      outs(%y : !kernel.view<[p0, 100] x f32, [100, 1]>) {
  ^bb0(%acc: f32, %c: f32):
    // CHECK: kernel.apply "add"(%{{.*}}, %{{.*}}) : (f32, f32) -> f32
    %0 = kernel.apply "add"(%acc, %c) : (f32, f32) -> f32
    // CHECK: kernel.const 0.{{0*}}e+00 : f32
    %zero = kernel.const 0.0 : f32
    %1 = kernel.apply "max"(%0, %zero) : (f32, f32) -> f32
    // CHECK: kernel.yield %{{.*}} : f32
    kernel.yield %1 : f32
  }
}

// CHECK-LABEL: kernel.define @conv
kernel.define @conv (%x: !kernel.view<[1, 10, 10, 16] x f32, [1600, 160, 16, 1]>,
                     %w: !kernel.panels<1 groups, n = 24, k = 144, f32>)
    -> (%y: !kernel.view<[1, 8, 8, 24] x f32, [1536, 192, 24, 1]>) {
  // CHECK: kernel.conv
  kernel.conv %x, %w : !kernel.view<[1, 10, 10, 16] x f32, [1600, 160, 16, 1]>,
                       !kernel.panels<1 groups, n = 24, k = 144, f32>
      outs(%y : !kernel.view<[1, 8, 8, 24] x f32, [1536, 192, 24, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>,
                  dilations = array<i64: 1, 1>, groups = 1 : i64} {}
}

// CHECK-LABEL: kernel.define @pool
kernel.define @pool (%x: !kernel.view<[1, 10, 10, 16] x f32, [1600, 160, 16, 1]>)
    -> (%y: !kernel.view<[1, 5, 5, 16] x f32, [400, 80, 16, 1]>) {
  // CHECK: kernel.window "average"
  kernel.window "average" %x : !kernel.view<[1, 10, 10, 16] x f32, [1600, 160, 16, 1]>
      outs(%y : !kernel.view<[1, 5, 5, 16] x f32, [400, 80, 16, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>,
                  dilations = array<i64: 1, 1>, pads = array<i64: 1, 1>,
                  end_pads = array<i64: 0, 0>, count_include_pad} {}
}

// CHECK-LABEL: kernel.define @softmax
kernel.define @softmax (%x: !kernel.view<[p0, p1] x f32, [p1, 1]>,
                        %m: !kernel.view<[p0, p1] x f32, [0, 1]>)
    -> (%y: !kernel.view<[p0, p1] x f32, [p1, 1]>) params = 2 {
  // CHECK: kernel.row "softmax" ins(
  kernel.row "softmax" ins(%x, %m : !kernel.view<[p0, p1] x f32, [p1, 1]>,
                                    !kernel.view<[p0, p1] x f32, [0, 1]>)
      outs(%y : !kernel.view<[p0, p1] x f32, [p1, 1]>) attributes {axes = 1 : i64} {
  ^bb0(%a: f32, %b: f32):
    %0 = kernel.apply "add"(%a, %b) : (f32, f32) -> f32
    kernel.yield %0 : f32
  }, {}
}

// CHECK-LABEL: kernel.define @nest
kernel.define @nest (%x: !kernel.view<[p0, 7] x i64, [7, 1]>)
    -> (%y: !kernel.view<[p0, 7] x f32, [1, p0]>) params = 1 {
  // CHECK: kernel.nest ins(
  kernel.nest ins(%x : !kernel.view<[p0, 7] x i64, [7, 1]>)
      outs(%y : !kernel.view<[p0, 7] x f32, [1, p0]>)
      attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: i64):
    // CHECK: kernel.index 1
    %i = kernel.index 1
    // CHECK: kernel.dim <p0 * 2 + 1>
    %d = kernel.dim <p0 * 2 + 1>
    %s = kernel.apply "add"(%i, %d) : (i64, i64) -> i64
    %t = kernel.apply "add"(%a, %s) : (i64, i64) -> i64
    // CHECK: kernel.cast %{{.*}} : i64 to f32
    %f = kernel.cast %t : i64 to f32
    kernel.yield %f : f32
  }, {}
}

// CHECK-LABEL: kernel.define @lstm
kernel.define @lstm (%x: !kernel.view<[p0, 1, 40] x f32, [40, 40, 1]>,
                     %w: !kernel.panels<1 groups, n = 128, k = 40, f32>,
                     %r: !kernel.panels<1 groups, n = 128, k = 20, f32>,
                     %h: !kernel.view<[1, 20] x f32, [20, 1]>,
                     %c: !kernel.view<[1, 20] x f32, [20, 1]>)
    -> (%y: !kernel.view<[p0, 1, 20] x f32, [20, 20, 1]>,
        %yh: !kernel.view<[1, 20] x f32, [20, 1]>,
        %yc: !kernel.view<[1, 20] x f32, [20, 1]>) params = 1 {
  // CHECK: kernel.recurrent "lstm"
  kernel.recurrent "lstm" %x, %w, %r : !kernel.view<[p0, 1, 40] x f32, [40, 40, 1]>,
      !kernel.panels<1 groups, n = 128, k = 40, f32>,
      !kernel.panels<1 groups, n = 128, k = 20, f32>
      extras(%h, %c : !kernel.view<[1, 20] x f32, [20, 1]>, !kernel.view<[1, 20] x f32, [20, 1]>)
      outs(%y, %yh, %yc : !kernel.view<[p0, 1, 20] x f32, [20, 20, 1]>,
           !kernel.view<[1, 20] x f32, [20, 1]>, !kernel.view<[1, 20] x f32, [20, 1]>)
      attributes {activations = ["sigmoid", "tanh", "tanh"]}
}

// CHECK-LABEL: kernel.define @gather
kernel.define @gather (%x: !kernel.view<[p0, 8] x i1, [8, 1]>, %i: !kernel.view<[4] x i64, [1]>)
    -> (%y: !kernel.view<[4, 8] x i1, [8, 1]>) params = 1 {
  // CHECK: kernel.extern "gather" ins(
  kernel.extern "gather" ins(%x, %i : !kernel.view<[p0, 8] x i1, [8, 1]>, !kernel.view<[4] x i64, [1]>)
      outs(%y : !kernel.view<[4, 8] x i1, [8, 1]>) attributes {integers = #sym.dims<[0, p0 * 8]>}
}
