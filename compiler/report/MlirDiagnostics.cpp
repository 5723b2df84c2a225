// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From mlir::Diagnostic to the form of UserError.h.
#include "compiler/report/MlirDiagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringExtras.h"

using namespace sinter;

std::string sinter::describeLocation(mlir::Location location) {
  std::string op;
  if (auto fused = mlir::dyn_cast<mlir::FusedLoc>(location)) {
    if (auto text =
            mlir::dyn_cast_or_null<mlir::StringAttr>(fused.getMetadata()))
      op = " (" + text.str() + ")";
    for (mlir::Location inner : fused.getLocations()) {
      std::string found = describeLocation(inner);
      if (!found.empty())
        return found + op;
    }
    return "";
  }
  if (auto name = mlir::dyn_cast<mlir::NameLoc>(location))
    return "node '" + name.getName().str() + "'";
  if (auto call = mlir::dyn_cast<mlir::CallSiteLoc>(location))
    return describeLocation(call.getCallee());
  return "";
}

DiagnosticCollector::DiagnosticCollector(mlir::MLIRContext &context,
                                         std::string subject)
    : subject(std::move(subject)),
      handler(&context, [this](mlir::Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error)
          return mlir::success(); // remarks of passes are not for users
        std::string node = describeLocation(diagnostic.getLocation());
        text += this->subject +
                ": error: " + (node.empty() ? "" : node + ": ") +
                diagnostic.str() + "\n";
        for (mlir::Diagnostic &note : diagnostic.getNotes())
          text += "  " + note.str() + "\n";
        return mlir::success();
      }) {}

llvm::Error DiagnosticCollector::take(llvm::StringRef phase) {
  std::string all = std::move(text);
  text.clear();
  if (all.empty())
    all = subject + ": error: " + phase.str() + " failed and gave no reason\n";
  if (findErrorCode(all).empty())
    all += std::string("  ") + errorText(ErrorCode::C002).remedy + "\n  [" +
           errorText(ErrorCode::C002).code + "] see docs/error-codes.md\n";
  return formattedError(exitCodeOf(all), std::move(all));
}
