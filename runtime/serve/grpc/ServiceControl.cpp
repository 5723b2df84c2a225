// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The calls that steer a server: repository, shared memory, log settings. What
// changes models or logs needs a listener with control, as over HTTP.
#include "runtime/serve/grpc/Service.h"

#include "runtime/serve/engine/Urgency.h"
#include "runtime/serve/grpc/Encode.h"
#include "runtime/serve/grpc/InferCall.h"
#include "runtime/serve/protocol/JsonWriter.h"

namespace sinter::serve {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Reactor *finish(Context *context, const Status &status) {
  Reactor *reactor = context->DefaultReactor();
  reactor->Finish(toGrpc(status));
  return reactor;
}

Status notOffered(const char *what) {
  return {Code::unsupported,
          std::string(what) +
              ": this server does not offer it; ServerMetadata lists the "
              "extensions it has"};
}

using LogValues =
    google::protobuf::Map<std::string,
                          inference::LogSettingsRequest::SettingValue>;

// The same text as over HTTP, so that one parser says what is wrong.
std::string settingsJson(const LogValues &values) {
  JsonWriter json;
  json.open('{');
  for (const auto &[key, value] : values) {
    json.key(key);
    if (value.has_bool_param())
      json.boolean(value.bool_param());
    else if (value.has_uint32_param())
      json.number(value.uint32_param());
    else
      json.string(value.string_param());
  }
  json.close('}');
  return json.text;
}

} // namespace

Status InferenceService::mayControl(const Context &context,
                                    const std::string &model,
                                    std::string &client) const {
  if (!options.allowControl)
    return {Code::denied,
            "control is not allowed on this listener; use the admin port, or "
            "start the server with --repository-control=all"};
  return mayCall(options, context, Permission::control, model, client);
}

// A load waits for a disk, and must not hold a thread that others are served
// by.
Reactor *InferenceService::control(Context &context, const std::string &model,
                                   std::string action,
                                   std::function<Status()> act) {
  std::string client;
  if (Status status = mayControl(context, model, client); !status.ok())
    return finish(&context, status);
  Reactor *reactor = context.DefaultReactor();
  answers.enter();
  bool isStarted =
      startDetached([this, reactor, client, action = action + " " + model,
                     act = std::move(act)] {
        Status status = act();
        if (options.audit)
          options.audit(client, action, status);
        reactor->Finish(toGrpc(status));
        answers.leave();
      });
  if (!isStarted) {
    reactor->Finish(
        toGrpc({Code::unavailable, "the machine has no thread to give", 1000}));
    answers.leave();
  }
  return reactor;
}

Reactor *
InferenceService::RepositoryIndex(Context *context,
                                  const inference::RepositoryIndexRequest *in,
                                  inference::RepositoryIndexResponse *out) {
  if (Status status = mayObserve(*context, ""); !status.ok())
    return finish(context, status);
  for (const IndexEntry &entry : engine.index()) {
    if (in->ready() && entry.state != VersionState::ready)
      continue;
    auto *model = out->add_models();
    model->set_name(entry.name);
    model->set_version(entry.version);
    model->set_state(stateName(entry.state));
    model->set_reason(stateReason(entry));
  }
  return finish(context, {});
}

Reactor *InferenceService::RepositoryModelLoad(
    Context *context, const inference::RepositoryModelLoadRequest *in,
    inference::RepositoryModelLoadResponse *) {
  if (options.allowControl && !in->parameters().empty())
    return finish(
        context,
        {Code::unsupported,
         "load takes no parameters here: models come from the repository of "
         "this server, configuration from its file"});
  return control(*context, in->model_name(), "load",
                 [this, name = in->model_name()] { return engine.load(name); });
}

Reactor *InferenceService::RepositoryModelUnload(
    Context *context, const inference::RepositoryModelUnloadRequest *in,
    inference::RepositoryModelUnloadResponse *) {
  return control(
      *context, in->model_name(), "unload",
      [this, name = in->model_name()] { return engine.unload(name); });
}

Reactor *InferenceService::SystemSharedMemoryStatus(
    Context *context, const inference::SystemSharedMemoryStatusRequest *in,
    inference::SystemSharedMemoryStatusResponse *out) {
  if (!options.sharedMemory)
    return finish(context, notOffered("system shared memory"));
  std::vector<SharedMemory::Region> regions;
  Status status = options.sharedMemory->list(in->name(), regions);
  for (const SharedMemory::Region &region : regions) {
    auto &row = (*out->mutable_regions())[region.name];
    row.set_name(region.name);
    row.set_key(region.key);
    row.set_offset(region.offset);
    row.set_byte_size(region.bytes);
  }
  return finish(context, status);
}

