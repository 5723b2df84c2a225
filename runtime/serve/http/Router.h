// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds out what a request wants and answers it: the Open Inference Protocol
// with the extensions that this server offers. An extension that it does not
// offer is a 501 that says so, an unknown path a 404.
//
//   Router router(engine, services);
//   HttpListener::start(options, router, status);
#ifndef SINTER_SERVE_HTTP_ROUTER_H
#define SINTER_SERVE_HTTP_ROUTER_H

#include "runtime/serve/http/HttpMessage.h"
#include "runtime/serve/observe/Trace.h"
#include "runtime/serve/protect/Access.h"
#include "runtime/serve/protocol/Control.h"
#include "runtime/serve/protocol/Metadata.h"

#include <string_view>

namespace sinter::serve {

/// Where the parts of a server come together. Pointers outlive the router; null
/// switches a part off.
struct Services {
  InferLimits limits;
  SharedMemory *sharedMemory = nullptr;
  LogControl *logs = nullptr;
  Tracer *tracer = nullptr;
  /// Load, unload, labels and log settings: on for the admin listener, and for
  /// the others with --repository-control=all.
  bool control = false;
  std::function<BatchingConfig(const std::string &model)> batching;
  /// Who asks, and whether they may: fills request.client with their name.
  /// Empty = everybody.
  std::function<Status(HttpRequest &request, Permission permission,
                       const std::string &model)>
      authorize;
  /// Of each control action on a listener with control, after it was tried or
  /// refused.
  std::function<void(const HttpRequest &request, const std::string &action,
                     const Status &outcome)>
      audit;
  /// Other paths, before the router's own: true when it answered.
  std::function<bool(const HttpRequest &request, std::string_view path,
                     const HttpAnswer &answer)>
      more;
};

class ControlQueue;

class Router final : public HttpHandler {
public:
  Router(Engine &engine, Services services);
  /// Waits for the control actions under way.
  ~Router() override;
  std::shared_ptr<Ticket> handle(HttpRequest &&request,
                                 HttpAnswer answer) override;

private:
  using Segments = std::vector<std::string>;
  struct Exchange;

  std::shared_ptr<Ticket> route(Exchange &&exchange);
  std::shared_ptr<Ticket> routeModel(Exchange &&exchange);
  std::shared_ptr<Ticket> infer(Exchange &&exchange);
  void describe(Exchange &exchange);
  Status readInfer(Exchange &exchange, InferCall &call, bool &batched);
  void routeRepository(Exchange &&exchange);
  void routeRegions(Exchange &&exchange);
  void routeLabel(Exchange &&exchange);
  void routeLogs(Exchange &&exchange);
  void routeTrace(Exchange &&exchange);
  bool mayChange(Exchange &exchange, const std::string &what);
  void control(Exchange &&exchange, std::string action,
               std::function<Status()> act);
  void notOffered(Exchange &&exchange, const std::string &what);
  Status ask(Exchange &exchange, Permission permission,
             const std::string &model);
  /// Answers what is not allowed.
  bool allow(Exchange &exchange, Permission permission,
             const std::string &model = "");
  /// Leaves the entries about models that the caller may see.
  template <class Entry>
  void keepVisible(Exchange &exchange, std::vector<Entry> &entries);
  bool isMethod(Exchange &exchange, HttpMethod method);

  Engine &engine;
  Services services;
  std::unique_ptr<ControlQueue> queue;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_ROUTER_H
