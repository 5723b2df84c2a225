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

Status readTrace(const std::string &path, std::string &trace) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> part(1 << 16);
  while (file.read(part.data(), std::streamsize(part.size())),
         file.gcount() > 0) {
    trace.append(part.data(), size_t(file.gcount()));
    if (trace.size() > maxTrace)
      return {Code::invalid, path + ": the trace is over 256 MB"};
  }
  if (!file.eof())
    return {Code::invalid, path + ": the trace cannot be read"};
  return {};
}

} // namespace

Status simulateModels(const ServerConfig &config,
                      const std::vector<EngineOptions::Embedded> &embedded,
                      std::string &page) {
  std::string trace;
  if (Status status = readTrace(config.simulate, trace); !status.ok())
    return status;
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
