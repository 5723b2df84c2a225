// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Control actions: what to load, beside what runs, and the swap. One at a time;
// requests never wait for them. On failure the catalogue stays as it was, but
// for the reason that the index shows.
#include "runtime/serve/engine/EngineImpl.h"

#include <algorithm>

namespace sinter::serve {

std::shared_ptr<Model> EngineImpl::copyOf(const std::string &name) const {
  return catalogue.read([&](const Catalogue &now) {
    auto found = now.models.find(name);
    auto model = found == now.models.end()
                     ? std::make_shared<Model>()
                     : std::make_shared<Model>(*found->second);
    model->name = name;
    model->options = optionsOf(name);
    return model;
  });
}

void EngineImpl::publish(std::shared_ptr<const Model> model) {
  auto next = catalogue.read(
      [](const Catalogue &now) { return std::make_unique<Catalogue>(now); });
  next->models[model->name] = std::move(model);
  catalogue.replace(std::move(next));
}

std::shared_ptr<const ModelOptions>
EngineImpl::optionsOf(const std::string &model) const {
  for (const ModelOptions &own : options.models)
    if (own.name == model)
      return std::make_shared<ModelOptions>(own);
  return std::make_shared<ModelOptions>(options.defaults);
}

Status EngineImpl::loadEmbedded(const EngineOptions::Embedded &embedded) {
  Bundle bundle;
  bundle.linked = embedded.linked;
  bundle.manifest = embedded.manifest;
  if (!embedded.linked)
    if (Status status = openEmbedded(embedded.descriptor, embedded.offset,
                                     embedded.bytes, bundle);
        !status.ok())
      return status;
  bundle.golden = embedded.golden;
  std::shared_ptr<Model> model = copyOf(embedded.name);
  uint64_t number = std::strtoull(embedded.version.c_str(), nullptr, 10);
  Status status;
  std::shared_ptr<Version> version =
      Version::load(embedded.name, number ? number : 1, std::move(bundle),
                    model->options, &pool, status);
  if (!version)
    return status;
  model->versions[version->version] = version;
  publish(model);
  return {};
}

// What the policy asks for, and versions that a label holds.
std::vector<FoundVersion> EngineImpl::wanted(const Model &model,
                                             std::vector<FoundVersion> found,
                                             Status &status) const {
  const ModelOptions &policy = *model.options;
  auto labelled = [&](uint64_t number) {
    return std::any_of(
        model.labels.begin(), model.labels.end(),
        [&](const auto &label) { return label.second == number; });
  };
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
    if (asked(i) || labelled(found[i].number))
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
    version = Version::load(model.name, found.number, std::move(bundle),
                            model.options, &pool, status);
  if (!version) {
    model.broken[found.number] = {found.number, found.stamp, status.message};
    return status;
  }
  version->stamp = found.stamp;
  model.broken.erase(found.number);
  model.versions[found.number] = std::move(version);
  return {};
}

Status EngineImpl::loadFrom(const std::string &name) {
  Status status;
  std::vector<FoundVersion> found =
      listVersions(options.repository, name, status);
  std::shared_ptr<Model> model = copyOf(name);
  model->unloaded = false;
  if (status.ok())
    found = wanted(*model, std::move(found), status);
  if (!status.ok()) {
    if (status.code != Code::notFound || model->versions.empty())
      model->broken[0] = {0, 0, status.message};
    if (!model->versions.empty() || !started)
      publish(model);
    return status;
  }
  model->broken.clear();
  size_t good = 0;
  for (const FoundVersion &version : found) {
    Status one = loadVersion(*model, version);
    good += one.ok();
    status = one.ok() ? status : one;
  }
  // With none of the new ones good, the old ones stay.
  if (good)
    for (auto at = model->versions.begin(); at != model->versions.end();) {
      bool keep =
          std::any_of(found.begin(), found.end(), [&](const FoundVersion &f) {
            return f.number == at->first;
          });
      at = keep ? std::next(at) : model->versions.erase(at);
    }
  publish(model);
  return status;
}

Status EngineImpl::load(const std::string &model) {
  std::lock_guard<std::mutex> lock(control);
  if (options.repository.empty())
    return {
        Code::unsupported,
        "model '" + model +
            "': this server holds its model in itself and has no repository"};
  return loadFrom(model);
}

Status EngineImpl::unload(const std::string &name) {
  std::lock_guard<std::mutex> lock(control);
  Status status;
  catalogue.read([&](const Catalogue &now) { return now.find(name, status); });
  if (!status.ok())
    return status;
  std::shared_ptr<Model> model = copyOf(name);
  model->versions.clear();
  model->broken.clear();
  model->unloaded = true;
  publish(model);
  return {};
}

Status EngineImpl::setLabel(const std::string &name, const std::string &label,
                            const std::string &version) {
  std::lock_guard<std::mutex> lock(control);
  if (label.empty() || label.size() > 64 ||
      label.find_first_not_of("0123456789") == std::string::npos)
    return {Code::invalid,
            "label '" + label +
                "': expected a word of at most 64 letters that is no number"};
  Status status;
  std::shared_ptr<Version> target = catalogue.read([&](const Catalogue &now) {
    return version.empty() ? nullptr : now.find(name, version, status);
  });
  std::shared_ptr<Model> model = copyOf(name);
  if (version.empty()) {
    if (!model->labels.erase(label))
      return {Code::notFound,
              "model '" + name + "' has no label '" + label + "'"};
  } else if (!target) {
    return status;
  } else {
    model->labels[label] = target->version;
  }
  publish(model);
  return {};
}

} // namespace sinter::serve
