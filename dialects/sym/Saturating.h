// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on int64 that stops at the ends of the type: what a polynomial's
// constants and the ranges of symbols are computed with.
#ifndef SINTER_DIALECTS_SYM_SATURATING_H
#define SINTER_DIALECTS_SYM_SATURATING_H

#include "llvm/Support/MathExtras.h"
#include <cstdint>
#include <limits>

namespace sinter::sym {

inline int64_t saturatingAdd(int64_t a, int64_t b) {
  int64_t result;
  if (!llvm::AddOverflow(a, b, result))
    return result;
  return a > 0 ? std::numeric_limits<int64_t>::max()
               : std::numeric_limits<int64_t>::min();
}

inline int64_t saturatingMul(int64_t a, int64_t b) {
  int64_t result;
  if (!llvm::MulOverflow(a, b, result))
    return result;
  return (a > 0) == (b > 0) ? std::numeric_limits<int64_t>::max()
                            : std::numeric_limits<int64_t>::min();
}

/// Rounds down; 0 for a division by 0.
inline int64_t floorDivide(int64_t a, int64_t b) {
  if (b == 0)
    return 0;
  if (b == -1)
    return saturatingMul(a, -1);
  int64_t quotient = a / b;
  return (a % b != 0 && (a % b < 0) != (b < 0)) ? quotient - 1 : quotient;
}

} // namespace sinter::sym

#endif // SINTER_DIALECTS_SYM_SATURATING_H
