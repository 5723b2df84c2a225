// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Reaper.h"

#include "runtime/serve/engine/Urgency.h"

namespace sinter::serve {

void Reaper::start() {
  running = true;
  thread = quietThread([this] {
    runLast();
    std::unique_lock<std::mutex> lock(mutex);
    while (running || !graves.empty()) {
      std::vector<std::function<void()>> now;
      now.swap(graves);
      lock.unlock();
      for (const std::function<void()> &end : now)
        end();
      lock.lock();
      if (running && graves.empty())
        changed.wait(lock);
    }
  });
}

void Reaper::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    running = false;
    changed.notify_all();
  }
  if (thread.joinable())
    thread.join();
}

void Reaper::bury(std::function<void()> end) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (running) {
      graves.push_back(std::move(end));
      changed.notify_all();
      return;
    }
  }
  end();
}

} // namespace sinter::serve
