// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/Deploy.h"

#include "tools/sinter/DeployTexts.h"
#include "tools/sinter/ServeFile.h"
#include "compiler/report/UserError.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"

using namespace sinter;
namespace json = llvm::json;

// A DNS label: what Kubernetes lets things be called.
static std::string slugOf(llvm::StringRef name) {
  std::string slug;
  for (char c : name.take_front(63))
    slug += llvm::isAlnum(c) ? llvm::toLower(c) : '-';
  llvm::StringRef text = llvm::StringRef(slug).trim('-');
  return text.empty() ? "model" : text.str();
}

// Object, some runs at once, and the server itself, in MiB.
static uint64_t memoryOf(const Deployment &what) {
  constexpr uint64_t server = 96, runs = 4, mebi = 1u << 20;
  uint64_t arena = 64 * mebi;
  auto manifest = json::parse(what.manifest);
  if (!manifest)
    llvm::consumeError(manifest.takeError());
  else if (const json::Object *object = manifest->getAsObject())
    if (const json::Object *plan = object->getObject("arena"))
      if (auto bytes = plan->getInteger("reference_bytes"))
        arena = uint64_t(std::max<int64_t>(*bytes, 0));
  return server + (what.objectBytes + runs * arena + mebi - 1) / mebi;
}

// What stands between two @, from the table; a text has no other @.
static std::string
fill(llvm::StringRef text,
     llvm::ArrayRef<std::pair<const char *, std::string>> table) {
  std::string out;
  while (!text.empty()) {
    auto [plain, rest] = text.split('@');
    out += plain;
    auto [key, behind] = rest.split('@');
    for (const auto &[name, value] : table)
      if (key == name)
        out += value;
    text = behind;
  }
  return out;
}

llvm::Error sinter::writeDeployment(const Deployment &what,
                                    const std::string &folder) {
  uint64_t memory = memoryOf(what);
  std::string slug = slugOf(what.name);
  const std::pair<const char *, std::string> table[] = {
      {"NAME", what.name},
      {"SLUG", slug},
      {"IMAGE", "localhost/" + slug + ":1"},
      {"RUNTIME_IMAGE", "localhost/sinter-server:" SINTER_VERSION},
      {"MEMORY", std::to_string(memory)},
      {"LIMIT", std::to_string(2 * memory)},
  };
  if (std::error_code bad = llvm::sys::fs::create_directories(folder))
    return userError(ErrorCode::O001, "'" + folder + "': " + bad.message());
  for (const auto &one : deployTexts) {
    std::string file = one.name == llvm::StringRef("server.service")
                           ? slug + ".service"
                           : std::string(one.name);
    llvm::Error error =
        writeWhole(folder + "/" + file, 0666, [&](int descriptor) {
          return serve::writeWhole(fill(one.text, table), descriptor);
        });
    if (error)
      return error;
  }
  return llvm::Error::success();
}
