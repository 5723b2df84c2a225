// sinter-opt --sinter-compile-kernel=isa=x86-64-v4
// kernel k4_window
// root 'kernel.window' has no emitter on this target
kernel.define @kernel (%arg0: !kernel.view<[1, 112, 112, 24] x f32, [0, 2688, 24, 1]>) -> (%arg1: !kernel.view<[1, 56, 56, 24] x f32, [0, 1344, 24, 1]>) attributes {blocks = array<i64>, items = #sym.dim<1>, schedules = [#kernel.schedule<isa = "x86-64-v4", algo = "direct", tile_m = 1, tile_n = 16, unroll = 1, prefetch = 0>], scratch = 0 : i64} {
  kernel.window "max" %arg0 : <[1, 112, 112, 24] x f32, [0, 2688, 24, 1]> outs(%arg1 : !kernel.view<[1, 56, 56, 24] x f32, [0, 1344, 24, 1]>) attributes {dilations = array<i64: 1, 1>, end_pads = array<i64: 1, 1>, kernel = array<i64: 3, 3>, pads = array<i64: 1, 1>, strides = array<i64: 2, 2>} {
  }
}
