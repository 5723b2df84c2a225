// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A trace as text. What a request did not reach is left out.
#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/observe/TraceExport.h"
#include "runtime/serve/protocol/JsonData.h"
#include "runtime/serve/protocol/JsonWriter.h"
#include "runtime/serve/protocol/Metadata.h"

namespace sinter::serve {
namespace {

int64_t wallTime(const TraceRecord &record, TimePoint time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             time.time_since_epoch())
             .count() +
         record.wallNs;
}

TimePoint begin(const Phases &phases) {
  return phases.received == TimePoint() ? phases.queued : phases.received;
}

// OTLP's JSON has 64-bit numbers as texts.
void attribute(JsonWriter &json, std::string_view key, std::string_view value) {
  if (!value.empty())
    json.open('{')
        .key("key")
        .string(key)
        .key("value")
        .open('{')
        .key("stringValue")
        .string(value)
        .close('}')
        .close('}');
}

void attribute(JsonWriter &json, std::string_view key, uint64_t value) {
  json.open('{')
      .key("key")
      .string(key)
      .key("value")
      .open('{')
      .key("intValue")
      .string(std::to_string(value))
      .close('}')
      .close('}');
}

void head(JsonWriter &json, const TraceRecord &record, const std::string &id,
          const std::string &parent, const std::string &name, int kind,
          TimePoint from, TimePoint to) {
  json.open('{').key("traceId").string(record.traceId);
  json.key("spanId").string(id);
  if (!parent.empty())
    json.key("parentSpanId").string(parent);
  if (!record.state.empty())
    json.key("traceState").string(record.state);
  json.key("name").string(name).key("kind").number(kind);
  json.key("startTimeUnixNano").string(std::to_string(wallTime(record, from)));
  json.key("endTimeUnixNano").string(std::to_string(wallTime(record, to)));
}

// Ids of the phases follow from the request's own: no two spans share one.
std::string childId(std::string id, unsigned number) {
  uint64_t value =
      std::stoull(id, nullptr, 16) ^ (uint64_t(number) * 0x9e3779b97f4a7c15u);
  static const char digits[] = "0123456789abcdef";
  for (size_t i = id.size(); i-- > 0; value >>= 4)
    id[i] = digits[value & 15];
  return id;
}

void spans(JsonWriter &json, const TraceRecord &record) {
  constexpr int internal = 1, server = 2;
  const Phases &at = record.phases;
  head(json, record, record.spanId, record.parentId, "infer " + record.model,
       server, begin(at), at.finished);
  json.key("attributes").open('[');
  attribute(json, "sinter.model.name", record.model);
  attribute(json, "sinter.model.version", record.version);
  attribute(json, "sinter.request.id", record.requestId);
  if (record.batchRows)
    attribute(json, "sinter.batch.rows", uint64_t(record.batchRows));
  json.close(']').key("status").open('{');
  if (!record.status.ok())
    json.key("code").number(2).key("message").string(record.status.message);
  json.close('}').close('}');
  const struct {
    const char *name;
    TimePoint from, to;
  } phases[] = {{"read", at.received, at.queued},
                {"queue", at.queued,
                 at.started == TimePoint() ? at.finished : at.started},
                {"compute", at.started, at.computed},
                {"answer", at.computed, at.finished}};
  unsigned number = 0;
  for (const auto &phase : phases) {
    ++number;
    if (phase.from == TimePoint() || phase.to < phase.from)
      continue;
    head(json, record, childId(record.spanId, number), record.spanId,
         phase.name, internal, phase.from, phase.to);
    json.close('}');
  }
}

// Numbers as a text, as Triton writes them; what JSON has no number for, NaN
// and infinities, makes it the bytes in hexadecimal.
void writeTensor(JsonWriter &json, const char *activity, const Tensor &tensor) {
  std::string shape, data;
  for (int64_t dim : tensor.dims)
    shape += (shape.empty() ? "" : ",") + std::to_string(dim);
  json.open('{').key("activity").string(activity);
  json.key("tensor").open('{').key("name").string(tensor.name);
  json.key("shape").string(shape);
  json.key("dtype").string(dataTypeName(tensor.dtype));
  if (writeJsonData(tensor, data).ok()) {
    json.key("data").string(
        std::string_view(data).substr(1, data.size() - 2)); // no brackets
  } else {
    static const char digits[] = "0123456789abcdef";
    data.clear();
    for (size_t i = 0; i < tensor.bytes; ++i) {
      data += digits[unsigned(tensor.data[i]) >> 4];
      data += digits[unsigned(tensor.data[i]) & 15];
    }
    json.key("hex").string(data);
  }
  json.close('}').close('}');
}

} // namespace

std::string traceLine(const TraceRecord &record) {
  const Phases &at = record.phases;
  JsonWriter json;
  json.open('{').key("trace_id").string(record.traceId);
  json.key("span_id").string(record.spanId);
  json.key("parent_span_id").string(record.parentId);
  json.key("model_name").string(record.model);
  json.key("model_version").string(record.version);
  json.key("request_id").string(record.requestId);
  json.key("batch_rows").number(record.batchRows);
  json.key("error").string(record.status.message);
  if (record.level & traceTensors) {
    json.key("tensors").open('[');
    for (const Tensor &tensor : record.inputs)
      writeTensor(json, "TENSOR_QUEUE_INPUT", tensor);
    for (const Tensor &tensor : record.outputs)
      writeTensor(json, "TENSOR_BACKEND_OUTPUT", tensor);
    json.close(']');
  }
  if (!(record.level & traceTimes)) {
    json.close('}');
    return json.text + "\n";
  }
  json.key("timestamps").open('[');
  const struct {
    const char *name;
    TimePoint time;
  } stamps[] = {{"REQUEST_START", begin(at)},
                {"QUEUE_START", at.queued},
                {"COMPUTE_START", at.started},
                {"COMPUTE_END", at.computed},
                {"REQUEST_END", at.finished}};
  for (const auto &stamp : stamps)
    if (stamp.time != TimePoint())
      json.open('{')
          .key("name")
          .string(stamp.name)
          .key("ns")
          .number(wallTime(record, stamp.time))
          .close('}');
  json.close(']').close('}');
  return json.text + "\n";
}

std::string otlpJson(const std::vector<TraceRecord> &records) {
  JsonWriter json;
  json.open('{').key("resourceSpans").open('[').open('{');
  json.key("resource").open('{').key("attributes").open('[');
  attribute(json, "service.name", serverName);
  attribute(json, "service.version", serverVersion());
  json.close(']').close('}').key("scopeSpans").open('[').open('{');
  json.key("scope").open('{').key("name").string(serverName).close('}');
  json.key("spans").open('[');
  for (const TraceRecord &record : records)
    spans(json, record);
  json.close(']').close('}').close(']').close('}').close(']').close('}');
  return std::move(json.text);
}

} // namespace sinter::serve
