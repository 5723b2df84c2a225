// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Bundle.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sinter::serve {
namespace {

void closeIf(int &descriptor) {
  if (descriptor >= 0)
    close(descriptor);
  descriptor = -1;
}

Status cannot(const std::string &what, const std::string &path) {
  return {Code::unavailable,
          path + ": cannot " + what + ": " + std::strerror(errno)};
}

bool isFile(const std::string &path) {
  struct stat info;
  return !stat(path.c_str(), &info) && S_ISREG(info.st_mode);
}

bool isFolder(const std::string &path) {
  struct stat info;
  return !stat(path.c_str(), &info) && S_ISDIR(info.st_mode);
}

std::vector<std::string> entries(const std::string &path, Status &status) {
  std::vector<std::string> names;
  DIR *folder = opendir(path.c_str());
  if (!folder) {
    status = cannot("list it", path);
    return names;
  }
  while (const dirent *entry = readdir(folder))
    if (entry->d_name[0] != '.')
      names.emplace_back(entry->d_name);
  closedir(folder);
  std::sort(names.begin(), names.end());
  return names;
}

// model.so, or the only other one.
std::string objectIn(const std::string &path) {
  if (isFile(path + "/model.so"))
    return path + "/model.so";
  Status ignored;
  std::string found;
  for (const std::string &name : entries(path, ignored))
    if (name.size() > 3 && name.compare(name.size() - 3, 3, ".so") == 0) {
      if (!found.empty())
        return "";
      found = path + "/" + name;
    }
  return found;
}

bool readText(const std::string &path, std::string &text) {
  constexpr size_t most = 64u << 20;
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  char buffer[16384];
  ssize_t n;
  while ((n = read(file, buffer, sizeof buffer)) > 0 && text.size() < most)
    text.append(buffer, size_t(n));
  close(file);
  return n == 0;
}

uint64_t stampOf(const std::string &path) {
  struct stat info;
  std::string object = isFolder(path) ? objectIn(path) : path;
  if (stat(object.c_str(), &info))
    return 0;
  return uint64_t(info.st_mtim.tv_sec) * 1000000007u +
         uint64_t(info.st_mtim.tv_nsec) + info.st_ino * 31 +
         uint64_t(info.st_size);
}

// "7" and "7.tar"; no sign, no leading zero, below 2^63.
bool versionOf(const std::string &name, uint64_t &number) {
  size_t digits = name.find_first_not_of("0123456789");
  digits = digits == std::string::npos ? name.size() : digits;
  if (digits == 0 || digits > 18 || name[0] == '0')
    return false;
  if (digits != name.size() &&
      name.compare(digits, std::string::npos, ".tar") != 0)
    return false;
  number = std::strtoull(name.c_str(), nullptr, 10);
  return true;
}

} // namespace

Bundle &Bundle::operator=(Bundle &&other) noexcept {
  std::swap(object, other.object);
  std::swap(golden, other.golden);
  std::swap(linked, other.linked);
  std::swap(manifest, other.manifest);
  std::swap(weights, other.weights);
  std::swap(mapped, other.mapped);
  std::swap(bytes, other.bytes);
  return *this;
}

Bundle::~Bundle() {
  closeIf(object);
  closeIf(golden);
}

Status openFolder(const std::string &path, Bundle &out) {
  std::string object = objectIn(path);
  if (object.empty())
    return {Code::invalid,
            path + ": holds no model.so; write one with `sinter package`"};
  Bundle bundle;
  bundle.object = open(object.c_str(), O_RDONLY | O_CLOEXEC);
  if (bundle.object < 0)
    return cannot("open it", object);
  bundle.golden = open((path + "/golden.npz").c_str(), O_RDONLY | O_CLOEXEC);
  readText(path + "/manifest.json", bundle.manifest);
  std::string weights = object.substr(0, object.size() - 3) + ".weights";
  if (isFile(weights))
    bundle.weights = weights;
  out = std::move(bundle);
  return {};
}

Status openEmbedded(int descriptor, uint64_t offset, uint64_t n, Bundle &out) {
  Bundle bundle;
  bundle.object = memfd_create("sinter-model", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (bundle.object < 0)
    return cannot("make a memory file", "embedded model");
  off_t at = off_t(offset);
  for (uint64_t left = n; left;) {
    ssize_t copied = sendfile(bundle.object, descriptor, &at,
                              size_t(std::min<uint64_t>(left, 1u << 30)));
    if (copied < 0 && errno == EINTR)
      continue;
    if (copied <= 0)
      return copied
                 ? cannot("copy it", "embedded model")
                 : Status(
                       Code::invalid,
                       "embedded model: the executable ends before the model "
                       "does; "
                       "write it again with `sinter compile -o model.serve`");
    left -= uint64_t(copied);
  }
  fcntl(bundle.object, F_ADD_SEALS,
        F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  out = std::move(bundle);
  return {};
}

std::vector<std::string> listModels(const std::string &repository,
                                    Status &status) {
  std::vector<std::string> models;
  for (const std::string &name : entries(repository, status))
    if (name != "lost+found" && // of a volume whose root is the repository
        isFolder(repository + "/" + name))
      models.push_back(name);
  return models;
}

std::vector<FoundVersion> listVersions(const std::string &repository,
                                       const std::string &model,
                                       Status &status) {
  std::vector<FoundVersion> versions;
  std::string folder = repository + "/" + model;
  if (model.empty() || model.find('/') != std::string::npos ||
      model[0] == '.' || !isFolder(folder)) {
    status = {Code::notFound, "model '" + model +
                                  "': no such folder in the repository " +
                                  repository};
    return versions;
  }
  for (const std::string &name : entries(folder, status)) {
    FoundVersion found;
    found.path = folder + "/" + name;
    if (versionOf(name, found.number) &&
        (isFolder(found.path) || isFile(found.path))) {
      found.stamp = stampOf(found.path);
      versions.push_back(std::move(found));
    }
  }
  std::sort(versions.begin(), versions.end(),
            [](const FoundVersion &a, const FoundVersion &b) {
              return a.number < b.number;
            });
  if (versions.empty() && !objectIn(folder).empty())
    versions.push_back({1, folder, stampOf(folder)});
  if (versions.empty() && status.ok())
    status = {Code::notFound, "model '" + model + "': " + folder +
                                  " holds no version; expected folders named "
                                  "1, 2, ... with a model.so"};
  return versions;
}

} // namespace sinter::serve
