// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See MappedOutput.h; and the errors of this folder.

#include "codegen/object/MappedOutput.h"

#include "codegen/object/ObjectError.h"

#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sinter {

char ObjectError::ID;

void ObjectError::log(llvm::raw_ostream &os) const {
  const ErrorText &text = errorText(code);
  os << what << "\n  " << text.remedy << "\n  [" << text.code
     << "] see docs/error-codes.md";
}

llvm::Error objectError(ErrorCode code, const llvm::Twine &what) {
  return llvm::make_error<ObjectError>(code, what.str());
}

llvm::Error writeError(llvm::StringRef path, std::error_code reason) {
  bool full = reason == std::errc::no_space_on_device ||
              reason.value() == EDQUOT || reason == std::errc::file_too_large;
  return objectError(full ? ErrorCode::O002 : ErrorCode::O001,
                     "cannot write '" + path + "': " + reason.message());
}

static llvm::Error lastError(llvm::StringRef path) {
  return writeError(path, std::error_code(errno, std::generic_category()));
}

llvm::Expected<std::unique_ptr<MappedOutput>>
MappedOutput::map(llvm::StringRef path, int fd, uint64_t bytes) {
  void *data = ::mmap(nullptr, bytes ? bytes : 1, PROT_READ | PROT_WRITE,
                      MAP_SHARED, fd, 0);
  llvm::Error failed =
      data == MAP_FAILED ? lastError(path) : llvm::Error::success();
  ::close(fd);
  if (failed)
    return std::move(failed);
  std::unique_ptr<MappedOutput> file(new MappedOutput);
  file->path = path.str();
  file->data = static_cast<char *>(data);
  file->size = bytes;
  return file;
}

llvm::Expected<std::unique_ptr<MappedOutput>>
MappedOutput::reserve(llvm::StringRef path, int fd, uint64_t bytes) {
  if (int reason = bytes ? ::posix_fallocate(fd, 0, off_t(bytes)) : 0) {
    ::close(fd);
    return writeError(path, std::error_code(reason, std::generic_category()));
  }
  return map(path, fd, bytes);
}

llvm::Expected<std::unique_ptr<MappedOutput>>
MappedOutput::create(llvm::StringRef path, uint64_t bytes) {
  int fd =
      ::open(path.str().c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0)
    return lastError(path);
  return reserve(path, fd, bytes);
}

llvm::Expected<std::unique_ptr<MappedOutput>>
MappedOutput::open(llvm::StringRef path, uint64_t more) {
  struct stat info;
  int fd = ::open(path.str().c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return lastError(path);
  if (::fstat(fd, &info)) {
    llvm::Error failed = lastError(path);
    ::close(fd);
    return std::move(failed);
  }
  return reserve(path, fd, uint64_t(info.st_size) + more);
}

llvm::Error MappedOutput::close() {
  char *unmapped = data;
  data = nullptr;
  if (unmapped && ::munmap(unmapped, size ? size : 1))
    return lastError(path);
  return llvm::Error::success();
}

MappedOutput::~MappedOutput() { llvm::consumeError(close()); }

} // namespace sinter
