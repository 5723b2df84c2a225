// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/grpc/Loop.h"

#include "runtime/serve/engine/Urgency.h"

#include <chrono>
#include <utility>

namespace sinter::serve {

void Loop::start() {
  thread = quietThread([this] {
    runFirst(true);
    self = std::this_thread::get_id();
    run();
  });
}

void Loop::run() {
  void *tag;
  bool ok;
  while (events->Next(&tag, &ok))
    static_cast<Event *>(tag)->happen(ok);
}

void Loop::stop() {
  if (!events)
    return;
  // An answer that comes on a queue that is shut down would be a fault of ours.
  while (calls > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  clock.Cancel();
  events->Shutdown();
  if (thread.joinable())
    thread.join();
  else
    run(); // never started: what was asked for comes back
  events.reset();
}

void Loop::post(std::function<void()> task) {
  if (std::this_thread::get_id() == self.load())
    return task();
  {
    std::lock_guard<std::mutex> guard(lock);
    tasks.push_back(std::move(task));
    if (std::exchange(isRung, true))
      return;
  }
  bell.Set(events.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), &delivery);
}

void Loop::writeBegins(grpc::ServerContext &call, size_t bytes) {
  writes[&call] = Clock::now() + write + std::chrono::seconds(bytes >> 20);
  if (!std::exchange(isLooking, true))
    clock.Set(events.get(), std::chrono::system_clock::now() + write / 2,
              &tick);
}

// While a write is under way its call is open, so the queue is not shut down.
void Loop::look(bool) {
  isLooking = false;
  TimePoint now = Clock::now();
  for (auto &[call, until] : writes)
    if (until <= now)
      call->TryCancel();
  if (writes.empty())
    return;
  isLooking = true;
  clock.Set(events.get(), std::chrono::system_clock::now() + write / 2, &tick);
}

void Loop::deliver(bool) {
  std::vector<std::function<void()>> all;
  {
    std::lock_guard<std::mutex> guard(lock);
    isRung = false;
    all.swap(tasks);
  }
  for (const auto &task : all)
    task();
}

} // namespace sinter::serve
