// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asio throws when memory or descriptors run out, so this file is built with
// exceptions; none leaves it.
#include "runtime/serve/observe/HttpPost.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <cstdlib>
#include <exception>

namespace sinter::serve {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using ErrorCode = boost::system::error_code;

namespace {

using Plain = beast::tcp_stream;
using Tls = ssl::stream<Plain>;

// One step after the other; Beast ends a step that takes too long.
template <typename Stream> class Exchange {
public:
  template <typename... More>
  explicit Exchange(TimePoint deadline, More &&...more)
      : stream(context, std::forward<More>(more)...) {
    beast::get_lowest_layer(stream).expires_at(deadline);
  }

  ErrorCode connect(const HttpAddress &to) {
    ErrorCode error;
    auto found =
        asio::ip::tcp::resolver(context).resolve(to.host, to.port, error);
    if (error)
      return error;
    return step([&](auto done) {
      beast::get_lowest_layer(stream).async_connect(
          found, [done](auto error, auto &&) { done(error); });
    });
  }

  // The name is what the certificate must be for, and what a server of many
  // names is asked for.
  ErrorCode greet(const std::string &host) {
    ErrorCode error;
    stream.set_verify_mode(ssl::verify_peer, error);
    stream.set_verify_callback(ssl::host_name_verification(host), error);
    SSL_set_tlsext_host_name(stream.native_handle(), host.c_str());
    return step([&](auto done) {
      stream.async_handshake(ssl::stream_base::client, done);
    });
  }

  ErrorCode send(http::request<http::string_body> &request) {
    return step([&](auto done) {
      http::async_write(stream, request,
                        [done](auto error, size_t) { done(error); });
    });
  }

  // The body is not looked at.
  ErrorCode receive(http::status &status) {
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
  template <typename Start> ErrorCode step(Start start) {
    ErrorCode out;
    start([&out](ErrorCode error) { out = error; });
    context.restart();
    context.run();
    return out;
  }

  asio::io_context context{1};
  Stream stream;
};

// The machine's certificates, and those that SSL_CERT_FILE or SSL_CERT_DIR
// name.
void trustAuthorities(ssl::context &context) {
  ErrorCode ignored;
  context.set_default_verify_paths(ignored);
  context.load_verify_file("/etc/ssl/certs/ca-certificates.crt", ignored);
}

template <typename Stream>
ErrorCode askFor(Exchange<Stream> &post,
                 http::request<http::string_body> &request,
                 http::status &status) {
  ErrorCode error = post.send(request);
  return error ? error : post.receive(status);
}

Status exchange(const HttpAddress &to, http::request<http::string_body> request,
                TimePoint deadline) {
  http::status status = http::status::unknown;
  ErrorCode error;
  if (to.isSecure) {
    ssl::context trusted(ssl::context::tls_client);
    trustAuthorities(trusted);
    Exchange<Tls> post(deadline, trusted);
    error = post.connect(to);
    if (!error)
      error = post.greet(to.host);
    if (!error)
      error = askFor(post, request, status);
  } else {
    Exchange<Plain> post(deadline);
    error = post.connect(to);
    if (!error)
      error = askFor(post, request, status);
  }
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
  HttpAddress out;
  std::string rest;
  for (const std::string &scheme : {"http://", "https://"})
    if (url.rfind(scheme, 0) == 0) {
      rest = url.substr(scheme.size());
      out.isSecure = scheme == "https://";
    }
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
                "': expected http://HOST[:PORT][/PATH], or https://"};
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
