// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: sinter-opt %s --sinter-unify-symbols | FileCheck %s

// One name for both, behind the check; the inputs keep theirs.
// CHECK-LABEL: func @names
// CHECK-SAME: (%arg0: tensor<?x?xf32, #sym.dims<[A, K]>>, %arg1: tensor<?x8xf32, #sym.dims<[L, 8]>>)
// CHECK: graph.check <K> equals <L>
// CHECK: %[[W:.*]] = graph.reshape %arg1 : tensor<?x8xf32, #sym.dims<[L, 8]>> to tensor<?x8xf32, #sym.dims<[K, 8]>>
// CHECK: graph.matmul %arg0, %[[W]]
func.func @names(%x: tensor<?x?xf32, #sym.dims<[A, K]>>, %w: tensor<?x8xf32, #sym.dims<[L, 8]>>) -> tensor<?x8xf32, #sym.dims<[A, 8]>> {
  graph.symbol "L" {min = 0 : i64, max = 99 : i64, input = 1 : i64, axis = 0 : i64}
  graph.check <K> equals <L>
  %0 = graph.matmul %x, %w : (tensor<?x?xf32, #sym.dims<[A, K]>>, tensor<?x8xf32, #sym.dims<[L, 8]>>) -> tensor<?x8xf32, #sym.dims<[A, 8]>>
  return %0 : tensor<?x8xf32, #sym.dims<[A, 8]>>
}

// A constant; a tensor that is static now has no encoding, and the sum that
// broadcast both ways is plain.
// CHECK-LABEL: func @constant
// CHECK-SAME: -> tensor<3xf32>
// CHECK: graph.check <C> equals <D>
// CHECK-NEXT: graph.check <D> equals <3>
// CHECK: graph.map "add"(%{{.*}}, %{{.*}}) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
func.func @constant(%x: tensor<?xf32, #sym.dims<[C]>>, %y: tensor<?xf32, #sym.dims<[D]>>) -> tensor<?xf32, #sym.dims<[min(1, C) * min(1, D) * max(C, D)]>> {
  graph.symbol "C" {min = 0 : i64, max = 99 : i64, input = 0 : i64, axis = 0 : i64}
  graph.symbol "D" {min = 0 : i64, max = 99 : i64, input = 1 : i64, axis = 0 : i64}
  graph.check <C> equals <D>
  graph.check <D> equals <3>
  %0 = graph.map "add"(%x, %y) : (tensor<?xf32, #sym.dims<[C]>>, tensor<?xf32, #sym.dims<[D]>>) -> tensor<?xf32, #sym.dims<[min(1, C) * min(1, D) * max(C, D)]>>
  return %0 : tensor<?xf32, #sym.dims<[min(1, C) * min(1, D) * max(C, D)]>>
}

// Where a 1 may broadcast, or a branch checks, nothing is known.
// CHECK-LABEL: func @unknown
// CHECK-SAME: #sym.dims<[P]>
// CHECK-SAME: #sym.dims<[Q]>
func.func @unknown(%x: tensor<?xf32, #sym.dims<[P]>>, %y: tensor<?xf32, #sym.dims<[Q]>>, %c: tensor<i1>) -> tensor<?xf32, #sym.dims<[P]>> {
  graph.check <P> equals <Q> {broadcast}
  %0 = graph.if %c : (tensor<i1>) -> tensor<?xf32, #sym.dims<[P]>> then {
    graph.check <P> equals <Q>
    graph.yield %x : tensor<?xf32, #sym.dims<[P]>>
  } else {
    graph.yield %x : tensor<?xf32, #sym.dims<[P]>>
  }
  return %0 : tensor<?xf32, #sym.dims<[P]>>
}

// An extent would be -1: the check refuses the input when the program runs.
// CHECK-LABEL: func @negative
// CHECK: graph.check <D> equals <0>
// CHECK: #sym.dims<[0, D - 1]>
func.func @negative(%x: tensor<?x0xf32, #sym.dims<[D, 0]>>) -> tensor<0x?xf32, #sym.dims<[0, D - 1]>> {
  graph.symbol "D" {min = 0 : i64, max = 99 : i64, input = 0 : i64, axis = 0 : i64}
  graph.check <D> equals <0>
  %0 = graph.reshape %x : tensor<?x0xf32, #sym.dims<[D, 0]>> to tensor<0x?xf32, #sym.dims<[0, D - 1]>>
  return %0 : tensor<0x?xf32, #sym.dims<[0, D - 1]>>
}
