// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What happened to a request or a control action. Each front end has one table
// from these codes to its own: HTTP status, gRPC status.
#ifndef SINTER_SERVE_ENGINE_STATUS_H
#define SINTER_SERVE_ENGINE_STATUS_H

#include <cstdint>
#include <string>
#include <utility>

namespace sinter::serve {

enum class Code {
  ok,
  invalid,         ///< the request can never work
  notFound,        ///< no such model, version, label
  unavailable,     ///< not now: queue full, loading, draining, circuit open
  unsupported,     ///< a part of the protocol that is not offered
  internal,        ///< ours
  deadline,        ///< its time ran out, or would
  cancelled,       ///< the client left
  unauthenticated, ///< no valid key or token
  denied,          ///< a valid one that may not do this
};

struct Status {
  Code code = Code::ok;
  std::string message; ///< what, where, found, expected, remedy; empty when ok
  uint32_t retryAfterMs = 0; ///< unavailable: until another try; 0 = no use

  Status() = default;
  Status(Code code, std::string message, uint32_t retryAfterMs = 0)
      : code(code), message(std::move(message)), retryAfterMs(retryAfterMs) {}
  bool ok() const { return code == Code::ok; }
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_STATUS_H
