// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/grpc/Service.h"

#include "runtime/serve/grpc/Encode.h"
#include "runtime/serve/grpc/InferCall.h"

namespace sinter::serve {
namespace {

using Context = grpc::ServerContext;

void finish(Call &call, const Status &status) { call.finish(toGrpc(status)); }

} // namespace

Status InferenceService::mayObserve(const Context &context,
                                    const std::string &model) const {
  std::string client;
  return mayCall(options, context, Permission::observe, model, client);
}

void InferenceService::ServerLive(Call &call, inference::ServerLiveRequest &,
                                  inference::ServerLiveResponse &out) {
  out.set_live(engine.live());
  return finish(call, {});
}

void InferenceService::ServerReady(Call &call, inference::ServerReadyRequest &,
                                   inference::ServerReadyResponse &out) {
  out.set_ready(engine.ready());
  return finish(call, {});
}

void InferenceService::ModelReady(Call &call, inference::ModelReadyRequest &in,
                                  inference::ModelReadyResponse &out) {
  Status status = mayObserve(call.context, in.name());
  if (!status.ok())
    return finish(call, status);
  status = engine.modelReady(in.name(), in.version());
  out.set_ready(status.ok());
  // Not ready is an answer; a model that does not exist is a fault.
  return finish(call, status.code == Code::notFound ? status : Status());
}

void InferenceService::ServerMetadata(Call &call,
                                      inference::ServerMetadataRequest &,
                                      inference::ServerMetadataResponse &out) {
  if (Status status = mayObserve(call.context, ""); !status.ok())
    return finish(call, status);
  out.set_name(serverName);
  out.set_version(serverVersion());
  for (const std::string &extension : extensionNames(options.extensions))
    out.add_extensions(extension);
  return finish(call, {});
}

void InferenceService::ModelMetadata(Call &call,
                                     inference::ModelMetadataRequest &in,
                                     inference::ModelMetadataResponse &out) {
  Status status = mayObserve(call.context, in.name());
  if (!status.ok())
    return finish(call, status);
  if (auto model = engine.describe(in.name(), in.version(), status))
    encodeMetadata(*model, out);
  return finish(call, status);
}

void InferenceService::ModelConfig(Call &call,
                                   inference::ModelConfigRequest &in,
                                   inference::ModelConfigResponse &out) {
  Status status = mayObserve(call.context, in.name());
  if (!status.ok())
    return finish(call, status);
  if (auto model = engine.describe(in.name(), in.version(), status))
    encodeConfig(*model,
                 options.batching ? options.batching(model->name)
                                  : BatchingConfig(),
                 *out.mutable_config());
  return finish(call, status);
}

void InferenceService::ModelStatistics(
    Call &call, inference::ModelStatisticsRequest &in,
    inference::ModelStatisticsResponse &out) {
  Status status = mayObserve(call.context, in.name());
  if (!status.ok())
    return finish(call, status);
  for (const serve::ModelStatistics &model :
       engine.statistics(in.name(), in.version(), status))
    if (mayObserve(call.context, model.name).ok())
      encodeStatistics(model, *out.add_model_stats());
  return finish(call, status);
}

void InferenceService::ModelInfer(Call &call, inference::ModelInferRequest &in,
                                  inference::ModelInferResponse &out) {
  startInfer(engine, options, answers, call, in, out);
}

void InferenceService::listen(Loop &loop) {
#define SINTER_CALL(NAME)                                                      \
  {                                                                            \
    using In = inference::NAME##Request;                                       \
    using Out = inference::NAME##Response;                                     \
    auto method = std::make_shared<UnaryMethod<In, Out>>();                    \
    method->ask = [this](auto *context, auto *in, auto *writer, auto *queue,   \
                         void *tag) {                                          \
      async.Request##NAME(context, in, writer, queue, queue, tag);             \
    };                                                                         \
    method->act = [this](Call &call, In &in, Out &out) {                       \
      NAME(call, in, out);                                                     \
    };                                                                         \
    UnaryCall<In, Out>::await(method, loop);                                   \
  }
  SINTER_UNARY_CALLS(SINTER_CALL)
#undef SINTER_CALL
  awaitStream({engine, options, openStreams, async}, loop);
}

} // namespace sinter::serve
