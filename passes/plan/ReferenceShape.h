// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one shape at which sizes are compared while compiling: batch 1, images of
// 320 pixels, 128 of anything else, within what is declared. It decides speed
// and never a result.

#ifndef SINTER_PASSES_PLAN_REFERENCESHAPE_H
#define SINTER_PASSES_PLAN_REFERENCESHAPE_H

#include "dialects/exec/ExecOps.h"
#include "llvm/ADT/StringMap.h"

namespace sinter {

class ReferenceShape {
public:
  explicit ReferenceShape(exec::ProgramOp program);

  /// The value of a symbol; 1 for one that is not declared.
  int64_t valueOf(llvm::StringRef symbol) const;
  void set(llvm::StringRef symbol, int64_t value) { values[symbol] = value; }
  /// Null where the arithmetic leaves int64.
  std::optional<int64_t> evaluate(sym::DimAttr dim) const;

private:
  llvm::StringMap<int64_t> values;
};

} // namespace sinter

#endif // SINTER_PASSES_PLAN_REFERENCESHAPE_H
