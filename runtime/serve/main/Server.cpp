// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/main/Server.h"

#include "runtime/serve/bundle/OpenBundle.h"
#include "runtime/serve/main/Gate.h"
#include "runtime/serve/main/Listeners.h"
#include "runtime/serve/main/Log.h"
#include "runtime/serve/main/Watch.h"
#include "runtime/serve/protect/HeapTrim.h"

#include <fstream>
#include <iterator>
#include <set>

namespace sinter::serve {
namespace {

void logEngine(const EngineEvent &event) {
  using Kind = EngineEvent::Kind;
  static const struct {
    Kind kind;
    const char *text;
  } texts[] = {{Kind::loaded, "a version is ready"},
               {Kind::unloaded, "a version was unloaded"},
               {Kind::failed, "a version cannot be served"},
               {Kind::label, "a label was moved"},
               {Kind::traffic, "the traffic was split"},
               {Kind::rollback, "a version was rolled back"},
               {Kind::circuit, "the circuit breaker moved"}};
  bool isGood = event.kind != Kind::failed && event.kind != Kind::rollback;
  for (const auto &row : texts)
    if (row.kind == event.kind)
      logEvent(isGood ? Severity::info : Severity::error, row.text,
               {{"model", event.model},
                {"version", event.version},
                {"text", event.text}});
}

// What a reload may change.
void takeModels(const ServerConfig &config, EngineOptions &out) {
  out.limits.client = config.clientLimit;
  out.defaults = config.defaults;
  out.models = config.models;
}

Status engineOptions(const ServerConfig &config,
                     std::vector<EngineOptions::Embedded> embedded,
                     EngineOptions &out) {
  out.repository = config.repository;
  out.stateDir = config.stateDir;
  out.threads = uint32_t(config.threads);
  out.memoryBudget = config.memoryBudget;
  out.profileRate = uint32_t(config.profileRate);
  takeModels(config, out);
  out.embedded = std::move(embedded);
  out.onEvent = logEngine;
  std::string key;
  if (Status status = readKey(config, key); !status.ok())
    return status;
  out.openBundle = [key](const std::string &path, Bundle &bundle) {
    return openBundle(path, key, bundle);
  };
  return {};
}

Gate::Names aliasesOf(const std::vector<EngineOptions::Embedded> &embedded) {
  Gate::Names aliases;
  for (const EngineOptions::Embedded &model : embedded)
    if (std::string file = textIn(model.manifest, "model_file"); !file.empty())
      aliases[file] = model.name;
  for (const EngineOptions::Embedded &model : embedded)
    aliases.erase(model.name);
  return aliases;
}

TraceOptions traceOptions(const ServerConfig &config) {
  TraceOptions out;
  out.isOn = config.traceOn;
  out.rate = config.traceRate;
  if (config.traceCount)
    out.count = int64_t(config.traceCount);
  out.file = config.traceFile;
  out.endpoint = config.otlpEndpoint;
  out.onExport = [](bool failed, const std::string &text) {
    if (failed)
      logEvent(Severity::error, "traces cannot be exported and are dropped",
               {{"reason", text}});
    else
      logEvent(Severity::info, "traces are exported again");
  };
  return out;
}

class ServerImpl final : public Server {
public:
  explicit ServerImpl(ServerConfig config) : config(std::move(config)) {}

  Status start(std::vector<EngineOptions::Embedded> embedded) {
    EngineOptions options;
    Gate::Names aliases = aliasesOf(embedded);
    takeModels(config, models);
    Status status = engineOptions(config, std::move(embedded), options);
    if (!status.ok())
      return status;
    std::unique_ptr<Engine> made = Engine::create(options, status);
    if (!made)
      return status;
    tracer = Tracer::create(traceOptions(config), status);
    if (!tracer)
      return status;
    gate = std::make_unique<Gate>(std::move(made), std::move(aliases), *tracer);
    logBroken();
    logStrangers(models);
    listeners = std::make_unique<Listeners>(*gate, *tracer, config);
    status = listeners->start();
    if (!status.ok() || !config.watch)
      return status;
    watch = std::make_unique<Watch>(
        config.repository, [this](const std::string &model) { load(model); });
    return watch->start();
  }

  ~ServerImpl() override { finishShutdown(Clock::now()); }

  Engine &engine() override { return *gate; }
  std::vector<std::string> addresses() const override {
    return listeners->addresses();
  }

