// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Accepts the connections of gRPC. The library's own listener (1.51) ends for
// good at the first accept() that fails, as it does when file descriptors have
// run out; this one waits a moment, says so and goes on.
#ifndef SINTER_SERVE_GRPC_ACCEPTOR_H
#define SINTER_SERVE_GRPC_ACCEPTOR_H

#include "runtime/serve/engine/Status.h"

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace sinter::serve {

class Acceptor {
public:
  Acceptor() = default;
  Acceptor(const Acceptor &) = delete;
  ~Acceptor() { stop(); }

  /// HOST:PORT, [IPV6]:PORT or unix:PATH; bound: with the port that 0 became.
  Status open(const std::string &address, std::string &bound);
  /// take owns the descriptor it is given. warn says that a connection had to
  /// wait or was closed; both are called on one thread.
  Status start(std::function<void(int)> take,
               std::function<void(const std::string &)> warn);
  /// No new connections; those that were taken are not touched.
  void stop();

private:
  void run();
  void acceptAll(int listener);

  std::function<void(int)> take;
  std::function<void(const std::string &)> warn;
  std::vector<int> listeners;
  std::vector<std::string> paths; ///< of Unix sockets
  int wake = -1;
  bool isShort = false; ///< nothing is accepted for a moment
  std::thread thread;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_GRPC_ACCEPTOR_H
