// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rule of Broadcast.h; the closed form is recognised by building it again.

#include "dialects/graph/Broadcast.h"

#include <numeric>

using namespace sinter::sym;

namespace sinter::graph {

bool mayBeEqual(DimAttr a, DimAttr b) {
  std::optional<int64_t> difference = asConstant(a - b);
  return !difference || *difference == 0;
}

/// The leaves of the closed form, or the dimension itself.
static Dims leavesOf(DimAttr dim) {
  if (dim.getKind() != DimKind::Product || dim.getValue() != 1)
    return {dim};
  for (DimAttr factor : dim.getOperands()) {
    if (factor.getKind() != DimKind::Max)
      continue;
    DimAttr form = factor;
    for (DimAttr leaf : factor.getOperands())
      form = form * minDim(leaf, constantDim(dim.getContext(), 1));
    if (form == dim)
      return Dims(factor.getOperands());
  }
  return {dim};
}

/// No value of the symbols makes it 1: the rest modulo the common factor of all
/// other terms is not 1.
static bool isNeverOne(DimAttr dim) {
  if (std::optional<int64_t> constant = asConstant(dim))
    return *constant != 1;
  int64_t rest = dim.getKind() == DimKind::Sum ? dim.getValue() : 0;
  uint64_t common = 0;
  llvm::ArrayRef<DimAttr> terms = dim;
  if (dim.getKind() == DimKind::Sum)
    terms = dim.getOperands();
  for (DimAttr term : terms) {
    bool isProduct = term.getKind() == DimKind::Product;
    int64_t factor = isProduct ? term.getValue() : 1;
    common = std::gcd(common, factor < 0 ? 0 - uint64_t(factor) : factor);
  }
  return common > 1 && common < (1u << 31) && (rest - 1) % int64_t(common) != 0;
}

bool impliesOne(DimAttr a, DimAttr b) {
  if (a == b || isNeverOne(a))
    return true;
  if (a.getKind() == DimKind::Symbol) {
    DimAttr one = constantDim(a.getContext(), 1);
    DimAttr then = substitute(b, [&](llvm::StringRef name) {
      return name == a.getName().getValue() ? one : DimAttr();
    });
    return then == one;
  }
  if (a.getKind() != DimKind::Min)
    return false;
  // min(c, x) with c > 1 is 1 only where x is.
  DimAttr other;
  for (DimAttr operand : a.getOperands()) {
    std::optional<int64_t> constant = asConstant(operand);
    if (!constant && other)
      return false;
    if (!constant)
      other = operand;
    else if (*constant <= 1)
      return false;
  }
  return other && impliesOne(other, b);
}

std::optional<DimAttr> broadcastDim(DimAttr a, DimAttr b) {
  if (a == b || isConstant(b, 1))
    return a;
  if (isConstant(a, 1))
    return b;
  if (asConstant(a) && asConstant(b))
    return std::nullopt;
  if (asConstant(a))
    return a;
  if (asConstant(b))
    return b;
  bool aThenB = impliesOne(a, b), bThenA = impliesOne(b, a);
  if (aThenB && bThenA) // they are equal: a symbol reads best
    return b.getKind() == DimKind::Symbol ? b : a;
  if (aThenB || bThenA)
    return aThenB ? a : b;
  Dims leaves = leavesOf(a);
  for (DimAttr leaf : leavesOf(b))
    if (!llvm::is_contained(leaves, leaf))
      leaves.push_back(leaf);
  DimAttr one = constantDim(a.getContext(), 1), result = leaves[0];
  for (DimAttr leaf : leaves)
    result = maxDim(result, leaf);
  for (DimAttr leaf : leaves)
    result = result * minDim(leaf, one);
  return result;
}

bool isProvedBroadcast(DimAttr from, DimAttr to) {
  if (from == to || isConstant(from, 1))
    return true;
  Dims all = leavesOf(to);
  return llvm::all_of(leavesOf(from), [&](DimAttr leaf) {
    return llvm::is_contained(all, leaf);
  });
}

std::optional<Dims> broadcastDims(llvm::ArrayRef<DimAttr> a,
                                  llvm::ArrayRef<DimAttr> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  Dims result(a);
  size_t offset = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i) {
    std::optional<DimAttr> dim = broadcastDim(a[offset + i], b[i]);
    if (!dim)
      return std::nullopt;
    result[offset + i] = *dim;
  }
  return result;
}

DimAttr preferKnown(DimAttr a, DimAttr b) {
  return asConstant(a) || !asConstant(b) ? a : b;
}

} // namespace sinter::graph
