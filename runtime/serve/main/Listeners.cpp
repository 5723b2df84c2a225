// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/main/Listeners.h"

#include "runtime/serve/engine/Cpus.h"
#include "runtime/serve/main/Log.h"
#include "runtime/serve/protect/Expiry.h"

#include <algorithm>
#include <thread>

namespace sinter::serve {
namespace {

// Parsing and copying of requests: half of the CPUs are enough for it, the
// other half runs models.
uint32_t listenerThreads() { return std::clamp(availableCpus() / 2, 1u, 8u); }

void applyLogSettings(const LogSettings &settings) {
  setLogLevel(settings.verbose   ? "debug"
              : settings.info    ? "info"
              : settings.warning ? "warning"
              : settings.error   ? "error"
                                 : "off");
}

// An IPv6 address stands in brackets before its port.
std::string hostPort(const std::string &address, int64_t port) {
  bool isV6 = address.find(':') != std::string::npos && address.front() != '[';
  return (isV6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

LogSettings settingsOf(const std::string &level) {
  LogSettings settings;
  settings.verbose = level == "debug";
  settings.info = level == "debug" || level == "info";
  settings.warning = settings.info || level == "warning";
  settings.error = level != "off";
  return settings;
}

} // namespace

Listeners::Listeners(Engine &engine, Tracer &tracer, const ServerConfig &config)
    : engine(engine), tracer(tracer), config(config), logs(applyLogSettings),
      pages(
          engine, [this] { return metrics(); }, &tracer, config.profileRate > 0,
          [this] { return certificateEnds.load(); }),
      routes(
          engine,
          [this](const std::string &client, const std::string &action,
                 const Status &outcome) { audit(client, action, outcome); },
          [this](HttpRequest &request, const std::string &model) {
            return mayControl(request, model);
          }),
      clients(engine, servicesFor(false)), admin(engine, servicesFor(true)) {
  logs.set(settingsOf(config.logLevel));
  models.defaults = config.defaults;
  models.models = config.models;
}

Listeners::~Listeners() {
  if (grpc)
    grpc->shutdown(Clock::now());
  for (auto &listener : http)
    listener->stop();
}

void Shortage::warn(const char *listener, const std::string &text) {
  int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                    Clock::now().time_since_epoch())
                    .count();
  if (said.exchange(now) != now)
    logEvent(Severity::warning, text, {{"listener", listener}});
}

BatchingConfig Listeners::batchingOf(const std::string &model) const {
  std::lock_guard<std::mutex> lock(modelsMutex);
  const ModelOptions *options = &models.defaults;
  for (const ModelOptions &own : models.models)
    if (own.name == model)
      options = &own;
  return {options->maxDelayUs, options->preferredBatch,
          options->priorityLevels};
}

Services Listeners::servicesFor(bool isAdmin) {
  Services services;
  services.limits.tensorBytes = config.maxBody;
  if (config.sharedMemory)
    services.sharedMemory = &sharedMemory;
  services.logs = &logs;
  services.tracer = &tracer;
  services.control =
      config.controlEverywhere || (isAdmin && !config.controlNowhere);
  services.batching = [this](const std::string &model) {
    return batchingOf(model);
  };
  services.audit = [this](const HttpRequest &request, const std::string &action,
                          const Status &outcome) {
    audit(request.client, action, outcome);
  };
  if (!config.accessFile.empty())
    services.authorize = [this](HttpRequest &request, Permission permission,
                                const std::string &model) {
      return access.check(
          {request.authorization, request.apiKey, request.certificate},
          permission, model, request.client);
    };
  if (isAdmin)
    services.more = [this](const HttpRequest &request, std::string_view target,
                           const HttpAnswer &answer) {
      return pages(request, target, answer) || routes(request, target, answer);
    };
  return services;
}

Status Listeners::mayControl(HttpRequest &request,
                             const std::string &model) const {
  if (config.controlNowhere)
    return {Code::denied, "control is off: --repository-control=off"};
  if (config.accessFile.empty())
    return {};
  return access.check(
      {request.authorization, request.apiKey, request.certificate},
      Permission::control, model, request.client);
}

void Listeners::audit(const std::string &client, const std::string &action,
                      const Status &outcome) {
  logEvent(outcome.ok() ? Severity::info : Severity::error, "control",
           {{"action", action},
            {"client", client},
            {"outcome", outcome.ok() ? "done" : outcome.message}});
  if (!auditLog)
    return;
  if (Status status = auditLog->append(client, action, outcome); !status.ok())
    logEvent(Severity::error, "the audit log cannot be written",
             {{"reason", status.message}});
}

std::vector<ListenerMetrics> Listeners::metrics() const {
  std::vector<ListenerMetrics> all;
  for (size_t i = 0; i < http.size(); ++i)
    all.push_back(listenerMetrics(kinds[i], http[i]->counts()));
  return all;
}

std::optional<TlsOptions> Listeners::tls() const {
  if (config.tlsCertificate.empty())
    return std::nullopt;
  return TlsOptions{config.tlsCertificate, config.tlsKey, config.tlsClientCa};
}

Status Listeners::startHttp(const char *kind, const ListenerConfig &where,
                            HttpHandler &handler, bool secure) {
  auto listen = [&](const std::string &address, uint16_t port) {
    ListenOptions options;
    options.address = address;
    options.port = port;
    options.threads = secure ? listenerThreads() : 1;
    options.limits.bodyBytes = config.maxBody;
    options.limits.connections = uint32_t(config.maxConnections);
    if (secure)
      options.tls = tls();
    options.warn = [this, kind](const std::string &text) {
      shortage.warn(kind, text);
    };
    Status status;
    auto listener = HttpListener::start(options, handler, status);
    if (!listener)
      return status;
    bool isSocket = address.rfind("unix:", 0) == 0;
    bound.push_back(std::string(kind) + " " +
                    (isSocket ? address : hostPort(address, listener->port())));
    if (options.tls)
      withTls.push_back(listener.get());
    http.push_back(std::move(listener));
    kinds.push_back(isSocket ? std::string(kind) + "-socket" : kind);
    return Status();
  };
  if (where.port >= 0)
    if (Status status = listen(where.address, uint16_t(where.port));
        !status.ok())
      return status;
  return where.socket.empty() ? Status() : listen("unix:" + where.socket, 0);
}

Status Listeners::startGrpc() {
  GrpcOptions options;
  if (config.grpc.port >= 0)
    options.addresses.push_back(
        hostPort(config.grpc.address, config.grpc.port));
  if (!config.grpc.socket.empty())
    options.addresses.push_back("unix:" + config.grpc.socket);
  if (options.addresses.empty())
    return {};
  if (hasTls())
    options.tls = *tls();
  options.allowControl = config.controlEverywhere;
  options.threads = listenerThreads();
  options.maxStreams = int(config.maxStreams);
  options.maxMessage = config.maxBody;
  options.sharedMemory = config.sharedMemory ? &sharedMemory : nullptr;
  options.logs = &logs;
  options.tracer = &tracer;
  options.extensions.trace = true;
  options.extensions.sharedMemory = config.sharedMemory;
  options.batching = [this](const std::string &model) {
    return batchingOf(model);
  };
  options.audit = [this](const std::string &client, const std::string &action,
                         const Status &outcome) {
    audit(client, action, outcome);
  };
  if (!config.accessFile.empty())
    options.authorize = [this](const Credentials &credentials,
                               Permission permission, const std::string &model,
                               std::string &client) {
      return access.check(credentials, permission, model, client);
    };
  options.warn = [this](const std::string &text) {
    shortage.warn("grpc", text);
  };
  takeGrpcLog();
  Status status;
  grpc = GrpcServer::start(engine, options, status);
  if (grpc)
    for (const std::string &address : grpc->addresses())
      bound.push_back("grpc " + address);
  return status;
}

Status Listeners::start() {
  Status status;
  if (hasTls())
    tlsStamp = stampOf(*tls());
  if (!config.accessFile.empty())
    status = access.load(config.accessFile);
  if (status.ok() && !config.auditLog.empty())
    auditLog = AuditLog::open(config.auditLog, status);
  if (status.ok())
    status = startHttp("http", config.http, clients, true);
  if (status.ok())
    status = startGrpc();
  if (status.ok())
    status = startHttp("admin", config.admin, admin, false);
  if (status.ok() && hasTls())
    takeCertificateEnd();
  return status;
}

Status Listeners::reload(const EngineOptions &next) {
  {
    std::lock_guard<std::mutex> lock(modelsMutex);
    models.defaults = next.defaults;
    models.models = next.models;
  }
  Status status;
  if (!config.accessFile.empty())
    status = access.load(config.accessFile);
  Status renewed = reloadTls();
  return renewed.ok() ? status : renewed;
}

Status Listeners::reloadTls() {
  if (!hasTls())
    return {};
  tlsStamp = stampOf(*tls());
  Status status;
  for (HttpListener *listener : withTls)
    if (Status one = listener->reloadTls(*tls()); !one.ok())
      status = one;
  if (grpc)
    if (Status one = grpc->reloadTls(*tls()); !one.ok())
      status = one;
  if (status.ok())
    takeCertificateEnd();
  return status;
}

void Listeners::takeCertificateEnd() {
  certificateEnds = expiryOf(config.tlsCertificate);
  endSaid = {};
  warnOfEnd();
}

// Once a day from a week before, as the alert rule has it.
void Listeners::warnOfEnd() {
  using namespace std::chrono;
  constexpr int64_t day = 24 * 60 * 60, soon = 7 * day;
  int64_t left =
      certificateEnds -
      duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
  bool isSaid = endSaid != TimePoint() && Clock::now() - endSaid < seconds(day);
  if (left > soon || isSaid)
    return;
  endSaid = Clock::now();
  logEvent(left > 0 ? Severity::warning : Severity::error,
           left > 0 ? "the certificate expires soon; renew its files"
                    : "the certificate has expired; renew its files",
           {{"file", config.tlsCertificate},
            {"hours", std::to_string(left / 3600)}});
}

// Whoever renews certificates, a timer or Kubernetes, rarely sends a signal,
// and a certificate that has expired stops every client.
void Listeners::lookAtCertificates() {
  if (!hasTls())
    return;
  if (stampOf(*tls()) == tlsStamp)
    return warnOfEnd();
  Status status = reloadTls();
  if (status.ok())
    logEvent(Severity::info, "the certificate was read again",
             {{"file", config.tlsCertificate}});
  else
    logEvent(Severity::error, "the old certificate stays",
             {{"reason", status.message}});
}

void Listeners::drain(TimePoint deadline) {
  std::vector<std::thread> waiting;
  for (auto &listener : http)
    waiting.emplace_back([&listener, deadline] { listener->drain(deadline); });
  if (grpc)
    grpc->shutdown(deadline);
  for (std::thread &one : waiting)
    one.join();
}

} // namespace sinter::serve
