// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same emitters give code for another machine: only the target's data differ.
//
// RUN: sinter-opt %s --sinter-choose-schedules=isas=armv8-a --sinter-compile-kernels="isa=armv8-a out=%t.o" -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: llvm-objdump -d %t.o | FileCheck %s

// REMARK: remark: compiled for armv8-a: {{[0-9]+}} bytes
// CHECK: file format elf64-littleaarch64
// CHECK: fmla{{.*}}v{{[0-9]+}}.4s
kernel.define @product (%a: !kernel.view<[7, 20] x f32, [20, 1]>,
                        %b: !kernel.panels<1 groups, n = 24, k = 20, f32>)
    -> (%y: !kernel.view<[7, 24] x f32, [24, 1]>) {
  kernel.contract %a, %b : !kernel.view<[7, 20] x f32, [20, 1]>,
                           !kernel.panels<1 groups, n = 24, k = 20, f32>
      outs(%y : !kernel.view<[7, 24] x f32, [24, 1]>) {}
}
