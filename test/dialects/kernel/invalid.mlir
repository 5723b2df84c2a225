// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One case for each clause of the verifiers, with the sentence a user reads.
//
// RUN: sinter-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{a view of 2 dims has 1 strides}}
kernel.define @k () -> (%y: !kernel.view<[4, 8] x f32, [8]>) {}

// -----

// expected-error@+1 {{a view cannot hold 'index'}}
kernel.define @k () -> (%y: !kernel.view<[4] x index, [1]>) {}

// -----

// expected-error@+1 {{a view has dim -4}}
kernel.define @k () -> (%y: !kernel.view<[-4] x f32, [1]>) {}

// -----

// expected-error@+1 {{must hold exactly one root operation}}
kernel.define @k () -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {}

// -----

// expected-error@+1 {{has 0 outputs among 1 arguments}}
kernel.define @k (%y: !kernel.view<[4, 8] x f32, [8, 1]>) -> () {}

// -----

// expected-error@+1 {{argument 0 uses 'p1'; this kernel has 1 formal parameters}}
kernel.define @k (%x: !kernel.view<[4, 8] x f32, [p1, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) params = 1 {
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [p1, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}

// -----

// expected-error@+1 {{must end with the outputs of its root, in order}}
kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  kernel.nest ins(%y : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%x : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}

// -----

// expected-error@+1 {{has two schedules for "x86-64-v3"}}
kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>)
    attributes {schedules = [
      #kernel.schedule<isa = "x86-64-v3", algo = "", tile_m = 1, tile_n = 1, unroll = 1, prefetch = 0>,
      #kernel.schedule<isa = "x86-64-v3", algo = "", tile_m = 2, tile_n = 1, unroll = 1, prefetch = 0>]} {
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 4] x f32, [4, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{input 0 has dims [4, 4], expected [4, 8]}}
  kernel.nest ins(%x : !kernel.view<[4, 4] x f32, [4, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{'combine' has 2 entries, expected 1}}
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none", "sum"], axes = 0 : i64} {}, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{combine 'mean' is not none, sum, prod, max or min}}
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["mean"], axes = 0 : i64} {}, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{reduces 1 of 2 axes for 0 of 1 outputs}}
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 1 : i64} {}, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{an output has stride 1 along a reduced axis, expected 0}}
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["sum"], axes = 1 : i64} {}, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f16, [8, 1]>) {
  // expected-error@+1 {{has an empty epilogue, but takes 1 values where 1 of given types are needed}}
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f16, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{prologue has 2 arguments, expected 1}}
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: f32, %b: f32):
    kernel.yield %a : f32
  }, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{prologue argument 0 is 'f64', expected 'f32'}}
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: f64):
    kernel.yield %a : f64
  }, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{prologue yields (), expected (any type)}}
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: f32):
    kernel.yield
  }, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: f32):
    // expected-error@+1 {{names axis 2 of a domain of rank 2}}
    %i = kernel.index 2
    kernel.yield %a : f32
  }, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: f32):
    // expected-error@+1 {{knows no scalar operation 'frobnicate'}}
    %b = kernel.apply "frobnicate"(%a) : (f32) -> f32
    kernel.yield %b : f32
  }, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: f32):
    // expected-error@+1 {{'add' takes 2 operands, not 1}}
    %b = kernel.apply "add"(%a) : (f32) -> f32
    kernel.yield %b : f32
  }, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: f32):
    %i = kernel.index 0
    // expected-error@+1 {{'add' mixes operands of 'f32' and 'i64'}}
    %b = kernel.apply "add"(%a, %i) : (f32, i64) -> f32
    kernel.yield %b : f32
  }, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: f32):
    %i = kernel.index 0
    // expected-error@+1 {{'exp' is not defined on 'i64'}}
    %b = kernel.apply "exp"(%i) : (i64) -> i64
    kernel.yield %a : f32
  }, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: f32):
    // expected-error@+1 {{'less' on 'f32' gives 'i1', not 'f32'}}
    %b = kernel.apply "less"(%a, %a) : (f32, f32) -> f32
    kernel.yield %b : f32
  }, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: f32):
    // expected-error@+1 {{'select' needs a condition of type i1, not 'f32'}}
    %b = kernel.apply "select"(%a, %a, %a) : (f32, f32, f32) -> f32
    kernel.yield %b : f32
  }, {}
}

// -----

// expected-error@+1 {{kernel.dim uses 'p7'}}
kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  kernel.nest ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: f32):
    %d = kernel.dim <p7>
    kernel.yield %a : f32
  }, {}
}

