// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The engine does not call back when its state changes, so a Watch looks five
// times a second; probes do not watch, and a load balancer needs no more.
#include "runtime/serve/grpc/Service.h"

#include <grpcpp/alarm.h>

#include <mutex>

namespace sinter::serve {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using Serving = HealthCheckResponse::ServingStatus;

constexpr auto lookEvery = std::chrono::milliseconds(200);

Serving stateOf(Engine &engine, const std::string &service) {
  if (service.empty() ||
      service == inference::GRPCInferenceService::service_full_name())
    return engine.ready() ? HealthCheckResponse::SERVING
                          : HealthCheckResponse::NOT_SERVING;
  Status status = engine.modelReady(service, "");
  if (status.code == Code::notFound)
    return HealthCheckResponse::SERVICE_UNKNOWN;
  return status.ok() ? HealthCheckResponse::SERVING
                     : HealthCheckResponse::NOT_SERVING;
}

class WatchCall : public grpc::ServerWriteReactor<HealthCheckResponse> {
public:
  WatchCall(Engine &engine, std::string service,
            const std::atomic<bool> &isStopping)
      : engine(engine), service(std::move(service)), isStopping(isStopping) {
    look();
  }

  void OnWriteDone(bool ok) override {
    if (ok)
      wait();
    else
      Finish(grpc::Status::CANCELLED);
  }
  void OnCancel() override {
    isCancelled = true;
    alarm.Cancel();
  }
  void OnDone() override { delete this; }

private:
  void wait() {
    alarm.Set(std::chrono::system_clock::now() + lookEvery,
              [this](bool) { look(); });
    if (isCancelled) // between the write and the alarm
      alarm.Cancel();
  }

  void look() {
    if (isCancelled)
      return Finish(grpc::Status::CANCELLED);
    Serving now = isStopping ? HealthCheckResponse::NOT_SERVING
                             : stateOf(engine, service);
    if (now != last) {
      last = now;
      response.set_status(now);
      return StartWrite(&response);
    }
    if (isStopping)
      return Finish(
          grpc::Status(grpc::StatusCode::UNAVAILABLE, "the server goes down"));
    wait();
  }

  Engine &engine;
  const std::string service;
  const std::atomic<bool> &isStopping;
  std::atomic<bool> isCancelled{false};
  HealthCheckResponse response;
  Serving last = HealthCheckResponse::UNKNOWN;
  grpc::Alarm alarm;
};

} // namespace

grpc::ServerUnaryReactor *
HealthService::Check(grpc::CallbackServerContext *context,
                     const HealthCheckRequest *request,
                     HealthCheckResponse *response) {
  grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
  Serving state = isStopping ? HealthCheckResponse::NOT_SERVING
                             : stateOf(engine, request->service());
  response->set_status(state);
  if (state == HealthCheckResponse::SERVICE_UNKNOWN)
    reactor->Finish(
        grpc::Status(grpc::StatusCode::NOT_FOUND,
                     "no service or model '" + request->service() + "'"));
  else
    reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<HealthCheckResponse> *
HealthService::Watch(grpc::CallbackServerContext *,
                     const HealthCheckRequest *request) {
  return new WatchCall(engine, request->service(), isStopping);
}

} // namespace sinter::serve
