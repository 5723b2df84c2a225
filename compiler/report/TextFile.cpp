// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/report/TextFile.h"

#include "compiler/report/UserError.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;
namespace fs = llvm::sys::fs;

static llvm::Error refusal(const std::string &path, std::error_code code) {
  bool isFull = code == std::errc::no_space_on_device ||
                code == std::errc::file_too_large;
  std::string what = "'" + path + "': " + code.message();
  return isFull ? userError(ErrorCode::O010, what,
                            "Free space, or write to another disk.")
                : userError(ErrorCode::O001, what);
}

static std::error_code writeTo(int descriptor, llvm::StringRef text) {
  llvm::raw_fd_ostream out(descriptor, /*shouldClose=*/false);
  out << text;
  out.flush();
  std::error_code code = out.error();
  out.clear_error();
  return code;
}

static std::error_code writeWhole(const std::string &path, llvm::StringRef text,
                                  fs::CreationDisposition disposition) {
  int descriptor;
  if (std::error_code code =
          fs::openFileForWrite(path, descriptor, disposition))
    return code;
  std::error_code code = writeTo(descriptor, text);
  std::error_code closed = fs::closeFile(descriptor);
  return code ? code : closed;
}

std::string sinter::temporaryBeside(llvm::StringRef path) {
  llvm::SmallString<32> suffix;
  fs::createUniquePath(".%%%%%%%%.tmp", suffix, /*MakeAbsolute=*/false);
  return (path + suffix).str();
}

llvm::Error sinter::writeTextFile(const std::string &path,
                                  llvm::StringRef text) {
  if (path == "-") {
    llvm::outs() << text;
    return llvm::Error::success();
  }
  if (fs::exists(path) && !fs::is_regular_file(path)) {
    std::error_code code = writeWhole(path, text, fs::CD_OpenExisting);
    return code ? refusal(path, code) : llvm::Error::success();
  }
  std::string temporary = temporaryBeside(path);
  llvm::sys::RemoveFileOnSignal(temporary);
  std::error_code code = writeWhole(temporary, text, fs::CD_CreateNew);
  if (!code)
    code = fs::rename(temporary, path);
  if (code)
    fs::remove(temporary);
  llvm::sys::DontRemoveFileOnSignal(temporary);
  return code ? refusal(path, code) : llvm::Error::success();
}
