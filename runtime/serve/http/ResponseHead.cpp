// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What of a request comes back in the head (its id and trace) is short or left
// out; it holds no line breaks, the parser saw to that.
#include "runtime/serve/http/ResponseHead.h"

#include "runtime/serve/protect/TlsFiles.h"

#include <ctime>
#include <openssl/ssl.h>

namespace sinter::serve {
namespace {

constexpr size_t maxEcho = 512;

const char *reasonOf(unsigned status) {
  switch (status) {
  case 200:
    return "OK";
  case 204:
    return "No Content";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 413:
    return "Content Too Large";
  case 415:
    return "Unsupported Media Type";
  case 417:
    return "Expectation Failed";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 499:
    return "Client Closed Request";
  case 500:
    return "Internal Server Error";
  case 501:
    return "Not Implemented";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  default:
    return "Status";
  }
}

void line(std::string &text, std::string_view name, std::string_view value) {
  text.append(name).append(": ").append(value).append("\r\n");
}

void echo(std::string &text, std::string_view name, const std::string &value) {
  if (!value.empty() && value.size() <= maxEcho)
    line(text, name, value);
}

} // namespace

void writeHead(const HeadFields &fields, std::string &text) {
  const HttpResponse &response = fields.response;
  text = "HTTP/1.1 ";
  text.append(std::to_string(response.status))
      .append(" ")
      .append(reasonOf(response.status))
      .append("\r\n");
  line(text, "Date", fields.date);
  if (response.status != 204) {
    line(text, "Content-Length", std::to_string(fields.bodyBytes));
    line(text, "Content-Type", response.contentType);
  }
  for (const auto &[name, value] : response.headers)
    line(text, name, value);
  if (fields.coding != Coding::identity)
    line(text, "Content-Encoding", codingName(fields.coding));
  echo(text, "X-Request-Id", fields.requestId);
  echo(text, "traceparent",
       response.traceparent.empty() ? fields.trace.traceparent
                                    : response.traceparent);
  echo(text, "tracestate", fields.trace.tracestate);
  line(text, "Connection", fields.keepAlive ? "keep-alive" : "close");
  text.append("\r\n");
}

std::string httpDate(int64_t second) {
  time_t time = time_t(second);
  tm parts = {};
  char text[64];
  gmtime_r(&time, &parts);
  return {text,
          strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

std::string certificateSubject(ssl_st *ssl) {
  X509 *certificate = SSL_get1_peer_certificate(ssl);
  if (!certificate)
    return {};
  std::string subject = subjectOf(certificate);
  X509_free(certificate);
  return subject;
}

} // namespace sinter::serve
