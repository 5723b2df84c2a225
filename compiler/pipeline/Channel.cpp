// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole messages over a stream socket, with a deadline for the reader.
#include "compiler/pipeline/Channel.h"

#include <cerrno>
#include <chrono>
#include <poll.h>
#include <sys/socket.h>

using namespace sinter;
using Clock = std::chrono::steady_clock;

namespace {
struct Header {
  uint32_t magic, kind;
  uint64_t bytes;
};
} // namespace

static constexpr uint32_t headerMagic = 0x4D4E5453;
static constexpr uint64_t messageLimit = uint64_t(1) << 30;

static bool sendAll(int fd, const char *at, size_t bytes) {
  while (bytes) {
    ssize_t sent = send(fd, at, bytes, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent <= 0)
      return false;
    at += sent;
    bytes -= sent;
  }
  return true;
}

bool sinter::sendMessage(int fd, MessageKind kind, llvm::StringRef bytes) {
  Header header{headerMagic, static_cast<uint32_t>(kind), bytes.size()};
  return sendAll(fd, reinterpret_cast<const char *>(&header), sizeof header) &&
         sendAll(fd, bytes.data(), bytes.size());
}

static Receive receiveAll(int fd, char *at, size_t bytes, bool forever,
                          Clock::time_point deadline) {
  while (bytes) {
    if (!forever) {
      int64_t left = std::chrono::duration_cast<std::chrono::milliseconds>(
                         deadline - Clock::now())
                         .count();
      pollfd wait{fd, POLLIN, 0};
      int ready =
          left <= 0 ? 0
                    : poll(&wait, 1,
                           static_cast<int>(std::min<int64_t>(left, 1 << 30)));
      if (ready == 0)
        return Receive::TimedOut;
      if (ready < 0 && errno == EINTR)
        continue;
    }
    ssize_t got = recv(fd, at, bytes, 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return Receive::Closed;
    at += got;
    bytes -= got;
  }
  return Receive::Ok;
}

Receive sinter::receiveMessage(int fd, Message &message, int64_t timeoutMs) {
  bool forever = timeoutMs < 0;
  Clock::time_point deadline =
      Clock::now() + std::chrono::milliseconds(forever ? 0 : timeoutMs);
  Header header;
  Receive got = receiveAll(fd, reinterpret_cast<char *>(&header), sizeof header,
                           forever, deadline);
  if (got != Receive::Ok)
    return got;
  if (header.magic != headerMagic || header.bytes > messageLimit)
    return Receive::Closed;
  message.kind = static_cast<MessageKind>(header.kind);
  message.bytes.resize(header.bytes);
  return receiveAll(fd, message.bytes.data(), message.bytes.size(), forever,
                    deadline);
}
