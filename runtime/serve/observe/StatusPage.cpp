// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/observe/StatusPage.h"

#include "runtime/serve/observe/StatusTexts.h"
#include "runtime/serve/protocol/JsonWriter.h"

namespace sinter::serve {
namespace {

const StatusFile files[] = {
    {"/", "text/html; charset=utf-8", statusHtml},
    {"/status", "text/html; charset=utf-8", statusHtml},
    {"/status.css", "text/css; charset=utf-8", statusCss},
    {"/status.js", "text/javascript; charset=utf-8", statusJs},
};

const ModelStatistics &statisticsOf(const Observed &observed,
                                    const IndexEntry &entry) {
  static const ModelStatistics none;
  for (const ModelStatistics &s : observed.models)
    if (s.name == entry.name && s.version == entry.version)
      return s;
  return none;
}

const char *stateName(VersionState state) {
  switch (state) {
  case VersionState::loading:
    return "loading";
  case VersionState::ready:
    return "ready";
  case VersionState::unloading:
    return "unloading";
  case VersionState::unavailable:
    return "unavailable";
  }
  return "";
}

void counts(JsonWriter &json, const char *key, const Histogram &histogram) {
  json.key(key).open('[');
  for (uint64_t count : histogram.counts)
    json.number(count);
  json.close(']');
}

void model(JsonWriter &json, const IndexEntry &entry,
           const ModelStatistics &s) {
  json.open('{').key("name").string(entry.name);
  json.key("version").string(entry.version);
  json.key("state").string(stateName(entry.state));
  json.key("reason").string(entry.reason);
  json.key("labels").strings(entry.labels);
  const struct {
    const char *key;
    uint64_t value;
  } numbers[] = {{"requests", s.success.count}, {"failed", s.fail.count},
                 {"rejected", s.rejected},      {"cancelled", s.cancelled},
                 {"rows", s.inferenceCount},    {"batches", s.executionCount},
                 {"padded_rows", s.paddedRows}, {"queue", s.queueDepth},
                 {"oldest_us", s.oldestUs},     {"memory", s.memoryBytes}};
  for (const auto &number : numbers)
    json.key(number.key).number(number.value);
  json.key("circuit_open").boolean(s.circuitOpen);
  counts(json, "request", s.request);
  counts(json, "queueing", s.queueing);
  counts(json, "compute", s.compute);
  json.key("sizes").open('[');
  for (const BatchStatistics &batch : s.batches)
    json.open('[')
        .number(batch.size)
        .number(batch.computeInfer.count)
        .number(batch.computeInfer.ns)
        .close(']');
  json.close(']').close('}');
}

} // namespace

const StatusFile *statusFile(std::string_view path) {
  for (const StatusFile &file : files)
    if (path == file.path)
      return &file;
  return nullptr;
}

std::string statusJson(const Observed &observed) {
  ProcessMetrics process = processMetrics();
  JsonWriter json;
  json.open('{').key("version").string(observed.version);
  json.key("ready").boolean(observed.ready);
  json.key("now_us").number(observed.upUs);
  json.key("uptime_s").number(double(observed.upUs) / 1e6);
  json.key("cpu_s").number(process.cpuSeconds);
  json.key("resident_bytes").number(process.residentBytes);
  json.key("listeners").open('[');
  for (const ListenerMetrics &listener : observed.listeners) {
    json.open('{').key("name").string(listener.name);
    json.key("connections").number(listener.connections);
    json.key("requests").number(listener.requests).close('}');
  }
  json.close(']').key("bounds_us").open('[');
  for (uint64_t bound : histogramBoundsUs)
    json.number(bound);
  json.close(']').key("models").open('[');
  for (const IndexEntry &entry : observed.index)
    model(json, entry, statisticsOf(observed, entry));
  json.close(']').close('}');
  return std::move(json.text);
}

} // namespace sinter::serve
