// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lines in front of an answer's body.
#ifndef SINTER_SERVE_HTTP_RESPONSEHEAD_H
#define SINTER_SERVE_HTTP_RESPONSEHEAD_H

#include "runtime/serve/http/Coding.h"

struct ssl_st;

namespace sinter::serve {

struct HeadFields {
  const HttpResponse &response;
  Coding coding;
  size_t bodyBytes;
  bool keepAlive;
  const std::string &requestId;
  const TraceContext &trace;
  const std::string &date;
};

/// Replaces what text holds.
void writeHead(const HeadFields &fields, std::string &text);
/// "Wed, 21 Oct 2015 07:28:00 GMT"
std::string httpDate(int64_t second);
/// The subject of the client's certificate on one line; empty when it has none.
std::string certificateSubject(ssl_st *ssl);

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_RESPONSEHEAD_H
