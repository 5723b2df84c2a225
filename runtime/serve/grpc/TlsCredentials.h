// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TLS of gRPC with certificates that change while it runs. The library's own
// watcher of files takes whatever they hold, an expired certificate or half a
// renewal too, and refuses handshakes until somebody repairs them; here the
// caller proves new files first, and until then the old ones serve.
#ifndef SINTER_SERVE_GRPC_TLSCREDENTIALS_H
#define SINTER_SERVE_GRPC_TLSCREDENTIALS_H

#include "runtime/serve/engine/Status.h"
#include "runtime/serve/protect/TlsFiles.h"

#include <grpc/grpc_security.h>
#include <grpcpp/security/server_credentials.h>

#include <mutex>

namespace sinter::serve {

class TlsCredentials final : public grpc::ServerCredentials {
public:
  /// Null, and why, when the files cannot be used or are not valid now.
  static std::shared_ptr<TlsCredentials> make(const TlsOptions &files,
                                              Status &status);
  ~TlsCredentials() override;

  /// New connections use them; on failure the old stay.
  Status use(const TlsOptions &files);

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor> &) override {}

private:
  TlsCredentials() = default;
  int AddPortToServer(const std::string &address, grpc_server *server) override;
  static grpc_ssl_certificate_config_reload_status
  fetch(void *self, grpc_ssl_server_certificate_config **config);

  grpc_server_credentials *credentials = nullptr;
  std::mutex mutex;
  std::string certificate, key, clientCa; ///< texts
  bool isNew = true;                      ///< gRPC has not fetched them
};

} // namespace sinter::serve

#endif // SINTER_SERVE_GRPC_TLSCREDENTIALS_H
