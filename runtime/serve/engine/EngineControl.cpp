// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loading and unloading: beside what runs, proved, then swapped. One action at
// a time; requests never wait for one. On failure the catalogue stays as it
// was, but for the reason that the index shows.
#include "runtime/serve/engine/EngineImpl.h"

#include <algorithm>
#include <cstdlib>

namespace sinter::serve {

void EngineImpl::say(EngineEvent::Kind kind, const std::string &model,
                     const std::string &version,
                     const std::string &text) const {
  if (options.onEvent)
    options.onEvent({kind, model, version, text});
}

Status EngineImpl::known(const std::string &name) const {
  Status status;
  catalogue.read([&](const Catalogue &now) { now.find(name, status); });
  return status;
}

std::shared_ptr<Model> EngineImpl::copyOf(const std::string &name) const {
  return catalogue.read([&](const Catalogue &now) {
    auto found = now.models.find(name);
    if (found != now.models.end())
      return std::make_shared<Model>(*found->second);
    auto model = std::make_shared<Model>();
    model->name = name;
    model->options = optionsOf(name);
    if (auto state = states.find(name); state != states.end())
      model->state = state->second;
    return model;
  });
}

void EngineImpl::publish(const std::shared_ptr<Model> &model) {
  auto next = catalogue.read(
      [](const Catalogue &now) { return std::make_unique<Catalogue>(now); });
  next->models[model->name] = model;
  catalogue.replace(std::move(next));
  watch(*model);
}

Status EngineImpl::commit(const std::shared_ptr<Model> &model) {
  States next = states;
  next[model->name] = model->state;
  if (Status status = writeStates(options.stateDir, next); !status.ok())
    return status;
  states = std::move(next);
  publish(model);
  return {};
}

std::shared_ptr<const ModelOptions>
EngineImpl::optionsOf(const std::string &model) const {
  for (const ModelOptions &own : options.models)
    if (own.name == model)
      return std::make_shared<ModelOptions>(own);
  return std::make_shared<ModelOptions>(options.defaults);
}

std::shared_ptr<Version> EngineImpl::open(const Model &model, uint64_t number,
                                          Bundle &&bundle, Status &status) {
  std::shared_ptr<Version> version;
  std::vector<GoldenCase> cases;
  auto load = [&] {
    std::unique_ptr<Version> made = Version::load(
        model.name, number, std::move(bundle), model.options, &pool, status);
    if (!made)
      return;
    if (options.profileRate)
      made->profile = std::make_unique<OperatorProfile>(options.profileRate);
    version = reaper->own(made.release());
    status = readGolden(version->golden(), *version, cases);
    std::vector<GoldenCase> proved = cases;
    if (started)
      sinter_program_prefault(version->narrow.get(), 0);
    else if (proved.size() > 1)
      proved.resize(1); // readiness waits for one run
    if (status.ok())
      status = selfTest(version, proved, version->tolerance, runLimit);
  };
  // It takes what time requests leave; at the start nobody is there.
  if (started)
    runQuietly(load);
  else
    load();
  if (!status.ok()) {
    say(EngineEvent::Kind::failed, model.name, std::to_string(number),
        status.message);
    return nullptr;
  }
  if (std::shared_ptr<Version> before = model.ready(model.defaultVersion()))
    scheduler->inheritCosts(*before, *version);
  if (options.warmUp)
    keeper->warm(version, std::move(cases));
  say(EngineEvent::Kind::loaded, model.name, version->number(), "loaded");
  return version;
}

Status EngineImpl::add(const EngineOptions::Embedded &embedded) {
  std::lock_guard<std::mutex> lock(control);
  return loadEmbedded(embedded);
}

Status EngineImpl::loadEmbedded(const EngineOptions::Embedded &embedded) {
  Bundle bundle;
  Status status;
  bundle.linked = embedded.linked;
  if (embedded.open)
    status = embedded.open(bundle);
  else if (!embedded.linked)
    status = openEmbedded(embedded.descriptor, embedded.offset, embedded.bytes,
                          bundle);
  if (status.ok() && embedded.weightsBytes)
    status = MappedWeights::map(embedded.descriptor, embedded.weightsOffset,
                                embedded.weightsBytes, bundle.mapped);
  if (embedded.golden >= 0)
    bundle.golden = embedded.golden;
  if (!embedded.manifest.empty()) // says more than the object's
    bundle.manifest = embedded.manifest;
  if (!status.ok())
    return status;
  std::shared_ptr<Model> model = copyOf(embedded.name);
  uint64_t number = std::strtoull(embedded.version.c_str(), nullptr, 10);
  std::shared_ptr<Version> version =
      open(*model, number ? number : 1, std::move(bundle), status);
  if (!version)
    return status;
  model->versions[version->version] = version;
  model->atStart |= !started;
  publish(model);
  return {};
}

// What the policy asks for, and versions that a label or a split holds.
std::vector<FoundVersion>
EngineImpl::wanted(const Model &model, const std::vector<FoundVersion> &found,
                   Status &status) const {
  const ModelOptions &policy = *model.options;
  auto asked = [&](size_t index) {
    uint64_t number = found[index].number;
    switch (policy.policy) {
    case VersionPolicy::all:
      return true;
    case VersionPolicy::latest:
      return index + std::max<uint32_t>(policy.latest, 1) >= found.size();
    case VersionPolicy::specific:
      return std::find(policy.versions.begin(), policy.versions.end(),
                       number) != policy.versions.end();
    }
    return false;
  };
  std::vector<FoundVersion> keep;
  for (size_t i = 0; i < found.size(); ++i)
    if (asked(i) || model.isPinned(found[i].number))
      keep.push_back(found[i]);
  if (keep.empty() && status.ok())
    status = {
        Code::notFound,
        "model '" + model.name +
            "': none of the versions it is to serve is in the repository"};
  return keep;
}

Status EngineImpl::loadVersion(Model &model, const FoundVersion &found) {
  auto old = model.versions.find(found.number);
  if (old != model.versions.end() && old->second->stamp == found.stamp)
    return {};
  Bundle bundle;
  Status status = options.openBundle ? options.openBundle(found.path, bundle)
                                     : openFolder(found.path, bundle);
  std::shared_ptr<Version> version;
  if (status.ok())
    version = open(model, found.number, std::move(bundle), status);
  if (!version) {
    model.broken[found.number] = {found.number, found.stamp, status.message};
    return status;
  }
  version->stamp = found.stamp;
  model.broken.erase(found.number);
  model.versions[found.number] = std::move(version);
  return {};
}

Status EngineImpl::loadMissing(Model &model, uint64_t number) {
  if (model.ready(number))
    return {};
  Status status;
  for (const FoundVersion &found :
       listVersions(options.repository, model.name, status))
    if (found.number == number)
      return loadVersion(model, found);
  if (status.ok())
    status = {Code::notFound, "model '" + model.name + "' has no version " +
                                  std::to_string(number) +
                                  " in the repository"};
  return status;
}

Status EngineImpl::loadModel(const std::string &name) {
  Status status;
  std::vector<FoundVersion> found =
      listVersions(options.repository, name, status);
  std::shared_ptr<Model> model = copyOf(name);
  uint64_t before = model->defaultVersion();
  model->fromRepository = true;
  model->atStart |= !started;
  if (status.ok())
    found = wanted(*model, found, status);
  if (!status.ok()) {
    // A repository that is lost or empty takes nothing away.
    if (model->versions.empty() && !started) {
      model->broken[0] = {0, 0, status.message};
      publish(model);
    }
    return status;
  }
  if (started && (model->versions.empty() || !model->broken.empty())) {
    auto marked = std::make_shared<Model>(*model);
    marked->loading = true;
    publish(marked);
  }
  model->broken.clear();
  size_t good = 0;
  for (const FoundVersion &version : found) {
    Status one = loadVersion(*model, version);
    good += one.ok();
    status = one.ok() ? status : one;
  }
  // With none of the new ones good, the old ones stay.
  for (auto at = model->versions.begin();
       good && at != model->versions.end();) {
    bool keep =
        std::any_of(found.begin(), found.end(), [&](const FoundVersion &f) {
          return f.number == at->first;
        });
    if (!keep)
      say(EngineEvent::Kind::unloaded, name, at->second->number(), "replaced");
    at = keep ? std::next(at) : model->versions.erase(at);
  }
  model->unloaded = model->unloaded && !good;
  model->evicted = model->evicted && !good;
  if (before && before != model->defaultVersion())
    model->state.previousStable = before;
  publish(model);
  evict(name);
  return status;
}

Status EngineImpl::load(const std::string &model) {
  std::lock_guard<std::mutex> lock(control);
  if (options.repository.empty())
    return {
        Code::unsupported,
        "model '" + model +
            "': this server holds its model in itself and has no repository"};
  return loadModel(model);
}

Status EngineImpl::unload(const std::string &name) {
  std::lock_guard<std::mutex> lock(control);
  Status status = known(name);
  if (!status.ok())
    return status;
  std::shared_ptr<Model> model = copyOf(name);
  model->versions.clear();
  model->broken.clear();
  model->unloaded = true;
  model->evicted = false;
  publish(model);
  say(EngineEvent::Kind::unloaded, name, "", "unloaded");
  return {};
}

// The models that were used least recently go, until the rest fits. What is in
// a queue or a run lives on until it is answered.
void EngineImpl::evict(const std::string &keep) {
  while (options.memoryBudget) {
    uint64_t bytes = 0;
    int64_t oldest = 0;
    std::string victim;
    catalogue.read([&](const Catalogue &now) {
      for (const auto &[name, model] : now.models) {
        int64_t used = 0;
        for (const auto &[number, version] : model->versions) {
          bytes += version->objectBytes;
          used =
              std::max(used, version->usedAt.load(std::memory_order_relaxed));
        }
        if (model->fromRepository && !model->versions.empty() && name != keep &&
            (victim.empty() || used < oldest)) {
          victim = name;
          oldest = used;
        }
      }
    });
    if (bytes <= options.memoryBudget || victim.empty())
      return;
    std::shared_ptr<Model> model = copyOf(victim);
    model->versions.clear();
    model->evicted = true;
    publish(model);
    say(EngineEvent::Kind::unloaded, victim, "",
        "evicted: the memory budget is used up");
  }
}

} // namespace sinter::serve
