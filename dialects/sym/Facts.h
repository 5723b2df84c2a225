// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is known of a form beyond the ranges of its symbols: a tensor has it as
// an extent, say, so it is 0 or more.
#ifndef SINTER_DIALECTS_SYM_FACTS_H
#define SINTER_DIALECTS_SYM_FACTS_H

#include "dialects/sym/Dim.h"
#include "llvm/ADT/DenseMap.h"

namespace sinter::sym {

/// `dim` as factor * base + offset, with the largest factor: what is known of
/// one multiple of `base` is known of all. The base of a constant is null.
struct Affine {
  DimAttr base;
  int64_t factor, offset;
};
Affine affineOf(DimAttr dim);

/// Forms that are 0 or more.
class Facts {
public:
  void know(DimAttr dim);
  /// The least that `dim` can be; the least number where nothing is known.
  int64_t atLeast(DimAttr dim) const;
  bool empty() const { return least.empty(); }

private:
  llvm::DenseMap<DimAttr, int64_t> least; // of a base
};

/// rangeOf, where `atLeast` may know more of a form, or of a part of one.
Range rangeOf(DimAttr dim, llvm::function_ref<Range(llvm::StringRef)> symbol,
              llvm::function_ref<int64_t(DimAttr)> atLeast);

} // namespace sinter::sym

#endif // SINTER_DIALECTS_SYM_FACTS_H
