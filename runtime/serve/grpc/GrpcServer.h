// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The gRPC front end: the Open Inference Protocol, Triton's extensions and the
// health protocol around one engine. It listens from start() to shutdown().
#ifndef SINTER_SERVE_GRPC_GRPCSERVER_H
#define SINTER_SERVE_GRPC_GRPCSERVER_H

#include "runtime/serve/engine/Engine.h"
#include "runtime/serve/observe/Trace.h"
#include "runtime/serve/protect/Access.h"
#include "runtime/serve/protect/TlsFiles.h"
#include "runtime/serve/protocol/Control.h"
#include "runtime/serve/protocol/Metadata.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sinter::serve {

struct GrpcOptions {
  std::vector<std::string>
      addresses;             ///< HOST:PORT, or unix:PATH; port 0 = any free one
  TlsOptions tls;            ///< without a certificate: plain text
  uint32_t threads = 1;      ///< that read and write connections
  bool allowControl = false; ///< load, unload and settings on this listener
  int maxStreams = 1024;     ///< calls at once on one connection
  uint64_t maxMessage = 256u << 20; ///< bytes of one request
  /// An answer that its client has not taken by then, and a second more for
  /// each MiB, ends the call: its memory is not the client's to keep.
  std::chrono::milliseconds write{30000};
  int maxStreamRequests = 64; ///< requests under way in one ModelStreamInfer
  SharedMemory *sharedMemory = nullptr; ///< null: not offered
  LogControl *logs = nullptr;           ///< null: not offered
  Tracer *tracer = nullptr;             ///< null: not offered
  Extensions extensions;
  std::function<BatchingConfig(const std::string &model)> batching;
  /// Who asks, and whether they may; empty = everybody. Fills their name.
  std::function<Status(const Credentials &credentials, Permission permission,
                       const std::string &model, std::string &client)>
      authorize;
  /// Of each control action, after it was tried.
  std::function<void(const std::string &client, const std::string &action,
                     const Status &outcome)>
      audit;
  /// Connections that had to wait or were closed; many in a row say the same.
  std::function<void(const std::string &text)> warn;
};

class GrpcServer {
public:
  /// The engine must outlive the server. Null, and why, when an address is
  /// taken or a certificate is wrong.
  static std::unique_ptr<GrpcServer>
  start(Engine &engine, const GrpcOptions &options, Status &status);
  virtual ~GrpcServer() = default;

  /// As bound: one for each address, with the port that port 0 became.
  virtual const std::vector<std::string> &addresses() const = 0;
  /// Takes certificate and key again; new connections use them. On failure the
  /// old stay.
  virtual Status reloadTls(const TlsOptions &tls) = 0;
  /// GOAWAY to every connection, then waits for calls; a stream ends when what
  /// was read of it is answered. Calls that are left at the deadline are
  /// cancelled. The second call does nothing.
  virtual void shutdown(TimePoint deadline) = 0;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_GRPC_GRPCSERVER_H
