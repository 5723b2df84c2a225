// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: sinter-opt %s --sinter-compile-kernels -o /dev/null 2>&1 | FileCheck %s
// RUN: sinter-opt %s --sinter-compile-kernels=isa=x86-64-v2 -o /dev/null 2>&1 | FileCheck %s --check-prefix=V2
// RUN: sinter-opt %s --sinter-compile-kernels="isa=x86-64-v4 plain=true" -o /dev/null 2>&1 | FileCheck %s --check-prefix=PLAIN
// RUN: not sinter-opt %s --sinter-compile-kernels=isa=z80 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// CHECK: remark: compiled for x86-64-v3: {{[0-9]+}} bytes
// V2: remark: compiled for x86-64-v2: {{[0-9]+}} bytes
// PLAIN: remark: compiled for x86-64-v4: {{[0-9]+}} bytes
// UNKNOWN: error: there is no target 'z80'
kernel.define @product (%a: !kernel.view<[7, 20] x f32, [20, 1]>,
                        %b: !kernel.panels<1 groups, n = 24, k = 20, f32>)
    -> (%y: !kernel.view<[7, 24] x f32, [24, 1]>)
    attributes {blocks = array<i64: 0, 0>, schedules = [
      #kernel.schedule<isa = "x86-64-v3", algo = "direct", tile_m = 6, tile_n = 16, unroll = 4, prefetch = 1>,
      #kernel.schedule<isa = "x86-64-v4", algo = "direct", tile_m = 7, tile_n = 32, unroll = 4, prefetch = 1>]} {
  kernel.contract %a, %b : !kernel.view<[7, 20] x f32, [20, 1]>,
                           !kernel.panels<1 groups, n = 24, k = 20, f32>
      outs(%y : !kernel.view<[7, 24] x f32, [24, 1]>) {}
}
