// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Diagnostics of passes and emitters in the form that users see everywhere:
// the file, the ONNX node, what, a remedy, a code. Passes write what they know
// (`op.emitError() << ...`); a code in the text decides the exit code.
#ifndef SINTER_COMPILER_REPORT_MLIRDIAGNOSTICS_H
#define SINTER_COMPILER_REPORT_MLIRDIAGNOSTICS_H

#include "compiler/import/Diagnostics.h"
#include "compiler/report/UserError.h"
#include "mlir/IR/Diagnostics.h"

namespace sinter {

/// The ONNX node behind a location, as "node 'conv_1' (Conv)"; empty without
/// one.
std::string describeLocation(mlir::Location location);

/// Collects what is reported in a context while it lives.
class DiagnosticCollector {
public:
  explicit DiagnosticCollector(mlir::MLIRContext &context);

  /// Moves remarks of passes to the notes of `faults`.
  void moveRemarks(Diagnostics &faults);
  /// Moves everything so far to `faults`, and says that `phase` failed when
  /// nothing was reported. A text that ends in "[SINTER-S003]" has that code;
  /// one without a code is a fault of the compiler.
  void moveTo(Diagnostics &faults, llvm::StringRef phase);

private:
  std::vector<Fault> collected;
  std::vector<std::string> remarks;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace sinter

#endif // SINTER_COMPILER_REPORT_MLIRDIAGNOSTICS_H
