// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where two readers of the same bytes could disagree on where a request ends
// (two lengths, a length beside chunks, a coding behind "chunked"), it is
// refused.
#include "runtime/serve/http/RequestParser.h"

namespace sinter::serve {

namespace http = boost::beast::http;

namespace {

HttpMethod methodOf(http::verb verb) {
  switch (verb) {
  case http::verb::get:
    return HttpMethod::get;
  case http::verb::head:
    return HttpMethod::head;
  case http::verb::post:
    return HttpMethod::post;
  case http::verb::put:
    return HttpMethod::put;
  case http::verb::delete_:
    return HttpMethod::del;
  case http::verb::options:
    return HttpMethod::options;
  default:
    return HttpMethod::other;
  }
}

} // namespace

RequestParser::RequestParser(const HttpLimits &limits) : limits(limits) {
  parser.header_limit(
      uint32_t(std::min<uint64_t>(limits.headerBytes, UINT32_MAX)));
  // Ours is checked with the status it deserves. Not boost::none: Beast 1.74
  // takes that for a limit of 0.
  parser.body_limit(UINT64_MAX);
  parser.eager(false);
}

RequestParser::Step RequestParser::refuse(unsigned refusedStatus,
                                          std::string why) {
  status = refusedStatus;
  reason = std::move(why);
  return Step::refused;
}

RequestParser::Step RequestParser::readHeader(std::string &pending) {
  ErrorCode error;
  size_t used = parser.put(asio::buffer(pending), error);
  pending.erase(0, used);
  if (parser.is_header_done())
    return Step::header;
  if (error == http::error::header_limit || pending.size() > limits.headerBytes)
    return refuse(431, "request: the header has over " +
                           std::to_string(limits.headerBytes) + " bytes");
  if (error && error != http::error::need_more)
    return refuse(400, "request: the header is malformed: " + error.message());
  return Step::more;
}

RequestParser::Step RequestParser::readChunks(std::string &pending) {
  while (!parser.is_done()) {
    ErrorCode error;
    size_t used = parser.put(asio::buffer(pending), error);
    pending.erase(0, used);
    if (error == http::error::body_limit)
      return refuse(413, "request: the body has over " +
                             std::to_string(limits.bodyBytes) + " bytes");
    if (error == http::error::bad_alloc)
      return refuse(503, "request: no memory for the body");
    if (error && error != http::error::need_more)
      return refuse(400,
                    "request: the chunks are malformed: " + error.message());
    if (pending.size() > limits.headerBytes)
      return refuse(400, "request: a chunk's header or trailer is too long");
    if (error || !used)
      return parser.is_done() ? Step::done : Step::more;
  }
  return Step::done;
}

std::string RequestParser::header(boost::beast::string_view name) const {
  auto found = parser.get().find(name);
  if (found == parser.get().end())
    return {};
  return {found->value().data(), found->value().size()};
}

bool RequestParser::takeHeader(HttpRequest &request) {
  const auto &message = parser.get();
  auto fail = [&](unsigned refusedStatus, const char *why) {
    refuse(refusedStatus, std::string("request: ") + why);
    return false;
  };
  std::string coding = header("Transfer-Encoding"), expect = header("Expect");
  if (message.version() == 11 && message.count(http::field::host) != 1)
    return fail(400, "needs exactly one Host header");
  if (message.count(http::field::content_length) > 1)
    return fail(400, "has several Content-Length headers");
  if (!coding.empty() &&
      (message.count(http::field::transfer_encoding) > 1 ||
       !boost::beast::iequals(coding, "chunked") || message.version() != 11))
    return fail(501, "Transfer-Encoding can only be 'chunked'");
  if (!coding.empty() && message.count(http::field::content_length))
    return fail(400, "has both Content-Length and Transfer-Encoding");
  if (!expect.empty() && !boost::beast::iequals(expect, "100-continue"))
    return fail(417, "Expect can only be '100-continue'");
  expects = !expect.empty() && message.version() == 11;
  contentLength = parser.content_length().value_or(0);
  if (contentLength > limits.bodyBytes) {
    refuse(413, "request: the body has " + std::to_string(contentLength) +
                    " bytes, over the limit of " +
                    std::to_string(limits.bodyBytes));
    return false;
  }
  request.method = methodOf(message.method());
  request.target.assign(message.target().data(), message.target().size());
  request.inferLength = header("Inference-Header-Content-Length");
  request.requestId = header("X-Request-Id");
  request.timeout = header("X-Request-Timeout");
  request.trace.traceparent = header("traceparent");
  request.trace.tracestate = header("tracestate");
  request.authorization = header("Authorization");
  request.apiKey = header("X-API-Key");
  acceptEncoding = header("Accept-Encoding");
  contentEncoding = header("Content-Encoding");
  return true;
}

void RequestParser::setBody(std::shared_ptr<Body> body, uint64_t limit) {
  parser.get().body().body = std::move(body);
  parser.get().body().limit = limit;
  // A chunk says how long it is: too long a one is not waited for.
  chunkHeader = [this](uint64_t size, boost::beast::string_view,
                       ErrorCode &error) {
    const AppendBody::value_type &value = parser.get().body();
    if (size > value.limit - value.body->size())
      error = http::error::body_limit;
  };
  parser.on_chunk_header(chunkHeader);
  parser.eager(true);
}

} // namespace sinter::serve
