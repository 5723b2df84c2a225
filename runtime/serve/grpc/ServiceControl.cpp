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

using Context = grpc::ServerContext;

void finish(Call &call, const Status &status) { call.finish(toGrpc(status)); }

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
                                    const std::string &action,
                                    const std::string &model,
                                    std::string &client) const {
  if (!options.allowControl)
    return {Code::denied,
            action + ": not on this listener; --repository-control says where: "
                     "admin (only the admin port), all or off"};
  Status status = mayCall(options, context, Permission::control, model, client);
  if (!status.ok() && options.audit)
    options.audit(client, action, status);
  return status;
}

// A load waits for a disk, and must not hold a thread that others are served
// by.
void InferenceService::control(Call &call, const std::string &model,
                               std::string action,
                               std::function<Status()> act) {
  std::string client;
  action += " " + model;
  if (Status status = mayControl(call.context, action, model, client);
      !status.ok())
    return finish(call, status);
  answers.enter();
  bool isStarted =
      startDetached([this, &call, client, action, act = std::move(act)] {
        Status status = act();
        if (options.audit)
          options.audit(client, action, status);
        finish(call, status);
        answers.leave();
      });
  if (!isStarted) {
    finish(call,
           {Code::unavailable, "the machine has no thread to give", 1000});
    answers.leave();
  }
}

void InferenceService::RepositoryIndex(
    Call &call, inference::RepositoryIndexRequest &in,
    inference::RepositoryIndexResponse &out) {
  if (Status status = mayObserve(call.context, ""); !status.ok())
    return finish(call, status);
  for (const IndexEntry &entry : engine.index()) {
    if (in.ready() && entry.state != VersionState::ready)
      continue;
    if (!mayObserve(call.context, entry.name).ok())
      continue;
    auto *model = out.add_models();
    model->set_name(entry.name);
    model->set_version(entry.version);
    model->set_state(stateName(entry.state));
    model->set_reason(stateReason(entry));
  }
  return finish(call, {});
}

void InferenceService::RepositoryModelLoad(
    Call &call, inference::RepositoryModelLoadRequest &in,
    inference::RepositoryModelLoadResponse &) {
  if (options.allowControl && !in.parameters().empty())
    return finish(
        call,
        {Code::unsupported,
         "load takes no parameters here: models come from the repository of "
         "this server, configuration from its file"});
  return control(call, in.model_name(), "load",
                 [this, name = in.model_name()] { return engine.load(name); });
}

void InferenceService::RepositoryModelUnload(
    Call &call, inference::RepositoryModelUnloadRequest &in,
    inference::RepositoryModelUnloadResponse &) {
  return control(
      call, in.model_name(), "unload",
      [this, name = in.model_name()] { return engine.unload(name); });
}

void InferenceService::SystemSharedMemoryStatus(
    Call &call, inference::SystemSharedMemoryStatusRequest &in,
    inference::SystemSharedMemoryStatusResponse &out) {
  if (!options.sharedMemory)
    return finish(call, notOffered("system shared memory"));
  std::vector<SharedMemory::Region> regions;
  Status status = mayObserve(call.context, "");
  if (status.ok())
    status = options.sharedMemory->list(in.name(), regions);
  for (const SharedMemory::Region &region : regions) {
    auto &row = (*out.mutable_regions())[region.name];
    row.set_name(region.name);
    row.set_key(region.key);
    row.set_offset(region.offset);
    row.set_byte_size(region.bytes);
  }
  return finish(call, status);
}

void InferenceService::SystemSharedMemoryRegister(
    Call &call, inference::SystemSharedMemoryRegisterRequest &in,
    inference::SystemSharedMemoryRegisterResponse &) {
  if (!options.sharedMemory)
    return finish(call, notOffered("system shared memory"));
  std::string client;
  Status status = mayCall(options, call.context, Permission::infer, "", client);
  if (status.ok())
    status = options.sharedMemory->add(
        {in.name(), in.key(), in.offset(), in.byte_size()});
  return finish(call, status);
}

void InferenceService::SystemSharedMemoryUnregister(
    Call &call, inference::SystemSharedMemoryUnregisterRequest &in,
    inference::SystemSharedMemoryUnregisterResponse &) {
  if (!options.sharedMemory)
    return finish(call, notOffered("system shared memory"));
  std::string client;
  if (Status status =
          mayCall(options, call.context, Permission::infer, "", client);
      !status.ok())
    return finish(call, status);
  options.sharedMemory->remove(in.name());
  return finish(call, {});
}

void InferenceService::CudaSharedMemoryStatus(
    Call &call, inference::CudaSharedMemoryStatusRequest &,
    inference::CudaSharedMemoryStatusResponse &) {
  return finish(call, notOffered("CUDA shared memory"));
}

void InferenceService::CudaSharedMemoryRegister(
    Call &call, inference::CudaSharedMemoryRegisterRequest &,
    inference::CudaSharedMemoryRegisterResponse &) {
  return finish(call, notOffered("CUDA shared memory"));
}

void InferenceService::CudaSharedMemoryUnregister(
    Call &call, inference::CudaSharedMemoryUnregisterRequest &,
    inference::CudaSharedMemoryUnregisterResponse &) {
  return finish(call, notOffered("CUDA shared memory"));
}

void InferenceService::TraceSetting(Call &call,
                                    inference::TraceSettingRequest &in,
                                    inference::TraceSettingResponse &out) {
  if (!options.tracer)
    return finish(call, notOffered("trace settings"));
  std::string model = in.model_name(), client;
  Status status = mayObserve(call.context, model);
  if (status.ok() && !model.empty()) {
    status = engine.modelReady(model, "");
    if (status.code == Code::notFound)
      return finish(call, status);
    if (auto known = engine.describe(model, "", status))
      model = known->name;
    status = {};
  }
  if (status.ok() && !in.settings().empty()) {
    TraceChanges changes;
    for (const auto &[key, setting] : in.settings()) {
      if (setting.value().empty())
        changes.emplace_back(key, std::nullopt);
      for (const std::string &value : setting.value())
        changes.emplace_back(key, value);
    }
    status = mayControl(call.context, "trace settings " + model, model, client);
    if (status.ok()) {
      status = options.tracer->change(model, changes);
      if (options.audit)
        options.audit(client, "trace settings " + model, status);
    }
  }
  if (status.ok())
    for (const auto &[key, value] : options.tracer->settings(model))
      (*out.mutable_settings())[key].add_value(value);
  return finish(call, status);
}

void InferenceService::LogSettings(Call &call,
                                   inference::LogSettingsRequest &in,
                                   inference::LogSettingsResponse &out) {
  if (!options.logs)
    return finish(call, notOffered("log settings"));
  serve::LogSettings settings = options.logs->get();
  std::string client;
  Status status = mayObserve(call.context, "");
  if (!status.ok())
    return finish(call, status);
  if (!in.settings().empty()) {
    status = parseLogSettings(settingsJson(in.settings()), settings);
    if (status.ok())
      status = mayControl(call.context, "log settings", "", client);
    if (!status.ok())
      return finish(call, status);
    options.logs->set(settings);
    if (options.audit)
      options.audit(client, "log settings", {});
  }
  auto &values = *out.mutable_settings();
  values["log_file"].set_string_param("");
  values["log_info"].set_bool_param(settings.info);
  values["log_warning"].set_bool_param(settings.warning);
  values["log_error"].set_bool_param(settings.error);
  values["log_verbose_level"].set_uint32_param(uint32_t(settings.verbose));
  values["log_format"].set_string_param("default");
  return finish(call, {});
}

} // namespace sinter::serve
