// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file descriptor is shared by the regions' table and the requests under way:
// removing a region closes it after the last of them.
#include "runtime/serve/protocol/SharedMemory.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sinter::serve {

struct SharedMemory::File {
  explicit File(int descriptor) : descriptor(descriptor) {}
  ~File() { close(descriptor); }
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  int descriptor;
};

namespace {

constexpr size_t maxRegions = 4096;

std::string named(const std::string &name) {
  return "shared memory region '" + name + "'";
}

Status openRegion(const SharedMemory::Region &region, int &descriptor) {
  std::string key = region.key;
  if (!key.empty() && key[0] == '/')
    key.erase(0, 1);
  if (key.empty() || key.size() > 250 || key.find('/') != std::string::npos ||
      key.find('\0') != std::string::npos)
    return {Code::invalid,
            named(region.name) +
                ": the key must be the name of a POSIX shared memory object"};
  descriptor = shm_open(("/" + key).c_str(), O_RDWR | O_CLOEXEC, 0);
  if (descriptor < 0)
    return {Code::invalid, named(region.name) + ": cannot open '" + region.key +
                               "': " + std::strerror(errno)};
  struct stat info;
  if (fstat(descriptor, &info) || !S_ISREG(info.st_mode) ||
      region.offset > uint64_t(info.st_size) ||
      region.bytes > uint64_t(info.st_size) - region.offset) {
    close(descriptor);
    return {Code::invalid,
            named(region.name) + ": offset " + std::to_string(region.offset) +
                " and byte_size " + std::to_string(region.bytes) +
                " reach past the end of '" + region.key + "'"};
  }
  return {};
}

} // namespace

SharedMemory::~SharedMemory() = default;

Status SharedMemory::add(const Region &region) {
  if (region.name.empty() || !region.bytes)
    return {Code::invalid,
            "shared memory: a region needs a name and a byte_size over 0"};
  int descriptor = -1;
  if (Status status = openRegion(region, descriptor); !status.ok())
    return status;
  auto file = std::make_shared<const File>(descriptor);
  std::lock_guard<std::mutex> lock(mutex);
  if (regions.count(region.name))
    return {Code::invalid, named(region.name) +
                               ": is registered already; unregister it first"};
  if (regions.size() >= maxRegions)
    return {Code::unavailable, "shared memory: " + std::to_string(maxRegions) +
                                   " regions are registered, the limit"};
  regions.emplace(region.name, Entry{region, std::move(file)});
  return {};
}

void SharedMemory::remove(const std::string &name) {
  std::lock_guard<std::mutex> lock(mutex);
  if (name.empty())
    regions.clear();
  else
    regions.erase(name);
}

Status SharedMemory::list(const std::string &name,
                          std::vector<Region> &out) const {
  out.clear();
  std::lock_guard<std::mutex> lock(mutex);
  for (const auto &[key, entry] : regions)
    if (name.empty() || key == name)
      out.push_back(entry.region);
  if (!name.empty() && out.empty())
    return {Code::notFound, named(name) + ": is not registered"};
  return {};
}

Status SharedMemory::find(const RegionSlice &slice, uint64_t bytes,
                          Entry &entry) const {
  std::lock_guard<std::mutex> lock(mutex);
  auto found = regions.find(slice.region);
  if (found == regions.end())
    return {Code::invalid, named(slice.region) + ": is not registered"};
  entry = found->second;
  uint64_t size = entry.region.bytes;
  if (slice.offset > size || bytes > size - slice.offset)
    return {Code::invalid,
            named(slice.region) + ": offset " + std::to_string(slice.offset) +
                " and " + std::to_string(bytes) +
                " bytes reach past its end at " + std::to_string(size)};
  return {};
}

Status SharedMemory::read(const RegionSlice &slice, Tensor &tensor) const {
  Entry entry;
  if (Status status = find(slice, slice.bytes, entry); !status.ok())
    return status;
  auto bytes = std::make_shared<std::string>(slice.bytes, 0);
  uint64_t start = entry.region.offset + slice.offset;
  for (size_t at = 0; at < bytes->size();) {
    ssize_t got = pread(entry.file->descriptor, bytes->data() + at,
                        bytes->size() - at, off_t(start + at));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return {Code::invalid,
              named(slice.region) + ": became shorter than it was registered"};
    at += size_t(got);
  }
  tensor.data = reinterpret_cast<const std::byte *>(bytes->data());
  tensor.bytes = bytes->size();
  tensor.owner = std::move(bytes);
  return {};
}

Status SharedMemory::write(const RegionSlice &slice,
                           const Tensor &tensor) const {
  Entry entry;
  if (tensor.bytes > slice.bytes)
    return {Code::invalid, "output '" + tensor.name + "': has " +
                               std::to_string(tensor.bytes) +
                               " bytes, shared_memory_byte_size leaves it " +
                               std::to_string(slice.bytes)};
  if (Status status = find(slice, tensor.bytes, entry); !status.ok())
    return status;
  uint64_t start = entry.region.offset + slice.offset;
  for (size_t at = 0; at < tensor.bytes;) {
    ssize_t put = pwrite(entry.file->descriptor, tensor.data + at,
                         tensor.bytes - at, off_t(start + at));
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return {Code::invalid, named(slice.region) + ": cannot be written: " +
                                 std::strerror(errno)};
    at += size_t(put);
  }
  return {};
}

} // namespace sinter::serve
