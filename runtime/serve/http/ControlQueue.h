// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Control actions one after another on a thread of their own: a load takes
// seconds, and the threads of a listener must not wait.
#ifndef SINTER_SERVE_HTTP_CONTROLQUEUE_H
#define SINTER_SERVE_HTTP_CONTROLQUEUE_H

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace sinter::serve {

class ControlQueue {
public:
  ControlQueue() = default;
  /// Runs what is queued, then ends.
  ~ControlQueue();
  /// False when too many wait already.
  bool post(std::function<void()> action);

private:
  void run();
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> actions;
  std::thread thread; ///< started by the first action
  bool ending = false;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_CONTROLQUEUE_H
