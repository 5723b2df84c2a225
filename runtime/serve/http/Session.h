// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What connections share, and how a listener makes and watches them. Inside
// this folder only: it shows Asio.
#ifndef SINTER_SERVE_HTTP_SESSION_H
#define SINTER_SERVE_HTTP_SESSION_H

#include "runtime/serve/http/HttpListener.h"
#include "runtime/serve/http/Mailbox.h"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>
#include <unordered_set>

namespace sinter::serve {

namespace asio = boost::asio;
using Socket = asio::basic_stream_socket<asio::generic::stream_protocol,
                                         asio::io_context::executor_type>;
using ErrorCode = boost::system::error_code;

/// The state of a listener that outlives it while answers are on their way.
struct ListenerCore {
  HttpLimits limits;
  HttpHandler *handler = nullptr;
  std::atomic<bool> draining{false}, stopped{false};
  std::atomic<uint64_t> connections{0}, accepted{0}, refused{0}, requests{0},
      active{0}, bytesIn{0}, bytesOut{0};
  std::atomic<uint64_t> bodyBytes{0};

  /// Takes part of the memory that all bodies share: so much in all, of which
  /// `taken` is the caller's already.
  bool reserve(uint64_t bytes, uint64_t &taken) {
    uint64_t more = bytes > taken ? bytes - taken : 0;
    if (more && bodyBytes.fetch_add(more) + more > limits.bodiesBytes) {
      bodyBytes -= more;
      return false;
    }
    taken += more;
    return true;
  }
};

/// One connection. Every method runs on the connection's thread.
class SessionBase {
public:
  virtual ~SessionBase() = default;
  virtual void start() = 0;
  /// A step took too long: answers or closes.
  virtual void expire() = 0;
  virtual void closeIfIdle() = 0;
  virtual void close() = 0;
  TimePoint deadline = TimePoint::max();
};

/// A thread with its connections. One slow timer looks after all their
/// deadlines: a request sets a number, not a timer.
struct IoThread {
  asio::io_context context{1};
  Mailbox mailbox{context};
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>,
                             asio::io_context::executor_type>
      timer{context};
  std::unordered_set<SessionBase *> sessions;
  /// Until it is reset, the thread waits for work even when there is none.
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>>
      guard{asio::make_work_guard(context)};
  std::thread thread;
  bool sweeping = false;
  std::string date; ///< the Date header, and the second that it names
  int64_t dateSecond = 0;

  /// Keeps the sweep going while there are connections.
  void watch();
  const std::string &httpDate();
};

std::shared_ptr<SessionBase> makeSession(std::shared_ptr<ListenerCore> core,
                                         std::shared_ptr<IoThread> thread,
                                         Socket socket, std::string client);
std::shared_ptr<SessionBase>
makeTlsSession(std::shared_ptr<ListenerCore> core,
               std::shared_ptr<IoThread> thread, Socket socket,
               std::string client, std::shared_ptr<asio::ssl::context> tls);

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_SESSION_H
