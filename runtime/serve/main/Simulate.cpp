// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/main/Simulate.h"

#include "runtime/serve/bundle/OpenBundle.h"
#include "runtime/serve/engine/Cpus.h"
#include "runtime/serve/engine/Simulation.h"

#include <fstream>
#include <map>
#include <vector>

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

constexpr size_t maxTrace = 256 << 20; // a device may have no end

Status readFile(const std::string &path, const char *what, std::string &text) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> part(1 << 16);
  while (file.read(part.data(), std::streamsize(part.size())),
         file.gcount() > 0) {
    text.append(part.data(), size_t(file.gcount()));
    if (text.size() > maxTrace)
      return {Code::invalid, path + ": the " + what + " is over 256 MB"};
  }
  if (!file.eof())
    return {Code::invalid, path + ": the " + what + " cannot be read"};
  return {};
}

} // namespace

Status simulateModels(const ServerConfig &config,
                      const std::vector<EngineOptions::Embedded> &embedded,
                      std::string &page) {
  std::string trace, measured;
  Status status = readFile(config.simulate, "trace", trace);
  if (status.ok() && !config.simulateCosts.empty())
    status = readFile(config.simulateCosts, "file of costs", measured);
  Manifests manifests;
  if (status.ok())
    status = readManifests(config, embedded, manifests);
  if (!status.ok())
    return status;
  for (auto &[name, manifest] : manifests) {
    std::string one;
    if (!config.simulateCosts.empty())
      status = takeMeasured(measured, name, manifest);
    if (status.ok())
      status = simulateTrace(trace, manifest, optionsOf(config, name),
                             threadsOf(config), one);
    if (!status.ok())
      return {status.code, "model '" + name + "': " + status.message};
    page += "model " + name + "\n" + one;
  }
  return {};
}

} // namespace sinter::serve
