// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file as read-only memory. Weights are used where they lie, so the mapping
// lives as long as anything that points into it (shared_ptr).
#ifndef SINTER_COMPILER_IMPORT_MAPPEDFILE_H
#define SINTER_COMPILER_IMPORT_MAPPEDFILE_H

#include <memory>
#include <string>
#include <string_view>

namespace sinter::onnx {

class MappedFile {
public:
  // Null on failure; `problem` is then a sentence ("No such file or
  // directory"). Only regular files: a device or a pipe has no size to check
  // against.
  static std::shared_ptr<MappedFile> open(const std::string &path,
                                          std::string &problem);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  std::string_view bytes() const { return {data, size}; }

private:
  MappedFile(const char *data, size_t size) : data(data), size(size) {}
  const char *data;
  size_t size;
};

} // namespace sinter::onnx

#endif // SINTER_COMPILER_IMPORT_MAPPEDFILE_H
