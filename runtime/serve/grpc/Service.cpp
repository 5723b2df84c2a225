// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/grpc/Service.h"

#include "runtime/serve/grpc/Encode.h"
#include "runtime/serve/grpc/InferCall.h"

namespace sinter::serve {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Reactor *finish(Context *context, const Status &status) {
  Reactor *reactor = context->DefaultReactor();
  reactor->Finish(toGrpc(status));
  return reactor;
}

} // namespace

Status InferenceService::mayObserve(const Context &context,
                                    const std::string &model) const {
  std::string client;
  return mayCall(options, context, Permission::observe, model, client);
}

Reactor *InferenceService::ServerLive(Context *context,
                                      const inference::ServerLiveRequest *,
                                      inference::ServerLiveResponse *out) {
  out->set_live(engine.live());
  return finish(context, {});
}

Reactor *InferenceService::ServerReady(Context *context,
                                       const inference::ServerReadyRequest *,
                                       inference::ServerReadyResponse *out) {
  out->set_ready(engine.ready());
  return finish(context, {});
}

Reactor *InferenceService::ModelReady(Context *context,
                                      const inference::ModelReadyRequest *in,
                                      inference::ModelReadyResponse *out) {
  Status status = engine.modelReady(in->name(), in->version());
  out->set_ready(status.ok());
  // Not ready is an answer; a model that does not exist is a fault.
  return finish(context, status.code == Code::notFound ? status : Status());
}

Reactor *
InferenceService::ServerMetadata(Context *context,
                                 const inference::ServerMetadataRequest *,
                                 inference::ServerMetadataResponse *out) {
  out->set_name(serverName);
  out->set_version(serverVersion());
  for (const std::string &extension : extensionNames(options.extensions))
    out->add_extensions(extension);
  return finish(context, {});
}

Reactor *
InferenceService::ModelMetadata(Context *context,
                                const inference::ModelMetadataRequest *in,
                                inference::ModelMetadataResponse *out) {
  Status status = mayObserve(*context, in->name());
  if (!status.ok())
    return finish(context, status);
  if (auto model = engine.describe(in->name(), in->version(), status))
    encodeMetadata(*model, *out);
  return finish(context, status);
}

Reactor *InferenceService::ModelConfig(Context *context,
                                       const inference::ModelConfigRequest *in,
                                       inference::ModelConfigResponse *out) {
  Status status = mayObserve(*context, in->name());
  if (!status.ok())
    return finish(context, status);
  if (auto model = engine.describe(in->name(), in->version(), status))
    encodeConfig(*model,
                 options.batching ? options.batching(model->name)
                                  : BatchingConfig(),
                 *out->mutable_config());
  return finish(context, status);
}

Reactor *
InferenceService::ModelStatistics(Context *context,
                                  const inference::ModelStatisticsRequest *in,
                                  inference::ModelStatisticsResponse *out) {
  Status status = mayObserve(*context, in->name());
  if (!status.ok())
    return finish(context, status);
  for (const serve::ModelStatistics &model :
       engine.statistics(in->name(), in->version(), status))
    encodeStatistics(model, *out->add_model_stats());
  return finish(context, status);
}

Reactor *InferenceService::ModelInfer(Context *context,
                                      const inference::ModelInferRequest *in,
                                      inference::ModelInferResponse *out) {
  return startInfer(engine, options, answers, *context,
                    *const_cast<inference::ModelInferRequest *>(in), *out);
}

StreamReactor *InferenceService::ModelStreamInfer(Context *context) {
  return startStream(engine, options, openStreams, *context);
}

} // namespace sinter::serve
