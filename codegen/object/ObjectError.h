// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Errors of the object writer: a row of the error table and what was found. The
// driver maps the code to an exit status and prints the table's remedy.

#ifndef SINTER_CODEGEN_OBJECT_OBJECTERROR_H
#define SINTER_CODEGEN_OBJECT_OBJECTERROR_H

#include "dialects/Support/ErrorCodes.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

namespace sinter {

class ObjectError : public llvm::ErrorInfo<ObjectError> {
public:
  static char ID;
  ObjectError(ErrorCode code, std::string what)
      : code(code), what(std::move(what)) {}

  ErrorCode errorCode() const { return code; }
  /// Without code and remedy.
  const std::string &found() const { return what; }

  void log(llvm::raw_ostream &os) const override;
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }

private:
  ErrorCode code;
  std::string what;
};

llvm::Error objectError(ErrorCode code, const llvm::Twine &what);

/// O001 or, when the reason is a full disk, O002.
llvm::Error writeError(llvm::StringRef path, std::error_code reason);

} // namespace sinter

#endif // SINTER_CODEGEN_OBJECT_OBJECTERROR_H
