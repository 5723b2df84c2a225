// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the archive of a bundle and the footer of a .serve file. Every member
// that is accepted must lie in the file, and can be read.
#include "runtime/serve/bundle/Archive.h"

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

using namespace sinter::serve;

static void readAll(int file, uint64_t size, uint64_t offset, uint64_t bytes) {
  Members members;
  Status status = readArchive(file, offset, bytes, members);
  if (status.ok() == !status.message.empty())
    std::abort();
  if (!status.ok())
    return;
  for (const auto &[name, member] : members) {
    std::string text;
    if (member.offset > size || member.bytes > size - member.offset ||
        !readMember(file, member, text).ok())
      std::abort();
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static int file = memfd_create("bundle", MFD_CLOEXEC);
  if (ftruncate(file, 0) || pwrite(file, data, size, 0) != ssize_t(size))
    return 0;
  readAll(file, size, 0, size);
  Appendix appendix;
  if (findAppendix(file, appendix).ok() && appendix.isThere)
    readAll(file, size, appendix.offset, appendix.bytes);
  return 0;
}
