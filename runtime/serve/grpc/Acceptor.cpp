// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/grpc/Acceptor.h"

#include "runtime/serve/protect/Descriptors.h"
#include "runtime/serve/protect/LocalSocket.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sinter::serve {
namespace {

constexpr int backlog = 1024, pauseMs = 100;

struct Endpoint {
  sockaddr_storage address = {};
  socklen_t bytes = 0;
  std::string path; ///< of a Unix socket

  const sockaddr *get() const {
    return reinterpret_cast<const sockaddr *>(&address);
  }
};

Status cannotListen(const std::string &address, const std::string &why) {
  return {Code::invalid, "gRPC cannot listen on " + address + ": " + why};
}

Status resolvePath(const std::string &address, Endpoint &out) {
  out.path = address.substr(std::strlen("unix:"));
  auto *local = reinterpret_cast<sockaddr_un *>(&out.address);
  if (Status bad = localAddress(out.path, *local); !bad.ok())
    return cannotListen(address, bad.message);
  out.bytes = sizeof *local;
  return {};
}

Status resolve(const std::string &address, Endpoint &out) {
  if (address.rfind("unix:", 0) == 0)
    return resolvePath(address, out);
  size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  std::string port =
      colon == std::string::npos ? "" : address.substr(colon + 1);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  if (host == "localhost")
    host = "127.0.0.1";
  addrinfo wanted = {}, *found = nullptr;
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  wanted.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), port.c_str(), &wanted, &found))
    return cannotListen(address,
                        "expected IP:PORT, localhost:PORT or unix:PATH");
  std::memcpy(&out.address, found->ai_addr, found->ai_addrlen);
  out.bytes = found->ai_addrlen;
  freeaddrinfo(found);
  return {};
}

std::string portOf(int listener) {
  sockaddr_storage own = {};
  socklen_t bytes = sizeof own;
  getsockname(listener, reinterpret_cast<sockaddr *>(&own), &bytes);
  return std::to_string(
      ntohs(own.ss_family == AF_INET6
                ? reinterpret_cast<sockaddr_in6 *>(&own)->sin6_port
                : reinterpret_cast<sockaddr_in *>(&own)->sin_port));
}

} // namespace

Status Acceptor::open(const std::string &address, std::string &bound) {
  Endpoint endpoint;
  if (Status status = resolve(address, endpoint); !status.ok())
    return status;
  int family = endpoint.get()->sa_family, on = 1;
  int listener = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0)
    return cannotListen(address, std::strerror(errno));
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, endpoint.get(), endpoint.bytes) ||
      listen(listener, backlog)) {
    Status status = cannotListen(address, std::strerror(errno));
    close(listener);
    return status;
  }
  listeners.push_back(listener);
  bound = address;
  if (family == AF_UNIX)
    paths.push_back(endpoint.path);
  else
    bound = address.substr(0, address.rfind(':') + 1) + portOf(listener);
  return {};
}

Status Acceptor::start(std::function<void(int)> taker,
                       std::function<void(const std::string &)> warner) {
  take = std::move(taker);
  warn = std::move(warner);
  wake = eventfd(0, EFD_CLOEXEC);
  if (wake < 0)
    return {Code::unavailable,
            std::string("gRPC cannot wait for connections: ") +
                std::strerror(errno)};
  thread = std::thread([this] { run(); });
  return {};
}

void Acceptor::stop() {
  if (thread.joinable()) {
    eventfd_write(wake, 1);
    thread.join();
  }
  for (int listener : listeners)
    close(listener);
  listeners.clear();
  for (const std::string &path : paths)
    unlink(path.c_str());
  paths.clear();
  if (wake >= 0)
    close(wake);
  wake = -1;
}

void Acceptor::run() {
  std::vector<pollfd> watched = {{wake, POLLIN, 0}};
  for (int listener : listeners)
    watched.push_back({listener, POLLIN, 0});
  while (true) {
    // The queue of the kernel holds who comes meanwhile.
    bool wasShort = isShort;
    poll(watched.data(), wasShort ? 1 : nfds_t(watched.size()),
         wasShort ? pauseMs : -1);
    // At the end those, too, whom the kernel has let in already: closing would
    // reset them.
    bool isEnd = watched[0].revents;
    isShort = false;
    for (size_t i = 1; i < watched.size(); ++i)
      acceptAll(watched[i].fd);
    if (isEnd)
      return;
  }
}

void Acceptor::acceptAll(int listener) {
  while (true) {
    int accepted =
        accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) {
      if (isOneConnectionsFault(errno))
        continue;
      isShort = errno != EAGAIN;
      if (isShort)
        warn(std::string("a connection waits: ") + std::strerror(errno));
      return;
    }
    if (isReservedDescriptor(accepted)) {
      close(accepted);
      warn("a connection was closed: the file descriptors are used up");
      continue;
    }
    int on = 1; // fails on a Unix socket, which needs none
    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    take(accepted);
  }
}

} // namespace sinter::serve
