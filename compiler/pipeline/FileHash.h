// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The SHA-256 of a model's file, as sha256sum prints it. OpenSSL's, which uses
// the processor's instructions: LLVM's is portable C at a third of a gigabyte a
// second, which for a large model was half of a compile whose kernels were in
// the cache.

#ifndef SINTER_COMPILER_PIPELINE_FILEHASH_H
#define SINTER_COMPILER_PIPELINE_FILEHASH_H

#include <optional>
#include <string>

namespace sinter {

/// 64 hexadecimal digits; nothing when the file cannot be read. It is read a
/// little at a time.
std::optional<std::string> sha256OfFile(const std::string &path);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_FILEHASH_H
