// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/grpc/TlsCredentials.h"

#include <fstream>
#include <grpc/grpc.h>
#include <iterator>

namespace sinter::serve {
namespace {

std::string textOf(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

std::shared_ptr<TlsCredentials> TlsCredentials::make(const TlsOptions &files,
                                                     Status &status) {
  std::shared_ptr<TlsCredentials> made(new TlsCredentials);
  status = made->use(files);
  if (!status.ok())
    return nullptr;
  grpc_ssl_server_credentials_options *options =
      grpc_ssl_server_credentials_create_options_using_config_fetcher(
          files.clientCa.empty()
              ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
              : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
          fetch, made.get());
  made->credentials = grpc_ssl_server_credentials_create_with_options(options);
  return made;
}

TlsCredentials::~TlsCredentials() {
  if (credentials)
    grpc_server_credentials_release(credentials);
}

Status TlsCredentials::use(const TlsOptions &files) {
  // The same proof as for HTTP; gRPC's own comes with the first connection.
  if (Status status = checkTls(files); !status.ok())
    return status;
  std::lock_guard<std::mutex> lock(mutex);
  certificate = textOf(files.certificate);
  key = textOf(files.key);
  clientCa = files.clientCa.empty() ? "" : textOf(files.clientCa);
  isNew = true;
  return {};
}

int TlsCredentials::AddPortToServer(const std::string &address,
                                    grpc_server *server) {
  return grpc_server_add_http2_port(server, address.c_str(), credentials);
}

// At the start and before each handshake.
grpc_ssl_certificate_config_reload_status
TlsCredentials::fetch(void *self, grpc_ssl_server_certificate_config **config) {
  auto &own = *static_cast<TlsCredentials *>(self);
  std::lock_guard<std::mutex> lock(own.mutex);
  if (!own.isNew)
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  own.isNew = false;
  grpc_ssl_pem_key_cert_pair pair = {own.key.c_str(), own.certificate.c_str()};
  *config = grpc_ssl_server_certificate_config_create(
      own.clientCa.empty() ? nullptr : own.clientCa.c_str(), &pair, 1);
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

} // namespace sinter::serve
