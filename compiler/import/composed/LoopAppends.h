// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Carried values that only grow: each trip joins a part of one shape to the
// end and reads nothing of what is there, as scripts do that fill a list.
//
//   masks = Concat(masks, mask)      in the body, and no other use of masks
//
// Such a value is not carried: the parts are scanned, and joined to the first
// value behind the loop. Every part is written once, where it stays. A sequence
// into which each trip inserts a tensor is what was scanned: a value with
// parts, none, whose `value` holds its elements along the first axis.
#ifndef SINTER_COMPILER_IMPORT_COMPOSED_LOOPAPPENDS_H
#define SINTER_COMPILER_IMPORT_COMPOSED_LOOPAPPENDS_H

#include "compiler/import/composed/LoopForm.h"

namespace sinter::importer {

struct Append {
  int64_t axis = 0;
  onnx::Text part; // what the body joins
  bool isSequence = false;
};

/// How the body grows carried value `i`; nothing when it does more than that.
std::optional<Append> findAppend(const LoopForm &form, size_t i);

/// `whole` without elements along the axis of the append: what the body sees.
mlir::Value emptyOf(NodeImport &node, mlir::Value whole, int64_t axis);

/// The parts of all trips, [trips, part...], behind `first`, if there is one,
/// along `axis`.
mlir::Value joinParts(NodeImport &node, mlir::Value first, mlir::Value parts,
                      int64_t axis);

/// Whether a value is a sequence of unknown length.
inline bool isStacked(const TensorValue &value) {
  return value.parts && value.value;
}
/// Result `i` is the sequence of all parts.
mlir::LogicalResult setStacked(NodeImport &node, size_t i, mlir::Value parts);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_COMPOSED_LOOPAPPENDS_H
