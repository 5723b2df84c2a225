// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes that come out of data. A symbol that an exec.read binds during the run
// is late, and so is every size that names it: memory for it is reserved at its
// bound, before the first record runs. The bound is `exec.bound` of the read,
// an expression of symbols that are known before it, else the symbol's maximum.

#ifndef SINTER_DIALECTS_EXEC_LATESIZES_H
#define SINTER_DIALECTS_EXEC_LATESIZES_H

#include "dialects/exec/ExecOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace sinter::exec {

class LateSizes {
public:
  explicit LateSizes(ProgramOp program);

  bool empty() const { return late.empty(); }
  /// The declaration of a late symbol; null for any other.
  SymbolOp find(llvm::StringRef symbol) const { return late.lookup(symbol); }
  /// What its read says of the symbol; null when nothing.
  sym::DimAttr boundOf(llvm::StringRef symbol) const {
    return bounds.lookup(symbol);
  }
  bool isLate(sym::DimAttr dim) const;
  /// The bound is the symbol's value but for rounding: nothing is reserved in
  /// vain.
  bool isTight(llvm::StringRef symbol) const { return tight.contains(symbol); }
  /// What `dim` is at most, over symbols that are known before the run begins.
  /// A size may fall where a late symbol grows (what a slice leaves), so this
  /// is the upper end of an interval, not the value at the largest symbols.
  sym::DimAttr bound(sym::DimAttr dim) const;
  /// The same with the largest values of symbols that their reads do not bound.
  using Most = llvm::function_ref<int64_t(SymbolOp)>;
  sym::DimAttr bound(sym::DimAttr dim, Most most) const;
  /// By the ranges of all symbols, as numbers.
  sym::Range rangeOf(sym::DimAttr dim) const;
  size_t count() const { return late.size(); }

private:
  llvm::StringMap<SymbolOp> all, late;
  llvm::StringMap<sym::DimAttr> bounds;
  llvm::StringSet<> tight;
};

/// Numbers of the outputs whose memory is asked for during the run, when their
/// size is known.
constexpr llvm::StringLiteral kLateOutputs = "exec.late_outputs";

} // namespace sinter::exec

#endif // SINTER_DIALECTS_EXEC_LATESIZES_H
