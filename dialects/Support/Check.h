// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Our own invariants, checked in every build. LLVM's assert is compiled out of
// Debian's packages and out of our release preset, so memory safety must not
// rest on it. Never for anything that a user's file can cause: that is a
// diagnostic with an error code (ErrorCodes.h).
#ifndef SINTER_DIALECTS_SUPPORT_CHECK_H
#define SINTER_DIALECTS_SUPPORT_CHECK_H

namespace sinter {
// Prints one line with the place and the message, then aborts.
[[noreturn]] void failCheck(const char *condition, const char *message,
                            const char *file, int line);
} // namespace sinter

#define SINTER_CHECK(condition, message)                                       \
  do {                                                                         \
    if (__builtin_expect(!(condition), 0))                                     \
      ::sinter::failCheck(#condition, message, __FILE__, __LINE__);            \
  } while (false)

// Marks a place that no path reaches, e.g. behind a switch over all of an enum.
#define SINTER_UNREACHABLE(message)                                            \
  ::sinter::failCheck("unreachable", message, __FILE__, __LINE__)

#endif // SINTER_DIALECTS_SUPPORT_CHECK_H
