// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// "x86-64-v4-emulated": the schedules, packing and tails of x86-64-v4 in the
// instructions of x86-64-v3. findTarget gives x86-64-v4 for it. Whole models
// are compiled so by tests, on any machine.

#ifndef SINTER_DIALECTS_TARGET_EMULATION_H
#define SINTER_DIALECTS_TARGET_EMULATION_H

#include "llvm/ADT/StringRef.h"

namespace sinter::cpu {

constexpr llvm::StringLiteral kEmulatedSuffix = "-emulated";

inline bool isEmulated(llvm::StringRef isa) {
  return isa.ends_with(kEmulatedSuffix);
}

} // namespace sinter::cpu

#endif // SINTER_DIALECTS_TARGET_EMULATION_H
