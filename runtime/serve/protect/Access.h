// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who may do what: API keys, signed tokens and client certificates, each with
// the models and the actions it is good for. One TOML file, which holds hashes
// of keys and never a key:
//
//   [[key]]
//   name = "team-a"
//   sha256 = "9f86d081..."          # of the key: printf %s KEY | sha256sum
//   models = ["ocr-*"]              # absent = all
//   may = ["observe", "infer"]      # absent = these two; "control" is the
//   third
//
//   [[certificate]]
//   name = "gateway"
//   subject = "/CN=gateway"
//
//   [token]                         # JWT; claims "sub", "models", "scope"
//   algorithm = "RS256"
//   key-file = "issuer.pem"
//   issuer = "https://example.org"  # compared when given, as is audience
#ifndef SINTER_SERVE_PROTECT_ACCESS_H
#define SINTER_SERVE_PROTECT_ACCESS_H

#include "runtime/serve/engine/Status.h"

#include <map>
#include <memory>
#include <vector>

namespace sinter::serve {

/// See models and statistics; run them; load, unload, label, log.
enum class Permission { observe, infer, control };

/// What a request brought to show who sends it.
struct Credentials {
  std::string authorization; ///< the header's whole value
  std::string apiKey;        ///< X-API-Key
  std::string certificate;   ///< subject, of a certificate that TLS has checked
};

struct Grant {
  std::string name;
  std::vector<std::string>
      models; ///< with * at the end for any rest; empty = all
  bool may[3] = {true, true, false};
  bool allows(Permission permission, const std::string &model) const;
};

struct TokenRules {
  std::string algorithm, key, issuer, audience;
};

struct AccessRules {
  std::map<std::string, Grant> keys;         ///< by SHA-256, in hex
  std::map<std::string, Grant> certificates; ///< by subject
  TokenRules token;                          ///< no algorithm = no tokens
};

/// Reads the file above; a wrong line is a status that names it.
Status readAccessFile(const std::string &path, AccessRules &rules);
/// Signature, times, issuer and audience; then who and what.
Status checkToken(const std::string &token, const TokenRules &rules,
                  int64_t now, Grant &grant);
std::string sha256Hex(const std::string &text);

/// The rules in force; any thread may ask while another reloads.
class Access {
public:
  /// On failure what was in force stays.
  Status load(const std::string &path);
  /// Fills client with a name that quotas and the audit can use.
  Status check(const Credentials &credentials, Permission permission,
               const std::string &model, std::string &client) const;

private:
  std::shared_ptr<const AccessRules> rules;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTECT_ACCESS_H
