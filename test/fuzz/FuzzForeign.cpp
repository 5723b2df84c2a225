// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes what the command reads and somebody else may have written or damaged:
// an object's segments and notes, its manifest, and the reply of a server. The
// first byte says which.
#include "sinter/sinter.h"
#include "tools/sinter/ElfFlag.h"
#include "tools/sinter/HttpRequest.h"
#include "tools/sinter/Json.h"
#include "tools/sinter/Listing.h"
#include "tools/sinter/RepackOptions.h"

#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace sinter;

// What has passed the reader of notes would run here.
extern "C" void *dlopen(const char *, int) { return nullptr; }

namespace {

void object(llvm::StringRef bytes) {
  std::string copy = bytes.str();
  (void)clearExecutableFlag({copy.data(), copy.size()});
  int fd = memfd_create("object", MFD_CLOEXEC);
  if (fd < 0 || write(fd, bytes.data(), bytes.size()) != ssize_t(bytes.size()))
    std::abort();
  const sinter_model *model = nullptr;
  sinter_error error{};
  std::string path = "/proc/self/fd/" + std::to_string(fd);
  if (sinter_load(path.c_str(), nullptr, &model, &error) == SINTER_OK || model)
    std::abort();
  close(fd);
}

void manifest(llvm::StringRef text) {
  auto value = parseJson(text);
  if (!value)
    return llvm::consumeError(value.takeError());
  const llvm::json::Object *object = value->getAsObject();
  if (!object)
    return;
  printInterface(*object);
  printCosts(*object);
  CompileOptions compile;
  if (llvm::Error error = readRepackOptions(*object, compile))
    return llvm::consumeError(std::move(error));
  if (compile.expectedProgram.empty())
    std::abort();
}

void reply(llvm::StringRef text) {
  HttpReply reply;
  if (!parseReply(text, reply))
    return;
  if (auto body = parseJson(reply.body); !body)
    llvm::consumeError(body.takeError());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size)
    return 0;
  llvm::StringRef rest(reinterpret_cast<const char *>(data + 1), size - 1);
  void (*const parts[])(llvm::StringRef) = {object, manifest, reply};
  parts[data[0] % 3](rest);
  return 0;
}