  void reload(const ServerConfig &next) override {
    setLog(next.logLevel, next.logFormat);
    EngineOptions changed;
    takeModels(next, changed);
    Status status = gate->configure(changed);
    if (!status.ok()) {
      logEvent(Severity::error, "the old options of the models stay",
               {{"reason", status.message}});
    } else {
      models = std::move(changed);
    }
    status = listeners->reload(models);
    if (!status.ok())
      logEvent(Severity::error, "the old certificate and access rules stay",
               {{"reason", status.message}});
    status = {};
    std::vector<std::string> names;
    if (!config.repository.empty())
      names = listModels(config.repository, status);
    if (!status.ok())
      logEvent(Severity::error,
               "the repository cannot be read; what is loaded "
               "stays",
               {{"reason", status.message}});
    std::set<std::string> ended = unloaded();
    for (const std::string &name : names)
      if (!ended.count(name))
        load(name);
    logBroken();
    logStrangers(models);
  }

  std::chrono::milliseconds lookEvery() const override {
    return std::chrono::milliseconds(2000);
  }
  void look() override {
    listeners->lookAtCertificates();
    heap.look();
  }

  void beginShutdown() override { gate->close(); }

  void finishShutdown(TimePoint deadline) override {
    if (isDown || !gate)
      return;
    isDown = true;
    watch.reset();
    gate->close();
    if (listeners)
      listeners->drain(deadline);
    gate->drain(deadline);
    tracer->stop(deadline);
  }

private:
  void load(const std::string &model) {
    Status status = gate->load(model);
    logEvent(status.ok() ? Severity::info : Severity::error,
             status.ok() ? "a model was loaded" : "a model was not loaded",
             {{"model", model}, {"reason", status.message}});
  }

  // Taken from service by `sinter ctl unload`: a signal, sent for a certificate
  // perhaps, does not bring them back.
  std::set<std::string> unloaded() const {
    std::set<std::string> names;
    for (const IndexEntry &entry : gate->index())
      if (entry.version.empty() && entry.reason == "unloaded")
        names.insert(entry.name);
    return names;
  }

  // A broken version is no reason to end: the others are served.
  void logBroken() {
    for (const IndexEntry &entry : gate->index())
      if (entry.state == VersionState::unavailable)
        logEvent(Severity::error, "a version is not available",
                 {{"model", entry.name},
                  {"version", entry.version},
                  {"reason", entry.reason}});
  }

  // A name with a slip of the finger would be a limit that nobody keeps.
  void logStrangers(const EngineOptions &options) const {
    std::set<std::string> known;
    for (const IndexEntry &entry : gate->index())
      known.insert(entry.name);
    auto say = [&](const std::string &key, const std::string &model) {
      if (!known.count(model))
        logEvent(Severity::warning,
                 "the configuration names a model that is not here",
                 {{"key", key}, {"model", model}});
    };
    for (const ModelOptions &one : options.models) {
      say("models." + one.name, one.name);
      if (!one.degradeTo.empty())
        say("models." + one.name + ".degrade-to",
            one.degradeTo.substr(0, one.degradeTo.rfind(':')));
    }
  }

  const ServerConfig config;
  EngineOptions models; ///< what is said of them, after the last reload
  std::unique_ptr<Tracer> tracer; // outlives the engine, whose answers it sees
  std::unique_ptr<Gate> gate;
  std::unique_ptr<Listeners> listeners; // before the engine that they ask
  std::unique_ptr<Watch> watch;
  HeapTrim heap;
  bool isDown = false;
};

} // namespace

Status readKey(const ServerConfig &config, std::string &out) {
  if (config.bundleKey.empty())
    return {};
  std::ifstream file(config.bundleKey, std::ios::binary);
  out.assign(std::istreambuf_iterator<char>(file), {});
  if (!out.empty())
    return {};
  return {Code::invalid, config.bundleKey + ": cannot be read, or is empty"};
}

std::unique_ptr<Server>
Server::start(const ServerConfig &config,
              std::vector<EngineOptions::Embedded> embedded, Status &status) {
  setLog(config.logLevel, config.logFormat);
  auto server = std::make_unique<ServerImpl>(config);
  status = server->start(std::move(embedded));
  if (!status.ok())
    return nullptr;
  return server;
}

} // namespace sinter::serve
