// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Machine code of kernels by content: the key hashes everything that decides
// the bytes (the define's text, its schedule, the ISA, the build of this
// compiler), so an entry is never wrong, only unused. Files appear by a rename,
// so two compiles may share a folder; each ends with the hash of its key and
// contents, so a torn, changed or moved file is a miss. A folder that cannot be
// written is no error: the compile is just slower.
#ifndef SINTER_COMPILER_PIPELINE_KERNELCACHE_H
#define SINTER_COMPILER_PIPELINE_KERNELCACHE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sinter {

/// $XDG_CACHE_HOME/sinter/kernels, else ~/.cache/sinter/kernels; empty without
/// both.
std::string defaultCacheDir();

/// Hashes the parts and the build of the compiler: our own build id and those
/// of the LLVM libraries in this process. 64 hexadecimal digits.
std::string kernelKey(llvm::ArrayRef<llvm::StringRef> parts);

class KernelCache {
public:
  struct Size {
    uint64_t files = 0, bytes = 0;
  };

  /// `folder` empty: a cache that holds nothing. Storing keeps the cache at
  /// about `limit` bytes.
  explicit KernelCache(std::string folder, uint64_t limit = uint64_t(2) << 30)
      : folder(std::move(folder)), limit(limit) {}

  std::optional<std::vector<char>> find(llvm::StringRef key) const;
  void store(llvm::StringRef key, llvm::ArrayRef<char> bytes) const;

  Size size() const;
  /// Removes the entries that were used longest ago until `bytes` bytes are
  /// left.
  void prune(uint64_t bytes) const;

  const std::string &path() const { return folder; }

private:
  std::string fileOf(llvm::StringRef key) const;

  std::string folder;
  uint64_t limit;
};

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_KERNELCACHE_H
