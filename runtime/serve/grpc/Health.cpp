// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The engine does not call back when its state changes, so a Watch looks five
// times a second; probes do not watch, and a load balancer needs no more.
#include "runtime/serve/grpc/Service.h"

#include <grpcpp/alarm.h>

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

class WatchCall final : public Call {
public:
  using Async = HealthService::Async;

  static void await(Engine &engine, Async &async,
                    const std::atomic<bool> &isStopping, Loop &loop) {
    auto *call = new WatchCall(engine, async, isStopping, loop);
    async.RequestWatch(&call->context, &call->request, &call->writer,
                       loop.queue(), loop.queue(), &call->arrival);
  }

private:
  WatchCall(Engine &engine, Async &async, const std::atomic<bool> &isStopping,
            Loop &loop)
      : Call(loop), engine(engine), async(async), isStopping(isStopping) {}

  void arrive(bool ok) {
    if (!ok) { // the server goes down
      delete this;
      return;
    }
    begin();
    await(engine, async, isStopping, loop);
    handleBy(std::make_shared<Canceller>(*this));
    look();
  }

  struct Canceller : CallHandler {
    explicit Canceller(WatchCall &call) : call(call) {}
    void onCancel() override {
      call.isCancelled = true;
      call.alarm.Cancel();
    }
    WatchCall &call;
  };

  void look() {
    if (isCancelled)
      return finish(grpc::Status::CANCELLED);
    Serving now = isStopping ? HealthCheckResponse::NOT_SERVING
                             : stateOf(engine, request.service());
    if (now != last) {
      last = now;
      response.set_status(now);
      expect();
      return writer.Write(response, &written);
    }
    if (isStopping)
      return finish(
          grpc::Status(grpc::StatusCode::UNAVAILABLE, "the server goes down"));
    wait();
  }

  void wait() {
    if (isCancelled)
      return finish(grpc::Status::CANCELLED);
    expect();
    alarm.Set(loop.queue(), std::chrono::system_clock::now() + lookEvery,
              &woken);
  }

  void onWritten(bool ok) {
    ok ? wait() : finish(grpc::Status::CANCELLED);
    leave();
  }
  void onWoken(bool) {
    look();
    leave();
  }
  void sendStatus(const grpc::Status &status, Event *sent) override {
    writer.Finish(status, sent);
  }

  Engine &engine;
  Async &async;
  const std::atomic<bool> &isStopping;
  bool isCancelled = false;
  HealthCheckRequest request;
  HealthCheckResponse response;
  Serving last = HealthCheckResponse::UNKNOWN;
  grpc::Alarm alarm;
  grpc::ServerAsyncWriter<HealthCheckResponse> writer{&context};
  EventOf<WatchCall> arrival{*this, &WatchCall::arrive},
      written{*this, &WatchCall::onWritten}, woken{*this, &WatchCall::onWoken};
};

} // namespace

void HealthService::listen(Loop &loop) {
  auto check =
      std::make_shared<UnaryMethod<HealthCheckRequest, HealthCheckResponse>>();
  check->ask = [this](auto *context, auto *in, auto *writer, auto *queue,
                      void *tag) {
    async.RequestCheck(context, in, writer, queue, queue, tag);
  };
  check->act = [this](Call &call, HealthCheckRequest &in,
                      HealthCheckResponse &out) {
    Serving state = isStopping ? HealthCheckResponse::NOT_SERVING
                               : stateOf(engine, in.service());
    out.set_status(state);
    if (state == HealthCheckResponse::SERVICE_UNKNOWN)
      call.finish(grpc::Status(grpc::StatusCode::NOT_FOUND,
                               "no service or model '" + in.service() + "'"));
    else
      call.finish(grpc::Status::OK);
  };
  UnaryCall<HealthCheckRequest, HealthCheckResponse>::await(check, loop);
  WatchCall::await(engine, async, isStopping, loop);
}

} // namespace sinter::serve
