// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The engine: models in versions, a queue and batches for each, one pool of
// threads for all. Front ends (HTTP, gRPC, the C library) know only this
// header. Every method may be called from any thread; none but load, unload and
// drain waits.
#ifndef SINTER_SERVE_ENGINE_ENGINE_H
#define SINTER_SERVE_ENGINE_ENGINE_H

#include "runtime/serve/engine/Description.h"
#include "runtime/serve/engine/Request.h"

#include <memory>
#include <optional>

namespace sinter::serve {

struct EngineOptions;

/// A request under way; cancel() takes it out of its queue at once, or stops
/// the run it is alone in. Dropping a Ticket cancels nothing.
class Ticket {
public:
  virtual ~Ticket() = default;
  virtual void cancel() = 0;
};

class Engine {
public:
  static std::unique_ptr<Engine> create(const EngineOptions &options,
                                        Status &status);
  virtual ~Engine() = default;

  /// Takes the request and returns at once. request.done is called exactly
  /// once, perhaps before this returns: with outputs, or with a status that is
  /// not ok.
  virtual std::shared_ptr<Ticket> submit(Request &&request) = 0;

  virtual bool live() const = 0;
  /// At least one model is ready, every model of the start-up is, and no drain
  /// began.
  virtual bool ready() const = 0;
  virtual Status modelReady(const std::string &model,
                            const std::string &version) const = 0;
  virtual std::optional<ModelDescription> describe(const std::string &model,
                                                   const std::string &version,
                                                   Status &status) const = 0;
  virtual std::vector<IndexEntry> index() const = 0;
  /// Empty names mean all; an unknown one is an error.
  virtual std::vector<ModelStatistics> statistics(const std::string &model,
                                                  const std::string &version,
                                                  Status &status) const = 0;

  /// Of the ready versions; empty unless EngineOptions::profileRate asks for
  /// it.
  virtual std::vector<ModelProfile> profiles() const { return {}; }

  /// Of the ready versions.
  virtual std::vector<ModelCosts> costs() const { return {}; }

  /// Loads what the policy asks for, beside what runs, self-tested, then
  /// swapped. On failure everything stays as it was.
  virtual Status load(const std::string &model) = 0;
  virtual Status unload(const std::string &model) = 0;
  /// Points a label at a ready version, atomically; version "" removes the
  /// label.
  virtual Status setLabel(const std::string &model, const std::string &label,
                          const std::string &version) = 0;

  /// Canary and shadow traffic of a model, kept over a restart with the labels.
  virtual Status setTraffic(const std::string &, const TrafficSplit &) {
    return {Code::unsupported, "this engine splits no traffic"};
  }
  virtual std::optional<TrafficSplit> traffic(const std::string &) const {
    return std::nullopt;
  }
  /// Ends a canary, or points `stable` back at the version it named before.
  virtual Status rollback(const std::string &) {
    return {Code::unsupported, "this engine has no rollback"};
  }

  /// Takes over limits and options of models (all but the largest batch) for
  /// requests to come. On failure everything stays as it was.
  virtual Status configure(const EngineOptions &) {
    return {Code::unsupported, "this engine keeps its options"};
  }

  /// Not ready from now on; returns when no request is left, or at the deadline
  /// with those that are left cancelled.
  virtual void drain(TimePoint deadline) = 0;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_ENGINE_H
