// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/pipeline/FileHash.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include <array>
#include <memory>
#include <openssl/evp.h>
#include <vector>

std::optional<std::string> sinter::sha256OfFile(const std::string &path) {
  llvm::Expected<llvm::sys::fs::file_t> file =
      llvm::sys::fs::openNativeFileForRead(path);
  if (!file) {
    llvm::consumeError(file.takeError());
    return std::nullopt;
  }
  llvm::scope_exit close([&] { (void)llvm::sys::fs::closeFile(*file); });
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(
      EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  bool works = hash && EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr);
  for (std::vector<char> buffer(1 << 20); works;) {
    llvm::Expected<size_t> n = llvm::sys::fs::readNativeFile(*file, buffer);
    if (!n) {
      llvm::consumeError(n.takeError());
      return std::nullopt;
    }
    if (*n == 0)
      break;
    works = EVP_DigestUpdate(hash.get(), buffer.data(), *n);
  }
  std::array<uint8_t, 32> digest;
  if (!works || !EVP_DigestFinal_ex(hash.get(), digest.data(), nullptr))
    return std::nullopt;
  return llvm::toHex(digest, /*LowerCase=*/true);
}
