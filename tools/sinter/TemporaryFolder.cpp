// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM removes files at a signal, not folders. What runs in the handler makes
// system calls only: the folders are in static memory, one slot each.
#include "tools/sinter/TemporaryFolder.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <atomic>
#include <climits>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace sinter;

namespace {
struct Slot {
  std::atomic<bool> isTaken{false}, isReady{false};
  char folder[PATH_MAX];
};
} // namespace

static Slot slots[8];
static constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction before[std::size(signals)];

static void removeTree(int parent, const char *name) {
  int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (folder < 0)
    return;
  alignas(dirent64) char bytes[4096];
  for (long got;
       (got = syscall(SYS_getdents64, folder, bytes, sizeof bytes)) > 0;)
    for (long at = 0; at < got;) {
      auto *entry = reinterpret_cast<dirent64 *>(bytes + at);
      at += entry->d_reclen;
      if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
        continue;
      if (unlinkat(folder, entry->d_name, 0))
        removeTree(folder, entry->d_name);
    }
  close(folder);
  unlinkat(parent, name, AT_REMOVEDIR);
}

// Whoever had the signal before gets it next: LLVM, or the default's end.
static void endOnSignal(int number) {
  for (Slot &slot : slots)
    if (slot.isReady.exchange(false))
      removeTree(AT_FDCWD, slot.folder);
  for (size_t i = 0; i < std::size(signals); ++i)
    if (signals[i] == number)
      sigaction(number, &before[i], nullptr);
  raise(number);
}

static void watchSignals() {
  struct sigaction action = {};
  action.sa_handler = endOnSignal;
  for (size_t i = 0; i < std::size(signals); ++i) {
    sigaction(signals[i], nullptr, &before[i]);
    if (before[i].sa_handler != SIG_IGN) // nohup
      sigaction(signals[i], &action, nullptr);
  }
}

static void keepInSlot(const std::string &folder) {
  static const bool isWatching = (watchSignals(), true);
  (void)isWatching;
  llvm::SmallString<256> whole(folder);
  if (llvm::sys::fs::make_absolute(whole) || whole.size() >= PATH_MAX)
    return;
  for (Slot &slot : slots)
    if (!slot.isTaken.exchange(true)) {
      strcpy(slot.folder, whole.c_str());
      slot.isReady = true;
      return;
    }
}

static void leaveSlot(const std::string &folder) {
  llvm::SmallString<256> whole(folder);
  if (llvm::sys::fs::make_absolute(whole))
    return;
  for (Slot &slot : slots)
    if (slot.isReady && whole == slot.folder) {
      slot.isReady = false;
      slot.isTaken = false;
      return;
    }
}

TemporaryFolder::TemporaryFolder() {
  namespace fs = llvm::sys::fs;
  std::error_code code = std::make_error_code(std::errc::file_exists);
  for (int tries = 0; tries < 128 && code == std::errc::file_exists; ++tries) {
    // The name alone: LLVM takes a % in $TMPDIR for a wildcard too.
    llvm::SmallString<128> path, name;
    llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, path);
    fs::createUniquePath("sinter-%%%%%%", name, /*MakeAbsolute=*/false);
    llvm::sys::path::append(path, name);
    folder = path.str().str();
    code = fs::create_directory(path, /*IgnoreExisting=*/false, fs::owner_all);
  }
  isMade = !code;
  if (isMade)
    keepInSlot(folder);
}

TemporaryFolder::TemporaryFolder(std::string existing)
    : folder(std::move(existing)), isMade(true) {
  keepInSlot(folder);
}

TemporaryFolder::~TemporaryFolder() {
  if (!isMade)
    return;
  llvm::sys::fs::remove_directories(folder);
  leaveSlot(folder);
}
