// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Error codes as a type, so that a diagnostic cannot name one that has no text.
// The rows are in ErrorCodes.def.
#ifndef SINTER_DIALECTS_SUPPORT_ERRORCODES_H
#define SINTER_DIALECTS_SUPPORT_ERRORCODES_H

#include <string_view>

namespace sinter {

enum class ErrorCode {
#define SINTER_ERROR(code, title, meaning, remedy) code,
#include "dialects/Support/ErrorCodes.def"
#undef SINTER_ERROR
};

struct ErrorText {
  const char *code; // "SINTER-I001"
  const char *title;
  const char *meaning;
  const char *remedy;
};

// The text of a code; lives for ever.
const ErrorText &errorText(ErrorCode code);

// Looks "SINTER-I001" or "I001" up; null when there is no such code.
const ErrorText *findErrorText(std::string_view code);

} // namespace sinter

#endif // SINTER_DIALECTS_SUPPORT_ERRORCODES_H
