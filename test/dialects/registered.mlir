// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// sinter-opt knows our dialects, and refuses an operation that none of them has.
//
// RUN: sinter-opt --show-dialects | FileCheck %s --check-prefix=DIALECTS
// RUN: not sinter-opt %s 2>&1 | FileCheck %s
//
// DIALECTS: graph
// DIALECTS: kernel
// DIALECTS: sym
//
// CHECK: error: {{.*}}graph.no_such_op
func.func @unknown() {
  "graph.no_such_op"() : () -> ()
  return
}
