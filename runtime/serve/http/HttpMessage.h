// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A request and its answer as handlers see them: no sockets, no Boost. Headers
// that nobody here reads are dropped at the door.
#ifndef SINTER_SERVE_HTTP_HTTPMESSAGE_H
#define SINTER_SERVE_HTTP_HTTPMESSAGE_H

#include "runtime/serve/engine/Engine.h"
#include "runtime/serve/protocol/Body.h"
#include "runtime/serve/protocol/Infer.h"

namespace sinter::serve {

enum class HttpMethod { get, head, post, put, del, options, other };

struct HttpRequest {
  HttpMethod method = HttpMethod::other;
  std::string target;      ///< path and query, as sent
  std::string inferLength; ///< Inference-Header-Content-Length
  std::string requestId;   ///< X-Request-Id
  std::string timeout;     ///< X-Request-Timeout
  TraceContext trace;
  std::string authorization, apiKey; ///< X-API-Key
  std::string certificate;    ///< subject of the client's, when it gave one
  std::string client;         ///< its address; "unix" for a local socket
  std::shared_ptr<Body> body; ///< never null; decompressed
  TimePoint received;
};

struct HttpResponse {
  unsigned status = 200;
  std::string contentType = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string text;         ///< first
  std::vector<Piece> blobs; ///< behind it
  std::string traceparent;  ///< of our span; empty: the caller's comes back
};

using HttpAnswer = std::function<void(HttpResponse &&)>;

class HttpHandler {
public:
  virtual ~HttpHandler() = default;
  /// Called on a thread of the listener, which must not wait. answer is called
  /// once, on any thread, perhaps before this returns. The ticket, if any, is
  /// cancelled when the client leaves first.
  virtual std::shared_ptr<Ticket> handle(HttpRequest &&request,
                                         HttpAnswer answer) = 0;
};

/// The HTTP status of a code.
unsigned httpStatus(Code code);
/// {"error": ...} with what the status asks for: Retry-After, WWW-Authenticate.
HttpResponse errorResponse(const Status &status);

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_HTTPMESSAGE_H
