// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Behind Triton's keys come ours, in an object of their own.
#include "runtime/serve/protocol/Statistics.h"

#include "runtime/serve/protocol/JsonWriter.h"

namespace sinter::serve {
namespace {

void duration(JsonWriter &json, const char *key, const Duration &value) {
  json.key(key)
      .open('{')
      .key("count")
      .number(value.count)
      .key("ns")
      .number(value.ns)
      .close('}');
}

void model(JsonWriter &json, const ModelStatistics &s) {
  json.open('{').key("name").string(s.name).key("version").string(s.version);
  json.key("last_inference").number(s.lastInferenceMs);
  json.key("inference_count")
      .number(s.inferenceCount)
      .key("execution_count")
      .number(s.executionCount);
  json.key("inference_stats").open('{');
  duration(json, "success", s.success);
  duration(json, "fail", s.fail);
  duration(json, "queue", s.queue);
  duration(json, "compute_input", s.computeInput);
  duration(json, "compute_infer", s.computeInfer);
  duration(json, "compute_output", s.computeOutput);
  duration(json, "cache_hit", {});
  duration(json, "cache_miss", {});
  json.close('}').key("response_stats").raw("{}").key("batch_stats").open('[');
  for (const BatchStatistics &batch : s.batches) {
    json.open('{').key("batch_size").number(batch.size);
    duration(json, "compute_input", batch.computeInput);
    duration(json, "compute_infer", batch.computeInfer);
    duration(json, "compute_output", batch.computeOutput);
    json.close('}');
  }
  json.close(']')
      .key("memory_usage")
      .open('[')
      .open('{')
      .key("type")
      .string("CPU")
      .key("id")
      .number(0);
  json.key("byte_size").number(s.memoryBytes).close('}').close(']');
  json.key("sinter")
      .open('{')
      .key("queue_depth")
      .number(s.queueDepth)
      .key("oldest_us")
      .number(s.oldestUs);
  json.key("rejected").number(s.rejected).key("cancelled").number(s.cancelled);
  json.key("padded_rows").number(s.paddedRows).close('}').close('}');
}

} // namespace

std::string statisticsJson(const std::vector<ModelStatistics> &models) {
  JsonWriter json;
  json.open('{').key("model_stats").open('[');
  for (const ModelStatistics &statistics : models)
    model(json, statistics);
  json.close(']').close('}');
  return std::move(json.text);
}

} // namespace sinter::serve
