// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A key is looked up by its hash: how long that takes tells nothing about keys.
#include "runtime/serve/protect/Access.h"

#include <ctime>
#include <openssl/sha.h>

namespace sinter::serve {
namespace {

const char *permissionName(Permission permission) {
  switch (permission) {
  case Permission::observe:
    return "observe";
  case Permission::infer:
    return "infer";
  case Permission::control:
    break;
  }
  return "control";
}

bool matches(const std::string &pattern, const std::string &model) {
  if (!pattern.empty() && pattern.back() == '*')
    return model.compare(0, pattern.size() - 1, pattern, 0,
                         pattern.size() - 1) == 0;
  return pattern == model;
}

/// The token behind "Bearer "; empty when there is none.
std::string bearer(const std::string &authorization) {
  static const std::string scheme = "bearer ";
  if (authorization.size() <= scheme.size())
    return "";
  for (size_t i = 0; i < scheme.size(); ++i)
    if (tolower(uint8_t(authorization[i])) != scheme[i])
      return "";
  return authorization.substr(scheme.size());
}

bool looksSigned(const std::string &token) {
  size_t first = token.find('.'), second = token.find('.', first + 1);
  return first != std::string::npos && second != std::string::npos &&
         token.find('.', second + 1) == std::string::npos;
}

} // namespace

std::string sha256Hex(const std::string &text) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char *>(text.data()), text.size(),
         hash);
  std::string hex;
  for (unsigned char byte : hash) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

bool Grant::allows(Permission permission, const std::string &model) const {
  if (!may[int(permission)])
    return false;
  if (models.empty())
    return true;
  // What concerns no model, a look at the server's own data, needs no model.
  if (model.empty())
    return permission == Permission::observe;
  for (const std::string &pattern : models)
    if (matches(pattern, model))
      return true;
  return false;
}

Status Access::load(const std::string &path) {
  auto fresh = std::make_shared<AccessRules>();
  Status status = readAccessFile(path, *fresh);
  if (status.ok())
    std::atomic_store(&rules,
                      std::shared_ptr<const AccessRules>(std::move(fresh)));
  return status;
}

Status Access::check(const Credentials &credentials, Permission permission,
                     const std::string &model, std::string &client) const {
  std::shared_ptr<const AccessRules> now = std::atomic_load(&rules);
  if (!now)
    return {};
  Grant grant;
  std::string token = bearer(credentials.authorization);
  std::string key = credentials.apiKey.empty() ? token : credentials.apiKey;
  auto byKey = key.empty() ? now->keys.end() : now->keys.find(sha256Hex(key));
  auto byCertificate = credentials.certificate.empty()
                           ? now->certificates.end()
                           : now->certificates.find(credentials.certificate);
  if (byKey != now->keys.end()) {
    grant = byKey->second;
  } else if (key.empty() && byCertificate != now->certificates.end()) {
    grant = byCertificate->second;
  } else if (!now->token.algorithm.empty() && looksSigned(token)) {
    if (Status status =
            checkToken(token, now->token, int64_t(time(nullptr)), grant);
        !status.ok())
      return status;
  } else {
    return {Code::unauthenticated,
            key.empty() ? "request: needs an API key (X-API-Key, or "
                          "Authorization: Bearer) or a token"
                        : "request: the API key is not known"};
  }
  client = grant.name;
  if (grant.allows(permission, model))
    return {};
  return {Code::denied, "request: '" + grant.name + "' may not " +
                            permissionName(permission) +
                            (model.empty() ? "" : " model '" + model + "'")};
}

} // namespace sinter::serve
