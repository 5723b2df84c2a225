// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks of the command line that look at one option and its neighbours, apart
// from the parser that knows them all.
#ifndef SINTER_TOOLS_SINTER_ARGUMENTCHECKS_H
#define SINTER_TOOLS_SINTER_ARGUMENTCHECKS_H

#include "tools/sinter/Arguments.h"
#include "llvm/Support/Error.h"

namespace sinter {

/// Prints an error of the table whose remedy names no command, for this one.
ExitCode printUsage(llvm::Error error, const char *command);
/// An error of the parser, with a better remedy where a file has the name of an
/// option.
llvm::Error explainUsage(const char *what, llvm::ArrayRef<char *> words);
/// No value is empty, which would mean the default in silence, or in the form
/// "--isa= m.onnx" take the next word.
llvm::Error checkNoneEmpty(llvm::ArrayRef<char *> words);
/// "onnxruntime,openvino" into its parts, each known to the command.
llvm::Error splitAgainst(const std::string &text, Command command,
                         std::vector<std::string> &into);
/// What is wrong with the text of a seed, or nothing: the parser alone takes -1
/// and 2^64 for other numbers.
std::string checkSeed(const std::string &text);
/// A report has a form that its name says, and is about an object.
llvm::Error checkReport(llvm::StringRef file, bool isEmitting);
/// No output has the name of a file that is read: it would replace it. Neither
/// end of a compile is a stream, no name is given twice, and numbers are ones
/// that can be used.
llvm::Error checkArguments(const Arguments &arguments);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_ARGUMENTCHECKS_H
