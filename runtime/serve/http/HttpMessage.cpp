// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one table from codes of the engine to those of HTTP.
#include "runtime/serve/http/HttpMessage.h"

#include "runtime/serve/protocol/JsonWriter.h"

namespace sinter::serve {

unsigned httpStatus(Code code) {
  switch (code) {
  case Code::ok:
    return 200;
  case Code::invalid:
    return 400;
  case Code::notFound:
    return 404;
  case Code::unavailable:
    return 503;
  case Code::unsupported:
    return 501;
  case Code::internal:
    return 500;
  case Code::deadline:
    return 504;
  case Code::cancelled:
    return 499;
  case Code::unauthenticated:
    return 401;
  case Code::denied:
    return 403;
  }
  return 500;
}

HttpResponse errorResponse(const Status &status) {
  HttpResponse response;
  response.status = httpStatus(status.code);
  response.text = errorJson(status.message.empty() ? "no reason was given"
                                                   : status.message);
  // What waiting alone does not mend somebody may: then a client asks rarely.
  uint32_t wait = status.retryAfterMs ? status.retryAfterMs : 60'000;
  if (status.code == Code::unavailable)
    response.headers.emplace_back("Retry-After",
                                  std::to_string((wait - 1) / 1000 + 1));
  if (status.code == Code::unauthenticated)
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

} // namespace sinter::serve
