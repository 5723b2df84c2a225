// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Outputs that are inner tensors: sinter_tap() shows them under their node.

#ifndef SINTER_DIALECTS_EXEC_TAPS_H
#define SINTER_DIALECTS_EXEC_TAPS_H

#include "llvm/ADT/StringRef.h"

namespace sinter::exec {

/// On a result of a function: the location of the node that computes it.
constexpr llvm::StringLiteral kTap = "graph.tap";
/// On a program: those, by the names of its outputs.
constexpr llvm::StringLiteral kTaps = "exec.taps";

} // namespace sinter::exec

#endif // SINTER_DIALECTS_EXEC_TAPS_H