// -----

kernel.define @k (%a: !kernel.view<[4, 6] x f32, [6, 1]>, %b: !kernel.panels<1 groups, n = 9, k = 6, f32>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{n of the panels is 9, expected 8}}
  kernel.contract %a, %b : !kernel.view<[4, 6] x f32, [6, 1]>,
      !kernel.panels<1 groups, n = 9, k = 6, f32> outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>) {}
}

// -----

kernel.define @k (%a: !kernel.view<[4, 6] x f32, [6, 1]>, %b: !kernel.panels<1 groups, n = 8, k = 5, f32>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{k of the panels is 5, expected 6}}
  kernel.contract %a, %b : !kernel.view<[4, 6] x f32, [6, 1]>,
      !kernel.panels<1 groups, n = 8, k = 5, f32> outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>) {}
}

// -----

kernel.define @k (%a: !kernel.view<[4, 6] x f32, [6, 1]>, %b: !kernel.panels<2 groups, n = 8, k = 6, f32>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{panels have 2 groups, expected 1}}
  kernel.contract %a, %b : !kernel.view<[4, 6] x f32, [6, 1]>,
      !kernel.panels<2 groups, n = 8, k = 6, f32> outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>) {}
}

// -----

kernel.define @k (%a: !kernel.view<[4, 6] x f32, [6, 1]>, %b: !kernel.panels<1 groups, n = 8, k = 6, f64>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{multiplies 'f32' by 'f64'}}
  kernel.contract %a, %b : !kernel.view<[4, 6] x f32, [6, 1]>,
      !kernel.panels<1 groups, n = 8, k = 6, f64> outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>) {}
}

// -----

kernel.define @k (%a: !kernel.view<[4, 6] x f32, [6, 1]>, %b: !kernel.view<[5, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{b 0 has dims [5, 8], expected [6, 8]}}
  kernel.contract %a, %b : !kernel.view<[4, 6] x f32, [6, 1]>,
      !kernel.view<[5, 8] x f32, [8, 1]> outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>) {}
}

// -----

kernel.define @k (%a: !kernel.view<[3, 6] x f32, [6, 1]>, %b: !kernel.panels<1 groups, n = 8, k = 6, f32>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{a has dims [3, 6], which give no output of [4, 8]}}
  kernel.contract %a, %b : !kernel.view<[3, 6] x f32, [6, 1]>,
      !kernel.panels<1 groups, n = 8, k = 6, f32> outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>) {}
}

// -----

kernel.define @k (%a: !kernel.view<[6] x f32, [1]>, %b: !kernel.panels<1 groups, n = 8, k = 6, f32>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{expected the same rank, at least 2}}
  kernel.contract %a, %b : !kernel.view<[6] x f32, [1]>,
      !kernel.panels<1 groups, n = 8, k = 6, f32> outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>) {}
}

// -----

kernel.define @k (%a: !kernel.view<[4, 6] x f32, [6, 1]>, %b: !kernel.panels<1 groups, n = 2, k = 6, f32>) -> (%y: !kernel.view<[4, 2] x f32, [2, 1]>) {
  // expected-error@+1 {{along k needs b as a view}}
  kernel.contract %a, %b : !kernel.view<[4, 6] x f32, [6, 1]>,
      !kernel.panels<1 groups, n = 2, k = 6, f32> outs(%y : !kernel.view<[4, 2] x f32, [2, 1]>) attributes {along_k} {}
}

// -----

kernel.define @k (%a: !kernel.view<[4, 6] x f32, [6, 1]>, %b: !kernel.view<[6, 2] x f32, [2, 1]>) -> (%y: !kernel.view<[4, 2] x f32, [2, 1]>) {
  // expected-error@+1 {{along k has steps of 2 in b; expected 1}}
  kernel.contract %a, %b : !kernel.view<[4, 6] x f32, [6, 1]>,
      !kernel.view<[6, 2] x f32, [2, 1]> outs(%y : !kernel.view<[4, 2] x f32, [2, 1]>) attributes {along_k} {}
}

// -----

