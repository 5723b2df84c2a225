// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/bundle/OpenBundle.h"

#include "runtime/serve/bundle/Archive.h"
#include "runtime/serve/bundle/Signature.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sinter::serve {
namespace {

class File {
public:
  explicit File(const std::string &path)
      : descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (descriptor >= 0)
      close(descriptor);
  }
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  int get() const { return descriptor; }
  bool isOpen() const { return descriptor >= 0; }
  int release() { return std::exchange(descriptor, -1); }
  uint64_t size() const {
    struct stat info;
    return fstat(descriptor, &info) ? 0 : uint64_t(info.st_size);
  }

private:
  int descriptor;
};

Status at(const std::string &path, Status status) {
  if (!status.ok())
    status.message = path + ": " + status.message;
  return status;
}

Status cannotOpen(const std::string &path) {
  return {errno == ENOENT ? Code::notFound : Code::unavailable,
          path + ": cannot open it: " + std::strerror(errno)};
}

/// Copies the members one by one, hashing what was copied, then checks them
/// all.
class Taking {
public:
  explicit Taking(const std::string &publicKey) : publicKey(publicKey) {}

  Status take(int file, const std::string &name, const Member &member) {
    if (name == "SIGNATURE")
      return readMember(file, member, signature);
    if (name == "manifest.json") {
      Status status = readMember(file, member, bundle.manifest);
      digests[name] = digestText(bundle.manifest);
      return status;
    }
    if (name == "model.weights")
      return takeWeights(file, member);
    int &target = name == "model.so" ? bundle.object : bundle.golden;
    if (Status status = copyToMemory(file, member, name.c_str(), target);
        !status.ok())
      return status;
    return publicKey.empty() ? Status() : digestFile(target, digests[name]);
  }

  Status finish(Bundle &out) {
    if (bundle.object < 0)
      return {Code::invalid,
              "it holds no model.so; write one with `sinter package`"};
    if (!publicKey.empty()) {
      if (signature.empty())
        return {
            Code::denied,
            "it has no SIGNATURE, and this server takes signed bundles only; "
            "sign it with `sinter package --sign`"};
      if (Status status = checkSignature(signature, digests, publicKey);
          !status.ok())
        return status;
    }
    out = std::move(bundle);
    return {};
  }

private:
  // Mapped where they lie, unless they must be what was signed.
  Status takeWeights(int file, const Member &member) {
    if (publicKey.empty())
      return MappedWeights::map(file, member.offset, member.bytes,
                                bundle.mapped);
    int copy = -1;
    Status status = copyToMemory(file, member, "model.weights", copy);
    if (status.ok())
      status = digestFile(copy, digests["model.weights"]);
    if (status.ok())
      status = MappedWeights::map(copy, 0, member.bytes, bundle.mapped);
    if (copy >= 0)
      close(copy);
    return status;
  }

  const std::string &publicKey;
  std::string signature;
  Digests digests;
  Bundle bundle;
};

Status takeArchive(int file, uint64_t offset, uint64_t bytes,
                   const std::string &publicKey, Bundle &out) {
  Members members;
  if (Status status = readArchive(file, offset, bytes, members); !status.ok())
    return status;
  Taking taking(publicKey);
  for (const auto &[name, member] : members)
    if (Status status = taking.take(file, name, member); !status.ok())
      return status;
  return taking.finish(out);
}

Status takeFolder(const std::string &path, const std::string &publicKey,
                  Bundle &out) {
  Taking taking(publicKey);
  for (const char *name : {"model.so", "model.weights", "manifest.json",
                           "golden.npz", "SIGNATURE"}) {
    File file(path + "/" + name);
    if (!file.isOpen()) {
      if (errno == ENOENT)
        continue;
      return cannotOpen(path + "/" + name);
    }
    if (Status status = taking.take(file.get(), name, {0, file.size()});
        !status.ok())
      return status;
  }
  return taking.finish(out);
}

} // namespace

// The manifest is ours, but this file may be anybody's.
std::string textIn(const std::string &manifest, const char *key) {
  nlohmann::json json = nlohmann::json::parse(manifest, nullptr, false);
  if (!json.is_object())
    return "";
  auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : "";
}

Status openBundle(const std::string &path, const std::string &publicKey,
                  Bundle &out) {
  struct stat info;
  if (stat(path.c_str(), &info))
    return cannotOpen(path);
  if (S_ISDIR(info.st_mode))
    return publicKey.empty() ? openFolder(path, out)
                             : at(path, takeFolder(path, publicKey, out));
  File file(path);
  if (!file.isOpen())
    return cannotOpen(path);
  return at(path, takeArchive(file.get(), 0, file.size(), publicKey, out));
}

Status openExecutable(const std::string &path, EngineOptions::Embedded &out,
                      bool &isThere) {
  File file(path);
  if (!file.isOpen())
    return cannotOpen(path);
  Appendix appendix;
  Status status = findAppendix(file.get(), appendix);
  isThere = appendix.isThere;
  if (!status.ok() || !isThere)
    return at(path, status);
  Members members;
  status = readArchive(file.get(), appendix.offset, appendix.bytes, members);
  if (auto manifest = members.find("manifest.json");
      status.ok() && manifest != members.end())
    status = readMember(file.get(), manifest->second, out.manifest);
  if (auto golden = members.find("golden.npz");
      status.ok() && golden != members.end())
    status = copyToMemory(file.get(), golden->second, "golden.npz", out.golden);
  if (!status.ok())
    return at(path, status);
  out.name = textIn(out.manifest, "name");
  out.offset = members["model.so"].offset;
  out.bytes = members["model.so"].bytes;
  if (auto weights = members.find("model.weights"); weights != members.end()) {
    out.weightsOffset = weights->second.offset;
    out.weightsBytes = weights->second.bytes;
  }
  out.descriptor = file.release();
  return {};
}

} // namespace sinter::serve
