// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one place where a broken invariant ends the process.
#include "dialects/Support/Check.h"

#include <cstdio>
#include <cstdlib>

void sinter::failCheck(const char *condition, const char *message,
                       const char *file, int line) {
  std::fprintf(stderr,
               "sinter: internal error: %s\n  at %s:%d: %s\n"
               "  this is a fault of the compiler, not of the model\n",
               message, file, line, condition);
  std::abort();
}
