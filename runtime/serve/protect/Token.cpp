// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The algorithm is the one of the rules, never the one a token asks for: else a
// public key could be used as the secret of a forged HS256 token.
#include "runtime/serve/protect/Access.h"

#include <cstdlib>
#include <cstring>
#include <jwt.h>
#include <simdjson.h>

namespace sinter::serve {
namespace {

Status refused(const std::string &why) {
  return {Code::unauthenticated, "request: the token " + why};
}

struct Decoded {
  ~Decoded() { jwt_free(token); }
  jwt_t *token = nullptr;
};

std::string claim(jwt_t *token, const char *name) {
  const char *text = jwt_get_grant(token, name);
  return text ? text : "";
}

/// A claim that is a text or a list of texts.
std::vector<std::string> listClaim(jwt_t *token, const char *name) {
  std::vector<std::string> values;
  if (const char *text = jwt_get_grant(token, name)) {
    values.emplace_back(text);
    return values;
  }
  char *json = jwt_get_grants_json(token, name);
  if (!json)
    return values;
  simdjson::dom::parser parser;
  simdjson::padded_string text(json, strlen(json));
  std::free(json);
  simdjson::dom::array list;
  if (parser.parse(text).get(list))
    return values;
  for (simdjson::dom::element item : list) {
    std::string_view value;
    if (!item.get(value))
      values.emplace_back(value);
  }
  return values;
}

Status checkClaims(jwt_t *token, const TokenRules &rules, int64_t now) {
  constexpr int64_t skew = 30; // seconds that clocks may differ by
  int64_t expires = jwt_get_grant_int(token, "exp"),
          begins = jwt_get_grant_int(token, "nbf");
  if (expires <= 0)
    return refused("has no 'exp'; a token must end");
  if (now - skew > expires)
    return refused("has expired");
  if (begins && now + skew < begins)
    return refused("is not valid yet");
  if (!rules.issuer.empty() && claim(token, "iss") != rules.issuer)
    return refused("comes from another issuer than '" + rules.issuer + "'");
  bool forUs = rules.audience.empty();
  for (const std::string &audience : listClaim(token, "aud"))
    forUs |= audience == rules.audience;
  return forUs
             ? Status()
             : refused("is for another audience than '" + rules.audience + "'");
}

} // namespace

Status checkToken(const std::string &text, const TokenRules &rules, int64_t now,
                  Grant &grant) {
  Decoded decoded;
  if (text.size() > 8192 ||
      jwt_decode(&decoded.token, text.c_str(),
                 reinterpret_cast<const unsigned char *>(rules.key.data()),
                 int(rules.key.size())) ||
      jwt_get_alg(decoded.token) != jwt_str_alg(rules.algorithm.c_str()))
    return refused("is malformed, or not signed by the key and algorithm of "
                   "the server's access file");
  if (Status status = checkClaims(decoded.token, rules, now); !status.ok())
    return status;
  grant.name = claim(decoded.token, "sub");
  if (grant.name.empty())
    return refused("has no 'sub'");
  grant.models = listClaim(decoded.token, "models");
  grant.may[0] = grant.may[1] = grant.may[2] = false;
  std::string scope = " " + claim(decoded.token, "scope") + " ";
  const char *const names[] = {" observe ", " infer ", " control "};
  for (int i = 0; i < 3; ++i)
    grant.may[i] = scope.find(names[i]) != std::string::npos;
  return {};
}

} // namespace sinter::serve
