// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attributes that say which tensors of the border hold texts; inside, a text is
// a handle of type i64 (RFC 0014).
#ifndef SINTER_DIALECTS_GRAPH_TEXTS_H
#define SINTER_DIALECTS_GRAPH_TEXTS_H

#include "llvm/ADT/StringRef.h"

namespace sinter::graph {

/// Of the module: the texts with the handles 0, 1, ..., ascending by bytes.
constexpr llvm::StringLiteral kTexts = "graph.texts";
/// Of an argument or result of `main`: its elements are handles of texts.
constexpr llvm::StringLiteral kText = "graph.text";
/// Of a program: numbers of those tensors, inputs first.
constexpr llvm::StringLiteral kTextTensors = "exec.text_tensors";

} // namespace sinter::graph

#endif // SINTER_DIALECTS_GRAPH_TEXTS_H
