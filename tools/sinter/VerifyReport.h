// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `sinter verify` found, for people and as JSON.
#ifndef SINTER_TOOLS_SINTER_VERIFYREPORT_H
#define SINTER_TOOLS_SINTER_VERIFYREPORT_H

#include "tools/sinter/Arguments.h"
#include "tools/sinter/Compare.h"
#include "tools/sinter/Evidence.h"

namespace sinter {

struct Verdict {
  std::string caseName, reference;
  Difference difference;
  double limit = 0;
  bool passed() const { return difference.error <= limit; }
};

/// Prints them; true when all passed and something was compared at all.
bool reportVerdicts(const Arguments &arguments,
                    llvm::ArrayRef<Verdict> verdicts, const Evidence &evidence);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_VERIFYREPORT_H
