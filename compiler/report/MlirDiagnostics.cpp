// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From mlir::Diagnostic to the form of UserError.h.
#include "compiler/report/MlirDiagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringExtras.h"

using namespace sinter;

// The name and the operator of the ONNX node behind a location.
static std::pair<std::string, std::string> nodeAt(mlir::Location location) {
  std::string op;
  if (auto fused = mlir::dyn_cast<mlir::FusedLoc>(location)) {
    if (auto text =
            mlir::dyn_cast_or_null<mlir::StringAttr>(fused.getMetadata()))
      op = text.str();
    for (mlir::Location inner : fused.getLocations()) {
      auto [name, innerOp] = nodeAt(inner);
      if (!name.empty())
        return {name, op.empty() ? innerOp : op};
    }
    return {};
  }
  if (auto name = mlir::dyn_cast<mlir::NameLoc>(location))
    return {name.getName().str(), ""};
  if (auto call = mlir::dyn_cast<mlir::CallSiteLoc>(location))
    return nodeAt(call.getCallee());
  return {};
}

std::string sinter::describeLocation(mlir::Location location) {
  auto [name, op] = nodeAt(location);
  if (name.empty())
    return "";
  return "node '" + name + "'" + (op.empty() ? "" : " (" + op + ")");
}

// "what [SINTER-S003]" is a fault with that code.
static Fault faultOf(mlir::Diagnostic &diagnostic) {
  auto [node, op] = nodeAt(diagnostic.getLocation());
  std::string text = diagnostic.str();
  Fault fault{ErrorCode::C002, node, op, text, "", ""};
  if (llvm::StringRef code = findErrorCode(text);
      !code.empty() && llvm::StringRef(text).ends_with("]")) {
    fault.code = static_cast<ErrorCode>(
        findErrorText({code.data(), code.size()}) - &errorText(ErrorCode(0)));
    fault.message =
        llvm::StringRef(text).take_front(text.rfind('[')).rtrim().str();
  }
  // The operation beside it helps us, not the user.
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    if (fault.code == ErrorCode::C002)
      fault.message += "; " + note.str();
  return fault;
}

DiagnosticCollector::DiagnosticCollector(mlir::MLIRContext &context)
    : handler(&context, [this](mlir::Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
          collected.push_back(faultOf(diagnostic));
        if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Remark)
          remarks.push_back(diagnostic.str());
        return mlir::success();
      }) {}

void DiagnosticCollector::moveRemarks(Diagnostics &faults) {
  for (std::string &remark : remarks)
    faults.note(std::move(remark));
  remarks.clear();
}

void DiagnosticCollector::moveTo(Diagnostics &faults, llvm::StringRef phase) {
  if (collected.empty())
    collected.push_back({ErrorCode::C002, "", "",
                         phase.str() + " failed and gave no reason", "", ""});
  for (Fault &fault : collected)
    faults.add(std::move(fault));
  collected.clear();
}
