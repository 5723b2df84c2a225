// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of ErrorCodes.def, in the order of the enum.
#include "dialects/Support/ErrorCodes.h"

using namespace sinter;

static const ErrorText table[] = {
#define SINTER_ERROR(code, title, meaning, remedy)                             \
  {"SINTER-" #code, title, meaning, remedy},
#include "dialects/Support/ErrorCodes.def"
#undef SINTER_ERROR
};

const ErrorText &sinter::errorText(ErrorCode code) {
  return table[static_cast<int>(code)];
}

const ErrorText *sinter::findErrorText(std::string_view code) {
  constexpr std::string_view prefix = "SINTER-";
  if (code.substr(0, prefix.size()) == prefix)
    code.remove_prefix(prefix.size());
  for (const ErrorText &text : table)
    if (code == std::string_view(text.code).substr(prefix.size()))
      return &text;
  return nullptr;
}
