// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NumPy's broadcast rule on symbolic dimensions. Where nothing proves that two
// dimensions are equal, the result is still exact: a symbol may turn out to be
// 1 (its operand then has stride 0) or 0 at run time.
//
//   broadcast(N, 1) = N     broadcast(N, 8) = 8     broadcast(N, N) = N
//   broadcast(N, min(N, 512)) = N        1 only where the other is 1
//   broadcast(N, 2 * M) = 2 * M          never 1
//   broadcast(N, M) = max(N, M) * min(N, 1) * min(M, 1)
//
// The last form is M for N = 1, N for M = 1, and 0 as soon as either is 0. It
// is kept as a set of leaves, so broadcasting N against it again changes
// nothing.
#ifndef SINTER_DIALECTS_GRAPH_BROADCAST_H
#define SINTER_DIALECTS_GRAPH_BROADCAST_H

#include "dialects/sym/Dim.h"

namespace sinter::graph {

/// False when the two can be equal for no value of their symbols.
bool mayBeEqual(sym::DimAttr a, sym::DimAttr b);

/// Whether `a` being 1 means that `b` is 1: for a symbol by substitution, else
/// when no value of the symbols makes `a` 1 (it is even, say).
bool impliesOne(sym::DimAttr a, sym::DimAttr b);

/// The common extent; nullopt when both are known and in conflict.
std::optional<sym::DimAttr> broadcastDim(sym::DimAttr a, sym::DimAttr b);

/// Whether `from` broadcasts to `to` whatever the symbols are.
bool isProvedBroadcast(sym::DimAttr from, sym::DimAttr to);

/// Aligns at the last axis; nullopt when an axis is in conflict.
std::optional<sym::Dims> broadcastDims(llvm::ArrayRef<sym::DimAttr> a,
                                       llvm::ArrayRef<sym::DimAttr> b);

/// Of two dimensions that must be equal, the one that says more: a constant.
sym::DimAttr preferKnown(sym::DimAttr a, sym::DimAttr b);

} // namespace sinter::graph

#endif // SINTER_DIALECTS_GRAPH_BROADCAST_H
