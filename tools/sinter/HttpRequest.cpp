// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/HttpRequest.h"

#include "compiler/report/UserError.h"
#include "llvm/ADT/StringExtras.h"
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace sinter;

static constexpr size_t mostAnswer = 64u << 20;

// What one call on the socket may take; false when no time is left.
static bool limitTime(int socket, const HttpServer &server) {
  using namespace std::chrono;
  auto left =
      duration_cast<microseconds>(server.until - steady_clock::now()).count();
  if (left <= 0)
    return errno = EAGAIN, false;
  timeval time = {time_t(left / 1000000), suseconds_t(left % 1000000)};
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  return true;
}

static llvm::Error unreachable(const std::string &address, const char *why) {
  return userError(ErrorCode::O010, "no server at '" + address + "': " + why,
                   "give the admin address of a running server: --admin "
                   "HOST:PORT or unix:PATH");
}

// With EINPROGRESS a connection gives up whose time is over.
static llvm::Error fault(const HttpServer &server, int reason) {
  if (reason != EAGAIN && reason != EINPROGRESS)
    return unreachable(server.address, std::strerror(reason));
  return userError(ErrorCode::O010,
                   "the server at '" + server.address +
                       "' has not answered within " +
                       std::to_string(server.seconds) + " s",
                   "what was asked for may still be done: sinter ctl list "
                   "shows it; --timeout SECONDS waits longer");
}

static int connectUnix(llvm::StringRef path, const HttpServer &server) {
  sockaddr_un where = {};
  where.sun_family = AF_UNIX;
  if (path.size() >= sizeof where.sun_path)
    return errno = ENAMETOOLONG, -1;
  std::memcpy(where.sun_path, path.data(), path.size());
  int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket >= 0 && limitTime(socket, server) &&
      !connect(socket, reinterpret_cast<sockaddr *>(&where), sizeof where))
    return socket;
  int kept = errno;
  if (socket >= 0)
    close(socket);
  return errno = kept, -1;
}

static bool isAddress(llvm::StringRef address) {
  auto [host, port] = address.rsplit(':');
  unsigned number;
  return address.starts_with("unix:")
             ? address.size() > 5
             : !host.empty() && !port.getAsInteger(10, number) &&
                   number <= UINT16_MAX;
}

static int connectTcp(llvm::StringRef address, const HttpServer &server) {
  auto [host, port] = address.rsplit(':');
  host.consume_front("[");
  host.consume_back("]");
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.str().c_str(), port.str().c_str(), &hints, &found))
    return errno = EADDRNOTAVAIL, -1;
  int socket = -1;
  for (addrinfo *one = found; one && socket < 0; one = one->ai_next) {
    socket = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, 0);
    if (socket >= 0 && (!limitTime(socket, server) ||
                        connect(socket, one->ai_addr, one->ai_addrlen))) {
      int kept = errno;
      close(socket);
      socket = -1;
      errno = kept;
    }
  }
  freeaddrinfo(found);
  return socket;
}

static bool sendAll(int socket, const HttpServer &server,
                    llvm::StringRef bytes) {
  while (!bytes.empty()) {
    if (!limitTime(socket, server))
      return false;
    ssize_t n = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    bytes = bytes.drop_front(size_t(n));
  }
  return true;
}

// Until the server closes the connection.
static bool receiveAll(int socket, const HttpServer &server,
                       std::string &answer) {
  char buffer[16384];
  while (answer.size() < mostAnswer) {
    if (!limitTime(socket, server))
      return false;
    ssize_t n = recv(socket, buffer, sizeof buffer, 0);
    if (n <= 0)
      return n == 0;
    answer.append(buffer, size_t(n));
  }
  return true;
}

bool sinter::parseReply(llvm::StringRef text, HttpReply &reply) {
  auto [head, body] = text.split("\r\n\r\n");
  llvm::StringRef code = head.split(' ').second.take_front(3);
  reply.body = body.str();
  return head.starts_with("HTTP/1.") && head.size() < text.size() &&
         !code.getAsInteger(10, reply.status);
}

llvm::Expected<HttpReply> sinter::sendHttp(const HttpServer &server,
                                           const std::string &method,
                                           const std::string &path,
                                           const std::string &body) {
  const std::string &address = server.address, &key = server.key;
  if (llvm::any_of(key, [](char c) { return c <= ' '; }))
    return userError(ErrorCode::U006,
                     "the API key holds a space or a line's end");
  if (!isAddress(address))
    return userError(ErrorCode::U006, "found --admin '" + address + "'",
                     "expected HOST:PORT or unix:PATH");
  llvm::StringRef where(address);
  int socket = where.consume_front("unix:") ? connectUnix(where, server)
                                            : connectTcp(where, server);
  if (socket < 0)
    return fault(server, errno);
  std::string request =
      method + " " + path + " HTTP/1.1\r\nHost: sinter\r\n" +
      "Connection: close\r\nContent-Length: " + std::to_string(body.size()) +
      (key.empty() ? "" : "\r\nX-API-Key: " + key) + "\r\n\r\n" + body;
  std::string answer;
  bool isAnswered =
      sendAll(socket, server, request) && receiveAll(socket, server, answer);
  int reason = errno;
  close(socket);
  HttpReply reply;
  if (!isAnswered)
    return fault(server, reason);
  if (!parseReply(answer, reply))
    return unreachable(address, "what answers is no HTTP server");
  return reply;
}

std::string sinter::percentEncoded(llvm::StringRef text) {
  std::string out;
  for (unsigned char c : text)
    if (llvm::isAlnum(char(c)) || c == '-' || c == '_' || c == '.' || c == '~')
      out += char(c);
    else
      out +=
          "%" + llvm::toHex(llvm::StringRef(reinterpret_cast<char *>(&c), 1));
  return out;
}
