// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two gRPC services as gRPC++ wants them: one short method a call.
#ifndef SINTER_SERVE_GRPC_SERVICE_H
#define SINTER_SERVE_GRPC_SERVICE_H

#include "runtime/serve/engine/Engine.h"
#include "runtime/serve/grpc/GrpcServer.h"
#include "runtime/serve/grpc/Health.grpc.pb.h"
#include "runtime/serve/grpc/InferCall.h"
#include "runtime/serve/grpc/Inference.grpc.pb.h"

#include <atomic>

namespace sinter::serve {

class InferenceService final
    : public inference::GRPCInferenceService::CallbackService {
public:
  InferenceService(Engine &engine, const GrpcOptions &options)
      : engine(engine), options(options) {}

  // The shape of every call is gRPC's; these say only which there are.
#define SINTER_CALL(NAME)                                                      \
  grpc::ServerUnaryReactor *NAME(grpc::CallbackServerContext *,                \
                                 const inference::NAME##Request *,             \
                                 inference::NAME##Response *) override;
  SINTER_CALL(ServerLive)
  SINTER_CALL(ServerReady)
  SINTER_CALL(ModelReady)
  SINTER_CALL(ServerMetadata)
  SINTER_CALL(ModelMetadata)
  SINTER_CALL(ModelInfer)
  SINTER_CALL(ModelConfig)
  SINTER_CALL(ModelStatistics)
  SINTER_CALL(RepositoryIndex)
  SINTER_CALL(RepositoryModelLoad)
  SINTER_CALL(RepositoryModelUnload)
  SINTER_CALL(SystemSharedMemoryStatus)
  SINTER_CALL(SystemSharedMemoryRegister)
  SINTER_CALL(SystemSharedMemoryUnregister)
  SINTER_CALL(CudaSharedMemoryStatus)
  SINTER_CALL(CudaSharedMemoryRegister)
  SINTER_CALL(CudaSharedMemoryUnregister)
  SINTER_CALL(TraceSetting)
  SINTER_CALL(LogSettings)
#undef SINTER_CALL

  grpc::ServerBidiReactor<inference::ModelInferRequest,
                          inference::ModelStreamInferResponse> *
  ModelStreamInfer(grpc::CallbackServerContext *context) override;

  AnswerHold &hold() { return answers; }
  Streams &streams() { return openStreams; }

private:
  Status mayObserve(const grpc::CallbackServerContext &context,
                    const std::string &model) const;
  Status mayControl(const grpc::CallbackServerContext &context,
                    const std::string &model, std::string &client) const;
  /// Tries a control action on a thread of its own, and audits it.
  grpc::ServerUnaryReactor *control(grpc::CallbackServerContext &context,
                                    const std::string &model,
                                    std::string action,
                                    std::function<Status()> act);

  Engine &engine;
  const GrpcOptions &options;
  AnswerHold answers;
  Streams openStreams;
};

/// grpc.health.v1: "" and the inference service are the server's readiness, any
/// other name a model's.
class HealthService final : public grpc::health::v1::Health::CallbackService {
public:
  explicit HealthService(Engine &engine) : engine(engine) {}

  grpc::ServerUnaryReactor *
  Check(grpc::CallbackServerContext *context,
        const grpc::health::v1::HealthCheckRequest *request,
        grpc::health::v1::HealthCheckResponse *response) override;
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse> *
  Watch(grpc::CallbackServerContext *context,
        const grpc::health::v1::HealthCheckRequest *request) override;
  /// Every Watch ends soon: the server goes down.
  void stop() { isStopping = true; }

private:
  Engine &engine;
  std::atomic<bool> isStopping{false};
};

} // namespace sinter::serve

#endif // SINTER_SERVE_GRPC_SERVICE_H
