// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/bundle/Signature.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>
#include <vector>

namespace sinter::serve {
namespace {

constexpr size_t signatureBytes = 64;
const std::string lastLine = "ed25519 ";

struct FreeKey {
  void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Digest = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

std::string hexOf(const unsigned char *bytes, size_t count) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

bool bytesOf(const std::string &hex, std::vector<unsigned char> &out) {
  auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
  };
  if (hex.size() % 2)
    return false;
  for (size_t i = 0; i < hex.size(); i += 2) {
    int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0)
      return false;
    out.push_back(static_cast<unsigned char>(high * 16 + low));
  }
  return true;
}

Key readKey(const std::string &pem, bool isPrivate) {
  BIO *source = BIO_new_mem_buf(pem.data(), int(pem.size()));
  if (!source)
    return nullptr;
  Key key(isPrivate ? PEM_read_bio_PrivateKey(source, nullptr, nullptr, nullptr)
                    : PEM_read_bio_PUBKEY(source, nullptr, nullptr, nullptr));
  BIO_free(source);
  if (key && EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519)
    return nullptr;
  return key;
}

std::string linesOf(const Digests &digests) {
  std::string lines = "sinter-bundle 1\n";
  for (const auto &[name, digest] : digests)
    lines += "sha256 " + name + " " + digest + "\n";
  return lines;
}

const unsigned char *raw(const std::string &text) {
  return reinterpret_cast<const unsigned char *>(text.data());
}

Status refused(const std::string &why) {
  return {Code::denied, "the bundle's signature is not valid: " + why};
}

} // namespace

Status digestFile(int file, std::string &out) {
  Digest context(EVP_MD_CTX_new());
  if (!context || !EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr))
    return {Code::internal, "cannot start a SHA-256"};
  std::vector<char> buffer(1u << 20);
  off_t at = 0;
  while (true) {
    ssize_t n = pread(file, buffer.data(), buffer.size(), at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return {Code::unavailable,
              std::string("cannot read the bundle: ") + std::strerror(errno)};
    if (n == 0)
      break;
    EVP_DigestUpdate(context.get(), buffer.data(), size_t(n));
    at += n;
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_DigestFinal_ex(context.get(), digest, &length);
  out = hexOf(digest, length);
  return {};
}

std::string digestText(const std::string &text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha256(), nullptr);
  return hexOf(digest, length);
}

Status signDigests(const Digests &digests, const std::string &privateKey,
                   std::string &signature) {
  Key key = readKey(privateKey, true);
  if (!key)
    return {Code::invalid,
            "the key is no private Ed25519 key in PEM form; make one with "
            "`openssl genpkey -algorithm ed25519`"};
  std::string lines = linesOf(digests);
  unsigned char bytes[signatureBytes];
  size_t length = sizeof bytes;
  Digest context(EVP_MD_CTX_new());
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) !=
          1 ||
      EVP_DigestSign(context.get(), bytes, &length, raw(lines), lines.size()) !=
          1)
    return {Code::internal, "the bundle could not be signed"};
  signature = lines + lastLine + hexOf(bytes, length) + "\n";
  return {};
}

Status checkSignature(const std::string &signature, const Digests &digests,
                      const std::string &publicKey) {
  Key key = readKey(publicKey, false);
  if (!key)
    return {Code::invalid,
            "the key is no public Ed25519 key in PEM form; write one with "
            "`openssl pkey -in private.pem -pubout`"};
  size_t last = signature.rfind("\n" + lastLine);
  if (last == std::string::npos)
    return refused("it has no line 'ed25519'");
  std::string lines = signature.substr(0, last + 1);
  std::string hex = signature.substr(last + 1 + lastLine.size());
  while (!hex.empty() && hex.back() == '\n')
    hex.pop_back();
  std::vector<unsigned char> bytes;
  if (!bytesOf(hex, bytes) || bytes.size() != signatureBytes)
    return refused("found no 64 bytes of hexadecimal behind 'ed25519'");
  Digest context(EVP_MD_CTX_new());
  if (!context ||
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr,
                           key.get()) != 1 ||
      EVP_DigestVerify(context.get(), bytes.data(), bytes.size(), raw(lines),
                       lines.size()) != 1)
    return refused("another key has signed it, or its text was changed");
  if (lines != linesOf(digests))
    return refused("the files are not those that were signed");
  return {};
}

} // namespace sinter::serve
