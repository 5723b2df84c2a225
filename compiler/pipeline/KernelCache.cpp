// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// FOLDER/ab/cdef....o: contents, then the SHA-256 of the key and of them, so a
// file that came to another name is no entry either. The time of modification
// is the time of last use: a hit sets it, pruning goes by it.
#include "compiler/pipeline/KernelCache.h"

#include "compiler/report/TextFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>

using namespace sinter;
using llvm::StringRef;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static constexpr uint64_t mostBytes = 256 << 20; // of an entry

static std::array<uint8_t, 32> hashOf(StringRef key,
                                      llvm::ArrayRef<char> bytes) {
  llvm::SHA256 hash;
  hash.update(key);
  hash.update(StringRef(bytes.data(), bytes.size()));
  return hash.final();
}

// What is in the folder may be anything: a pipe would be waited for.
static bool isReadable(const std::string &file) {
  fs::file_status status;
  return !fs::status(file, status) && fs::is_regular_file(status) &&
         status.getSize() >= 32 && status.getSize() <= mostBytes;
}

// Appends the GNU build id of a loaded object, if it is ours or LLVM's: others
// (libc, the kernel's vDSO) take no part in generating code.
static int addBuildId(dl_phdr_info *info, size_t, void *into) {
  StringRef name = path::filename(info->dlpi_name);
  if (!name.empty() && !name.starts_with("libLLVM") &&
      !name.starts_with("libMLIR"))
    return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) &header = info->dlpi_phdr[i];
    if (header.p_type != PT_NOTE)
      continue;
    const char *at =
        reinterpret_cast<const char *>(info->dlpi_addr + header.p_vaddr);
    const char *end = at + header.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) note;
      memcpy(&note, at, sizeof note);
      const char *owner = at + sizeof note;
      const char *id = owner + ((note.n_namesz + 3) & ~3u);
      if (note.n_type == NT_GNU_BUILD_ID &&
          StringRef(owner, note.n_namesz) == StringRef("GNU\0", 4))
        static_cast<std::string *>(into)->append(id, note.n_descsz);
      at = id + ((note.n_descsz + 3) & ~3u);
    }
  }
  return 0;
}

static const std::string &compilerBuild() {
  static const std::string build = [] {
    std::string text = LLVM_VERSION_STRING;
    dl_iterate_phdr(addBuildId, &text);
    return text;
  }();
  return build;
}

std::string sinter::defaultCacheDir() {
  const char *base = getenv("XDG_CACHE_HOME");
  llvm::SmallString<128> folder;
  if (base && *base) {
    folder = base;
  } else {
    const char *home = getenv("HOME");
    if (!home || !*home)
      return "";
    folder = home;
    path::append(folder, ".cache");
  }
  path::append(folder, "sinter", "kernels");
  return folder.str().str();
}

std::string sinter::kernelKey(llvm::ArrayRef<StringRef> parts) {
  llvm::SHA256 hash;
  auto add = [&](StringRef part) {
    uint64_t length =
        part.size(); // so that ("ab", "c") differs from ("a", "bc")
    hash.update(
        StringRef(reinterpret_cast<const char *>(&length), sizeof length));
    hash.update(part);
  };
  add(compilerBuild());
  for (StringRef part : parts)
    add(part);
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

std::string KernelCache::fileOf(StringRef key) const {
  llvm::SmallString<256> file(folder);
  path::append(file, key.take_front(2), key.drop_front(2) + ".o");
  return file.str().str();
}

std::optional<std::vector<char>> KernelCache::find(StringRef key) const {
  if (folder.empty())
    return std::nullopt;
  std::string file = fileOf(key);
  if (!isReadable(file))
    return std::nullopt;
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer || (*buffer)->getBufferSize() < 32)
    return std::nullopt;
  StringRef all = (*buffer)->getBuffer();
  llvm::ArrayRef<char> bytes(all.data(), all.size() - 32);
  if (memcmp(hashOf(key, bytes).data(), all.end() - 32, 32) != 0) {
    fs::remove(file);
    return std::nullopt;
  }
  utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
  return bytes.vec();
}

static void pruneFolder(const std::string &part, uint64_t limit);

void KernelCache::store(StringRef key, llvm::ArrayRef<char> bytes) const {
  if (folder.empty())
    return;
  std::string file = fileOf(key);
  if (fs::create_directories(path::parent_path(file)))
    return;
  int fd;
  std::string temporary = temporaryBeside(file);
  if (fs::openFileForWrite(temporary, fd, fs::CD_CreateNew))
    return;
  llvm::raw_fd_ostream out(fd, /*shouldClose=*/true);
  out.write(bytes.data(), bytes.size());
  auto hash = hashOf(key, bytes);
  out.write(reinterpret_cast<const char *>(hash.data()), hash.size());
  out.close();
  bool failed = out.has_error(); // a full disk, say
  out.clear_error();
  if (failed || fs::rename(temporary, file)) {
    fs::remove(temporary);
    return;
  }
  // Keys are hashes, so each of the 256 folders may hold its share. One entry
  // in sixteen looks after its own folder: walking all of a cache of a hundred
  // thousand files took longer than the compile that asked for it.
  if (key.size() > 2 && key[2] == '0')
    pruneFolder(path::parent_path(file).str(), limit / 256);
}

namespace {
struct Entry {
  std::string path;
  uint64_t bytes;
  llvm::sys::TimePoint<> used;
};
} // namespace

// "cdef....o", or what a store that was killed left of it. Nothing else is
// ours: a user may give any folder, such as the home folder.
static bool isEntryName(StringRef name) {
  if (name.consume_back(".tmp"))
    name = name.rsplit('.').first;
  return name.consume_back(".o") && name.size() == 62 &&
         llvm::all_of(name, llvm::isHexDigit);
}

// Of one of the 256 folders.
static void addEntries(const std::string &folder, std::vector<Entry> &entries) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; it != end && !error;
       it.increment(error)) {
    if (!isEntryName(path::filename(it->path())))
      continue;
    llvm::ErrorOr<fs::basic_file_status> status = it->status();
    if (status && status->type() == fs::file_type::regular_file)
      entries.push_back(
          {it->path(), status->getSize(), status->getLastModificationTime()});
  }
}

static std::vector<Entry> entriesOf(const std::string &folder) {
  std::vector<Entry> entries;
  for (unsigned i = 0; i < 256 && !folder.empty(); ++i) {
    llvm::SmallString<256> part(folder);
    path::append(part, llvm::toHex({uint8_t(i)}, /*LowerCase=*/true));
    addEntries(part.str().str(), entries);
  }
  return entries;
}

KernelCache::Size KernelCache::size() const {
  Size size;
  for (const Entry &entry : entriesOf(folder)) {
    ++size.files;
    size.bytes += entry.bytes;
  }
  return size;
}

static void pruneEntries(std::vector<Entry> entries, uint64_t limit) {
  uint64_t total = 0;
  for (const Entry &entry : entries)
    total += entry.bytes;
  std::sort(entries.begin(), entries.end(),
            [](const Entry &a, const Entry &b) { return a.used < b.used; });
  for (const Entry &entry : entries) {
    if (total <= limit)
      return;
    if (!fs::remove(entry.path))
      total -= entry.bytes;
  }
}

static void pruneFolder(const std::string &part, uint64_t limit) {
  std::vector<Entry> entries;
  addEntries(part, entries);
  pruneEntries(std::move(entries), limit);
}

void KernelCache::prune(uint64_t bytes) const {
  pruneEntries(entriesOf(folder), bytes);
}
