// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Key by key what tritonclient and perf_analyzer read, and nothing that is not
// so.
#include "runtime/serve/protocol/Metadata.h"

#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/protocol/JsonWriter.h"

namespace sinter::serve {
namespace {

void tensorMetadata(JsonWriter &json, const char *key,
                    const std::vector<TensorDescription> &tensors) {
  json.key(key).open('[');
  for (const TensorDescription &tensor : tensors) {
    json.open('{')
        .key("name")
        .string(tensor.name)
        .key("datatype")
        .string(dataTypeName(tensor.dtype));
    json.key("shape").numbers(tensor.dims).close('}');
  }
  json.close(']');
}

void tensorConfig(JsonWriter &json, const char *key,
                  const std::vector<TensorDescription> &tensors, bool batched) {
  json.key(key).open('[');
  for (const TensorDescription &tensor : tensors) {
    std::vector<int64_t> dims = tensor.dims;
    if (batched && !dims.empty())
      dims.erase(dims.begin());
    json.open('{')
        .key("name")
        .string(tensor.name)
        .key("data_type")
        .string(configTypeName(tensor.dtype));
    json.key("dims").numbers(dims).close('}');
  }
  json.close(']');
}

} // namespace

const char *const serverName = "sinter";

std::string serverVersion() { return SINTER_SERVE_VERSION; }

std::vector<std::string> extensionNames(const Extensions &extensions) {
  std::vector<std::string> names = {"classification",      "model_repository",
                                    "model_configuration", "binary_tensor_data",
                                    "parameters",          "statistics"};
  if (extensions.sharedMemory)
    names.push_back("system_shared_memory");
  if (extensions.trace)
    names.push_back("trace");
  if (extensions.logging)
    names.push_back("logging");
  return names;
}

std::string serverMetadataJson(const Extensions &extensions) {
  JsonWriter json;
  json.open('{')
      .key("name")
      .string(serverName)
      .key("version")
      .string(serverVersion());
  json.key("extensions").strings(extensionNames(extensions)).close('}');
  return std::move(json.text);
}

std::string modelMetadataJson(const ModelDescription &model) {
  JsonWriter json;
  json.open('{')
      .key("name")
      .string(model.name)
      .key("versions")
      .strings(model.versions);
  json.key("platform").string("sinter");
  tensorMetadata(json, "inputs", model.inputs);
  tensorMetadata(json, "outputs", model.outputs);
  json.close('}');
  return std::move(json.text);
}

std::string modelConfigJson(const ModelDescription &model,
                            const BatchingConfig &batching) {
  bool batched = model.maxBatch > 0;
  JsonWriter json;
  json.open('{')
      .key("name")
      .string(model.name)
      .key("platform")
      .string("sinter")
      .key("backend")
      .string("sinter");
  json.key("max_batch_size").number(model.maxBatch);
  tensorConfig(json, "input", model.inputs, batched);
  tensorConfig(json, "output", model.outputs, batched);
  json.key("batch_input").raw("[]").key("batch_output").raw("[]");
  if (batched) {
    json.key("dynamic_batching")
        .open('{')
        .key("preferred_batch_size")
        .numbers(batching.preferred);
    json.key("max_queue_delay_microseconds").number(batching.maxDelayUs);
    json.key("priority_levels").number(batching.priorityLevels).close('}');
  }
  json.key("instance_group")
      .raw("[]")
      .key("parameters")
      .raw("{}")
      .key("model_warmup")
      .raw("[]");
  json.key("model_transaction_policy").raw(R"({"decoupled":false})").close('}');
  return std::move(json.text);
}

const char *stateName(VersionState state) {
  switch (state) {
  case VersionState::loading:
    return "LOADING";
  case VersionState::ready:
    return "READY";
  case VersionState::unloading:
    return "UNLOADING";
  case VersionState::unavailable:
    break;
  }
  return "UNAVAILABLE";
}

std::string stateReason(const IndexEntry &entry) {
  if (entry.state == VersionState::unavailable && entry.reason.empty())
    return "unloaded";
  return entry.reason;
}

std::string repositoryIndexJson(const std::vector<IndexEntry> &index,
                                bool readyOnly) {
  JsonWriter json;
  json.open('[');
  for (const IndexEntry &entry : index) {
    if (readyOnly && entry.state != VersionState::ready)
      continue;
    json.open('{').key("name").string(entry.name);
    if (!entry.version.empty())
      json.key("version").string(entry.version);
    json.key("state")
        .string(stateName(entry.state))
        .key("reason")
        .string(stateReason(entry));
    if (!entry.labels.empty())
      json.key("labels").strings(entry.labels);
    json.close('}');
  }
  json.close(']');
  return std::move(json.text);
}

} // namespace sinter::serve
