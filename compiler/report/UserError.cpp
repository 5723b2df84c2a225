// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The form of an error and the exit code behind it.
#include "compiler/report/UserError.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;
using llvm::StringRef;

namespace {
class FormattedError : public llvm::ErrorInfo<FormattedError> {
public:
  static char ID;
  FormattedError(ExitCode exit, std::string text)
      : exit(exit), text(std::move(text)) {}
  void log(llvm::raw_ostream &out) const override { out << text; }
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }

  ExitCode exit;
  std::string text;
};
} // namespace

char FormattedError::ID;

llvm::Error sinter::formattedError(ExitCode exit, std::string text) {
  return llvm::make_error<FormattedError>(exit, std::move(text));
}

llvm::Error sinter::userError(ErrorCode code, const llvm::Twine &what,
                              const llvm::Twine &remedy) {
  return llvm::createStringError(what + "\n  " + remedy + "\n  [" +
                                 errorText(code).code +
                                 "] see docs/error-codes.md");
}

llvm::Error sinter::userError(ErrorCode code, const llvm::Twine &what) {
  return userError(code, what, errorText(code).remedy);
}

StringRef sinter::findErrorCode(StringRef text) {
  constexpr StringRef prefix = "[SINTER-";
  StringRef last;
  for (size_t at = text.find(prefix); at != StringRef::npos;
       at = text.find(prefix, at + 1)) {
    StringRef code = text.substr(at + 1, prefix.size() + 3);
    if (!findErrorText({code.data(), code.size()}) ||
        !text.drop_front(at + 1 + code.size()).starts_with("]"))
      continue;
    StringRef before = text.take_front(at).rtrim(' ');
    if (before.empty() || before.ends_with("\n"))
      return code;
    last = code;
  }
  return last;
}

ExitCode sinter::exitCodeOf(StringRef text) {
  StringRef code = findErrorCode(text);
  switch (code.empty() ? 0 : code[7]) {
  case 'U':
    return ExitCode::Usage;
  case 'I':
  case 'S':
  case 'G':
    return ExitCode::Model;
  case 'R':
    return ExitCode::Data;
  case 'O':
    return ExitCode::Machine;
  }
  return ExitCode::Internal;
}

ExitCode sinter::printError(StringRef subject, llvm::Error error) {
  ExitCode first = ExitCode::Ok;
  auto note = [&](ExitCode exit) {
    first = first == ExitCode::Ok ? exit : first;
  };
  llvm::handleAllErrors(
      std::move(error),
      [&](const FormattedError &info) {
        note(info.exit);
        llvm::errs() << StringRef(info.text).rtrim() << "\n";
      },
      [&](const llvm::ErrorInfoBase &info) {
        std::string text = info.message();
        note(exitCodeOf(text));
        llvm::errs() << subject << ": error: " << StringRef(text).rtrim()
                     << "\n";
      });
  return first;
}
