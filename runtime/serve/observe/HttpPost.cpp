// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/observe/HttpPost.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sinter::serve {
namespace {

class Socket {
public:
  Socket(const HttpAddress &to, TimePoint deadline)
      : who(to.authority), deadline(deadline) {}
  ~Socket() { drop(); }
  Socket(const Socket &) = delete;

  Status connect(const HttpAddress &to) {
    addrinfo hints = {}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (int bad = getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &found))
      return failed(gai_strerror(bad));
    Status status = failed("no address");
    for (addrinfo *one = found; one; one = one->ai_next) {
      drop();
      handle = socket(one->ai_family,
                      one->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      status = handle < 0 ? failed(std::strerror(errno))
                          : reach(one->ai_addr, one->ai_addrlen);
      if (status.ok())
        break;
    }
    freeaddrinfo(found);
    return status;
  }

  Status send(const std::string &text) {
    for (size_t done = 0; done < text.size();) {
      ssize_t sent =
          ::send(handle, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (sent > 0)
        done += size_t(sent);
      else if (Status status = wait(POLLOUT); !status.ok())
        return status;
    }
    return {};
  }

  /// Until there is a status line; the rest of the answer is not looked at.
  Status receive(std::string &text) {
    char bytes[512];
    while (text.find('\n') == std::string::npos && text.size() < 4096) {
      ssize_t got = recv(handle, bytes, sizeof bytes, 0);
      if (got > 0)
        text.append(bytes, size_t(got));
      else if (!got)
        return failed("the connection was closed before an answer");
      else if (Status status = wait(POLLIN); !status.ok())
        return status;
    }
    return {};
  }

private:
  Status failed(const std::string &why) const {
    return {Code::unavailable, who + ": " + why};
  }

  void drop() {
    if (handle >= 0)
      close(handle);
    handle = -1;
  }

  Status reach(const sockaddr *address, socklen_t length) {
    if (!::connect(handle, address, length))
      return {};
    if (errno != EINPROGRESS)
      return failed(std::strerror(errno));
    Status status = wait(POLLOUT);
    int error = 0;
    socklen_t size = sizeof error;
    if (status.ok() &&
        !getsockopt(handle, SOL_SOCKET, SO_ERROR, &error, &size) && error)
      return failed(std::strerror(error));
    return status;
  }

  // After a call that would have blocked.
  Status wait(short events) {
    if (errno != EAGAIN && errno != EINPROGRESS && errno != EINTR)
      return failed(std::strerror(errno));
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                    deadline - Clock::now())
                    .count();
    pollfd poll = {handle, events, 0};
    if (left <= 0 || !::poll(&poll, 1, int(left)))
      return failed("no answer in time");
    return {};
  }

  const std::string who;
  const TimePoint deadline;
  int handle = -1;
};

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
                const std::string &body, TimePoint deadline) {
  Socket socket(to, deadline);
  std::string answer;
  Status status = socket.connect(to);
  if (status.ok())
    status =
        socket.send("POST " + to.path + " HTTP/1.1\r\nHost: " + to.authority +
                    "\r\nContent-Type: " + contentType +
                    "\r\nContent-Length: " + std::to_string(body.size()) +
                    "\r\nConnection: close\r\n\r\n" + body);
  if (status.ok())
    status = socket.receive(answer);
  if (!status.ok())
    return status;
  // HTTP/1.1 200 OK
  int code = answer.size() > 12 && answer.compare(0, 7, "HTTP/1.") == 0
                 ? std::atoi(answer.c_str() + 9)
                 : 0;
  if (code >= 200 && code < 300)
    return {};
  bool isBusy = code == 429 || code == 502 || code == 503 || code == 504;
  return {isBusy ? Code::unavailable : Code::invalid,
          to.authority + to.path + " answers " +
              (code ? std::to_string(code) : "what is no HTTP")};
}

} // namespace sinter::serve
