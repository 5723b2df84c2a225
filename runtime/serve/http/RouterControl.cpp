// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Repository, labels, shared memory and log settings. What changes the server
// is for listeners with control only, and each try is handed to the audit.
#include "runtime/serve/http/RouterExchange.h"

#include "runtime/serve/http/ControlQueue.h"

namespace sinter::serve {

void Router::control(Exchange &&exchange, std::string action,
                     std::function<Status()> act) {
  if (!mayChange(exchange, action))
    return;
  auto shared = std::make_shared<Exchange>(std::move(exchange));
  bool queued = queue->post([this, shared, action, act = std::move(act)] {
    Status status = act();
    if (services.audit)
      services.audit(shared->request, action, status);
    status.ok() ? shared->json("{}") : shared->fail(status);
  });
  if (!queued)
    shared->fail(
        {Code::unavailable, action + ": too many control actions wait", 1000});
}

void Router::routeRepository(Exchange &&exchange) {
  Segments path = exchange.path;
  bool named = path.size() > 2 && path[2] != "index" && path[2] != "models";
  if (named || (path.size() == 4 && path[3] == "index"))
    path.erase(path.begin() + 2); // the name of a repository: there is one
  std::string_view body = exchange.request.body->text();
  if (path.size() == 3 && path[2] == "index") {
    if (!isMethod(exchange, HttpMethod::post) ||
        !allow(exchange, Permission::observe))
      return;
    bool readyOnly = false;
    Status status = parseIndexRequest(body, readyOnly);
    if (!status.ok())
      return exchange.fail(status);
    std::vector<IndexEntry> entries = engine.index();
    keepVisible(exchange, entries);
    return exchange.json(repositoryIndexJson(entries, readyOnly));
  }
  if (path.size() != 5 || path[2] != "models" ||
      (path[4] != "load" && path[4] != "unload"))
    return exchange.fail(
        {Code::notFound, "request: no such path '" +
                             exchange.request.target.substr(0, 200) + "'"});
  if (!isMethod(exchange, HttpMethod::post))
    return;
  std::string model = exchange.model = path[3];
  if (path[4] == "unload")
    return control(std::move(exchange), "unload " + model,
                   [this, model] { return engine.unload(model); });
  if (Status status = parseLoadRequest(body); !status.ok())
    return exchange.fail(status);
  control(std::move(exchange), "load " + model,
          [this, model] { return engine.load(model); });
}

void Router::routeLabel(Exchange &&exchange) {
  std::string model = exchange.model, label = exchange.verb.substr(7), version;
  bool removes = exchange.request.method == HttpMethod::del;
  if (!removes && exchange.request.method != HttpMethod::put &&
      !isMethod(exchange, HttpMethod::post))
    return;
  if (Status status = removes
                          ? Status()
                          : parseLabel(exchange.request.body->text(), version);
      !status.ok())
    return exchange.fail(status);
  control(std::move(exchange),
          "label " + model + " " + label + " " +
              (version.empty() ? "(none)" : version),
          [this, model, label, version] {
            return engine.setLabel(model, label, version);
          });
}

void Router::routeRegions(Exchange &&exchange) {
  if (!services.sharedMemory)
    return notOffered(std::move(exchange), "system shared memory");
  SharedMemory &shared = *services.sharedMemory;
  const Segments &path = exchange.path;
  SharedMemory::Region region;
  if (path.size() == 5 && path[2] == "region")
    region.name = path[3];
  else if (path.size() != 3)
    return exchange.fail(
        {Code::notFound, "request: no such path '" +
                             exchange.request.target.substr(0, 200) + "'"});
  const std::string verb = path.back();
  if (verb == "status") {
    std::vector<SharedMemory::Region> regions;
    if (!isMethod(exchange, HttpMethod::get) ||
        !allow(exchange, Permission::observe))
      return;
    Status status = shared.list(region.name, regions);
    return status.ok() ? exchange.json(regionsJson(regions))
                       : exchange.fail(status);
  }
  if (verb != "unregister" && (verb != "register" || region.name.empty()))
    return exchange.fail(
        {Code::notFound, "request: no such path '" +
                             exchange.request.target.substr(0, 200) + "'"});
  if (!isMethod(exchange, HttpMethod::post) ||
      !allow(exchange, Permission::infer))
    return;
  if (verb == "unregister") {
    shared.remove(region.name);
    return exchange.json("");
  }
  Status status = parseRegion(exchange.request.body->text(), region);
  if (status.ok())
    status = shared.add(region);
  status.ok() ? exchange.json("") : exchange.fail(status);
}

// Who tries without leave where there is control, is in the audit as well.
bool Router::mayChange(Exchange &exchange, const std::string &what) {
  if (!services.control) {
    exchange.fail({Code::denied,
                   what + ": not on this listener; --repository-control says "
                          "where: admin (only the admin port), all or off"});
    return false;
  }
  Status status = ask(exchange, Permission::control, exchange.model);
  if (status.ok())
    return true;
  if (services.audit)
    services.audit(exchange.request, what, status);
  exchange.fail(status);
  return false;
}

void Router::routeTrace(Exchange &&exchange) {
  if (!services.tracer)
    return notOffered(std::move(exchange), "trace settings");
  bool changes = exchange.request.method == HttpMethod::post;
  if (!changes && !isMethod(exchange, HttpMethod::get))
    return;
  if (!allow(exchange, Permission::observe, exchange.model))
    return;
  Status status;
  std::string model = exchange.model;
  if (!model.empty()) {
    status = engine.modelReady(model, "");
    if (status.code == Code::notFound)
      return exchange.fail(status);
    if (auto known = engine.describe(model, "", status))
      model = known->name; // it may have been called by another name
  }
  TraceChanges wanted;
  status = changes ? parseTraceSettings(exchange.request.body->text(), wanted)
                   : Status();
  if (!status.ok())
    return exchange.fail(status);
  if (changes) {
    if (!mayChange(exchange, "trace settings " + model))
      return;
    status = services.tracer->change(model, wanted);
    if (services.audit)
      services.audit(exchange.request, "trace settings " + model, status);
  }
  status.ok()
      ? exchange.json(traceSettingsJson(services.tracer->settings(model)))
      : exchange.fail(status);
}

void Router::routeLogs(Exchange &&exchange) {
  if (!services.logs)
    return notOffered(std::move(exchange), "log settings");
  if (exchange.request.method != HttpMethod::post) {
    if (isMethod(exchange, HttpMethod::get) &&
        allow(exchange, Permission::observe))
      exchange.json(logSettingsJson(services.logs->get()));
    return;
  }
  LogSettings settings = services.logs->get();
  if (Status status = parseLogSettings(exchange.request.body->text(), settings);
      !status.ok())
    return exchange.fail(status);
  if (!mayChange(exchange, "log settings"))
    return;
  services.logs->set(settings);
  if (services.audit)
    services.audit(exchange.request, "log settings", {});
  exchange.json(logSettingsJson(settings));
}

} // namespace sinter::serve
