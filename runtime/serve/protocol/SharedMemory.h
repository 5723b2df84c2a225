// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Regions of POSIX shared memory that clients registered. Their bytes are
// copied by pread and pwrite, never mapped: a client that shrinks or rewrites
// its file during a run gets an error or odd numbers, and cannot hurt the
// server.
#ifndef SINTER_SERVE_PROTOCOL_SHAREDMEMORY_H
#define SINTER_SERVE_PROTOCOL_SHAREDMEMORY_H

#include "runtime/serve/protocol/Infer.h"

#include <map>
#include <mutex>

namespace sinter::serve {

/// Every method may be called from any thread.
class SharedMemory {
public:
  struct Region {
    std::string name, key;
    uint64_t offset = 0, bytes = 0;
  };

  ~SharedMemory();
  Status add(const Region &region);
  /// All of them for an empty name; an unknown name is no error, as with
  /// Triton.
  void remove(const std::string &name);
  /// All of them for an empty name.
  Status list(const std::string &name, std::vector<Region> &regions) const;

  /// Copies a slice into a tensor: data, bytes and owner.
  Status read(const RegionSlice &slice, Tensor &tensor) const;
  Status write(const RegionSlice &slice, const Tensor &tensor) const;

private:
  struct File;
  struct Entry {
    Region region;
    std::shared_ptr<const File> file;
  };
  Status find(const RegionSlice &slice, uint64_t bytes, Entry &entry) const;
  mutable std::mutex mutex;
  std::map<std::string, Entry> regions;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTOCOL_SHAREDMEMORY_H
