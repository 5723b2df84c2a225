// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/observe/TraceExport.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace sinter::serve {
namespace {

constexpr size_t maxQueued = 2048, maxBatch = 256;
constexpr auto interval = std::chrono::milliseconds(500),
               patience = std::chrono::milliseconds(3000),
               backoff = std::chrono::milliseconds(1000);
constexpr int tries = 3;

bool mayRetry(const Status &status) { return status.code == Code::unavailable; }

} // namespace

std::shared_ptr<TraceExport> TraceExport::start(const Options &options,
                                                Status &status) {
  std::shared_ptr<TraceExport> made(new TraceExport);
  made->onExport = options.onExport;
  if (!options.endpoint.empty()) {
    made->endpoint = parseHttpAddress(options.endpoint, "/v1/traces", status);
    if (!made->endpoint)
      return nullptr;
  }
  if (!options.file.empty()) {
    made->file = open(options.file.c_str(),
                      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (made->file < 0) {
      status = {Code::invalid,
                "trace file " + options.file + ": " + std::strerror(errno)};
      return nullptr;
    }
  }
  // The thread takes no signals: they are for whoever waits for them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  made->thread = std::thread([raw = made.get()] { raw->loop(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return made;
}

TraceExport::~TraceExport() {
  stop(Clock::now());
  if (file >= 0)
    close(file);
}

void TraceExport::push(TraceRecord &&record) {
  std::lock_guard<std::mutex> lock(mutex);
  if (isStopping || queue.size() >= maxQueued) {
    dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  queue.push_back(std::move(record));
  if (queue.size() == maxBatch)
    wake.notify_one();
}

TraceCounts TraceExport::counts() const {
  TraceCounts out;
  out.exported = exported.load(std::memory_order_relaxed);
  out.dropped = dropped.load(std::memory_order_relaxed);
  out.failures = failures.load(std::memory_order_relaxed);
  return out;
}

void TraceExport::stop(TimePoint deadline) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!isStopping)
      stopBy = std::min(deadline, Clock::now() + patience);
    isStopping = true;
    wake.notify_all();
  }
  if (thread.joinable())
    thread.join();
}

void TraceExport::loop() {
  std::unique_lock<std::mutex> lock(mutex);
  while (true) {
    wake.wait_for(lock, interval,
                  [this] { return isStopping || queue.size() >= maxBatch; });
    size_t count = std::min(queue.size(), maxBatch);
    if (!count && isStopping)
      return;
    if (!count)
      continue;
    auto end = queue.begin() + ptrdiff_t(count);
    std::vector<TraceRecord> batch(std::make_move_iterator(queue.begin()),
                                   std::make_move_iterator(end));
    queue.erase(queue.begin(), end);
    lock.unlock();
    if (file >= 0)
      write(batch);
    if (endpoint)
      send(batch);
    lock.lock();
  }
}

void TraceExport::write(const std::vector<TraceRecord> &batch) {
  std::string text;
  for (const TraceRecord &record : batch)
    text += traceLine(record);
  size_t done = 0;
  while (done < text.size()) {
    ssize_t written = ::write(file, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0) {
      dropped.fetch_add(batch.size(), std::memory_order_relaxed);
      return report({Code::internal,
                     std::string("the trace file: ") + std::strerror(errno)});
    }
    done += size_t(written);
  }
  if (!endpoint)
    exported.fetch_add(batch.size(), std::memory_order_relaxed);
  report({});
}

// False when there is no time for another try.
bool TraceExport::waitBeforeRetry() {
  std::unique_lock<std::mutex> lock(mutex);
  return !wake.wait_for(lock, backoff, [this] { return isStopping; });
}

void TraceExport::send(const std::vector<TraceRecord> &batch) {
  std::string body = otlpJson(batch);
  for (int i = 0; i < tries; ++i) {
    TimePoint until = Clock::now() + patience;
    {
      std::lock_guard<std::mutex> lock(mutex);
      until = std::min(until, stopBy);
    }
    Status status = postHttp(*endpoint, "application/json", body, until);
    report(status);
    if (status.ok()) {
      exported.fetch_add(batch.size(), std::memory_order_relaxed);
      return;
    }
    if (!mayRetry(status) || !waitBeforeRetry())
      break;
  }
  dropped.fetch_add(batch.size(), std::memory_order_relaxed);
}

// Failures are counted each and said once.
void TraceExport::report(const Status &status) {
  if (!status.ok())
    failures.fetch_add(1, std::memory_order_relaxed);
  if (isFailing != status.ok())
    return;
  isFailing = !status.ok();
  if (onExport)
    onExport(isFailing, status.message);
}

} // namespace sinter::serve
