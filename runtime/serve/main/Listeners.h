// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every address that a server listens at: HTTP, gRPC and the admin port, each
// on a TCP port, a Unix socket, or both. They share one engine, one set of
// shared memory regions and one log setting.
#ifndef SINTER_SERVE_MAIN_LISTENERS_H
#define SINTER_SERVE_MAIN_LISTENERS_H

#include "runtime/serve/config/Config.h"
#include "runtime/serve/grpc/GrpcServer.h"
#include "runtime/serve/http/AdminPages.h"
#include "runtime/serve/http/Router.h"
#include "runtime/serve/main/AdminRoutes.h"
#include "runtime/serve/protect/AuditLog.h"

#include <atomic>
#include <mutex>

namespace sinter::serve {

/// Says that connections wait or are closed: once a second, because there may
/// be thousands of them.
class Shortage {
public:
  void warn(const char *listener, const std::string &text);

private:
  std::atomic<int64_t> said{0}; ///< second of the steady clock
};

class Listeners {
public:
  Listeners(Engine &engine, Tracer &tracer, const ServerConfig &config);
  ~Listeners();

  Status start();
  /// "http 0.0.0.0:8000", ...
  const std::vector<std::string> &addresses() const { return bound; }
  /// Certificates and access rules again; what cannot be read stays as it was.
  /// Clients are told of the models' new options.
  Status reload(const EngineOptions &models);
  bool hasTls() const { return !config.tlsCertificate.empty(); }
  /// The certificates, when their files are others than they were; says so
  /// when they end soon.
  void lookAtCertificates();
  /// No new connections; returns when every request is answered, or at the
  /// deadline.
  void drain(TimePoint deadline);

private:
  Services servicesFor(bool isAdmin);
  Status mayControl(HttpRequest &request, const std::string &model) const;
  void audit(const std::string &client, const std::string &action,
             const Status &outcome);
  std::vector<ListenerMetrics> metrics() const;
  Status startHttp(const char *kind, const ListenerConfig &where,
                   HttpHandler &handler, bool withTls);
  Status startGrpc();
  std::optional<TlsOptions> tls() const;
  Status reloadTls();
  void takeCertificateEnd();
  void warnOfEnd();
  BatchingConfig batchingOf(const std::string &model) const;

  Engine &engine;
  Tracer &tracer;
  const ServerConfig &config;
  mutable std::mutex modelsMutex;
  EngineOptions models; ///< what is said of models, after the last reload
  SharedMemory sharedMemory;
  LogControl logs;
  AdminPages pages;
  AdminRoutes routes;
  Access access;
  std::unique_ptr<AuditLog> auditLog;
  Router clients, admin;
  Shortage shortage;
  std::vector<std::string> bound;
  std::vector<std::unique_ptr<HttpListener>> http;
  std::vector<std::string> kinds; ///< of http, in order
  std::vector<HttpListener *> withTls;
  std::string tlsStamp; ///< of the files when they were last taken
  std::atomic<int64_t> certificateEnds{0}; ///< second of the wall clock
  TimePoint endSaid;                       ///< when the log was last told of it
  std::unique_ptr<GrpcServer> grpc;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_MAIN_LISTENERS_H
