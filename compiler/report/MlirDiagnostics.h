// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Diagnostics of passes and emitters in the form that users see everywhere:
// the file, the ONNX node, what, a remedy, a code. Passes write what they know
// (`op.emitError() << ...`); a code in the text decides the exit code.
#ifndef SINTER_COMPILER_REPORT_MLIRDIAGNOSTICS_H
#define SINTER_COMPILER_REPORT_MLIRDIAGNOSTICS_H

#include "compiler/report/UserError.h"
#include "mlir/IR/Diagnostics.h"

namespace sinter {

/// The ONNX node behind a location, as "node 'conv_1' (Conv)"; empty without
/// one.
std::string describeLocation(mlir::Location location);

/// Collects what is reported in a context while it lives.
class DiagnosticCollector {
public:
  /// `subject` stands before each error: the model's path.
  DiagnosticCollector(mlir::MLIRContext &context, std::string subject);

  bool empty() const { return text.empty(); }
  /// Everything so far as one error; without a code the fault is `internal`'s.
  llvm::Error take(llvm::StringRef phase);

private:
  std::string subject, text;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace sinter

#endif // SINTER_COMPILER_REPORT_MLIRDIAGNOSTICS_H
