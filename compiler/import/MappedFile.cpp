// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// open, fstat, mmap, close; nothing else keeps the descriptor.
#include "compiler/import/MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sinter::onnx {

std::shared_ptr<MappedFile> MappedFile::open(const std::string &path,
                                             std::string &problem) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  if (descriptor < 0 || fstat(descriptor, &status) != 0) {
    problem = std::strerror(errno);
    if (descriptor >= 0)
      close(descriptor);
    return nullptr;
  }
  size_t size = static_cast<size_t>(status.st_size);
  void *data = nullptr;
  if (!S_ISREG(status.st_mode))
    problem = S_ISDIR(status.st_mode)
                  ? "it is a folder"
                  : "it is not a regular file, which alone can be mapped; "
                    "save its contents to one first";
  else if (size > 0) {
    data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED)
      problem = std::strerror(errno);
  }
  close(descriptor);
  if (!problem.empty())
    return nullptr;
  return std::shared_ptr<MappedFile>(
      new MappedFile(static_cast<const char *>(data), size));
}

MappedFile::~MappedFile() {
  if (size > 0)
    munmap(const_cast<char *>(data), size);
}

} // namespace sinter::onnx
