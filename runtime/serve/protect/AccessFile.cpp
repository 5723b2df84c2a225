// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Strict: an unknown key or a hash of the wrong length is a mistake that would
// lock somebody out, or in.
#include "runtime/serve/config/Toml.h"
#include "runtime/serve/config/TomlText.h"
#include "runtime/serve/protect/Access.h"

#include <cstring>
#include <fstream>
#include <iterator>

namespace sinter::serve {
namespace {

class AccessReader {
public:
  AccessReader(const std::string &path, AccessRules &rules)
      : path(path), rules(rules) {}

  Status read() {
    std::string content;
    if (Status status = readTomlText(path, content); !status.ok())
      return status;
    toml::table file;
    // No exception leaves this function.
    try {
      file = toml::parse(content, path);
    } catch (const toml::parse_error &error) {
      return fault(error.source(), std::string(error.description()));
    } catch (const std::exception &error) {
      return {Code::invalid, path + ": " + error.what()};
    }
    for (auto &&[key, node] : file) {
      Status status;
      if (key == "key" || key == "certificate")
        status = grants(std::string(key.str()), node);
      else if (key == "token" && node.as_table())
        status = token(*node.as_table());
      else
        status = fault(node.source(),
                       "unknown '" + std::string(key.str()) +
                           "'; expected [[key]], [[certificate]], [token]");
      if (!status.ok())
        return status;
    }
    return {};
  }

private:
  Status fault(const toml::source_region &where,
               const std::string &what) const {
    return {Code::invalid,
            path + ":" + std::to_string(where.begin.line) + ": " + what};
  }

  Status text(const toml::node &node, const char *key, std::string &out) const {
    if (!node.is_string())
      return fault(node.source(), std::string("'") + key + "' must be a text");
    out = node.as_string()->get();
    return {};
  }

  Status texts(const toml::node &node, const char *key,
               std::vector<std::string> &out) const {
    const toml::array *list = node.as_array();
    if (!list || list->empty())
      return fault(node.source(),
                   std::string("'") + key + "' must be a list of texts");
    for (const toml::node &item : *list) {
      out.emplace_back();
      if (Status status = text(item, key, out.back()); !status.ok())
        return status;
    }
    return {};
  }

  Status actions(const toml::node &node, Grant &grant) const {
    std::vector<std::string> names;
    if (Status status = texts(node, "may", names); !status.ok())
      return status;
    grant.may[0] = grant.may[1] = grant.may[2] = false;
    for (const std::string &name : names) {
      if (name != "observe" && name != "infer" && name != "control")
        return fault(node.source(),
                     "'may' holds '" + name +
                         "'; expected observe, infer or control");
      grant.may[name == "observe" ? 0 : name == "infer" ? 1 : 2] = true;
    }
    return {};
  }

  Status grants(const std::string &kind, const toml::node &node) {
    const toml::array *list = node.as_array();
    if (!list)
      return fault(node.source(), "expected [[" + kind + "]]");
    for (const toml::node &item : *list)
      if (Status status = item.as_table()
                              ? grant(kind, *item.as_table())
                              : fault(item.source(), "expected a table");
          !status.ok())
        return status;
    return {};
  }

  Status grant(const std::string &kind, const toml::table &table) {
    Grant grant;
    std::string identity;
    const char *by = kind == "key" ? "sha256" : "subject";
    for (auto &&[key, node] : table) {
      Status status;
      if (key == "name")
        status = text(node, "name", grant.name);
      else if (key == by)
        status = text(node, by, identity);
      else if (key == "models")
        status = texts(node, "models", grant.models);
      else if (key == "may")
        status = actions(node, grant);
      else
        status = fault(node.source(), "unknown '" + std::string(key.str()) +
                                          "' in [[" + kind + "]]");
      if (!status.ok())
        return status;
    }
    if (grant.name.empty() || identity.empty())
      return fault(table.source(),
                   "[[" + kind + "]] needs 'name' and '" + by + "'");
    for (char &c : identity)
      c = kind == "key" ? char(tolower(uint8_t(c))) : c;
    if (kind == "key" &&
        (identity.size() != 64 ||
         identity.find_first_not_of("0123456789abcdef") != std::string::npos))
      return fault(table.source(),
                   "'sha256' must be 64 hex digits: printf %s KEY | sha256sum");
    auto &grants = kind == "key" ? rules.keys : rules.certificates;
    if (!grants.emplace(identity, grant).second)
      return fault(table.source(),
                   "[[" + kind + "]] '" + grant.name + "' is given twice");
    return {};
  }

  Status token(const toml::table &table) {
    TokenRules &token = rules.token;
    std::string file;
    for (auto &&[key, node] : table) {
      std::string *place = key == "algorithm"  ? &token.algorithm
                           : key == "key-file" ? &file
                           : key == "issuer"   ? &token.issuer
                           : key == "audience" ? &token.audience
                                               : nullptr;
      if (!place)
        return fault(node.source(),
                     "unknown '" + std::string(key.str()) + "' in [token]");
      if (Status status = text(node, "token", *place); !status.ok())
        return status;
    }
    static const char *const known[] = {"HS256", "HS384", "HS512",
                                        "RS256", "RS384", "RS512",
                                        "ES256", "ES384", "ES512"};
    bool found = false;
    for (const char *name : known)
      found |= token.algorithm == name;
    if (!found)
      return fault(table.source(), "[token] needs an 'algorithm': HS256, "
                                   "RS256, ES256, or with 384 or 512");
    // Beside the file that names it, unless the path is absolute.
    if (!file.empty() && file[0] != '/' && path.find('/') != std::string::npos)
      file = path.substr(0, path.rfind('/') + 1) + file;
    std::ifstream in(file, std::ios::binary);
    token.key.assign(std::istreambuf_iterator<char>(in), {});
    if (token.algorithm[0] == 'H')
      while (!token.key.empty() && token.key.back() == '\n')
        token.key.pop_back();
    if (token.key.size() < 16)
      return fault(table.source(),
                   "[token] 'key-file' '" + file +
                       "' cannot be read, or has under 16 bytes");
    return {};
  }

  const std::string &path;
  AccessRules &rules;
};

} // namespace

Status readAccessFile(const std::string &path, AccessRules &rules) {
  return AccessReader(path, rules).read();
}

} // namespace sinter::serve
