// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys, tokens and certificates, right and forged; the audit log and every way
// to tamper with it.
#include "runtime/serve/protect/Access.h"
#include "runtime/serve/protect/AuditLog.h"
#include "runtime/serve/protect/HeapTrim.h"

#include <ctime>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

using namespace sinter::serve;

namespace {

const std::string secret = "a secret of thirty-two bytes ...";

std::string temporary(const std::string &name) {
  return testing::TempDir() + "/sinter-protect-" + name;
}

void writeFile(const std::string &path, const std::string &text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string readFile(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Claims {
  long exp = long(time(nullptr)) + 600;
  const char *scope = "infer observe";
  const char *models = R"(["ocr-*"])";
  const char *issuer = "us";
  const char *subject = "alice";
  long nbf = 0;
};

std::string sign(const Claims &claims, jwt_alg_t algorithm,
                 const std::string &key) {
  jwt_t *token = nullptr;
  EXPECT_EQ(jwt_new(&token), 0);
  jwt_add_grant(token, "sub", claims.subject);
  jwt_add_grant(token, "scope", claims.scope);
  jwt_add_grant(token, "iss", claims.issuer);
  jwt_add_grant_int(token, "exp", claims.exp);
  if (claims.nbf)
    jwt_add_grant_int(token, "nbf", claims.nbf);
  jwt_add_grants_json(
      token, (std::string("{\"models\":") + claims.models + "}").c_str());
  auto *bytes = reinterpret_cast<const unsigned char *>(key.data());
  EXPECT_EQ(jwt_set_alg(token, algorithm, key.empty() ? nullptr : bytes,
                        int(key.size())),
            0);
  char *text = jwt_encode_str(token);
  std::string out = text ? text : "";
  std::free(text);
  jwt_free(token);
  EXPECT_FALSE(out.empty());
  return out;
}

Status checkAt(const std::string &token, const TokenRules &rules,
               Grant &grant) {
  return checkToken(token, rules, int64_t(time(nullptr)), grant);
}

std::string drain(BIO *bio) {
  char *data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  std::string text(data, size_t(size));
  BIO_free(bio);
  return text;
}

void rsaKeys(std::string &privateKey, std::string &publicKey) {
  EVP_PKEY *key = EVP_RSA_gen(2048);
  ASSERT_TRUE(key);
  BIO *bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  privateKey = drain(bio);
  bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, key);
  publicKey = drain(bio);
  EVP_PKEY_free(key);
}

Status loadText(const std::string &text, AccessRules &rules) {
  std::string path = temporary("access.toml");
  writeFile(path, text);
  return readAccessFile(path, rules);
}

} // namespace

TEST(Access, KeysCertificatesAndPermissions) {
  std::string path = temporary("access.toml");
  writeFile(path, "[[key]]\nname='team'\nsha256='" + sha256Hex("k1") +
                      "'\nmodels=['ocr-*','one']\n"
                      "[[key]]\nname='ops'\nsha256='" +
                      sha256Hex("k2") +
                      "'\nmay=['control']\n"
                      "[[certificate]]\nname='gateway'\nsubject='/CN=gw'\n");
  Access access;
  std::string client = "10.0.0.1";
  EXPECT_TRUE(access.check({}, Permission::control, "m", client).ok())
      << "no file, no rules";
  ASSERT_TRUE(access.load(path).ok());
  EXPECT_EQ(access.check({}, Permission::infer, "one", client).code,
            Code::unauthenticated);
  EXPECT_EQ(
      access.check({"", "wrong", ""}, Permission::infer, "one", client).code,
      Code::unauthenticated);
  EXPECT_EQ(client, "10.0.0.1");
  EXPECT_TRUE(
      access.check({"", "k1", ""}, Permission::infer, "one", client).ok());
  EXPECT_EQ(client, "team");
  EXPECT_TRUE(
      access.check({"Bearer k1", "", ""}, Permission::infer, "ocr-rec", client)
          .ok());
  EXPECT_TRUE(
      access.check({"bearer k1", "", ""}, Permission::observe, "", client)
          .ok());
  EXPECT_EQ(
      access.check({"Bearer k1", "", ""}, Permission::infer, "two", client)
          .code,
      Code::denied);
  EXPECT_EQ(
      access.check({"Bearer k1", "", ""}, Permission::control, "one", client)
          .code,
      Code::denied);
  EXPECT_TRUE(
      access.check({"", "k2", ""}, Permission::control, "any", client).ok());
  EXPECT_EQ(access.check({"", "k2", ""}, Permission::infer, "any", client).code,
            Code::denied);
  EXPECT_TRUE(
      access.check({"", "", "/CN=gw"}, Permission::infer, "any", client).ok());
  EXPECT_EQ(client, "gateway");
  EXPECT_EQ(
      access.check({"", "wrong", "/CN=gw"}, Permission::infer, "any", client)
          .code,
      Code::unauthenticated);
  writeFile(path, "[[key]]\n");
  EXPECT_FALSE(access.load(path).ok());
  EXPECT_TRUE(
      access.check({"", "k1", ""}, Permission::infer, "one", client).ok())
      << "the old rules stay";
}

TEST(Access, MistakesInTheFileAreNamed) {
  std::string hash = sha256Hex("k");
  for (const std::string &text :
       {std::string("key = 3"), std::string("[[key]]\nname='a'"),
        std::string("[[key]]\nname='a'\nsha256='12'"),
        "[[key]]\nname='a'\nsha256='" + hash + "'\nmay=['fly']",
        "[[key]]\nname='a'\nsha256='" + hash + "'\nmodels=[]",
        "[[key]]\nname='a'\nsha256='" + hash + "'\ncolour='red'",
        "[[key]]\nname='a'\nsha256='" + hash +
            "'\n[[key]]\nname='b'\nsha256='" + hash + "'",
        std::string("[token]\nalgorithm='none'\nkey-file='x'"),
        std::string("[token]\nalgorithm='HS256'\nkey-file='none'"),
        std::string("[users]"), std::string("[[key")}) {
    AccessRules rules;
    Status status = loadText(text, rules);
    EXPECT_FALSE(status.ok()) << text;
    EXPECT_NE(status.message.find("access.toml:"), std::string::npos)
        << status.message;
  }
  AccessRules rules;
  EXPECT_FALSE(readAccessFile(temporary("missing.toml"), rules).ok());
}

TEST(Token, SharedSecret) {
  TokenRules rules{"HS256", secret, "us", ""};
  Grant grant;
  std::string token = sign({}, JWT_ALG_HS256, secret);
  Status status = checkAt(token, rules, grant);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(grant.name, "alice");
  EXPECT_TRUE(grant.allows(Permission::infer, "ocr-det"));
  EXPECT_FALSE(grant.allows(Permission::infer, "other"));
  EXPECT_FALSE(grant.allows(Permission::control, "ocr-det"));
  for (size_t i = 0; i < token.size(); ++i) {
    std::string forged = token;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    if (forged == token || i + 1 == token.size())
      continue; // the last character holds unused bits
    EXPECT_FALSE(checkAt(forged, rules, grant).ok()) << i;
  }
  EXPECT_FALSE(
      checkAt(sign({}, JWT_ALG_HS256, "another secret, just as long ...."),
              rules, grant)
          .ok());
  EXPECT_FALSE(checkAt(sign({}, JWT_ALG_HS512, secret), rules, grant).ok());
  for (const char *text : {"", "..", "a.b.c", "x"})
    EXPECT_FALSE(checkAt(text, rules, grant).ok());
}

TEST(Token, TimesIssuerAudienceAndName) {
  TokenRules rules{"HS256", secret, "us", ""};
  Grant grant;
  auto messageOf = [&](const Claims &claims) {
    return checkAt(sign(claims, JWT_ALG_HS256, secret), rules, grant).message;
  };
  Claims claims;
  claims.exp = long(time(nullptr)) - 100;
  EXPECT_NE(messageOf(claims).find("expired"), std::string::npos);
  claims = {};
  claims.nbf = long(time(nullptr)) + 100;
  EXPECT_NE(messageOf(claims).find("not valid yet"), std::string::npos);
  claims = {};
  claims.issuer = "them";
  EXPECT_NE(messageOf(claims).find("another issuer"), std::string::npos);
  claims = {};
  claims.subject = "";
  EXPECT_NE(messageOf(claims).find("no 'sub'"), std::string::npos);
  rules.audience = "sinter";
  EXPECT_NE(messageOf({}).find("another audience"), std::string::npos);
}

TEST(Token, PublicKeyIsNoSecret) {
  std::string privateKey, publicKey;
  rsaKeys(privateKey, publicKey);
  TokenRules rules{"RS256", publicKey, "", ""};
  Grant grant;
  Status status = checkAt(sign({}, JWT_ALG_RS256, privateKey), rules, grant);
  EXPECT_TRUE(status.ok()) << status.message;
  EXPECT_FALSE(checkAt(sign({}, JWT_ALG_HS256, publicKey), rules, grant).ok());
  std::string none = sign({}, JWT_ALG_NONE, "");
  EXPECT_FALSE(checkAt(none, rules, grant).ok());
}

TEST(AuditLog, ChainGoesOnAndEveryEditIsFound) {
  std::string path = temporary("audit.log");
  remove(path.c_str());
  Status status;
  for (int opened = 0; opened < 2; ++opened) {
    std::unique_ptr<AuditLog> log = AuditLog::open(path, status);
    ASSERT_TRUE(log) << status.message;
    EXPECT_TRUE(log->append("ops", "load ocr", {}).ok());
    EXPECT_TRUE(
        log->append("o\"p\ns", "unload ocr", {Code::notFound, "no such model"})
            .ok());
  }
  uint64_t lines = 0;
  std::string hash, good = readFile(path);
  ASSERT_TRUE(AuditLog::verify(path, lines, hash).ok());
  EXPECT_EQ(lines, 4u);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string edited = good;
    edited[i] = edited[i] == 'x' ? 'y' : 'x';
    writeFile(path, edited);
    EXPECT_FALSE(AuditLog::verify(path, lines, hash).ok()) << i;
  }
  size_t second = good.find('\n') + 1;
  writeFile(path, good.substr(second));
  EXPECT_FALSE(AuditLog::open(path, status));
  writeFile(path, good.substr(0, good.size() - 5));
  EXPECT_FALSE(AuditLog::open(path, status));
  EXPECT_NE(status.message.find("line 4"), std::string::npos);
  EXPECT_FALSE(
      AuditLog::open(testing::TempDir() + "/no-such-folder/audit", status));
  // What cannot be read is not an empty log.
  EXPECT_FALSE(AuditLog::verify(path + "/inside", lines, hash).ok());
}

// Once when a load is over, never while it lasts.
TEST(HeapTrim, TrimsWhenABusyServerIsCalm) {
  HeapTrim heap;
  constexpr int64_t second = 1'000'000'000;
  int64_t now = second, used = second;
  auto look = [&](double share) {
    now += second;
    used += int64_t(share * second);
    return heap.isDue(now, used);
  };
  EXPECT_FALSE(heap.isDue(now, used)) << "the first look knows nothing";
  EXPECT_TRUE(look(0)) << "what the start has left";
  EXPECT_FALSE(look(0));
  EXPECT_FALSE(look(1.9));
  EXPECT_FALSE(look(0.1)) << "not calm yet";
  EXPECT_TRUE(look(0.01));
  for (double share : {0.01, 0.1, 0.01, 0.1, 0.0})
    EXPECT_FALSE(look(share)) << "a little traffic leaves little";
}
