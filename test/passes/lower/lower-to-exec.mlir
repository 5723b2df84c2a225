// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: sinter-opt %s --sinter-form-groups --sinter-lower-to-exec --split-input-file | FileCheck %s

// Batch axes become rows, the weight panels, the bias a view with stride 0; the
// dynamic extent is the one parameter.
// CHECK: kernel.define @[[K:k[0-9]+_contract]]
// CHECK-SAME: !kernel.view<[p0, 32] x f32, [32, 1]>
// CHECK-SAME: !kernel.panels<1 groups, n = 24, k = 32, f32>
// CHECK-SAME: !kernel.view<[p0, 24] x f32, [0, 1]>
// CHECK-SAME: params = 1
// CHECK: kernel.apply "add"
// CHECK: kernel.apply "relu"
// CHECK: exec.program @main inputs ["x"]
// CHECK-SAME: outputs ["y"]
// CHECK: exec.symbol "B"
// CHECK: exec.launch @[[K]](%{{.*}}) offsets <[0, 0, 0, 0]> params <[B * 8]>
graph.symbol "B" {min = 1, max = 4096, input = 0 : i64, axis = 0 : i64}
func.func @main(%x: tensor<?x8x32xf32, #sym.dims<[B, 8, 32]>> {graph.name = "x"})
    -> (tensor<?x8x24xf32, #sym.dims<[B, 8, 24]>> {graph.name = "y"}) {
  %w = graph.constant(dense<1.0> : tensor<32x24xf32>) : tensor<32x24xf32>
  %b = graph.constant(dense<"0x0000803F000000400000404000008040"> : tensor<4xf32>) : tensor<4xf32>
  %wide = graph.concat %b, %b, %b, %b, %b, %b {axis = 0 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<24xf32>
  %0 = graph.matmul %x, %w : (tensor<?x8x32xf32, #sym.dims<[B, 8, 32]>>, tensor<32x24xf32>) -> tensor<?x8x24xf32, #sym.dims<[B, 8, 24]>>
  %1 = graph.map "add"(%0, %wide) : (tensor<?x8x24xf32, #sym.dims<[B, 8, 24]>>, tensor<24xf32>) -> tensor<?x8x24xf32, #sym.dims<[B, 8, 24]>>
  %2 = graph.map "relu"(%1) : (tensor<?x8x24xf32, #sym.dims<[B, 8, 24]>>) -> tensor<?x8x24xf32, #sym.dims<[B, 8, 24]>>
  return %2 : tensor<?x8x24xf32, #sym.dims<[B, 8, 24]>>
}

// -----

// The first convolution writes inside the halo that the second one needs; the
// halo is zeroed by launches nobody waits for.
// CHECK: kernel.define @[[THREE:k[0-9]+_conv]] (%{{.*}}: !kernel.view<[1, 10, 10, 16] x f32, [0, 160, 16, 1]>, %{{.*}}: !kernel.panels<1 groups, n = 8, k = 144, f32>
// CHECK: exec.program @halo
// CHECK: %[[P:.*]] = exec.alloc <6400>
// CHECK: exec.launch @{{k[0-9]+_zero}}(%[[P]]) {{.*}} {no_wait}
// CHECK: exec.launch @{{.*}}(%{{.*}}, %[[P]]) offsets <[0, 0, 704]>
// CHECK: exec.launch @[[THREE]](%[[P]]
func.func @halo(%x: tensor<1x8x8x16xf32>) -> tensor<1x8x8x8xf32> {
  %w1 = graph.constant(dense<1.0> : tensor<16x16x1x1xf32>) : tensor<16x16x1x1xf32>
  %w3 = graph.constant(dense<1.0> : tensor<8x16x3x3xf32>) : tensor<8x16x3x3xf32>
  %0 = graph.conv %x, %w1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64, channels_last} : (tensor<1x8x8x16xf32>, tensor<16x16x1x1xf32>) -> tensor<1x8x8x16xf32>
  %1 = graph.conv %0, %w3 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64, channels_last} : (tensor<1x8x8x16xf32>, tensor<8x16x3x3xf32>) -> tensor<1x8x8x8xf32>
  return %1 : tensor<1x8x8x8xf32>
}

// -----

// Where a good part of the windows lies in the padding, the kernel knows how much
// of its input that is.
// CHECK: kernel.define @{{.*}}_conv
// CHECK: kernel.conv {{.*}}border_high = array<i64: 6, 0>, border_low = array<i64: 5, 0>
// CHECK: exec.program @dilated
func.func @dilated(%x: tensor<1x8x80x16xf32>) -> tensor<1x7x80x8xf32> {
  %w = graph.constant(dense<1.0> : tensor<8x16x3x3xf32>) : tensor<8x16x3x3xf32>
  %0 = graph.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 5, 1, 6, 1>, dilations = array<i64: 6, 1>, group = 1 : i64, channels_last} : (tensor<1x8x80x16xf32>, tensor<8x16x3x3xf32>) -> tensor<1x7x80x8xf32>
  return %0 : tensor<1x7x80x8xf32>
}

// -----

// Operands of a concat are computed in place; a slice of the result is a view.
// CHECK: exec.program @concat
// CHECK-NOT: _copy
// CHECK: exec.launch @{{.*}}(%{{.*}}, %[[C:.*]]) offsets <[0, 0]>
// CHECK-NOT: _copy
// CHECK: exec.launch @{{.*}}(%{{.*}}, %[[C]]) offsets <[0, 16]>
// CHECK-NOT: _copy
// CHECK: exec.launch @{{.*}}(%[[C]], %{{.*}}) offsets <[8, 0]>
func.func @concat(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = graph.map "exp"(%x) : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %1 = graph.softmax %x {axis = 1 : i64} : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %2 = graph.concat %0, %1 {axis = 1 : i64} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x8xf32>
  %3 = graph.slice %2 {starts = #sym.dims<[0, 2]>, sizes = #sym.dims<[8, 4]>, steps = array<i64: 1, 1>} : (tensor<8x8xf32>) -> tensor<8x4xf32>
  %4 = graph.map "neg"(%3) : (tensor<8x4xf32>) -> tensor<8x4xf32>
  return %4 : tensor<8x4xf32>
}

// -----

// A product that is only read transposed is written transposed: heads come back
// together without a copy.
// CHECK: exec.program @heads
// CHECK-NOT: _copy
// CHECK: exec.launch @{{.*}}_contract
// CHECK-NEXT: exec.launch @{{.*}}_softmax
// CHECK-NOT: _copy
func.func @heads(%p: tensor<2x4x8x8xf32>, %v: tensor<2x4x8x16xf32>) -> tensor<2x8x64xf32> {
  %0 = graph.matmul %p, %v : (tensor<2x4x8x8xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  %1 = graph.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x4x8x16xf32>) -> tensor<2x8x4x16xf32>
  %2 = graph.reshape %1 : tensor<2x8x4x16xf32> to tensor<2x8x64xf32>
  %3 = graph.softmax %2 {axis = 2 : i64} : (tensor<2x8x64xf32>) -> tensor<2x8x64xf32>
  return %3 : tensor<2x8x64xf32>
}

// -----

// A channel shuffle is one copy that keeps the order of the pixels.
// CHECK: kernel.define @[[SHUFFLE:.*]] (%{{.*}}: !kernel.view<[20, 2, 3] x f32, [6, 1, 2]>) -> (%{{.*}}: !kernel.view<[20, 2, 3] x f32, [6, 3, 1]>)
// CHECK: exec.program @shuffle
// CHECK: exec.launch @{{.*}}_nest
// CHECK-NEXT: exec.launch @[[SHUFFLE]]
// CHECK-NEXT: exec.launch @{{.*}}_softmax
func.func @shuffle(%x: tensor<1x4x5x6xf32>) -> tensor<1x4x5x6xf32> {
  %0 = graph.map "exp"(%x) : (tensor<1x4x5x6xf32>) -> tensor<1x4x5x6xf32>
  %1 = graph.transpose %0 {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x4x5x6xf32>) -> tensor<1x6x4x5xf32>
  %2 = graph.reshape %1 : tensor<1x6x4x5xf32> to tensor<1x3x2x4x5xf32>
  %3 = graph.transpose %2 {permutation = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x3x2x4x5xf32>) -> tensor<1x2x3x4x5xf32>
  %4 = graph.reshape %3 : tensor<1x2x3x4x5xf32> to tensor<1x6x4x5xf32>
  %5 = graph.transpose %4 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x6x4x5xf32>) -> tensor<1x4x5x6xf32>
  %6 = graph.softmax %5 {axis = 3 : i64} : (tensor<1x4x5x6xf32>) -> tensor<1x4x5x6xf32>
  return %6 : tensor<1x4x5x6xf32>
}

// -----

// Where a 1 may broadcast, the check lets it: right + (left - right) * (is one of them 1?).
// CHECK: exec.program @checks
// CHECK: exec.check <A> equals <B>
// CHECK: exec.check <A> equals <{{.*}}min(1, max({{.*}}>
func.func @checks(%x: tensor<?xf32, #sym.dims<[A]>>, %y: tensor<?xf32, #sym.dims<[B]>>) -> tensor<?xf32, #sym.dims<[A]>> {
  graph.check <A> equals <B>
  graph.check <A> equals <B> {broadcast}
  %0 = graph.map "exp"(%x) : (tensor<?xf32, #sym.dims<[A]>>) -> tensor<?xf32, #sym.dims<[A]>>
  return %0 : tensor<?xf32, #sym.dims<[A]>>
}

// -----

// A branch computes into the buffer of the result; what it only hands on is copied.
// CHECK: exec.program @branch
// CHECK: exec.launch @[[EXP:.*]](%{{.*}}, %[[R:.*]]) offsets
// CHECK-NOT: _copy
// CHECK: exec.if %{{.*}}[<0>] then {
// CHECK-NEXT: exec.launch @{{.*}}_nest(%{{.*}}, %[[Y:.*]]) offsets
// CHECK-NEXT: } else {
// CHECK-NEXT: exec.launch @{{.*}}_copy(%[[R]], %[[Y]]) offsets
// CHECK-NEXT: }
func.func @branch(%c: tensor<i1>, %x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = graph.map "exp"(%x) : (tensor<8xf32>) -> tensor<8xf32>
  %1 = graph.if %c : (tensor<i1>) -> tensor<8xf32> then {
    %2 = graph.map "neg"(%0) : (tensor<8xf32>) -> tensor<8xf32>
    graph.yield %2 : tensor<8xf32>
  } else {
    graph.yield %0 : tensor<8xf32>
  }
  return %1 : tensor<8xf32>
}

// -----

// Few columns: vectors lie along k, and the filter as it is read. One row against
// many columns of contiguous k is the same from the other side.
// CHECK: kernel.conv {{.*}}!kernel.view<[144, 1] x f32, [1, 0]>
// CHECK-SAME: along_k
// CHECK: kernel.contract {{.*}}<[50, 256] x f32, [256, 1]>, !kernel.view<[256, 1] x f32, [1, 0]>
// CHECK-SAME: along_k
// CHECK: exec.program @few
func.func @few(%x: tensor<1x4x4x16xf32>, %a: tensor<1x256xf32>, %b: tensor<50x256xf32>) -> (tensor<1x2x2x1xf32>, tensor<1x50xf32>) {
  %w = graph.constant(dense<0.5> : tensor<1x16x3x3xf32>) : tensor<1x16x3x3xf32>
  %0 = graph.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64, channels_last} : (tensor<1x4x4x16xf32>, tensor<1x16x3x3xf32>) -> tensor<1x2x2x1xf32>
  %1 = graph.matmul %a, %b {transpose_b} : (tensor<1x256xf32>, tensor<50x256xf32>) -> tensor<1x50xf32>
  return %0, %1 : tensor<1x2x2x1xf32>, tensor<1x50xf32>
}

// -----

// A filter that is an input is packed by copies: the whole blocks, the tail, and
// zeros behind it.
// CHECK: exec.program @filter
// CHECK: %[[W:.*]] = exec.alloc <2048>
// CHECK: exec.launch @{{.*}}_copy(%{{.*}}, %[[W]]) offsets <[0, 0]>
// CHECK: exec.launch @{{.*}}_zero(%[[W]]) offsets <[1040]> params <[]> {no_wait}
// CHECK: exec.launch @{{.*}}_copy(%{{.*}}, %[[W]]) offsets <[1024, 1024]>
// CHECK: exec.launch @{{.*}}_contract(%{{.*}}, %[[W]], %{{.*}})
func.func @filter(%x: tensor<1x4x4x16xf32>, %w: tensor<20x16x1x1xf32>) -> tensor<1x4x4x20xf32> {
  %0 = graph.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64, channels_last} : (tensor<1x4x4x16xf32>, tensor<20x16x1x1xf32>) -> tensor<1x4x4x20xf32>
  return %0 : tensor<1x4x4x20xf32>
}

// -----

// Kernel and stride of a transposed convolution are equal: four products that
// write every second pixel, no halo, no copy.
// CHECK: exec.program @upsample
// CHECK-NOT: _copy
// CHECK-NOT: _zero
// CHECK: exec.launch @[[P:.*]](%{{.*}}) offsets <[0, 0, 0]>
// CHECK-NEXT: exec.launch @[[P]](%{{.*}}) offsets <[0, 0, 64]>
// CHECK-NEXT: exec.launch @[[P]](%{{.*}}) offsets <[0, 0, 512]>
// CHECK-NEXT: exec.launch @[[P]](%{{.*}}) offsets <[0, 0, 576]>
func.func @upsample(%x: tensor<1x4x4x16xf32>) -> tensor<1x8x8x16xf32> {
  %w = graph.constant(#graph.weight<"w">) : tensor<16x16x2x2xf32>
  %0 = graph.conv_transpose %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>, group = 1 : i64, channels_last} : (tensor<1x4x4x16xf32>, tensor<16x16x2x2xf32>) -> tensor<1x8x8x16xf32>
  return %0 : tensor<1x8x8x16xf32>
}

// -----

// One map of a transposed convolution: its residues are the maps of one
// convolution, side by side in the result.
// CHECK: kernel.define @[[ONE:k[0-9]+_conv_transpose]] (
// CHECK-SAME: !kernel.panels<1 groups, n = 8,
// CHECK-SAME: !kernel.view<[1, 1, 21, 8] x f32, [0, 0, 8, 1]>
// CHECK: exec.program @sound
// CHECK: exec.launch @[[ONE]](
// CHECK-NOT: exec.launch @[[ONE]](
func.func @sound(%x: tensor<1x1x20x16xf32>) -> tensor<1x1x168x1xf32> {
  %w = graph.constant(#graph.weight<"w">) : tensor<16x1x1x16xf32>
  %0 = graph.conv_transpose %x, %w {strides = array<i64: 1, 8>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>, group = 1 : i64, channels_last} : (tensor<1x1x20x16xf32>, tensor<16x1x1x16xf32>) -> tensor<1x1x168x1xf32>
  return %0 : tensor<1x1x168x1xf32>
}

// -----

// A padding that no residue shares: they read different inputs.
// CHECK: exec.program @shifted
// CHECK-COUNT-8: conv_transpose
func.func @shifted(%x: tensor<1x1x20x16xf32>) -> tensor<1x1x160x1xf32> {
  %w = graph.constant(#graph.weight<"w">) : tensor<16x1x1x16xf32>
  %0 = graph.conv_transpose %x, %w {strides = array<i64: 1, 8>, pads = array<i64: 0, 4, 0, 4>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>, group = 1 : i64, channels_last} : (tensor<1x1x20x16xf32>, tensor<16x1x1x16xf32>) -> tensor<1x1x160x1xf32>
  return %0 : tensor<1x1x160x1xf32>
}

// -----

// A filter for each channel: its taps are a table.
// CHECK: kernel.define @{{.*}}conv_transpose (%{{.*}}, %{{.*}}: !kernel.view<[4, 32] x f32, [32, 1]>)
func.func @each(%x: tensor<1x4x4x32xf32>) -> tensor<1x8x8x32xf32> {
  %w = graph.constant(#graph.weight<"w">) : tensor<32x1x4x4xf32>
  %0 = graph.conv_transpose %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>, group = 32 : i64, channels_last} : (tensor<1x4x4x32xf32>, tensor<32x1x4x4xf32>) -> tensor<1x8x8x32xf32>
  return %0 : tensor<1x8x8x32xf32>
}

// -----

// A whole factor and the nearest element: the source has an axis of stride 0
// behind each axis that grows, in whatever order its memory is.
// CHECK: kernel.define @[[UP:k[0-9]+_copy]]
// CHECK-SAME: !kernel.view<[p0, 2, 5, 2, 8] x f32, [40, 0, 8, 0, 1]>
// CHECK-SAME: !kernel.view<[p0, 2, 5, 2, 8] x f32, [160, 80, 16, 8, 1]>
// CHECK: exec.program @upsample
// CHECK: exec.launch @[[UP]]
graph.symbol "H" {min = 0, max = 512, input = 0 : i64, axis = 1 : i64}
func.func @upsample(%x: tensor<1x?x5x8xf32, #sym.dims<[1, H, 5, 8]>>) -> tensor<1x?x10x8xf32, #sym.dims<[1, H * 2, 10, 8]>> {
  %0 = graph.resize "nearest" %x {coordinate_mode = "asymmetric", nearest_mode = "floor", scales = array<f64: 1.0, 2.0, 2.0, 1.0>} : tensor<1x?x5x8xf32, #sym.dims<[1, H, 5, 8]>> to tensor<1x?x10x8xf32, #sym.dims<[1, H * 2, 10, 8]>>
  return %0 : tensor<1x?x10x8xf32, #sym.dims<[1, H * 2, 10, 8]>>
}

// -----

// A tie that goes up takes the neighbour: coordinates are computed.
// CHECK: kernel.extern "resize"
func.func @ties(%x: tensor<1x4x8xf32>) -> tensor<1x8x8xf32> {
  %0 = graph.resize "nearest" %x {coordinate_mode = "asymmetric", nearest_mode = "round_prefer_ceil", scales = array<f64: 1.0, 2.0, 1.0>} : tensor<1x4x8xf32> to tensor<1x8x8xf32>
  return %0 : tensor<1x8x8xf32>
}

// -----

// The factor of an extent that is not whole is not 2, whatever rounds to it.
// CHECK: kernel.extern "resize"
func.func @part(%x: tensor<1x4x8xf32>) -> tensor<1x9x8xf32> {
  %0 = graph.resize "nearest" %x {coordinate_mode = "asymmetric", nearest_mode = "floor", scales = array<f64: 1.0, 0.0, 1.0>} : tensor<1x4x8xf32> to tensor<1x9x8xf32>
  return %0 : tensor<1x9x8xf32>
}

// -----

// Carried values lie in buffers of their own; those of a trip are all computed
// before one is written, and a scanned value has a slice for each trip.
// CHECK: exec.program @loop
// CHECK: exec.loop %[[C:.*]][<0>] {
// CHECK-NEXT: exec.read %[[I:.*]][<0>] : i64 to "trip"
// CHECK: exec.launch @{{.*}}(%{{.*}}, %[[Y:.*]]) offsets <[0, trip * 16]>
// CHECK-NEXT: }
graph.symbol "trip" {min = 0, max = 5}
func.func @loop(%c: tensor<i1>, %i: tensor<i64>, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<5x4xf32>) {
  %0:3 = graph.loop %c from(%i, %x) counts "trip" : (tensor<i1>, tensor<i64>, tensor<4xf32>) -> (tensor<i64>, tensor<4xf32>, tensor<5x4xf32>) {
  ^bb0(%n: tensor<i64>, %a: tensor<4xf32>):
    %1 = graph.map "exp"(%a) : (tensor<4xf32>) -> tensor<4xf32>
    graph.yield %c, %n, %1, %1 : tensor<i1>, tensor<i64>, tensor<4xf32>, tensor<4xf32>
  }
  return %0#1, %0#2 : tensor<4xf32>, tensor<5x4xf32>
}

// -----

// What several read of a reduction is one kernel: the value once per output.
// CHECK: kernel.define @[[REDUCE:k[0-9]+_reduce]]
// CHECK: combine = ["max", "max"]
// CHECK: ^bb0(%[[X:.*]]: f32):
// CHECK-NEXT: kernel.yield %[[X]], %[[X]] : f32, f32
// CHECK: ^bb0(%[[MAX:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[Y:.*]] = kernel.apply "neg"(%[[MAX]])
// CHECK-NEXT: %[[Z:.*]] = kernel.apply "exp"(%[[Y]])
// CHECK-NEXT: kernel.yield %[[Y]], %[[Z]]
// CHECK: exec.program @shared
// CHECK-COUNT-1: exec.launch @[[REDUCE]]
// CHECK-NOT: exec.launch
func.func @shared(%x: tensor<4x8xf32> {graph.name = "x"})
    -> (tensor<4xf32> {graph.name = "y"}, tensor<4xf32> {graph.name = "z"}) {
  %0 = graph.reduce "max" %x {axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32>
  %1 = graph.map "neg"(%0) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = graph.map "exp"(%1) : (tensor<4xf32>) -> tensor<4xf32>
  return %1, %2 : tensor<4xf32>, tensor<4xf32>
}
