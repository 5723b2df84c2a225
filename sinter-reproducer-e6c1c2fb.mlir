// sinter-opt --sinter-compile-kernel=isa=x86-64-v4
// kernel k47_window
// root 'kernel.window' has no emitter on this target
kernel.define @kernel (%arg0: !kernel.view<[p0, p1, p2, 480] x f32, [p3, p4, 480, 1]>) -> (%arg1: !kernel.view<[p0, p5, p6, 480] x f32, [p7, p7, 960, 1]>) params = 8 attributes {blocks = array<i64>, items = #sym.dim<1>, schedules = [#kernel.schedule<isa = "x86-64-v4", algo = "direct", tile_m = 1, tile_n = 16, unroll = 1, prefetch = 0>], scratch = 0 : i64} {
  kernel.window "average" %arg0 : <[p0, p1, p2, 480] x f32, [p3, p4, 480, 1]> outs(%arg1 : !kernel.view<[p0, p5, p6, 480] x f32, [p7, p7, 960, 1]>) attributes {dilations = array<i64: 1, 1>, end_pads = array<i64: 0, 0>, kernel = array<i64: 3, 2>, pads = array<i64: 0, 0>, strides = array<i64: 3, 2>} {
  }
}
