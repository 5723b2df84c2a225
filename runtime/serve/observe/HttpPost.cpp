// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asio throws when memory or descriptors run out, so this file is built with
// exceptions; none leaves it.
#include "runtime/serve/observe/HttpPost.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cstdlib>
#include <exception>

namespace sinter::serve {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

// One step after the other; Beast ends a step that takes too long.
class Exchange {
public:
  explicit Exchange(TimePoint deadline) { stream.expires_at(deadline); }

  boost::system::error_code connect(const HttpAddress &to) {
    boost::system::error_code error;
    auto found =
        asio::ip::tcp::resolver(context).resolve(to.host, to.port, error);
    if (error)
      return error;
    return step([&](auto done) {
      stream.async_connect(found, [done](auto error, auto &&) { done(error); });
    });
  }

  boost::system::error_code send(http::request<http::string_body> &request) {
    return step([&](auto done) {
      http::async_write(stream, request,
                        [done](auto error, size_t) { done(error); });
    });
  }

  // The body is not looked at.
  boost::system::error_code receive(http::status &status) {
    beast::flat_buffer buffer(1 << 16);
    http::response_parser<http::empty_body> answer;
    auto error = step([&](auto done) {
      http::async_read_header(stream, buffer, answer,
                              [done](auto error, size_t) { done(error); });
    });
    status = answer.get().result();
    return error;
  }

private:
  template <typename Start> boost::system::error_code step(Start start) {
    boost::system::error_code out;
    start([&out](boost::system::error_code error) { out = error; });
    context.restart();
    context.run();
    return out;
  }

  asio::io_context context{1};
  beast::tcp_stream stream{context};
};

Status exchange(const HttpAddress &to, http::request<http::string_body> request,
                TimePoint deadline) {
  Exchange post(deadline);
  http::status status = http::status::unknown;
  auto error = post.connect(to);
  if (!error)
    error = post.send(request);
  if (!error)
    error = post.receive(status);
  if (error)
    return {Code::unavailable, to.authority + ": " + error.message()};
  if (http::to_status_class(status) == http::status_class::successful)
    return {};
  bool isBusy = status == http::status::too_many_requests ||
                status == http::status::bad_gateway ||
                status == http::status::service_unavailable ||
                status == http::status::gateway_timeout;
  return {isBusy ? Code::unavailable : Code::invalid,
          to.authority + to.path + " answers " + std::to_string(int(status))};
}

} // namespace

std::optional<HttpAddress> parseHttpAddress(const std::string &url,
                                            const std::string &path,
                                            Status &status) {
  const std::string scheme = "http://";
  HttpAddress out;
  std::string rest = url.rfind(scheme, 0) ? "" : url.substr(scheme.size());
  size_t slash = std::min(rest.find('/'), rest.size());
  out.authority = rest.substr(0, slash);
  out.path = rest.size() - slash > 1 ? rest.substr(slash) : path;
  size_t bracket = out.authority.rfind(']'), colon = out.authority.rfind(':');
  bool hasPort = colon != std::string::npos &&
                 (bracket == std::string::npos || colon > bracket);
  out.host = out.authority.substr(0, hasPort ? colon : std::string::npos);
  out.port = hasPort ? out.authority.substr(colon + 1) : "4318";
  if (bracket != std::string::npos && out.host.front() == '[')
    out.host = out.host.substr(1, bracket - 1);
  bool isPort = !out.port.empty() && out.port.size() <= 5 &&
                out.port.find_first_not_of("0123456789") == std::string::npos &&
                std::atoi(out.port.c_str()) <= 65535;
  bool isClean = url.find_first_of(" \t\r\n@") == std::string::npos;
  if (!out.host.empty() && isPort && isClean)
    return out;
  status = {Code::invalid,
            "OTLP endpoint '" + url.substr(0, 200) +
                "': expected http://HOST[:PORT][/PATH], without TLS: a "
                "collector beside the server adds that"};
  return std::nullopt;
}

Status postHttp(const HttpAddress &to, const std::string &contentType,
                const std::string &body, TimePoint deadline) try {
  http::request<http::string_body> request(http::verb::post, to.path, 11, body);
  request.set(http::field::host, to.authority);
  request.set(http::field::content_type, contentType);
  request.keep_alive(false);
  request.prepare_payload();
  return exchange(to, std::move(request), deadline);
} catch (const std::exception &error) {
  return {Code::unavailable, to.authority + ": " + error.what()};
}

} // namespace sinter::serve
