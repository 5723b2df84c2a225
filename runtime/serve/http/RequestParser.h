// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The framing of one request: Beast reads lines and chunks, this class says
// what is refused and with which status, and fills a Body.
#ifndef SINTER_SERVE_HTTP_REQUESTPARSER_H
#define SINTER_SERVE_HTTP_REQUESTPARSER_H

#include "runtime/serve/http/Session.h"

#include <boost/beast/http/parser.hpp>

namespace sinter::serve {

/// Appends to a Body, up to a limit.
struct AppendBody {
  struct value_type {
    std::shared_ptr<Body> body;
    uint64_t limit = 0;
  };
  class reader {
  public:
    template <bool isRequest, typename Fields>
    reader(boost::beast::http::header<isRequest, Fields> &, value_type &value)
        : value(value) {}
    void init(const boost::optional<uint64_t> &, ErrorCode &error) {
      error = {};
    }
    template <typename Buffers>
    size_t put(const Buffers &buffers, ErrorCode &error) {
      error = {};
      size_t total = 0;
      for (auto it = boost::asio::buffer_sequence_begin(buffers);
           it != boost::asio::buffer_sequence_end(buffers); ++it) {
        boost::asio::const_buffer part = *it;
        if (value.body->size() + part.size() > value.limit)
          error = boost::beast::http::error::body_limit;
        else if (!value.body->append(part.data(), part.size()))
          error = boost::beast::http::make_error_code(
              boost::beast::http::error::bad_alloc);
        total += part.size();
      }
      return total;
    }
    void finish(ErrorCode &error) { error = {}; }

  private:
    value_type &value;
  };
};

class RequestParser {
public:
  explicit RequestParser(const HttpLimits &limits);

  enum class Step { more, header, done, refused };
  /// Reads from the front of pending and removes what it took.
  Step readHeader(std::string &pending);
  /// Behind a header that has no known length.
  Step readChunks(std::string &pending);

  /// After refused: the status and the reason.
  unsigned status = 400;
  std::string reason;

  /// Headers to fields; false (see status) when they contradict each other.
  bool takeHeader(HttpRequest &request);
  bool keepAlive() const { return parser.keep_alive(); }
  bool chunked() const { return parser.chunked(); }
  bool expectsContinue() const { return expects; }
  uint64_t length() const { return contentLength; }
  /// Where readChunks puts the body.
  void setBody(std::shared_ptr<Body> body, uint64_t limit);
  std::string acceptEncoding, contentEncoding;

private:
  Step refuse(unsigned status, std::string reason);
  std::string header(boost::beast::string_view name) const;
  boost::beast::http::request_parser<AppendBody> parser;
  std::function<void(uint64_t, boost::beast::string_view, ErrorCode &)>
      chunkHeader;
  const HttpLimits &limits;
  uint64_t contentLength = 0;
  bool expects = false;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_REQUESTPARSER_H
