// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An exec program becomes the records that the runtime walks: checked on the
// image.
#include "codegen/image/ExecToImage.h"

#include "mlir/Parser/Parser.h"
#include "sinter/image.h"
#include "gtest/gtest.h"
#include <cstring>

namespace sinter {
namespace {

constexpr const char *program = R"(
kernel.define @b (%x: !kernel.view<[p0] x f32, [1]>, %w: !kernel.view<[p0] x f32, [0]>)
    -> (%y: !kernel.view<[p0] x f32, [1]>) params = 1
    attributes {items = #sym.dim<p0 ceildiv 16>, scratch = 128 : i64} {
  kernel.nest ins(%x, %w : !kernel.view<[p0] x f32, [1]>, !kernel.view<[p0] x f32, [0]>)
      outs(%y : !kernel.view<[p0] x f32, [1]>) attributes {combine = ["none"], axes = 0 : i64} {
  ^bb0(%a: f32, %c: f32):
    %0 = kernel.apply "add"(%a, %c) : (f32, f32) -> f32
    kernel.yield %0 : f32
  }, {}
}
exec.program @main inputs ["x"] [tensor<?xf32, #sym.dims<[N]>>]
                   outputs ["y"] [tensor<?xf32, #sym.dims<[N]>>] {
^bb0(%x: !exec.buffer, %y: !exec.buffer):
  exec.symbol "N" {min = 1, max = 64, input = 0 : i64, axis = 0 : i64}
  %a = exec.alloc <N * 4>
  %w = exec.weight dense<[1.0, 2.0]> : tensor<2xf32> as f32 <[2], [1], offset 0>
  %v = exec.weight dense<[1.0, 2.0]> : tensor<2xf32> as f32 <[2], [1], offset 0>
  %u = exec.weight dense<[1.0, 2.0]> : tensor<2xf32> as f32 <[2], [-1], offset 1>
  exec.launch @b(%x, %w, %a) offsets <[0, 0, 0]> params <[N]>
  exec.launch @b(%a, %v, %a) offsets <[0, 4, 0]> params <[N]>
  exec.launch @b(%a, %u, %y) offsets <[0, 0, 0]> params <[N]>
}
)";

class ExecToImage : public testing::Test {
protected:
  ExecToImage() {
    mlir::DialectRegistry registry;
    registry
        .insert<exec::ExecDialect, kernel::KernelDialect, sym::SymDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  mlir::MLIRContext context;
};

TEST_F(ExecToImage, EqualWeightsAndKernelsAreWrittenOnce) {
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(program, &context);
  ASSERT_TRUE(module);
  ImageResult result;
  ASSERT_TRUE(mlir::succeeded(buildImage(*module, result)));
  ASSERT_EQ(result.weights.size(), 2u);
  EXPECT_EQ(result.weights[1].offset, 64u);
  EXPECT_EQ(result.weightsBytes, 128u);
  ASSERT_EQ(result.kernels.size(), 1u);

  sinter_image header;
  ASSERT_GE(result.image.size(), sizeof header);
  memcpy(&header, result.image.data(), sizeof header);
  EXPECT_EQ(header.magic, SINTER_IMAGE_MAGIC);
  EXPECT_EQ(header.n_inputs, 1u);
  EXPECT_EQ(header.n_outputs, 1u);
  EXPECT_EQ(header.weights_bytes, 128u);
  // Three launches and END.
  EXPECT_EQ(header.section[SINTER_SEC_RECORDS].count, 4u);
  EXPECT_EQ(header.section[SINTER_SEC_SYMBOLS].count, 1u);
}

TEST_F(ExecToImage, AModuleWithoutAProgramIsADiagnostic) {
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>("module {}", &context);
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context,
                                        [&](mlir::Diagnostic &diagnostic) {
                                          message = diagnostic.str();
                                          return mlir::success();
                                        });
  ImageResult result;
  EXPECT_TRUE(mlir::failed(buildImage(*module, result)));
  EXPECT_EQ(message, "has 0 programs; expected one");
}

} // namespace
} // namespace sinter
