// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Errors on their way to a user. All of them end in one form,
//
//   what: error: what happened, where, what was found
//     what was expected, what to do
//     [SINTER-O001] see docs/error-codes.md
//
// and the exit code of a command follows from the letter of the code, so that a
// library which returns an llvm::Error with a code in its text needs no more.
#ifndef SINTER_COMPILER_REPORT_USERERROR_H
#define SINTER_COMPILER_REPORT_USERERROR_H

#include "dialects/Support/ErrorCodes.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <string>

namespace sinter {

/// The exit codes of every command (`sinter --help` lists them).
enum class ExitCode {
  Ok = 0,
  Different = 1, // a comparison failed
  Usage = 2,
  Model = 3,   // the model was refused
  Data = 4,    // data or shapes that do not fit the model
  Machine = 5, // instruction set, memory, disk
  Internal = 6 // a fault of Sinter; a reproducer was saved
};

/// An error of the table: `what` in a sentence, the code's remedy, the code.
llvm::Error userError(ErrorCode code, const llvm::Twine &what);
/// The same with a remedy that fits better than the table's.
llvm::Error userError(ErrorCode code, const llvm::Twine &what,
                      const llvm::Twine &remedy);

/// An error whose text is complete, with its subject: printed as it is. A
/// model's faults come as one, all of them.
llvm::Error formattedError(ExitCode exit, std::string text);

/// The code of an error's text: the first "[SINTER-X000]" that begins a line,
/// else the last one; empty when there is none. Names of a user's may hold
/// codes, too.
llvm::StringRef findErrorCode(llvm::StringRef text);

/// From the letter of the code in `text`; Internal when it names none.
ExitCode exitCodeOf(llvm::StringRef text);

/// Prints the error after "`subject`: error: " and returns its exit code.
/// Several errors are printed one by one; the first decides.
ExitCode printError(llvm::StringRef subject, llvm::Error error);

} // namespace sinter

#endif // SINTER_COMPILER_REPORT_USERERROR_H
