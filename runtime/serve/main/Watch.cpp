// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/main/Watch.h"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace sinter::serve {

Watch::Watch(std::string repository,
             std::function<void(const std::string &)> load)
    : repository(std::move(repository)), load(std::move(load)) {}

Watch::~Watch() {
  if (thread.joinable()) {
    eventfd_write(stop, 1);
    thread.join();
  }
  for (int descriptor : {events, stop})
    if (descriptor >= 0)
      close(descriptor);
}

bool Watch::follow(const std::string &model) {
  std::string folder = model.empty() ? repository : repository + "/" + model;
  int watch =
      inotify_add_watch(events, folder.c_str(), IN_MOVED_TO | IN_ONLYDIR);
  if (watch >= 0)
    models[watch] = model;
  return watch >= 0;
}

Status Watch::start() {
  events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  stop = eventfd(0, EFD_CLOEXEC);
  if (events < 0 || stop < 0 || !follow(""))
    return {Code::unavailable,
            repository + ": cannot be watched: " + std::strerror(errno)};
  Status status;
  for (const std::string &model : listModels(repository, status))
    follow(model);
  thread = std::thread([this] { run(); });
  return status;
}

void Watch::run() {
  alignas(inotify_event) char buffer[16384];
  while (true) {
    pollfd ready[] = {{stop, POLLIN, 0}, {events, POLLIN, 0}};
    if (poll(ready, 2, -1) < 0 && errno != EINTR)
      return;
    if (ready[0].revents)
      return;
    ssize_t n = read(events, buffer, sizeof buffer);
    for (ssize_t at = 0; at < n;) {
      auto *event = reinterpret_cast<inotify_event *>(buffer + at);
      at += ssize_t(sizeof *event) + event->len;
      auto found = models.find(event->wd);
      if (found == models.end() || !event->len || event->name[0] == '.')
        continue;
      std::string model = found->second.empty() ? event->name : found->second;
      if (found->second.empty())
        follow(model);
      load(model);
    }
  }
}

} // namespace sinter::serve