kernel.define @k (%a: !kernel.view<[4, 6] x f32, [6, 1]>, %b: !kernel.view<[6, 8] x f32, [1, 6]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{along k has 8 columns; expected 1 to 4}}
  kernel.contract %a, %b : !kernel.view<[4, 6] x f32, [6, 1]>,
      !kernel.view<[6, 8] x f32, [1, 6]> outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>) attributes {along_k} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, %w: !kernel.view<[18, 2] x f32, [1, 18]>) -> (%y: !kernel.view<[1, 3, 3, 2] x f32, [18, 6, 2, 1]>) {
  // expected-error@+1 {{along k has 2 groups; expected 1}}
  kernel.conv %x, %w : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, !kernel.view<[18, 2] x f32, [1, 18]>
      outs(%y : !kernel.view<[1, 3, 3, 2] x f32, [18, 6, 2, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 2 : i64, along_k} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, %w: !kernel.panels<1 groups, n = 4, k = 36, f32>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{'kernel' has 1 entries, expected 2}}
  kernel.conv %x, %w : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, !kernel.panels<1 groups, n = 4, k = 36, f32>
      outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, %w: !kernel.panels<1 groups, n = 4, k = 36, f32>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{'strides' has 0, expected at least 1}}
  kernel.conv %x, %w : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, !kernel.panels<1 groups, n = 4, k = 36, f32>
      outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, %w: !kernel.panels<1 groups, n = 4, k = 36, f32>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{axis 1 of the padded input is 5, but 3 outputs reach 7}}
  kernel.conv %x, %w : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, !kernel.panels<1 groups, n = 4, k = 36, f32>
      outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 2, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, %w: !kernel.panels<1 groups, n = 4, k = 36, f32>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{has a border at one end only}}
  kernel.conv %x, %w : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, !kernel.panels<1 groups, n = 4, k = 36, f32>
      outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, border_low = array<i64: 1, 1>} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, %w: !kernel.panels<1 groups, n = 4, k = 36, f32>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{border_high}}
  kernel.conv %x, %w : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, !kernel.panels<1 groups, n = 4, k = 36, f32>
      outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, border_low = array<i64: 1, 1>, border_high = array<i64: 1, -1>} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, %w: !kernel.panels<1 groups, n = 4, k = 36, f32>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{3 groups do not divide 4 input and 4 output channels}}
  kernel.conv %x, %w : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, !kernel.panels<1 groups, n = 4, k = 36, f32>
      outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 3 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, %w: !kernel.panels<2 groups, n = 2, k = 36, f32>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{k of the panels is 36, expected 18}}
  kernel.conv %x, %w : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, !kernel.panels<2 groups, n = 2, k = 36, f32>
      outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 2 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, %w: !kernel.view<[9, 4] x f32, [4, 1]>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{weights in a view are for a depthwise convolution}}
  kernel.conv %x, %w : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, !kernel.view<[9, 4] x f32, [4, 1]>
      outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 2 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, %w: !kernel.view<[8, 4] x f32, [4, 1]>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{weights 0 has dims [8, 4], expected [9, 4]}}
  kernel.conv %x, %w : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>, !kernel.view<[8, 4] x f32, [4, 1]>
      outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 4 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[2, 5, 5, 4] x f32, [100, 20, 4, 1]>, %w: !kernel.panels<1 groups, n = 4, k = 36, f32>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{batch of the input is 2, expected 1}}
  kernel.conv %x, %w : !kernel.view<[2, 5, 5, 4] x f32, [100, 20, 4, 1]>, !kernel.panels<1 groups, n = 4, k = 36, f32>
      outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{kind 'median' is not max, average or lp}}
  kernel.window "median" %x : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]> outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
                  pads = array<i64: 0, 0>, end_pads = array<i64: 0, 0>, p = 2 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{'pads' has -1, expected at least 0}}
  kernel.window "max" %x : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]> outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
                  pads = array<i64: 0, -1>, end_pads = array<i64: 0, 0>, p = 2 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>) -> (%y: !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>) {
  // expected-error@+1 {{p of an lp window must be positive}}
  kernel.window "lp" %x : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]> outs(%y : !kernel.view<[1, 3, 3, 4] x f32, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
                  pads = array<i64: 0, 0>, end_pads = array<i64: 0, 0>, p = 0 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]>) -> (%y: !kernel.view<[1, 3, 3, 3] x f32, [27, 9, 3, 1]>) {
  // expected-error@+1 {{channels of the input is 4, expected 3}}
  kernel.window "max" %x : !kernel.view<[1, 5, 5, 4] x f32, [100, 20, 4, 1]> outs(%y : !kernel.view<[1, 3, 3, 3] x f32, [27, 9, 3, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
                  pads = array<i64: 0, 0>, end_pads = array<i64: 0, 0>, p = 2 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[1, 5, 5, 4] x i8, [100, 20, 4, 1]>) -> (%y: !kernel.view<[1, 3, 3, 4] x i8, [36, 12, 4, 1]>) {
  // expected-error@+1 {{'average' is not defined on 'i8'}}
  kernel.window "average" %x : !kernel.view<[1, 5, 5, 4] x i8, [100, 20, 4, 1]> outs(%y : !kernel.view<[1, 3, 3, 4] x i8, [36, 12, 4, 1]>)
      attributes {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
                  pads = array<i64: 0, 0>, end_pads = array<i64: 0, 0>, p = 2 : i64} {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{kind 'batch_norm' is not softmax}}
  kernel.row "batch_norm" ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {axes = 1 : i64} {}, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x f32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{a row of 3 axes does not fit rank 2}}
  kernel.row "softmax" ins(%x : !kernel.view<[4, 8] x f32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
      attributes {axes = 3 : i64} {}, {}
}

// -----

kernel.define @k (%x: !kernel.view<[4, 8] x i32, [8, 1]>) -> (%y: !kernel.view<[4, 8] x i32, [8, 1]>) {
  // expected-error@+1 {{normalises a row of 'i32'}}
  kernel.row "softmax" ins(%x : !kernel.view<[4, 8] x i32, [8, 1]>) outs(%y : !kernel.view<[4, 8] x i32, [8, 1]>)
      attributes {axes = 1 : i64} {}, {}
}

// -----

kernel.define @k (%x: !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, %w: !kernel.panels<1 groups, n = 32, k = 6, f32>, %r: !kernel.panels<1 groups, n = 32, k = 20, f32>, %h: !kernel.view<[1, 20] x f32, [20, 1]>)
    -> (%y: !kernel.view<[5, 1, 20] x f32, [20, 20, 1]>, %s: !kernel.view<[1, 20] x f32, [20, 1]>) {
  // expected-error@+1 {{cell 'mgu' is not lstm, gru or rnn}}
  kernel.recurrent "mgu" %x, %w, %r : !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, !kernel.panels<1 groups, n = 32, k = 6, f32>, !kernel.panels<1 groups, n = 32, k = 20, f32>
      extras(%h : !kernel.view<[1, 20] x f32, [20, 1]>) outs(%y, %s : !kernel.view<[5, 1, 20] x f32, [20, 20, 1]>, !kernel.view<[1, 20] x f32, [20, 1]>)
      attributes {activations = ["tanh"]}
}

// -----

kernel.define @k (%x: !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, %w: !kernel.panels<1 groups, n = 32, k = 6, f32>, %r: !kernel.panels<1 groups, n = 32, k = 20, f32>, %h: !kernel.view<[1, 20] x f32, [20, 1]>)
    -> (%y: !kernel.view<[5, 1, 20] x f32, [20, 20, 1]>, %s: !kernel.view<[1, 20] x f32, [20, 1]>) {
  // expected-error@+1 {{'extras' has 2 entries, expected 1}}
  kernel.recurrent "rnn" %x, %w, %r : !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, !kernel.panels<1 groups, n = 32, k = 6, f32>, !kernel.panels<1 groups, n = 32, k = 20, f32>
      extras(%h, %h : !kernel.view<[1, 20] x f32, [20, 1]>, !kernel.view<[1, 20] x f32, [20, 1]>) outs(%y, %s : !kernel.view<[5, 1, 20] x f32, [20, 20, 1]>, !kernel.view<[1, 20] x f32, [20, 1]>)
      attributes {activations = ["tanh"]}
}

// -----

kernel.define @k (%x: !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, %w: !kernel.panels<1 groups, n = 32, k = 6, f32>, %r: !kernel.panels<1 groups, n = 32, k = 20, f32>, %h: !kernel.view<[1, 20] x f32, [20, 1]>)
    -> (%y: !kernel.view<[5, 1, 20] x f32, [20, 20, 1]>, %s: !kernel.view<[1, 20] x f32, [20, 1]>) {
  // expected-error@+1 {{'activations' has 2 entries, expected 1}}
  kernel.recurrent "rnn" %x, %w, %r : !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, !kernel.panels<1 groups, n = 32, k = 6, f32>, !kernel.panels<1 groups, n = 32, k = 20, f32>
      extras(%h : !kernel.view<[1, 20] x f32, [20, 1]>) outs(%y, %s : !kernel.view<[5, 1, 20] x f32, [20, 20, 1]>, !kernel.view<[1, 20] x f32, [20, 1]>)
      attributes {activations = ["tanh", "tanh"]}
}

// -----

kernel.define @k (%x: !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, %w: !kernel.panels<1 groups, n = 20, k = 6, f32>, %r: !kernel.panels<1 groups, n = 32, k = 20, f32>, %h: !kernel.view<[1, 20] x f32, [20, 1]>)
    -> (%y: !kernel.view<[5, 1, 20] x f32, [20, 20, 1]>, %s: !kernel.view<[1, 20] x f32, [20, 1]>) {
  // expected-error@+1 {{n of the panels is 20, expected 32}}
  kernel.recurrent "rnn" %x, %w, %r : !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, !kernel.panels<1 groups, n = 20, k = 6, f32>, !kernel.panels<1 groups, n = 32, k = 20, f32>
      extras(%h : !kernel.view<[1, 20] x f32, [20, 1]>) outs(%y, %s : !kernel.view<[5, 1, 20] x f32, [20, 20, 1]>, !kernel.view<[1, 20] x f32, [20, 1]>)
      attributes {activations = ["tanh"]}
}

// -----

kernel.define @k (%x: !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, %w: !kernel.panels<1 groups, n = 32, k = 6, f32>, %r: !kernel.panels<1 groups, n = 32, k = 20, f32>, %h: !kernel.view<[1, 20] x f32, [20, 1]>)
    -> (%y: !kernel.view<[5, 1, 20] x f32, [20, 20, 1]>, %s: !kernel.view<[1, 19] x f32, [19, 1]>) {
  // expected-error@+1 {{final state 0 has dims [1, 19], expected [1, 20]}}
  kernel.recurrent "rnn" %x, %w, %r : !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, !kernel.panels<1 groups, n = 32, k = 6, f32>, !kernel.panels<1 groups, n = 32, k = 20, f32>
      extras(%h : !kernel.view<[1, 20] x f32, [20, 1]>) outs(%y, %s : !kernel.view<[5, 1, 20] x f32, [20, 20, 1]>, !kernel.view<[1, 19] x f32, [19, 1]>)
      attributes {activations = ["tanh"]}
}

// -----

kernel.define @k (%x: !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, %w: !kernel.panels<1 groups, n = 32, k = 6, f32>, %r: !kernel.panels<1 groups, n = 32, k = 20, f32>, %h: !kernel.view<[1, 20] x f32, [20, 1]>)
    -> (%y: !kernel.view<[5, 1, 20] x f32, [20, 20, 1]>, %s: !kernel.view<[1, 20] x f32, [20, 1]>) {
  // expected-error@+1 {{has peepholes, which only an lstm cell has}}
  kernel.recurrent "rnn" %x, %w, %r : !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, !kernel.panels<1 groups, n = 32, k = 6, f32>, !kernel.panels<1 groups, n = 32, k = 20, f32>
      extras(%h, %h : !kernel.view<[1, 20] x f32, [20, 1]>, !kernel.view<[1, 20] x f32, [20, 1]>) outs(%y, %s : !kernel.view<[5, 1, 20] x f32, [20, 20, 1]>, !kernel.view<[1, 20] x f32, [20, 1]>)
      attributes {activations = ["tanh"], has_peephole}
}

// -----

kernel.define @k (%x: !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, %w: !kernel.panels<1 groups, n = 32, k = 6, f32>, %r: !kernel.panels<1 groups, n = 32, k = 20, f32>, %h: !kernel.view<[1, 20] x f32, [20, 1]>)
    -> (%y: !kernel.view<[4, 1, 20] x f32, [20, 20, 1]>, %s: !kernel.view<[1, 20] x f32, [20, 1]>) {
  // expected-error@+1 {{sequence of Y is 4, expected 5}}
  kernel.recurrent "rnn" %x, %w, %r : !kernel.view<[5, 1, 6] x f32, [6, 6, 1]>, !kernel.panels<1 groups, n = 32, k = 6, f32>, !kernel.panels<1 groups, n = 32, k = 20, f32>
      extras(%h : !kernel.view<[1, 20] x f32, [20, 1]>) outs(%y, %s : !kernel.view<[4, 1, 20] x f32, [20, 20, 1]>, !kernel.view<[1, 20] x f32, [20, 1]>)
      attributes {activations = ["tanh"]}
}

// -----

kernel.define @k () -> (%y: !kernel.view<[4, 8] x f32, [8, 1]>) {
  // expected-error@+1 {{names no function}}
  kernel.extern "" outs(%y : !kernel.view<[4, 8] x f32, [8, 1]>)
}
