// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TLS and client certificates, made here: right, missing, expired, from another
// authority; and a reload while connections go on.
#include "test/unit/ServeHttpFixture.h"

#include <fstream>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace sinter::serve;
using namespace sinter::serve::test;

namespace {

std::string file(const std::string &name) {
  return testing::TempDir() + "/sinter-tls-" + name;
}

struct Identity {
  EVP_PKEY *key = nullptr;
  X509 *certificate = nullptr;
  Identity() = default;
  Identity(const Identity &) = delete;
  ~Identity() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  void write(const std::string &name) const {
    FILE *out = fopen(file(name + ".pem").c_str(), "w");
    PEM_write_X509(out, certificate);
    fclose(out);
    out = fopen(file(name + ".key").c_str(), "w");
    PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    fclose(out);
  }
};

/// Signed by issuer, or by itself; valid from one to the other, in seconds from
/// now.
void make(Identity &out, const char *name, const Identity *issuer, long from,
          long to) {
  out.key = EVP_EC_gen("P-256");
  X509 *x = out.certificate = X509_new();
  static long serial = 1;
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x), from);
  X509_gmtime_adj(X509_getm_notAfter(x), to);
  X509_NAME *subject = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char *>(name), -1,
                             -1, 0);
  X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer->certificate)
                                 : subject);
  if (!issuer) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(
        nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_set_pubkey(x, out.key);
  ASSERT_GT(X509_sign(x, issuer ? issuer->key : out.key, EVP_sha256()), 0);
  out.write(name);
}

/// Empty when the handshake or the answer failed; else subject of the server
/// and answer.
std::string ask(uint16_t port, const std::string &certificate) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (!certificate.empty()) {
    SSL_CTX_use_certificate_chain_file(context,
                                       file(certificate + ".pem").c_str());
    SSL_CTX_use_PrivateKey_file(context, file(certificate + ".key").c_str(),
                                SSL_FILETYPE_PEM);
  }
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  connect(descriptor, reinterpret_cast<sockaddr *>(&address), sizeof address);
  SSL *ssl = SSL_new(context);
  SSL_set_fd(ssl, descriptor);
  std::string text,
      request = post("/v2/models/m/infer", inferJson, "Connection: close\r\n");
  if (SSL_connect(ssl) == 1 &&
      SSL_write(ssl, request.data(), int(request.size())) > 0) {
    char buffer[4096];
    for (int got; (got = SSL_read(ssl, buffer, sizeof buffer)) > 0;)
      text.append(buffer, size_t(got));
    X509 *peer = SSL_get1_peer_certificate(ssl);
    char name[256] = "";
    X509_NAME_oneline(X509_get_subject_name(peer), name, sizeof name);
    X509_free(peer);
    if (!text.empty())
      text = name + text;
  }
  SSL_free(ssl);
  close(descriptor);
  SSL_CTX_free(context);
  return text;
}

class Tls : public HttpServer {
protected:
  void SetUp() override {
    make(authority, "authority", nullptr, -100, 100000);
    make(server, "server", &authority, -100, 100000);
    make(client, "client", &authority, -100, 100000);
  }
  TlsOptions tls(const std::string &name, bool mutual = false) {
    return {file(name + ".pem"), file(name + ".key"),
            mutual ? file("authority.pem") : ""};
  }
  Identity authority, server, client;
};

} // namespace

TEST_F(Tls, ServesAndReloads) {
  ListenOptions options;
  options.tls = tls("server");
  start(options);
  std::string answer = ask(listener->port(), "");
  EXPECT_EQ(answer.substr(0, 27), "/CN=serverHTTP/1.1 200 OK\r\n") << answer;
  Identity next, expired;
  make(next, "next", &authority, -100, 100000);
  ASSERT_TRUE(listener->reloadTls(tls("next")).ok());
  EXPECT_EQ(ask(listener->port(), "").substr(0, 8), "/CN=next");
  make(expired, "expired", &authority, -1000, -100);
  EXPECT_NE(listener->reloadTls(tls("expired")).message.find("has expired"),
            std::string::npos);
  EXPECT_FALSE(
      listener->reloadTls({file("server.pem"), file("next.key"), ""}).ok());
  EXPECT_FALSE(listener->reloadTls(tls("missing")).ok());
  EXPECT_EQ(ask(listener->port(), "").substr(0, 8), "/CN=next");
}

TEST_F(Tls, MutualTlsKnowsTheClient) {
  ListenOptions options;
  options.tls = tls("server", true);
  Services services;
  std::string subject;
  services.authorize = [&](HttpRequest &request, Permission,
                           const std::string &) {
    subject = request.certificate;
    return Status();
  };
  start(options, services);
  EXPECT_NE(ask(listener->port(), "client").find("200 OK"), std::string::npos);
  EXPECT_EQ(subject, "/CN=client");
  EXPECT_EQ(ask(listener->port(), ""), "");
  Identity stranger, expired;
  make(stranger, "stranger", nullptr, -100, 100000);
  make(expired, "late-client", &authority, -1000, -100);
  EXPECT_EQ(ask(listener->port(), "stranger"), "");
  EXPECT_EQ(ask(listener->port(), "late-client"), "");
  EXPECT_NE(ask(listener->port(), "client").find("200 OK"), std::string::npos);
}

TEST_F(Tls, PlainTextIsTurnedAway) {
  ListenOptions options;
  options.tls = tls("server");
  start(options);
  RawClient plain(listener->port());
  plain.send(get("/v2"));
  EXPECT_TRUE(plain.ends());
}

TEST(TlsStart, AddressesAndFilesThatCannotBeUsed) {
  FakeEngine engine;
  Router router(engine, {});
  Status status;
  ListenOptions options;
  options.address = "not-an-address";
  EXPECT_FALSE(HttpListener::start(options, router, status));
  EXPECT_NE(status.message.find("expected an IP address"), std::string::npos);
  options.address = "unix:" + std::string(200, 'x');
  EXPECT_FALSE(HttpListener::start(options, router, status));
  options.address = "127.0.0.1";
  options.tls = TlsOptions{"/no/such.pem", "/no/such.key", ""};
  EXPECT_FALSE(HttpListener::start(options, router, status));
  EXPECT_NE(status.message.find("/no/such.pem"), std::string::npos);
  options.tls.reset();
  std::unique_ptr<HttpListener> first =
      HttpListener::start(options, router, status);
  ASSERT_TRUE(first) << status.message;
  options.port = first->port();
  EXPECT_FALSE(HttpListener::start(options, router, status));
  EXPECT_NE(status.message.find("bind"), std::string::npos) << status.message;
}
