// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// HTTP/1.1 with keep-alive over epoll. It reads of an answer only what tells
// where it ends: parsing tensors is no part of what is measured.
#include "bench/serve/Client.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <netinet/tcp.h>
#include <string_view>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sinter::bench {
namespace {

class HttpClient : public Client {
public:
  explicit HttpClient(const Target &target)
      : target(target), poll(epoll_create1(EPOLL_CLOEXEC)) {
    request = "POST " + target.path + " HTTP/1.1\r\nHost: " + target.host +
              "\r\n" + target.headers +
              "Content-Length: " + std::to_string(target.body.size()) +
              "\r\n\r\n" + target.body;
  }
  ~HttpClient() override {
    for (Connection &c : connections)
      if (c.socket >= 0)
        close(c.socket);
    close(poll);
  }

  bool open() {
    connections.resize(target.connections);
    for (size_t i = 0; i < connections.size(); ++i) {
      if (!open(i))
        return false;
      idle.push_back(i);
    }
    return true;
  }

  bool send(uint64_t number) override {
    if (idle.empty())
      return false;
    size_t index = idle.front(); // in turn: none is idle for so long that the
    idle.pop_front();            // server closes it while we send
    Connection &c = connections[index];
    c.number = number;
    c.isBusy = true;
    c.sent = 0;
    c.answer.clear();
    c.length = 0;
    write(index);
    return true;
  }

  void wait(TimePoint until, std::vector<Answer> &answers) override {
    broken.swap(answers);
    broken.clear();
    while (answers.empty()) {
      auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
                      until - Clock::now())
                      .count();
      if (left < 0)
        left = 0;
      timespec timeout = {time_t(left / 1000000000), long(left % 1000000000)};
      epoll_event events[64];
      int count = epoll_pwait2(poll, events, 64, &timeout, nullptr);
      for (int i = 0; i < count; ++i) {
        size_t index = events[i].data.u64;
        // A connection without a request can always be written to.
        if ((events[i].events & EPOLLOUT) && connections[index].isBusy)
          write(index);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
          read(index, answers);
      }
      answers.insert(answers.end(), broken.begin(), broken.end());
      broken.clear();
      if (left == 0)
        return;
    }
  }

private:
  struct Connection {
    int socket = -1;
    uint64_t number = 0;
    size_t sent = 0,
           length = 0; ///< length: of the whole answer, 0 = not known yet
    std::string answer;
    bool isBusy = false;
  };

  bool open(size_t index) {
    Connection &c = connections[index];
    c.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(std::stoi(target.port)));
    inet_pton(AF_INET, target.host.c_str(), &address.sin_addr);
    if (connect(c.socket, reinterpret_cast<sockaddr *>(&address),
                sizeof address)) {
      std::fprintf(stderr, "bench-serve: cannot connect to %s:%s: %s\n",
                   target.host.c_str(), target.port.c_str(),
                   std::strerror(errno));
      close(c.socket);
      c.socket = -1;
      return false;
    }
    int on = 1;
    setsockopt(c.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET, {.u64 = index}};
    epoll_ctl(poll, EPOLL_CTL_ADD, c.socket, &event);
    return true;
  }

  void write(size_t index) {
    Connection &c = connections[index];
    while (c.sent < request.size()) {
      ssize_t n = ::send(c.socket, request.data() + c.sent,
                         request.size() - c.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0)
        return errno == EAGAIN ? void() : fail(index);
      c.sent += size_t(n);
    }
  }

  /// The answer is lost and the connection a new one.
  void fail(size_t index) {
    Connection &c = connections[index];
    close(c.socket);
    if (c.isBusy)
      broken.push_back({c.number, -1, false, Clock::now()});
    c.isBusy = false;
    if (open(index))
      idle.push_back(index);
  }

  void read(size_t index, std::vector<Answer> &answers) {
    Connection &c = connections[index];
    char buffer[1 << 16];
    while (true) {
      ssize_t n = recv(c.socket, buffer, sizeof buffer, MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN)
        return;
      if (n <= 0)
        return c.isBusy ? fail(index) : reopen(index);
      c.answer.append(buffer, size_t(n));
      if (!c.length)
        c.length = wholeLength(c.answer);
      if (c.length && c.answer.size() >= c.length) {
        int status = std::atoi(c.answer.c_str() + 9);
        c.isBusy = false;
        answers.push_back({c.number, status, status == 200, Clock::now()});
        idle.push_back(index);
        return;
      }
    }
  }

  /// The server closed a connection that was idle.
  void reopen(size_t index) {
    close(connections[index].socket);
    open(index);
  }

  static size_t wholeLength(const std::string &text) {
    size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos)
      return 0;
    static const char name[] = "\r\ncontent-length:";
    for (size_t i = 0; i + sizeof name < end + 4; ++i)
      if (strncasecmp(text.data() + i, name, sizeof name - 1) == 0)
        return end + 4 +
               std::strtoull(text.data() + i + sizeof name - 1, nullptr, 10);
    return end + 4;
  }

  Target target;
  std::string request;
  int poll;
  std::vector<Connection> connections;
  std::deque<size_t> idle;
  std::vector<Answer> broken;
};

} // namespace

std::unique_ptr<Client> connectHttp(const Target &target) {
  auto client = std::make_unique<HttpClient>(target);
  return client->open() ? std::move(client) : nullptr;
}

} // namespace sinter::bench
