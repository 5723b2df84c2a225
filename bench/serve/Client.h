// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A client of the load generator: one thread, many requests under way, always
// the same bytes. What a server costs must not be hidden by what its client
// costs.
#ifndef SINTER_BENCH_SERVE_CLIENT_H
#define SINTER_BENCH_SERVE_CLIENT_H

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sinter::bench {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

struct Answer {
  uint64_t request = 0;
  int status = 0; ///< of HTTP or gRPC; -1: the connection broke
  bool ok = false;
  TimePoint received;
};

struct Target {
  std::string host = "127.0.0.1";
  std::string port;
  std::string path;    ///< HTTP: of the POST. gRPC: the method
  std::string headers; ///< HTTP: lines that end in CRLF
  std::string body;    ///< HTTP: the body. gRPC: the message
  unsigned connections = 1;
};

class Client {
public:
  virtual ~Client() = default;
  /// False when every connection is busy.
  virtual bool send(uint64_t request) = 0;
  /// Returns with at least one answer, or at the given time.
  virtual void wait(TimePoint until, std::vector<Answer> &answers) = 0;
};

/// Both print what went wrong and return null when the target cannot be
/// reached.
std::unique_ptr<Client> connectHttp(const Target &target);
std::unique_ptr<Client> connectGrpc(const Target &target);

} // namespace sinter::bench

#endif // SINTER_BENCH_SERVE_CLIENT_H
