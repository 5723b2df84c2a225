// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The engine behind its interface: the catalogue for lookups, the scheduler for
// runs, and control actions, one at a time.
#ifndef SINTER_SERVE_ENGINE_ENGINEIMPL_H
#define SINTER_SERVE_ENGINE_ENGINEIMPL_H

#include "runtime/serve/engine/Catalogue.h"
#include "runtime/serve/engine/Engine.h"
#include "runtime/serve/engine/Keeper.h"
#include "runtime/serve/engine/Options.h"
#include "runtime/serve/engine/Reaper.h"
#include "runtime/serve/engine/Scheduler.h"
#include "runtime/serve/engine/Snapshot.h"

namespace sinter::serve {

class EngineImpl : public Engine {
public:
  explicit EngineImpl(const EngineOptions &options);
  ~EngineImpl() override;
  Status start();
  /// A model of this program, beside those that are there.
  Status add(const EngineOptions::Embedded &embedded);

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
  std::vector<ModelProfile> profiles() const override;
  std::vector<ModelCosts> costs() const override;
  Status load(const std::string &model) override;
  Status unload(const std::string &model) override;
  Status setLabel(const std::string &model, const std::string &label,
                  const std::string &version) override;
  Status setTraffic(const std::string &model,
                    const TrafficSplit &split) override;
  std::optional<TrafficSplit> traffic(const std::string &model) const override;
  Status rollback(const std::string &model) override;
  Status configure(const EngineOptions &next) override;
  void drain(TimePoint deadline) override;

private:
  // Requests.
  Status route(const JobPtr &job, std::shared_ptr<Version> &shadow);
  Status enter(const JobPtr &job);
  Status degrade(const JobPtr &job);
  void sendShadow(const JobPtr &job, const std::shared_ptr<Version> &shadow);

  // Control; the caller holds `control`.
  Status known(const std::string &model) const; ///< a fault when it is not
  std::shared_ptr<Model> copyOf(const std::string &model) const;
  void publish(const std::shared_ptr<Model> &model);
  /// Labels and traffic to disk, then the catalogue: before or after, never
  /// between.
  Status commit(const std::shared_ptr<Model> &model);
  std::shared_ptr<const ModelOptions> optionsOf(const std::string &model) const;
  Status loadEmbedded(const EngineOptions::Embedded &embedded);
  Status loadModel(const std::string &model);
  std::vector<FoundVersion> wanted(const Model &model,
                                   const std::vector<FoundVersion> &found,
                                   Status &status) const;
  std::shared_ptr<Version> open(const Model &model, uint64_t number,
                                Bundle &&bundle, Status &status);
  Status loadVersion(Model &model, const FoundVersion &found);
  Status loadMissing(Model &model, uint64_t number);
  void evict(const std::string &keep);
  void takeBack(const std::string &model, const std::string &reason);
  void watch(const Model &model);
  void say(EngineEvent::Kind kind, const std::string &model,
           const std::string &version, const std::string &text) const;
  std::vector<std::shared_ptr<Version>> versionsOf(const std::string &model,
                                                   const std::string &version,
                                                   Status &status) const;

  EngineOptions options;
  sinter_host pool = {};
  Limits limits;
  std::atomic<bool> isLimited{false};
  uint64_t runLimit = 0;
  std::shared_ptr<Reaper> reaper;
  std::shared_ptr<Scheduler> scheduler;
  std::unique_ptr<Keeper> keeper;
  Snapshot<Catalogue> catalogue;
  std::mutex control;
  States states; // of all models, as on disk; guarded by control
  std::atomic<bool> started{false}, draining{false};
  std::atomic<uint64_t> shadowCount{0}, anonymousCount{0};
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_ENGINEIMPL_H
