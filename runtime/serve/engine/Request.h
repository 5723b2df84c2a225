// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One inference between a front end and the engine: who asks for what, until
// when, and what came of it. Bytes are borrowed from the owner that travels
// with the tensors, so a body is neither copied on its way in nor a batch on
// its way out.
#ifndef SINTER_SERVE_ENGINE_REQUEST_H
#define SINTER_SERVE_ENGINE_REQUEST_H

#include "runtime/serve/engine/Status.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sinter::serve {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

/// A tensor by name, row-major, little-endian. Strings (SINTER_STRING) lie as
/// the wire has them: for each element a u32 length and its bytes.
struct Tensor {
  std::string name;
  uint8_t dtype = 0; ///< SINTER_F32, ... (sinter/sinter.h)
  std::vector<int64_t> dims;
  const std::byte *data = nullptr;
  size_t bytes = 0;
  std::shared_ptr<const void>
      owner; ///< keeps data alive; may be shared by many tensors
};

/// W3C trace context of the caller, empty when it sent none.
struct TraceContext {
  std::string traceparent, tracestate;
};

/// Where a request's time went; zero for phases it did not reach.
struct Phases {
  TimePoint received, queued, started, computed, finished;
};

struct Response {
  Status status;
  std::string model, version; ///< what answered: a number, never a label
  std::vector<Tensor> outputs;
  Phases phases;
  uint32_t batchRows = 0;  ///< rows of the batch it ran in
  std::string traceparent; ///< of the span that it was answered in, when traced
};

struct Request {
  std::string model;
  std::string version; ///< "" = by policy, a number, or a label
  std::string id;
  std::vector<Tensor> inputs;
  std::vector<std::string> outputs; ///< names asked for; empty = all
  uint64_t priority = 0; ///< 1 is the highest; 0 = the model's default
  TimePoint deadline =
      TimePoint::max();    ///< of the client; the engine's own may be earlier
  TimePoint received = {}; ///< when its last byte came
  std::string client;      ///< key id or address: rates, order, sticky splits
  TraceContext trace;
  std::function<void(Response &&)>
      done; ///< called exactly once, on any thread, never inside a lock
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_REQUEST_H
