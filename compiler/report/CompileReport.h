// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a compile made of a model, for people and for tools: every kernel with
// its nodes, shapes, schedule and estimated time, the memory plan, sizes, and
// what each pass did. One JSON object; the page shows the same data.
#ifndef SINTER_COMPILER_REPORT_COMPILEREPORT_H
#define SINTER_COMPILER_REPORT_COMPILEREPORT_H

#include "codegen/image/ExecToImage.h"
#include "compiler/pipeline/CompileOptions.h"
#include "llvm/Support/JSON.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassInstrumentation.h"
#include <chrono>

namespace sinter {

/// What one pass did to the operations below it.
struct PassEffect {
  std::string name;
  int64_t before = 0, after = 0;
  double ms = 0;
};

/// Counts operations around every pass. `effects` outlives it.
class PassRecorder : public mlir::PassInstrumentation {
public:
  explicit PassRecorder(std::vector<PassEffect> &effects) : effects(effects) {}
  void runBeforePass(mlir::Pass *pass, mlir::Operation *op) override;
  void runAfterPass(mlir::Pass *pass, mlir::Operation *op) override;

private:
  using Clock = std::chrono::steady_clock;
  std::vector<PassEffect> &effects;
  std::vector<std::pair<int64_t, Clock::time_point>> open;
};

struct ReportInputs {
  mlir::ModuleOp module; // planned
  const CompileOptions &options;
  const std::vector<std::string> &isas;
  const ImageResult &image;
  const std::vector<PassEffect> &passes;
  /// Bytes of code of a kernel for the best ISA; empty: not known.
  std::vector<int64_t> codeBytes;
};

llvm::json::Object makeReport(const ReportInputs &inputs);

/// The report as one page without anything outside of it.
std::string reportPage(const llvm::json::Object &report);

} // namespace sinter

#endif // SINTER_COMPILER_REPORT_COMPILEREPORT_H
