// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reports, texts of a floor, figures: files that appear when they are complete.
// llvm::writeToOutput ends the process when the disk is full; this says so.
#ifndef SINTER_COMPILER_REPORT_TEXTFILE_H
#define SINTER_COMPILER_REPORT_TEXTFILE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace sinter {

/// A name beside `path` that nobody has, for what is renamed to it when it is
/// complete. LLVM's own functions take a % in the path for a wildcard.
std::string temporaryBeside(llvm::StringRef path);

/// To standard output for "-". What is no regular file (a device, a pipe) is
/// written in its place.
llvm::Error writeTextFile(const std::string &path, llvm::StringRef text);

} // namespace sinter

#endif // SINTER_COMPILER_REPORT_TEXTFILE_H
