// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Listens on one address and speaks HTTP/1.1: framing, limits, deadlines of
// slow clients, compression, TLS. What a request means is a handler's business.
//
// Each thread has its own connections, so nothing here takes a lock on the path
// of a request. A body is read into one piece of memory, an answer is written
// from where its pieces lie.
#ifndef SINTER_SERVE_HTTP_HTTPLISTENER_H
#define SINTER_SERVE_HTTP_HTTPLISTENER_H

#include "runtime/serve/http/HttpMessage.h"
#include "runtime/serve/protect/TlsFiles.h"

namespace sinter::serve {

struct HttpLimits {
  uint64_t headerBytes = 32 << 10;
  uint64_t bodyBytes = 256u << 20; ///< of one request, also after decompression
  uint64_t bodiesBytes = uint64_t(2) << 30; ///< of all requests under way
  uint32_t connections = 4096;
  uint32_t requestsPerConnection = 0;      ///< then it is closed; 0 = never
  std::chrono::milliseconds header{10000}; ///< from its first byte to its last
  std::chrono::milliseconds body{30000};   ///< and a second more for each MiB
  std::chrono::milliseconds write{30000};  ///< likewise
  std::chrono::milliseconds idle{75000};   ///< between requests
};

struct ListenOptions {
  std::string address = "0.0.0.0"; ///< or unix:PATH
  uint16_t port = 0;               ///< 0 = any free one
  uint32_t threads = 1;
  std::optional<TlsOptions> tls;
  HttpLimits limits;
  /// Connections that had to wait or were closed; many in a row say the same.
  std::function<void(const std::string &text)> warn;
};

struct ListenerCounts {
  uint64_t connections = 0; ///< open now
  uint64_t accepted = 0, refused = 0;
  uint64_t requests = 0, active = 0; ///< taken so far; not answered yet
  uint64_t bytesIn = 0, bytesOut = 0;
};

class HttpListener {
public:
  /// Listens from now on. Null with a status when it cannot. The handler
  /// outlives it.
  static std::unique_ptr<HttpListener>
  start(const ListenOptions &options, HttpHandler &handler, Status &status);
  virtual ~HttpListener() = default;

  virtual uint16_t port() const = 0;
  virtual ListenerCounts counts() const = 0;
  /// Takes certificate and key again; new connections use them. On failure the
  /// old stay.
  virtual Status reloadTls(const TlsOptions &tls) = 0;
  /// No new connections; each answer closes its own; idle ones are closed.
  /// Returns when no request is left, or at the deadline.
  virtual void drain(TimePoint deadline) = 0;
  /// Ends every connection and thread. The destructor calls it.
  virtual void stop() = 0;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_HTTPLISTENER_H
