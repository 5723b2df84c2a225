// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the small bodies that steer a server and the texts around a request
// that traces take over. The first byte says which. What is refused has a
// reason; what is written is JSON again.
#include "runtime/serve/observe/HttpPost.h"
#include "runtime/serve/observe/Trace.h"
#include "runtime/serve/observe/TraceExport.h"
#include "runtime/serve/protocol/Body.h"
#include "runtime/serve/protocol/Infer.h"

#include <cstdlib>
#include <simdjson.h>

using namespace sinter::serve;

namespace {

void check(const Status &status) {
  if (status.ok() == !status.message.empty())
    std::abort();
}

void checkJson(const std::string &text) {
  simdjson::dom::parser parser;
  if (parser.parse(simdjson::padded_string(text)).error())
    std::abort();
}

void settings(std::string_view body) {
  LogSettings log;
  check(parseLogSettings(body, log));
  checkJson(logSettingsJson(log));
  TraceChanges changes;
  Status status = parseTraceSettings(body, changes);
  check(status);
  static Status made;
  static const std::unique_ptr<Tracer> tracer = Tracer::create({}, made);
  if (status.ok())
    check(tracer->change("m", changes));
  checkJson(traceSettingsJson(tracer->settings("m")));
}

void repository(std::string_view body) {
  bool readyOnly = false;
  check(parseIndexRequest(body, readyOnly));
  check(parseLoadRequest(body));
  SharedMemory::Region region;
  if (Status status = parseRegion(body, region); status.ok())
    checkJson(regionsJson({region}));
  else
    check(status);
  std::string version;
  check(parseLabel(body, version));
}

// A client's words in a trace.
void traced(std::string_view text) {
  std::string words(text);
  TraceRecord record;
  record.level = traceTimes | traceTensors;
  if (auto parent = parseTraceparent(words)) {
    record.traceId = parent->traceId;
    record.parentId = parent->spanId;
  }
  record.model = record.version = record.requestId = record.state = words;
  record.status = {Code::invalid, words};
  Tensor tensor;
  tensor.name = words;
  tensor.dtype = uint8_t(text.empty() ? 0 : text[0] & 15);
  tensor.dims = {int64_t(text.size())};
  tensor.data = reinterpret_cast<const std::byte *>(words.data());
  tensor.bytes = words.size();
  record.inputs.push_back(tensor);
  std::string line = traceLine(record);
  if (line.find('\n') != line.size() - 1)
    std::abort();
  checkJson(line);
  checkJson(otlpJson({record}));
  Status status;
  if (!parseHttpAddress(words, "/v1/traces", status))
    check(status);
}

void raw(std::string_view text) {
  auto body = Body::copyOf(text.substr(std::min<size_t>(1, text.size())));
  ModelDescription model;
  model.name = "m";
  model.batchDim = text.empty() ? -1 : (text[0] >> 4 & 1) - 1;
  TensorDescription input;
  input.name = "x";
  input.dtype = uint8_t(text.empty() ? 1 : text[0] & 15);
  input.dims = {-1, 2};
  model.inputs.push_back(input);
  InferCall call;
  check(parseRawInfer({body->data(), body->size(), 0, body}, model, call));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size)
    return 0;
  std::string_view rest(reinterpret_cast<const char *>(data + 1), size - 1);
  void (*const parts[])(std::string_view) = {settings, repository, traced, raw};
  // simdjson reads a little beyond a body; a server's Body has room for it.
  auto body = Body::copyOf(rest);
  parts[data[0] % 4](body->text());
  return 0;
}
