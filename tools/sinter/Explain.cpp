// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter explain CODE`: the text behind the code at the end of every error.
// docs/error-codes.md is made from the same table (tools/dev/docs).
#include "tools/sinter/Commands.h"

#include "llvm/Support/raw_ostream.h"

using namespace sinter;

static const ErrorText rows[] = {
#define SINTER_ERROR(code, title, meaning, remedy)                             \
  {"SINTER-" #code, title, meaning, remedy},
#include "dialects/Support/ErrorCodes.def"
#undef SINTER_ERROR
};

static void print(llvm::raw_ostream &out, const ErrorText &text) {
  out << text.code << ": " << text.title << "\n\n"
      << text.meaning << "\n"
      << text.remedy << "\n";
}

ExitCode sinter::runExplain(const Arguments &arguments) {
  if (arguments.file == "all") {
    for (const ErrorText &row : rows)
      llvm::outs() << row.code << "  " << row.title << "\n";
    return ExitCode::Ok;
  }
  const ErrorText *text = findErrorText(arguments.file);
  if (!text)
    return printError(
        "sinter", userError(ErrorCode::U006,
                            "there is no error code '" + arguments.file + "'",
                            "sinter explain all lists them."));
  print(llvm::outs(), *text);
  return ExitCode::Ok;
}
