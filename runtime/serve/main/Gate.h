// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The engine as the listeners see it: the same, but not ready once the server
// is on its way down. Load balancers then look elsewhere, while every request
// that still comes is answered. Every request passes here, so here it is
// traced.
#ifndef SINTER_SERVE_MAIN_GATE_H
#define SINTER_SERVE_MAIN_GATE_H

#include "runtime/serve/engine/Engine.h"
#include "runtime/serve/observe/Trace.h"

#include <atomic>
#include <map>

namespace sinter::serve {

class Gate final : public Engine {
public:
  using Names = std::map<std::string, std::string>;
  Gate(std::unique_ptr<Engine> engine, Names aliases, Tracer &tracer)
      : engine(std::move(engine)), aliases(std::move(aliases)), tracer(tracer) {
  }

  void close() { isClosed = true; }

  std::shared_ptr<Ticket> submit(Request &&request) override {
    if (!aliases.empty())
      request.model = named(request.model);
    tracer.begin(request);
    return engine->submit(std::move(request));
  }
  bool live() const override { return engine->live(); }
  bool ready() const override { return !isClosed && engine->ready(); }
  Status modelReady(const std::string &model,
                    const std::string &version) const override {
    if (isClosed)
      return {Code::unavailable, "the server is shutting down", 1000};
    return engine->modelReady(named(model), version);
  }
  std::optional<ModelDescription> describe(const std::string &model,
                                           const std::string &version,
                                           Status &status) const override {
    return engine->describe(named(model), version, status);
  }
  std::vector<IndexEntry> index() const override { return engine->index(); }
  std::vector<ModelStatistics> statistics(const std::string &model,
                                          const std::string &version,
                                          Status &status) const override {
    return engine->statistics(named(model), version, status);
  }
  std::vector<ModelCosts> costs() const override { return engine->costs(); }
  std::vector<ModelProfile> profiles() const override {
    return engine->profiles();
  }
  Status load(const std::string &model) override {
    return engine->load(named(model));
  }
  Status unload(const std::string &model) override {
    return engine->unload(named(model));
  }
  Status setLabel(const std::string &model, const std::string &label,
                  const std::string &version) override {
    return engine->setLabel(named(model), label, version);
  }
  Status setTraffic(const std::string &model,
                    const TrafficSplit &split) override {
    return engine->setTraffic(named(model), split);
  }
  std::optional<TrafficSplit> traffic(const std::string &model) const override {
    return engine->traffic(named(model));
  }
  Status rollback(const std::string &model) override {
    return engine->rollback(named(model));
  }
  Status configure(const EngineOptions &options) override {
    return engine->configure(options);
  }
  void drain(TimePoint deadline) override { engine->drain(deadline); }

private:
  const std::string &named(const std::string &model) const {
    auto found = aliases.find(model);
    return found == aliases.end() ? model : found->second;
  }

  std::unique_ptr<Engine> engine;
  const Names aliases;
  Tracer &tracer;
  std::atomic<bool> isClosed{false};
};

} // namespace sinter::serve

#endif // SINTER_SERVE_MAIN_GATE_H
