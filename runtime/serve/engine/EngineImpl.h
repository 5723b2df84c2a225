// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The engine behind its interface: the catalogue for lookups, the scheduler for
// runs, and control actions, one at a time.
#ifndef SINTER_SERVE_ENGINE_ENGINEIMPL_H
#define SINTER_SERVE_ENGINE_ENGINEIMPL_H

#include "runtime/serve/engine/Catalogue.h"
#include "runtime/serve/engine/Engine.h"
#include "runtime/serve/engine/Options.h"
#include "runtime/serve/engine/Scheduler.h"
#include "runtime/serve/engine/Snapshot.h"

namespace sinter::serve {

class EngineImpl : public Engine {
public:
  explicit EngineImpl(const EngineOptions &options);
  ~EngineImpl() override;
  Status start();

  std::shared_ptr<Ticket> submit(Request &&request) override;
  bool live() const override { return true; }
  bool ready() const override;
  Status modelReady(const std::string &model,
                    const std::string &version) const override;
  std::optional<ModelDescription> describe(const std::string &model,
                                           const std::string &version,
                                           Status &status) const override;
  std::vector<IndexEntry> index() const override;
  std::vector<ModelStatistics> statistics(const std::string &model,
                                          const std::string &version,
                                          Status &status) const override;
  Status load(const std::string &model) override;
  Status unload(const std::string &model) override;
  Status setLabel(const std::string &model, const std::string &label,
                  const std::string &version) override;
  void drain(TimePoint deadline) override;

private:
  std::shared_ptr<Model> copyOf(const std::string &model) const;
  void publish(std::shared_ptr<const Model> model);
  std::shared_ptr<const ModelOptions> optionsOf(const std::string &model) const;
  Status loadEmbedded(const EngineOptions::Embedded &embedded);
  Status loadFrom(const std::string &model);
  std::vector<FoundVersion> wanted(const Model &model,
                                   std::vector<FoundVersion> found,
                                   Status &status) const;
  Status loadVersion(Model &model, const FoundVersion &found);
  std::vector<std::shared_ptr<Version>> versionsOf(const std::string &model,
                                                   const std::string &version,
                                                   Status &status) const;

  EngineOptions options;
  sinter_host pool = {};
  std::shared_ptr<Scheduler> scheduler;
  Snapshot<Catalogue> catalogue;
  std::mutex control;
  std::atomic<bool> started{false}, draining{false};
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_ENGINEIMPL_H
