// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two gRPC services: one short method a call.
#ifndef SINTER_SERVE_GRPC_SERVICE_H
#define SINTER_SERVE_GRPC_SERVICE_H

#include "runtime/serve/engine/Engine.h"
#include "runtime/serve/grpc/GrpcServer.h"
#include "runtime/serve/grpc/Health.grpc.pb.h"
#include "runtime/serve/grpc/InferCall.h"
#include "runtime/serve/grpc/Inference.grpc.pb.h"

#include <atomic>

namespace sinter::serve {

/// The calls with one message each way.
#define SINTER_UNARY_CALLS(CALL)                                               \
  CALL(ServerLive)                                                             \
  CALL(ServerReady)                                                            \
  CALL(ModelReady)                                                             \
  CALL(ServerMetadata)                                                         \
  CALL(ModelMetadata)                                                          \
  CALL(ModelInfer)                                                             \
  CALL(ModelConfig)                                                            \
  CALL(ModelStatistics)                                                        \
  CALL(RepositoryIndex)                                                        \
  CALL(RepositoryModelLoad)                                                    \
  CALL(RepositoryModelUnload)                                                  \
  CALL(SystemSharedMemoryStatus)                                               \
  CALL(SystemSharedMemoryRegister)                                             \
  CALL(SystemSharedMemoryUnregister)                                           \
  CALL(CudaSharedMemoryStatus)                                                 \
  CALL(CudaSharedMemoryRegister)                                               \
  CALL(CudaSharedMemoryUnregister)                                             \
  CALL(TraceSetting)                                                           \
  CALL(LogSettings)

class InferenceService {
public:
  using Async = inference::GRPCInferenceService::AsyncService;

  InferenceService(Engine &engine, const GrpcOptions &options)
      : engine(engine), options(options) {}
  Async &service() { return async; }
  /// Calls that come to this loop, from now on.
  void listen(Loop &loop);

  AnswerHold &hold() { return answers; }
  Streams &streams() { return openStreams; }

private:
#define SINTER_CALL(NAME)                                                      \
  void NAME(Call &, inference::NAME##Request &, inference::NAME##Response &);
  SINTER_UNARY_CALLS(SINTER_CALL)
#undef SINTER_CALL

  Status mayObserve(const grpc::ServerContext &context,
                    const std::string &model) const;
  /// Who may not is in the audit, too.
  Status mayControl(const grpc::ServerContext &context,
                    const std::string &action, const std::string &model,
                    std::string &client) const;
  /// Tries a control action on a thread of its own, and audits it.
  void control(Call &call, const std::string &model, std::string action,
               std::function<Status()> act);

  Async async;
  Engine &engine;
  const GrpcOptions &options;
  AnswerHold answers;
  Streams openStreams;
};

/// grpc.health.v1: "" and the inference service are the server's readiness, any
/// other name a model's.
class HealthService {
public:
  using Async = grpc::health::v1::Health::AsyncService;

  explicit HealthService(Engine &engine) : engine(engine) {}
  Async &service() { return async; }
  void listen(Loop &loop);
  /// Every Watch ends soon: the server goes down.
  void stop() { isStopping = true; }

private:
  Async async;
  Engine &engine;
  std::atomic<bool> isStopping{false};
};

} // namespace sinter::serve

#endif // SINTER_SERVE_GRPC_SERVICE_H
