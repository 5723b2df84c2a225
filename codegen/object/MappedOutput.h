// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file of known size, mapped for writing. Its blocks are reserved first: on a
// full disk that is an error here, and not a SIGBUS in the middle of a memcpy.

#ifndef SINTER_CODEGEN_OBJECT_MAPPEDOUTPUT_H
#define SINTER_CODEGEN_OBJECT_MAPPEDOUTPUT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace sinter {

class MappedOutput {
public:
  /// A new file of `bytes` zeros.
  static llvm::Expected<std::unique_ptr<MappedOutput>>
  create(llvm::StringRef path, uint64_t bytes);
  /// An existing file, to be changed in place; made longer by `more` zeros.
  static llvm::Expected<std::unique_ptr<MappedOutput>>
  open(llvm::StringRef path, uint64_t more = 0);
  ~MappedOutput();

  llvm::MutableArrayRef<char> bytes() const { return {data, size}; }
  /// Unmaps, and says whether everything reached the file.
  llvm::Error close();

private:
  MappedOutput() = default;
  static llvm::Expected<std::unique_ptr<MappedOutput>>
  map(llvm::StringRef path, int fd, uint64_t bytes);
  static llvm::Expected<std::unique_ptr<MappedOutput>>
  reserve(llvm::StringRef path, int fd, uint64_t bytes);
  std::string path;
  char *data = nullptr;
  uint64_t size = 0;
};

} // namespace sinter

#endif // SINTER_CODEGEN_OBJECT_MAPPEDOUTPUT_H
