// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/http/Mailbox.h"

#include <cerrno>
#include <cstring>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace sinter::serve {

using ErrorCode = boost::system::error_code;

Status Mailbox::open() {
  int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ErrorCode error;
  if (descriptor >= 0)
    bell.assign(descriptor, error);
  if (descriptor < 0 || error) {
    std::string why = descriptor < 0 ? std::strerror(errno) : error.message();
    if (descriptor >= 0)
      ::close(descriptor);
    return {Code::invalid, "listen: cannot make an event descriptor: " + why};
  }
  isOpen = true;
  listen();
  return {};
}

void Mailbox::put(Task task) {
  if (bell.get_executor().running_in_this_thread())
    return task();
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!isOpen)
      return;
    tasks.push_back(std::move(task));
    if (std::exchange(rung, true))
      return;
  }
  ring();
}

void Mailbox::close() {
  std::deque<Task> dropped; // outside of the lock: a task may own a session
  std::lock_guard<std::mutex> lock(mutex);
  isOpen = false;
  dropped.swap(tasks);
  // Not closed: somebody may be about to ring.
  ErrorCode ignored;
  bell.cancel(ignored);
}

// A full counter has been rung, too.
void Mailbox::ring() {
  uint64_t one = 1;
  [[maybe_unused]] ssize_t n = write(bell.native_handle(), &one, sizeof one);
}

void Mailbox::listen() {
  bell.async_wait(boost::asio::posix::descriptor_base::wait_read,
                  [this](ErrorCode error) {
                    if (!error)
                      deliver();
                  });
}

Mailbox::Task Mailbox::take() {
  std::lock_guard<std::mutex> lock(mutex);
  if (tasks.empty())
    return nullptr;
  Task task = std::move(tasks.front());
  tasks.pop_front();
  return task;
}

void Mailbox::deliver() {
  // Out of memory in a task: the others still have their turn.
  struct Rest {
    ~Rest() {
      std::unique_lock<std::mutex> lock(box.mutex);
      bool more = box.isOpen && !box.tasks.empty();
      lock.unlock();
      if (more)
        box.ring();
    }
    Mailbox &box;
  } rest{*this};
  uint64_t count;
  [[maybe_unused]] ssize_t n = read(bell.native_handle(), &count, sizeof count);
  {
    std::lock_guard<std::mutex> lock(mutex);
    rung = false;
  }
  listen();
  while (Task task = take())
    task();
}

} // namespace sinter::serve
