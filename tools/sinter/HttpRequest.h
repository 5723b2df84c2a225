// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One HTTP/1.1 request to a server of ours, for `sinter ctl`: plain sockets,
// one answer, no redirects.
#ifndef SINTER_TOOLS_SINTER_HTTPREQUEST_H
#define SINTER_TOOLS_SINTER_HTTPREQUEST_H

#include "llvm/Support/Error.h"
#include <chrono>
#include <string>

namespace sinter {

struct HttpReply {
  int status = 0;
  std::string body;
};

struct HttpServer {
  std::string address;  ///< HOST:PORT, [V6]:PORT or unix:PATH
  std::string key;      ///< "" = none is sent
  unsigned seconds = 0; ///< what `until` was when it was set, for words
  std::chrono::steady_clock::time_point until; ///< of all that is asked of it
};

/// A reply whose end has not come by `until` is an error, whatever came of it.
llvm::Expected<HttpReply> sendHttp(const HttpServer &server,
                                   const std::string &method,
                                   const std::string &path,
                                   const std::string &body);

/// "HTTP/1.1 200 OK", headers, an empty line, the body: the connection ends
/// there. False when `text` is no such reply.
bool parseReply(llvm::StringRef text, HttpReply &reply);

/// For one segment of a path.
std::string percentEncoded(llvm::StringRef text);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_HTTPREQUEST_H
