// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From paths to answers. What only reads is answered on the listener's thread;
// inference goes to the engine, control actions to a queue of their own.
#include "runtime/serve/http/RouterExchange.h"

#include "runtime/serve/http/ControlQueue.h"
#include "runtime/serve/http/Target.h"
#include "runtime/serve/protocol/JsonWriter.h"
#include "runtime/serve/protocol/Statistics.h"

namespace sinter::serve {

Router::Router(Engine &engine, Services services)
    : engine(engine), services(std::move(services)),
      queue(std::make_unique<ControlQueue>()) {}

Router::~Router() = default;

std::shared_ptr<Ticket> Router::handle(HttpRequest &&request,
                                       HttpAnswer answer) {
  Exchange exchange{std::move(request), std::move(answer), {}, {}, {}, {}};
  std::optional<Segments> segments = splitTarget(exchange.request.target);
  if (exchange.request.method == HttpMethod::options) {
    HttpResponse allowed;
    allowed.status = 204;
    allowed.headers.emplace_back("Allow",
                                 "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    exchange.answer(std::move(allowed));
    return nullptr;
  }
  if (!segments) {
    exchange.fail({Code::notFound, "request: no such path '" +
                                       exchange.request.target.substr(0, 200) +
                                       "'; expected /v2/..."});
    return nullptr;
  }
  exchange.path = std::move(*segments);
  if (services.more &&
      services.more(exchange.request, exchange.request.target, exchange.answer))
    return nullptr;
  return route(std::move(exchange));
}

Status Router::ask(Exchange &exchange, Permission permission,
                   const std::string &model) {
  return services.authorize
             ? services.authorize(exchange.request, permission, model)
             : Status();
}

bool Router::allow(Exchange &exchange, Permission permission,
                   const std::string &model) {
  Status status = ask(exchange, permission, model);
  if (!status.ok())
    exchange.fail(status);
  return status.ok();
}

bool Router::isMethod(Exchange &exchange, HttpMethod method) {
  HttpMethod given = exchange.request.method;
  if (given == method ||
      (method == HttpMethod::get && given == HttpMethod::head))
    return true;
  HttpResponse response;
  response.status = 405;
  response.text =
      errorJson("request: this path takes " +
                std::string(method == HttpMethod::get ? "GET" : "POST"));
  response.headers.emplace_back("Allow", method == HttpMethod::get ? "GET, HEAD"
                                                                   : "POST");
  exchange.answer(std::move(response));
  return false;
}

void Router::notOffered(Exchange &&exchange, const std::string &what) {
  exchange.fail(
      {Code::unsupported, what + ": this server does not offer it; GET /v2 "
                                 "lists the extensions it has"});
}

std::shared_ptr<Ticket> Router::route(Exchange &&exchange) {
  const Segments &path = exchange.path;
  if (path.empty() || path[0] != "v2") {
    exchange.fail({Code::notFound, "request: no such path '" +
                                       exchange.request.target.substr(0, 200) +
                                       "'"});
    return nullptr;
  }
  const std::string area = path.size() > 1 ? path[1] : "";
  if (area == "models" && path.size() > 2)
    return routeModel(std::move(exchange));
  if (area == "repository")
    routeRepository(std::move(exchange));
  else if (area == "systemsharedmemory")
    routeRegions(std::move(exchange));
  else if (area == "cudasharedmemory")
    notOffered(std::move(exchange), "CUDA shared memory");
  else if (area == "trace" && path.size() == 3 && path[2] == "setting")
    routeTrace(std::move(exchange));
  else if (area == "logging" && path.size() == 2)
    routeLogs(std::move(exchange));
  else if (path.size() == 1) {
    if (isMethod(exchange, HttpMethod::get) &&
        allow(exchange, Permission::observe))
      exchange.json(serverMetadataJson({services.sharedMemory != nullptr,
                                        services.tracer != nullptr,
                                        services.logs != nullptr}));
  } else if (area == "health" && path.size() == 3 &&
             (path[2] == "live" || path[2] == "ready")) {
    if (isMethod(exchange, HttpMethod::get))
      exchange.health(path[2] == "live" ? engine.live() : engine.ready(),
                      "server: is not ready");
  } else
    exchange.fail({Code::notFound, "request: no such path '" +
                                       exchange.request.target.substr(0, 200) +
                                       "'"});
  return nullptr;
}

std::shared_ptr<Ticket> Router::routeModel(Exchange &&exchange) {
  const Segments &path = exchange.path;
  size_t at = 3;
  // The name is reserved: Triton's clients ask for all statistics here.
  if (path[2] == "stats" && path.size() == 3) {
    exchange.verb = "stats";
  } else {
    exchange.model = path[2];
    if (path.size() > 4 && path[3] == "versions") {
      exchange.version = path[4];
      at = 5;
    }
    for (; at < path.size(); ++at)
      exchange.verb += (exchange.verb.empty() ? "" : "/") + path[at];
  }
  const std::string verb = exchange.verb;
  if (verb == "infer")
    return infer(std::move(exchange));
  if (verb == "generate" || verb == "generate_stream") {
    if (isMethod(exchange, HttpMethod::post))
      notOffered(std::move(exchange), verb);
    return nullptr;
  }
  if (verb == "trace/setting") {
    routeTrace(std::move(exchange));
    return nullptr;
  }
  if (verb.compare(0, 7, "labels/") == 0 && exchange.version.empty()) {
    routeLabel(std::move(exchange));
    return nullptr;
  }
  if (verb != "" && verb != "ready" && verb != "config" && verb != "stats") {
    exchange.fail({Code::notFound, "request: no such path '" +
                                       exchange.request.target.substr(0, 200) +
                                       "'"});
    return nullptr;
  }
  if (isMethod(exchange, HttpMethod::get) &&
      allow(exchange, Permission::observe, exchange.model))
    describe(exchange);
  return nullptr;
}

void Router::describe(Exchange &exchange) {
  Status status;
  if (exchange.verb == "ready") {
    status = engine.modelReady(exchange.model, exchange.version);
    return status.ok() ? exchange.json("") : exchange.fail(status);
  }
  if (exchange.verb == "stats") {
    std::vector<ModelStatistics> statistics =
        engine.statistics(exchange.model, exchange.version, status);
    if (exchange.model.empty())
      keepVisible(exchange, statistics);
    return status.ok() ? exchange.json(statisticsJson(statistics))
                       : exchange.fail(status);
  }
  std::optional<ModelDescription> model =
      engine.describe(exchange.model, exchange.version, status);
  if (!model)
    return exchange.fail(status);
  if (exchange.verb.empty())
    return exchange.json(modelMetadataJson(*model));
  exchange.json(modelConfigJson(*model, services.batching
                                            ? services.batching(model->name)
                                            : BatchingConfig()));
}

Status Router::readInfer(Exchange &exchange, InferCall &call, bool &batched) {
  const HttpRequest &http = exchange.request;
  Request &request = call.request;
  request.model = exchange.model;
  request.version = exchange.version;
  request.received = http.received;
  request.client = http.client;
  request.trace = http.trace;
  if (!http.timeout.empty()) {
    std::optional<std::chrono::microseconds> timeout =
        parseTimeout(http.timeout);
    if (!timeout)
      return {Code::invalid, "request: X-Request-Timeout must be a time such "
                             "as 250ms or 1.5s, found '" +
                                 http.timeout.substr(0, 40) + "'"};
    request.deadline = http.received + *timeout;
  }
  InferBody body{http.body->data(), http.body->size(), http.body->size(),
                 http.body};
  if (!http.inferLength.empty()) {
    std::optional<size_t> length = parseLength(http.inferLength);
    if (!length)
      return {Code::invalid, "request: Inference-Header-Content-Length must be "
                             "the length of the JSON, found '" +
                                 http.inferLength.substr(0, 40) + "'"};
    body.jsonBytes = *length;
  }
  bool raw = !http.inferLength.empty() && body.jsonBytes == 0;
  Status status =
      raw ? Status()
          : parseInfer(body, services.limits, services.sharedMemory, call);
  bool classified = false;
  for (const OutputWish &wish : call.plan.wishes)
    classified |= wish.classes > 0;
  if (status.ok() && (raw || classified)) {
    std::optional<ModelDescription> model =
        engine.describe(exchange.model, exchange.version, status);
    if (!model)
      return status;
    batched = model->batchDim == 0;
    if (raw)
      status = parseRawInfer(body, *model, call);
  }
  if (request.id.empty())
    request.id = http.requestId;
  return status;
}

std::shared_ptr<Ticket> Router::infer(Exchange &&exchange) {
  if (!isMethod(exchange, HttpMethod::post) ||
      !allow(exchange, Permission::infer, exchange.model))
    return nullptr;
  InferCall call;
  bool batched = false;
  if (Status status = readInfer(exchange, call, batched); !status.ok()) {
    // That there is no such model says more than what is wrong with its input.
    Status model = engine.modelReady(exchange.model, exchange.version);
    if (model.code == Code::notFound)
      status = model;
    exchange.fail(status);
    return nullptr;
  }
  call.request.done = [this, batched, plan = std::move(call.plan),
                       answer =
                           std::move(exchange.answer)](Response &&response) {
    InferReply reply;
    Status status = response.status;
    if (status.ok())
      status =
          renderInfer(plan, response, batched, services.sharedMemory, reply);
    HttpResponse http = status.ok() ? HttpResponse() : errorResponse(status);
    http.traceparent = std::move(response.traceparent);
    if (!status.ok())
      return answer(std::move(http));
    if (reply.binary) {
      http.contentType = "application/octet-stream";
      http.headers.emplace_back("Inference-Header-Content-Length",
                                std::to_string(reply.json.size()));
    }
    http.text = std::move(reply.json);
    http.blobs = std::move(reply.blobs);
    answer(std::move(http));
  };
  return engine.submit(std::move(call.request));
}

} // namespace sinter::serve
