// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Messages between the compiler and its kernel workers: a kind, a length and
// bytes over one stream socket. A reader trusts no length: it stops at a limit.
#ifndef SINTER_COMPILER_PIPELINE_CHANNEL_H
#define SINTER_COMPILER_PIPELINE_CHANNEL_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace sinter {

enum class MessageKind : uint32_t {
  Compile = 1, // to a worker: ISA, NUL, symbol, NUL, text of the define
  Code = 2,    // from a worker: an ELF object
  Failed = 3   // from a worker: diagnostics
};

struct Message {
  MessageKind kind;
  std::string bytes;
};

/// False when the other end is gone.
bool sendMessage(int fd, MessageKind kind, llvm::StringRef bytes);

enum class Receive { Ok, Closed, TimedOut };
/// Waits at most `timeoutMs` for the whole message; -1: for ever.
Receive receiveMessage(int fd, Message &message, int64_t timeoutMs);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_CHANNEL_H
