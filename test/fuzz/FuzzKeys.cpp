// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes what proves something: a bundle's signature and the key it is checked
// by, a token, the audit log. The first byte says which. What is not genuine
// has a reason, and never what a stranger made up passes.
#include "runtime/serve/bundle/Signature.h"
#include "runtime/serve/protect/Access.h"
#include "runtime/serve/protect/AuditLog.h"

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

using namespace sinter::serve;

namespace {

// The public half of a key that nobody has.
const char publicKey[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA9L8RDcHvq73JerHw3k29RjgQ/xFQPcywvLuuw8u7mW4=\n"
    "-----END PUBLIC KEY-----\n";
const char someSignature[] = "sinter-bundle 1\nsha256 model.so 91aa\ned25519 ";

void check(const Status &status) {
  if (status.ok() == !status.message.empty())
    std::abort();
}

void signature(const std::string &text) {
  Digests digests = {{"model.so", "91aa"}};
  Status status = checkSignature(text, digests, publicKey);
  check(status);
  if (status.ok())
    std::abort();
}

void key(const std::string &text) {
  Digests digests = {{"model.so", "91aa"}};
  check(checkSignature(someSignature + std::string(128, '0') + "\n", digests,
                       text));
  std::string made;
  check(signDigests(digests, text, made));
}

void token(const std::string &text) {
  Grant grant;
  for (const char *algorithm : {"HS256", "RS256"}) {
    TokenRules rules{algorithm, "a secret of 32 bytes, nobody's...", "us", ""};
    check(checkToken(text, rules, 1700000000, grant));
  }
}

void audit(const std::string &text) {
  static int file = memfd_create("audit", MFD_CLOEXEC);
  if (ftruncate(file, 0) ||
      pwrite(file, text.data(), text.size(), 0) != ssize_t(text.size()))
    return;
  uint64_t lines = 0;
  std::string last;
  std::string path = "/proc/self/fd/" + std::to_string(file);
  Status status = AuditLog::verify(path, lines, last);
  check(status);
  if (status.ok() && lines > text.size())
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size)
    return 0;
  void (*const parts[])(const std::string &) = {signature, key, token, audit};
  parts[data[0] % 4]({reinterpret_cast<const char *>(data + 1), size - 1});
  return 0;
}
