// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See the header.
#include "runtime/serve/http/ControlQueue.h"

#include <system_error>

namespace sinter::serve {

ControlQueue::~ControlQueue() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    ending = true;
  }
  changed.notify_all();
  if (thread.joinable())
    thread.join();
}

bool ControlQueue::post(std::function<void()> action) {
  std::lock_guard<std::mutex> lock(mutex);
  if (ending || actions.size() >= 64)
    return false;
  if (!thread.joinable())
    try {
      thread = std::thread([this] { run(); });
    } catch (const std::system_error &) {
      return false; // the machine has none to give: as when too many wait
    }
  actions.push_back(std::move(action));
  changed.notify_all();
  return true;
}

void ControlQueue::run() {
  std::unique_lock<std::mutex> lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return ending || !actions.empty(); });
    if (actions.empty())
      return;
    std::function<void()> action = std::move(actions.front());
    actions.pop_front();
    lock.unlock();
    action();
    action = nullptr;
    lock.lock();
  }
}

} // namespace sinter::serve
