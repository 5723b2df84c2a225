// sinter-opt --sinter-compile-kernel=isa=x86-64-v4
// kernel k2_window
// root 'kernel.window' has no emitter on this target
kernel.define @kernel (%arg0: !kernel.view<[1, 111, 111, 64] x f32, [0, 7104, 64, 1]>) -> (%arg1: !kernel.view<[1, 55, 55, 64] x f32, [0, 3520, 64, 1]>) attributes {blocks = array<i64>, items = #sym.dim<1>, schedules = [#kernel.schedule<isa = "x86-64-v4", algo = "direct", tile_m = 1, tile_n = 16, unroll = 1, prefetch = 0>], scratch = 0 : i64} {
  kernel.window "max" %arg0 : <[1, 111, 111, 64] x f32, [0, 7104, 64, 1]> outs(%arg1 : !kernel.view<[1, 55, 55, 64] x f32, [0, 3520, 64, 1]>) attributes {dilations = array<i64: 1, 1>, end_pads = array<i64: 0, 0>, kernel = array<i64: 3, 3>, pads = array<i64: 0, 0>, strides = array<i64: 2, 2>} {
  }
}
