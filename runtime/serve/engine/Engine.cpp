// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/EngineImpl.h"

#include <algorithm>
#include <unistd.h>

namespace sinter::serve {
namespace {

// Scratch of a run, or one output: what a client's shape may make us take.
uint64_t defaultRunLimit() {
  uint64_t pages = uint64_t(std::max(sysconf(_SC_PHYS_PAGES), 1L));
  return pages * uint64_t(sysconf(_SC_PAGESIZE)) / 2;
}

// What is said of models, beside what is said of clients.
LimitOptions limitsOf(const EngineOptions &options) {
  LimitOptions limits = options.limits;
  if (options.defaults.limit.rate > 0 || options.defaults.limit.concurrency)
    limits.model = options.defaults.limit;
  for (const ModelOptions &model : options.models)
    limits.models.emplace(model.name, model.limit);
  return limits;
}

} // namespace

std::unique_ptr<Engine> Engine::create(const EngineOptions &options,
                                       Status &status) {
  auto engine = std::make_unique<EngineImpl>(options);
  status = engine->start();
  if (!status.ok())
    return nullptr;
  return engine;
}

EngineImpl::EngineImpl(const EngineOptions &options)
    : options(options), limits(limitsOf(options)),
      isLimited(limitsOf(options).any()),
      catalogue(std::make_unique<const Catalogue>()) {}

Status EngineImpl::start() {
  if (sinter_pool_create(options.threads, 0, &pool))
    return {Code::internal,
            "cannot start " + std::to_string(options.threads) +
                " threads; allow more, or ask for fewer with --threads"};
  if (Status status = readStates(options.stateDir, states); !status.ok())
    return status;
  runLimit = options.memoryBudget ? options.memoryBudget : defaultRunLimit();
  reaper = std::make_shared<Reaper>();
  reaper->start();
  scheduler =
      std::make_shared<Scheduler>(pool.width, runLimit, options.onEvent);
  scheduler->start();
  Keeper::Actions actions;
  actions.takeBack = [this](const std::string &model,
                            const std::string &reason) {
    takeBack(model, reason);
  };
  actions.bringBack = [this](const std::string &model) {
    std::lock_guard<std::mutex> lock(control);
    loadModel(model);
  };
  keeper = std::make_unique<Keeper>(scheduler, std::move(actions));
  keeper->start();
  std::lock_guard<std::mutex> lock(control);
  for (const EngineOptions::Embedded &embedded : options.embedded)
    if (Status status = loadEmbedded(embedded); !status.ok())
      return status;
  if (!options.repository.empty()) {
    Status status;
    std::vector<std::string> models = listModels(options.repository, status);
    if (!status.ok())
      return status;
    for (const std::string &model : models)
      loadModel(model); // the index says what failed; the others serve
  }
  started = true;
  return {};
}

EngineImpl::~EngineImpl() {
  if (keeper)
    keeper->stop();
  if (scheduler)
    scheduler->stop();
  catalogue.replace(std::make_unique<const Catalogue>());
  keeper.reset();
  scheduler.reset();
  if (reaper)
    reaper->stop();
  sinter_pool_destroy(&pool);
}

// ---- What there is

Status EngineImpl::configure(const EngineOptions &next) {
  std::lock_guard<std::mutex> lock(control);
  auto now = catalogue.read([](const Catalogue &c) { return c.models; });
  auto optionsIn = [&next](const std::string &name) {
    for (const ModelOptions &own : next.models)
      if (own.name == name)
        return std::make_shared<const ModelOptions>(own);
    return std::make_shared<const ModelOptions>(next.defaults);
  };
  for (const auto &[name, model] : now)
    for (const auto &[number, version] : model->versions)
      if (Status status = version->checkRules(*optionsIn(name)); !status.ok()) {
        status.message = "model '" + name + "' version " + version->number() +
                         ": " + status.message;
        return status;
      }
  options.defaults = next.defaults;
  options.models = next.models;
  options.limits = next.limits;
  limits.configure(limitsOf(options));
  isLimited = limitsOf(options).any();
  for (const auto &[name, model] : now) {
    std::shared_ptr<Model> changed = copyOf(name);
    changed->options = optionsOf(name);
    for (const auto &[number, version] : changed->versions)
      scheduler->configure(*version, changed->options);
    publish(changed);
  }
  return {};
}

bool EngineImpl::ready() const {
  if (!started || draining)
    return false;
  return catalogue.read([](const Catalogue &now) {
    bool any = false;
    for (const auto &[name, model] : now.models) {
      if (!model->ready(model->defaultVersion()) && model->atStart &&
          !model->unloaded && !model->evicted)
        return false;
      any |= !model->versions.empty();
    }
    return any;
  });
}

Status EngineImpl::modelReady(const std::string &model,
                              const std::string &version) const {
  if (draining)
    return {Code::unavailable, "the server is shutting down", 1000};
  Status status;
  catalogue.read(
      [&](const Catalogue &now) { now.find(model, version, status); });
  return status;
}

std::optional<ModelDescription> EngineImpl::describe(const std::string &model,
                                                     const std::string &version,
                                                     Status &status) const {
  std::vector<std::string> versions;
  std::shared_ptr<Version> found = catalogue.read([&](const Catalogue &now) {
    std::shared_ptr<const Model> entry = now.find(model, status);
    if (!entry)
      return std::shared_ptr<Version>();
    for (const auto &[number, each] : entry->versions)
      versions.push_back(each->number());
    return entry->find(version, status);
  });
  if (!found)
    return std::nullopt;
  ModelDescription description = found->describe();
  description.versions = std::move(versions);
  return description;
}

static void listModel(const Model &model, std::vector<IndexEntry> &entries) {
  for (const auto &[number, version] : model.versions) {
    IndexEntry entry{
        model.name, version->number(), VersionState::ready, "", {}};
    for (const auto &[label, target] : model.state.labels)
      if (target == number)
        entry.labels.push_back(label);
    entries.push_back(std::move(entry));
  }
  for (const auto &[number, broken] : model.broken)
    entries.push_back(
        {model.name,
         number ? std::to_string(number) : "",
         model.loading ? VersionState::loading : VersionState::unavailable,
         broken.reason,
         {}});
  if (model.versions.empty() && model.broken.empty())
    entries.push_back(
        {model.name,
         "",
         model.loading ? VersionState::loading : VersionState::unavailable,
         model.loading   ? ""
         : model.evicted ? "evicted for memory, loaded when it is asked for"
                         : "unloaded",
         {}});
}

std::vector<IndexEntry> EngineImpl::index() const {
  return catalogue.read([](const Catalogue &now) {
    std::vector<IndexEntry> entries;
    for (const auto &[name, model] : now.models)
      listModel(*model, entries);
    return entries;
  });
}

std::vector<std::shared_ptr<Version>>
EngineImpl::versionsOf(const std::string &model, const std::string &version,
                       Status &status) const {
  std::vector<std::shared_ptr<Version>> list;
  catalogue.read([&](const Catalogue &now) {
    if (!model.empty() && !version.empty()) {
      if (std::shared_ptr<Version> one = now.find(model, version, status))
        list.push_back(std::move(one));
      return;
    }
    if (!model.empty() && !now.find(model, status))
      return;
    for (const auto &[name, entry] : now.models)
      if (model.empty() || name == model)
        for (const auto &[number, each] : entry->versions)
          list.push_back(each);
  });
  return list;
}

std::vector<ModelStatistics> EngineImpl::statistics(const std::string &model,
                                                    const std::string &version,
                                                    Status &status) const {
  std::vector<ModelStatistics> all;
  for (const std::shared_ptr<Version> &each :
       versionsOf(model, version, status)) {
    ModelStatistics one;
    one.name = each->model();
    one.version = each->number();
    one.memoryBytes = each->objectBytes;
    each->counters.read(one);
    scheduler->readQueue(*each, one);
    one.isWarming = keeper->isWarming(*each);
    all.push_back(std::move(one));
  }
  return all;
}

std::vector<ModelProfile> EngineImpl::profiles() const {
  std::vector<ModelProfile> all;
  Status ignored;
  for (const std::shared_ptr<Version> &each : versionsOf("", "", ignored))
    if (each->profile)
      all.push_back(each->readProfile());
  return all;
}

std::vector<ModelCosts> EngineImpl::costs() const {
  std::vector<ModelCosts> all;
  Status ignored;
  for (const std::shared_ptr<Version> &each : versionsOf("", "", ignored))
    all.push_back(scheduler->readCosts(*each));
  return all;
}

void EngineImpl::drain(TimePoint deadline) {
  draining = true;
  scheduler->drain(deadline);
}

} // namespace sinter::serve
