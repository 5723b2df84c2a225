// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which requests are traced, and what is kept of them. The settings are
// Triton's
// (`trace_level`, `trace_rate`, `trace_count`), for all models or for one, and
// change while the server runs. The caller's W3C context decides before they
// do: whoever traces already wants our part of it, and who does not, does not.
//
// Off, a request pays one relaxed load. On, its `done` is wrapped; what it was
// is handed to a thread of its own (TraceExport.h), which writes a file or
// sends OTLP.
#ifndef SINTER_SERVE_OBSERVE_TRACE_H
#define SINTER_SERVE_OBSERVE_TRACE_H

#include "runtime/serve/engine/Request.h"
#include "runtime/serve/protocol/Control.h"

#include <atomic>
#include <map>
#include <mutex>
#include <optional>

namespace sinter::serve {

/// What is kept of a request, as bits; none = it is not traced.
enum TraceLevel : unsigned { traceTimes = 1, traceTensors = 2 };

/// A sampled request that was answered.
struct TraceRecord {
  unsigned level = traceTimes;
  std::string model, version, requestId;
  std::string traceId, spanId, parentId, state; ///< hexadecimal
  Status status;
  Phases phases;
  uint32_t batchRows = 0;
  int64_t wallNs = 0; ///< the wall clock's time less the engine's
  /// With the level for it: of each the beginning, a copy, and the whole shape.
  std::vector<Tensor> inputs, outputs;
};

/// traceparent of W3C, version 00 or later; nullopt when it is none.
struct SpanContext {
  std::string traceId, spanId;
  bool isSampled = false;
};
std::optional<SpanContext> parseTraceparent(const std::string &text);

struct TraceCounts {
  uint64_t sampled = 0, exported = 0, dropped = 0, failures = 0;
};

struct TraceOptions {
  bool isOn = true; ///< at the start, when there is a destination
  uint64_t rate = 1000;
  int64_t count = -1;         ///< so many traces, then no more; -1 = no limit
  std::string file, endpoint; ///< destinations; empty = none
  /// The first failure in a row, and the first success after it.
  std::function<void(bool failed, const std::string &text)> onExport;
};

class TraceExport;

class Tracer {
public:
  /// Null, and why, when the file or the address cannot be had.
  static std::unique_ptr<Tracer> create(const TraceOptions &options,
                                        Status &status);
  ~Tracer();

  /// Before the engine gets the request.
  void begin(Request &request) {
    if (isOn.load(std::memory_order_relaxed))
      sample(request);
  }

  /// Empty = for all models.
  TraceValues settings(const std::string &model) const;
  /// All of the changes, or none and why.
  Status change(const std::string &model, const TraceChanges &changes);
  TraceCounts counts() const;
  /// Sends what is left; later records are dropped.
  void stop(TimePoint deadline);

private:
  struct Settings {
    unsigned level = 0;
    uint64_t rate = 1000;
    int64_t count = -1;
  };
  struct Own {
    std::optional<unsigned> level;
    std::optional<uint64_t> rate;
    std::optional<int64_t> count;
    uint64_t seen = 0;
  };
  explicit Tracer(const TraceOptions &options);
  void sample(Request &request);
  /// The level that it is traced with.
  unsigned choose(const std::string &model,
                  const std::optional<SpanContext> &parent);
  Status addLevel(Own &own, const std::optional<std::string> &value) const;
  Status set(Own &own, const std::string &key,
             const std::optional<std::string> &value) const;
  Settings effective(const Own *own) const;
  TraceValues valuesOf(const Settings &now) const;
  void refresh();

  const TraceOptions options;
  std::atomic<bool> isOn{false};
  std::atomic<uint64_t> sampled{0};
  mutable std::mutex mutex;
  Own global; // all fields set
  std::map<std::string, Own> models;
  std::shared_ptr<TraceExport> out; // also held by requests under way
};

} // namespace sinter::serve

#endif // SINTER_SERVE_OBSERVE_TRACE_H
