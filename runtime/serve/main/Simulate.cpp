// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/main/Simulate.h"

#include "runtime/serve/bundle/OpenBundle.h"
#include "runtime/serve/engine/Cpus.h"
#include "runtime/serve/engine/Simulation.h"

#include <fstream>
#include <iterator>
#include <map>

namespace sinter::serve {
namespace {

uint32_t threadsOf(const ServerConfig &config) {
  return config.threads ? uint32_t(config.threads) : availableCpus();
}

const ModelOptions &optionsOf(const ServerConfig &config,
                              const std::string &name) {
  for (const ModelOptions &model : config.models)
    if (model.name == name)
      return model;
  return config.defaults;
}

using Manifests = std::map<std::string, std::string>;

Status readManifests(const ServerConfig &config,
                     const std::vector<EngineOptions::Embedded> &embedded,
                     Manifests &out) {
  for (const EngineOptions::Embedded &model : embedded)
    out[model.name] = !model.manifest.empty() ? model.manifest
                      : model.linked          ? sinter_manifest(model.linked)
                                              : "{}";
  Status status;
  if (config.repository.empty())
    return status;
  for (const std::string &name : listModels(config.repository, status)) {
    std::vector<FoundVersion> versions =
        listVersions(config.repository, name, status);
    if (!status.ok())
      return status;
    Bundle bundle;
    status = openBundle(versions.back().path, "", bundle);
    if (!status.ok())
      return status;
    out[name] = bundle.manifest;
  }
  return status;
}

} // namespace

Status simulateModels(const ServerConfig &config,
                      const std::vector<EngineOptions::Embedded> &embedded,
                      std::string &page) {
  std::ifstream file(config.simulate, std::ios::binary);
  if (!file)
    return {Code::invalid, config.simulate + ": the trace cannot be read"};
  std::string trace((std::istreambuf_iterator<char>(file)), {});
  Manifests manifests;
  if (Status status = readManifests(config, embedded, manifests); !status.ok())
    return status;
  for (const auto &[name, manifest] : manifests) {
    std::string one;
    Status status = simulateTrace(trace, manifest, optionsOf(config, name),
                                  threadsOf(config), one);
    if (!status.ok())
      return {status.code, "model '" + name + "': " + status.message};
    page += "model " + name + "\n" + one;
  }
  return {};
}

} // namespace sinter::serve
