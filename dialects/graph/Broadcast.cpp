// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rule of Broadcast.h; the closed form is recognised by building it again.

#include "dialects/graph/Broadcast.h"

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
