// sinter-opt --sinter-compile-kernel=isa=x86-64-v4
// kernel k5_layer_norm
// root 'kernel.row' has no emitter on this target
kernel.define @kernel (%arg0: !kernel.view<[p0, p1, 384] x f32, [p2, p3, 1]>, %arg1: !kernel.view<[p0, p1, 384] x f32, [0, p4, 1]>, %arg2: !kernel.view<[p0, p1, 384] x f32, [0, 0, 1]>, %arg3: !kernel.view<[p0, p1, 384] x f32, [0, 0, 1]>) -> (%arg4: !kernel.view<[p0, p1, 384] x f32, [p5, 384, 1]>) params = 6 attributes {blocks = array<i64>, items = #sym.dim<1>, schedules = [#kernel.schedule<isa = "x86-64-v4", algo = "direct", tile_m = 1, tile_n = 16, unroll = 1, prefetch = 0>], scratch = 0 : i64} {
  kernel.row "layer_norm" ins(%arg0, %arg1 : !kernel.view<[p0, p1, 384] x f32, [p2, p3, 1]>, !kernel.view<[p0, p1, 384] x f32, [0, p4, 1]>) extras(%arg2, %arg3 : !kernel.view<[p0, p1, 384] x f32, [0, 0, 1]>, !kernel.view<[p0, p1, 384] x f32, [0, 0, 1]>) outs(%arg4 : !kernel.view<[p0, p1, 384] x f32, [p5, 384, 1]>) attributes {axes = 1 : i64, epsilon = 9.999999960041972E-13 : f64} {
  ^bb0(%arg5: f32, %arg6: f32):
    %0 = kernel.apply "add"(%arg5, %arg6) : (f32, f32) -> f32
    kernel.yield %0 : f32
  }, {
  ^bb0(%arg5: f32, %arg6: f32, %arg7: f32):
    %0 = kernel.apply "mul"(%arg5, %arg6) : (f32, f32) -> f32
    %1 = kernel.apply "add"(%0, %arg7) : (f32, f32) -> f32
    kernel.yield %1 : f32
  }
}
