// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes report, as users see it. No model is known that a pass refuses
// after the importer took it, so SINTER-C002 can be seen only here.

#include "compiler/report/MlirDiagnostics.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>

using namespace sinter;

TEST(MlirDiagnostics, FaultOfAPassNamesItsNode) {
  mlir::MLIRContext context;
  mlir::Location location = mlir::FusedLoc::get(
      &context, {mlir::NameLoc::get(mlir::StringAttr::get(&context, "conv_1"))},
      mlir::StringAttr::get(&context, "Conv"));
  DiagnosticCollector diagnostics(context);
  mlir::emitRemark(location) << "not for users";
  mlir::emitError(location) << "has no place";
  Diagnostics faults("m.onnx");
  diagnostics.moveTo(faults, "kernels");
  EXPECT_EQ(faults.all().size(), 1u);
  std::string text = faults.text();
  EXPECT_NE(text.find("m.onnx: error: node 'conv_1' (Conv): has no place"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("[SINTER-C002]"), std::string::npos) << text;
  EXPECT_EQ(exitCodeOf(text), ExitCode::Internal);
}
