// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Loop and Scan have in common.
#ifndef SINTER_COMPILER_IMPORT_COMPOSED_LOOPFORM_H
#define SINTER_COMPILER_IMPORT_COMPOSED_LOOPFORM_H

#include "compiler/import/Subgraph.h"

namespace sinter::importer {

/// What a Loop or Scan comes down to.
struct LoopForm {
  const onnx::Graph *body;
  std::vector<TensorValue> carried;
  std::vector<TensorValue> scannedInputs; // of a Scan, with the axis in front
  std::optional<DimAttr> trips;           // nothing: no limit
  TensorValue *condition = nullptr;       // of a Loop; null: true
  bool isScan = false;
  bool isCounted = false; // the body's condition says what `trips` says
  size_t scans() const {
    return body->outputs.size() - carried.size() - (isScan ? 0 : 1);
  }
  /// Position of the first carried value among the body's inputs and outputs.
  size_t firstInput() const { return isScan ? 0 : 2; }
  size_t firstOutput() const { return isScan ? 0 : 1; }
};

/// Writes the loop out or builds it, and sets the node's results: the carried
/// values, then what was scanned, with the trips in front.
mlir::LogicalResult importForm(NodeImport &node, LoopForm &form);

/// Sets the trips of a loop without any, whose condition compares a counter
/// with a limit: those that it has once it has begun.
void countTrips(NodeImport &node, LoopForm &form);
/// Whether the body hands its condition on unchanged, or says true.
bool keepsCondition(const LoopForm &form);
bool isKnownTrue(const TensorValue *value); // or absent
/// Whether fewer trips may run than `trips`, or none.
bool mayEndEarly(const LoopForm &form);
/// The body's inputs for one trip.
void bindInputs(NodeImport &node, const LoopForm &form, Scope &scope,
                int64_t trip);
/// Every trip in a row, and the node's results.
mlir::LogicalResult writeOut(NodeImport &node, LoopForm &form, int64_t trips);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_COMPOSED_LOOPFORM_H
