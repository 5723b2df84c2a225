// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What other threads hand to an I/O thread. Asio's own queue wakes its thread
// while it still holds the lock that this one wants next: four futex calls and
// two switches for every answer. Here the bell rings outside of the lock, and
// once for all that lies in the box. Inside this folder only: it shows Asio.
#ifndef SINTER_SERVE_HTTP_MAILBOX_H
#define SINTER_SERVE_HTTP_MAILBOX_H

#include "runtime/serve/engine/Status.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <deque>
#include <functional>
#include <mutex>

namespace sinter::serve {

class Mailbox {
public:
  using Task = std::function<void()>;

  explicit Mailbox(boost::asio::io_context &context) : bell(context) {}
  /// Before the context runs.
  Status open();
  /// Runs the task on the context's thread, in the order of the calls; at once
  /// when this is that thread. Dropped after close().
  void put(Task task);
  /// On the context's thread: what did not run yet is dropped.
  void close();

private:
  void listen();
  void deliver();
  Task take();
  void ring();

  std::mutex mutex;
  std::deque<Task> tasks;
  bool isOpen = false, rung = false;
  boost::asio::posix::basic_stream_descriptor<
      boost::asio::io_context::executor_type>
      bell;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_MAILBOX_H
