// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/MappedWeights.h"

#include "sinter/model.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sinter::serve {

static Status damaged(const std::string &what) {
  return {Code::invalid,
          "model.weights: " + what + "; write the bundle again from its model"};
}

MappedWeights &MappedWeights::operator=(MappedWeights &&other) noexcept {
  std::swap(base, other.base);
  std::swap(mapped, other.mapped);
  std::swap(begin, other.begin);
  return *this;
}

MappedWeights::~MappedWeights() {
  if (base)
    munmap(base, mapped);
}

static const sinter_weights_header &headerAt(const std::byte *at) {
  return *reinterpret_cast<const sinter_weights_header *>(at);
}

Status MappedWeights::map(int file, uint64_t offset, uint64_t bytes,
                          MappedWeights &out) {
  struct stat info;
  if (fstat(file, &info))
    return {Code::unavailable, std::string("cannot look at model.weights: ") +
                                   std::strerror(errno)};
  uint64_t size = uint64_t(info.st_size);
  // Past the end of a file there is no memory, whatever was mapped.
  if (offset > size || bytes > size - offset || bytes < SINTER_WEIGHTS_OFFSET)
    return damaged("found " + std::to_string(bytes) + " bytes at " +
                   std::to_string(offset) + " of a file of " +
                   std::to_string(size));
  if (offset % 64)
    return damaged("found it at byte " + std::to_string(offset) +
                   ", expected a multiple of 64");
  uint64_t page = uint64_t(sysconf(_SC_PAGESIZE));
  MappedWeights made;
  made.begin = size_t(offset % page);
  made.mapped = size_t(bytes) + made.begin;
  void *memory = mmap(nullptr, made.mapped, PROT_READ, MAP_SHARED, file,
                      off_t(offset - made.begin));
  if (memory == MAP_FAILED)
    return {Code::unavailable,
            std::string("cannot map model.weights: ") + std::strerror(errno)};
  made.base = static_cast<std::byte *>(memory);
  madvise(made.base, made.mapped, MADV_WILLNEED);
  const sinter_weights_header &header = headerAt(made.base + made.begin);
  if (header.magic != SINTER_WEIGHTS_MAGIC)
    return damaged("it does not begin as weights do");
  if (header.bytes > bytes - SINTER_WEIGHTS_OFFSET)
    return damaged("it says that it holds " + std::to_string(header.bytes) +
                   " bytes, found " +
                   std::to_string(bytes - SINTER_WEIGHTS_OFFSET));
  out = std::move(made);
  return {};
}

const std::byte *MappedWeights::data() const {
  return base + begin + SINTER_WEIGHTS_OFFSET;
}

uint64_t MappedWeights::bytes() const {
  return base ? headerAt(base + begin).bytes : 0;
}

bool MappedWeights::belongTo(const sinter_model *model) const {
  return !std::memcmp(headerAt(base + begin).id, model->weights_id,
                      sizeof model->weights_id);
}

} // namespace sinter::serve