Reactor *InferenceService::SystemSharedMemoryRegister(
    Context *context, const inference::SystemSharedMemoryRegisterRequest *in,
    inference::SystemSharedMemoryRegisterResponse *) {
  if (!options.sharedMemory)
    return finish(context, notOffered("system shared memory"));
  return finish(context,
                options.sharedMemory->add(
                    {in->name(), in->key(), in->offset(), in->byte_size()}));
}

Reactor *InferenceService::SystemSharedMemoryUnregister(
    Context *context, const inference::SystemSharedMemoryUnregisterRequest *in,
    inference::SystemSharedMemoryUnregisterResponse *) {
  if (!options.sharedMemory)
    return finish(context, notOffered("system shared memory"));
  std::string client;
  if (Status status = mayCall(options, *context, Permission::infer, "", client);
      !status.ok())
    return finish(context, status);
  options.sharedMemory->remove(in->name());
  return finish(context, {});
}

Reactor *InferenceService::CudaSharedMemoryStatus(
    Context *context, const inference::CudaSharedMemoryStatusRequest *,
    inference::CudaSharedMemoryStatusResponse *) {
  return finish(context, notOffered("CUDA shared memory"));
}

Reactor *InferenceService::CudaSharedMemoryRegister(
    Context *context, const inference::CudaSharedMemoryRegisterRequest *,
    inference::CudaSharedMemoryRegisterResponse *) {
  return finish(context, notOffered("CUDA shared memory"));
}

Reactor *InferenceService::CudaSharedMemoryUnregister(
    Context *context, const inference::CudaSharedMemoryUnregisterRequest *,
    inference::CudaSharedMemoryUnregisterResponse *) {
  return finish(context, notOffered("CUDA shared memory"));
}

Reactor *
InferenceService::TraceSetting(Context *context,
                               const inference::TraceSettingRequest *in,
                               inference::TraceSettingResponse *out) {
  if (!options.tracer)
    return finish(context, notOffered("trace settings"));
  std::string model = in->model_name(), client;
  Status status = mayObserve(*context, model);
  if (status.ok() && !model.empty()) {
    status = engine.modelReady(model, "");
    if (status.code == Code::notFound)
      return finish(context, status);
    if (auto known = engine.describe(model, "", status))
      model = known->name;
    status = {};
  }
  if (status.ok() && !in->settings().empty()) {
    TraceChanges changes;
    for (const auto &[key, setting] : in->settings()) {
      if (setting.value().empty())
        changes.emplace_back(key, std::nullopt);
      for (const std::string &value : setting.value())
        changes.emplace_back(key, value);
    }
    status = mayControl(*context, model, client);
    if (status.ok()) {
      status = options.tracer->change(model, changes);
      if (options.audit)
        options.audit(client, "trace settings " + model, status);
    }
  }
  if (status.ok())
    for (const auto &[key, value] : options.tracer->settings(model))
      (*out->mutable_settings())[key].add_value(value);
  return finish(context, status);
}

Reactor *InferenceService::LogSettings(Context *context,
                                       const inference::LogSettingsRequest *in,
                                       inference::LogSettingsResponse *out) {
  if (!options.logs)
    return finish(context, notOffered("log settings"));
  serve::LogSettings settings = options.logs->get();
  std::string client;
  Status status = mayObserve(*context, "");
  if (!status.ok())
    return finish(context, status);
  if (!in->settings().empty()) {
    status = parseLogSettings(settingsJson(in->settings()), settings);
    if (status.ok())
      status = mayControl(*context, "", client);
    if (!status.ok())
      return finish(context, status);
    options.logs->set(settings);
    if (options.audit)
      options.audit(client, "log settings", {});
  }
  auto &values = *out->mutable_settings();
  values["log_file"].set_string_param("");
  values["log_info"].set_bool_param(settings.info);
  values["log_warning"].set_bool_param(settings.warning);
  values["log_error"].set_bool_param(settings.error);
  values["log_verbose_level"].set_uint32_param(uint32_t(settings.verbose));
  values["log_format"].set_string_param("default");
  return finish(context, {});
}

} // namespace sinter::serve
