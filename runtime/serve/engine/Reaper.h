// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Unmapping a model takes milliseconds, and the last one to hold a version may
// be a thread that answers a request. So versions die here, on a thread that
// nobody waits for.
#ifndef SINTER_SERVE_ENGINE_REAPER_H
#define SINTER_SERVE_ENGINE_REAPER_H

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace sinter::serve {

class Reaper : public std::enable_shared_from_this<Reaper> {
public:
  void start();
  /// Does what is left; after it, things die where they are dropped.
  void stop();
  ~Reaper() { stop(); }

  /// A shared_ptr whose object dies on the reaper's thread.
  template <typename T> std::shared_ptr<T> own(T *object) {
    return std::shared_ptr<T>(object, [self = shared_from_this()](T *dead) {
      self->bury([dead] { delete dead; });
    });
  }

private:
  void bury(std::function<void()> end);

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::function<void()>> graves;
  bool running = false;
  std::thread thread;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_REAPER_H
