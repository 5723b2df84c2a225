// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// sinter/server.h over the engine.
#include "sinter/server.h"

#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/engine/EngineImpl.h"
#include "runtime/serve/engine/Texts.h"

#include <condition_variable>
#include <cstring>
#include <list>

using namespace sinter::serve;

struct sinter_server {
  std::unique_ptr<EngineImpl> engine;
};

struct sinter_ticket {
  std::shared_ptr<Ticket> ticket;
};

namespace {

sinter_server_code codeOf(Code code) {
  switch (code) {
  case Code::ok:
    return SINTER_SERVER_OK;
  case Code::invalid:
    return SINTER_SERVER_INVALID;
  case Code::notFound:
    return SINTER_SERVER_NOT_FOUND;
  case Code::unavailable:
    return SINTER_SERVER_UNAVAILABLE;
  case Code::unsupported:
  case Code::unauthenticated:
  case Code::denied:
    return SINTER_SERVER_UNSUPPORTED;
  case Code::internal:
    return SINTER_SERVER_INTERNAL;
  case Code::deadline:
    return SINTER_SERVER_DEADLINE;
  case Code::cancelled:
    return SINTER_SERVER_CANCELLED;
  }
  return SINTER_SERVER_INTERNAL;
}

sinter_server_code tell(const Status &status, char *text, size_t n) {
  if (text && n) {
    size_t length = std::min(status.message.size(), n - 1);
    std::memcpy(text, status.message.data(), length);
    text[length] = 0;
  }
  return codeOf(status.code);
}

std::string textOf(const char *text) { return text ? text : ""; }

// A caller compiled against an older header gives a shorter struct.
template <typename T> T copyOf(const T *given) {
  T whole = {};
  if (given)
    std::memcpy(static_cast<void *>(&whole), given,
                std::min<size_t>(given->size, sizeof whole));
  return whole;
}

Request requestOf(const sinter_server_request &asked) {
  Request r;
  r.model = textOf(asked.model);
  r.version = textOf(asked.version);
  r.client = textOf(asked.client);
  r.priority = asked.priority;
  r.received = Clock::now();
  if (asked.deadline_ns)
    r.deadline =
        timeOf(Nanos(std::min<uint64_t>(asked.deadline_ns, uint64_t(never))));
  for (uint32_t i = 0; i < asked.n_inputs; ++i) {
    const sinter_tensor &given = asked.inputs[i].tensor;
    Tensor t;
    t.name = textOf(asked.inputs[i].name);
    t.dtype = given.dtype;
    t.dims.assign(given.dim, given.dim + std::min<size_t>(given.rank, 8));
    t.data = static_cast<const std::byte *>(given.data);
    t.bytes = given.bytes;
    // More than the shape needs is the caller's own affair.
    uint64_t need = elementBytes(given.dtype);
    for (int64_t dim : t.dims)
      need = dim < 0 || __builtin_mul_overflow(need, uint64_t(dim), &need)
                 ? UINT64_MAX
                 : need;
    if (given.dtype == SINTER_STRING) {
      // Records, copied: what is behind the shape is not read.
      uint64_t count = elementCount(t.dims).value_or(UINT64_MAX);
      count = std::min<uint64_t>(count, given.bytes / sizeof(sinter_text));
      setWire(t.data, given.data ? count : 0, UINT64_MAX, t);
      r.inputs.push_back(std::move(t));
      continue;
    }
    t.bytes = std::min<uint64_t>(t.bytes, need);
    r.inputs.push_back(std::move(t));
  }
  return r;
}

sinter_tensor viewOf(const Tensor &tensor) {
  sinter_tensor view = {};
  view.data = const_cast<std::byte *>(tensor.data);
  view.bytes = tensor.bytes;
  view.rank = uint8_t(tensor.dims.size());
  view.dtype = tensor.dtype;
  std::copy(tensor.dims.begin(), tensor.dims.end(), view.dim);
  return view;
}

uint64_t between(TimePoint from, TimePoint to) {
  return from == TimePoint() || to < from
             ? 0
             : uint64_t(std::chrono::nanoseconds(to - from).count());
}

// Records that point into the wire.
std::vector<std::byte> recordsOf(const Tensor &tensor) {
  std::vector<std::byte> records;
  if (tensor.dtype == SINTER_STRING)
    appendRecords(tensor, 0, elementCount(tensor.dims).value_or(0), records);
  return records;
}

// Calls show with the answer in the shape of the C header.
template <typename Show> void showAnswer(const Response &response, Show show) {
  std::vector<sinter_named_tensor> outputs;
  std::list<std::vector<std::byte>> texts;
  for (const Tensor &tensor : response.outputs) {
    outputs.push_back({tensor.name.c_str(), viewOf(tensor)});
    if (tensor.dtype == SINTER_STRING) {
      texts.push_back(recordsOf(tensor));
      outputs.back().tensor.data = texts.back().data();
      outputs.back().tensor.bytes = texts.back().size();
    }
  }
  sinter_server_answer answer = {};
  answer.size = sizeof answer;
  answer.n_outputs = uint32_t(outputs.size());
  answer.code = codeOf(response.status.code);
  answer.retry_ms = response.status.retryAfterMs;
  answer.batch_rows = response.batchRows;
  answer.text = response.status.message.c_str();
  answer.model = response.model.c_str();
  answer.version = response.version.c_str();
  answer.outputs = outputs.data();
  answer.queue_ns = between(response.phases.queued, response.phases.started);
  answer.compute_ns =
      between(response.phases.started, response.phases.computed);
  show(answer);
}

// Records, and behind them the bytes that they point to.
Status copyTexts(const Tensor &from, sinter_tensor &to) {
  std::vector<std::byte> records = recordsOf(from);
  uint64_t need = records.size() + from.bytes;
  if (to.bytes < need || (need && !to.data))
    return {Code::invalid, "output '" + from.name + "' takes " +
                               std::to_string(need) + " bytes, given are " +
                               std::to_string(to.bytes)};
  sinter_tensor view = viewOf(from);
  view.data = to.data;
  view.bytes = records.size();
  char *wire = static_cast<char *>(to.data) + records.size();
  if (from.bytes)
    std::memcpy(wire, from.data, from.bytes);
  Tensor copy = from;
  copy.data = reinterpret_cast<const std::byte *>(wire);
  records = recordsOf(copy);
  if (!records.empty())
    std::memcpy(to.data, records.data(), records.size());
  to = view;
  return {};
}

Status copyOutputs(const Response &response, sinter_tensor *outputs,
                   uint32_t n) {
  if (!response.status.ok())
    return response.status;
  if (n != response.outputs.size())
    return {Code::invalid, std::to_string(n) +
                               " outputs given; the model has " +
                               std::to_string(response.outputs.size())};
  for (uint32_t i = 0; i < n; ++i) {
    const Tensor &from = response.outputs[i];
    if (from.dtype == SINTER_STRING) {
      if (Status status = copyTexts(from, outputs[i]); !status.ok())
        return status;
      continue;
    }
    if (outputs[i].bytes < from.bytes || (from.bytes && !outputs[i].data))
      return {Code::invalid,
              "output '" + from.name + "' takes " + std::to_string(from.bytes) +
                  " bytes, given are " + std::to_string(outputs[i].bytes)};
    sinter_tensor view = viewOf(from);
    view.data = outputs[i].data;
    if (from.bytes)
      std::memcpy(view.data, from.data, from.bytes);
    outputs[i] = view;
  }
  return {};
}

} // namespace

sinter_server_code sinter_server_create(const sinter_server_options *given,
                                        sinter_server **out, char *text,
                                        size_t n) {
  if (!out)
    return tell({Code::invalid, "no place for the server"}, text, n);
  *out = nullptr;
  sinter_server_options o = copyOf(given);
  EngineOptions options;
  options.repository = textOf(o.repository);
  options.stateDir = textOf(o.state_dir);
  options.threads = o.threads;
  options.memoryBudget = o.memory_budget;
  options.warmUp = !o.no_warm_up;
  ModelOptions &model = options.defaults;
  model.latest = std::max(o.latest, 1u);
  model.maxBatch = o.max_batch;
  model.maxQueue = o.max_queue ? o.max_queue : model.maxQueue;
  model.priorityLevels = std::max(o.priority_levels, 1u);
  model.maxDelayUs = o.max_delay_us;
  model.deadlineUs = o.deadline_us;
  model.preserveOrder = o.preserve_order != 0;
  auto engine = std::make_unique<EngineImpl>(options);
  Status status = engine->start();
  if (status.ok())
    *out = new sinter_server{std::move(engine)};
  return tell(status, text, n);
}

void sinter_server_destroy(sinter_server *server) { delete server; }

sinter_server_code sinter_server_add(sinter_server *server, const char *name,
                                     uint64_t version,
                                     const sinter_model *model, char *text,
                                     size_t n) {
  if (!server || !name || !*name || !model)
    return tell({Code::invalid, "a server, a name and a model are needed"},
                text, n);
  EngineOptions::Embedded embedded;
  embedded.name = name;
  embedded.version = std::to_string(version ? version : 1);
  embedded.linked = model;
  return tell(server->engine->add(embedded), text, n);
}

sinter_server_code sinter_server_load(sinter_server *server, const char *model,
                                      char *text, size_t n) {
  return tell(server->engine->load(textOf(model)), text, n);
}

sinter_server_code sinter_server_unload(sinter_server *server,
                                        const char *model, char *text,
                                        size_t n) {
  return tell(server->engine->unload(textOf(model)), text, n);
}

sinter_server_code sinter_server_label(sinter_server *server, const char *model,
                                       const char *label, const char *version,
                                       char *text, size_t n) {
  return tell(
      server->engine->setLabel(textOf(model), textOf(label), textOf(version)),
      text, n);
}

sinter_server_code sinter_server_canary(sinter_server *server,
                                        const char *model, const char *canary,
                                        double percent, char *text, size_t n) {
  TrafficSplit split =
      server->engine->traffic(textOf(model)).value_or(TrafficSplit());
  split.canary = textOf(canary);
  split.canaryPercent = split.canary.empty() ? 0 : percent;
  return tell(server->engine->setTraffic(textOf(model), split), text, n);
}

sinter_server_code sinter_server_rollback(sinter_server *server,
                                          const char *model, char *text,
                                          size_t n) {
  return tell(server->engine->rollback(textOf(model)), text, n);
}

sinter_server_code sinter_server_ready(sinter_server *server, const char *model,
                                       const char *version) {
  if (!model)
    return server->engine->ready() ? SINTER_SERVER_OK
                                   : SINTER_SERVER_UNAVAILABLE;
  return codeOf(server->engine->modelReady(model, textOf(version)).code);
}

void sinter_server_submit(sinter_server *server,
                          const sinter_server_request *given,
                          void (*done)(void *, const sinter_server_answer *),
                          void *self, sinter_ticket **ticket) {
  Request request = requestOf(copyOf(given));
  request.done = [done, self](Response &&response) {
    showAnswer(response, [&](const sinter_server_answer &answer) {
      done(self, &answer);
    });
  };
  // The caller may be called, and free what it likes, before submit returns.
  if (ticket)
    *ticket = nullptr;
  std::shared_ptr<Ticket> made = server->engine->submit(std::move(request));
  if (ticket)
    *ticket = new sinter_ticket{std::move(made)};
}

void sinter_server_cancel(sinter_ticket *ticket) {
  if (ticket)
    ticket->ticket->cancel();
}

void sinter_server_forget(sinter_ticket *ticket) { delete ticket; }

sinter_server_code sinter_server_run(sinter_server *server,
                                     const sinter_server_request *given,
                                     sinter_tensor *outputs, uint32_t count,
                                     char *text, size_t n) {
  Request request = requestOf(copyOf(given));
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Response> answer;
  request.done = [&](Response &&response) {
    std::lock_guard<std::mutex> lock(mutex);
    answer = std::move(response);
    changed.notify_all();
  };
  server->engine->submit(std::move(request));
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait(lock, [&] { return answer.has_value(); });
  return tell(copyOutputs(*answer, outputs, count), text, n);
}

sinter_server_code sinter_server_statistics_of(sinter_server *server,
                                               const char *model,
                                               const char *version,
                                               sinter_server_statistics *out) {
  Status status;
  std::optional<ModelDescription> found =
      server->engine->describe(textOf(model), textOf(version), status);
  if (!found)
    return codeOf(status.code);
  std::vector<ModelStatistics> all =
      server->engine->statistics(found->name, found->version, status);
  if (all.empty())
    return codeOf(status.code);
  const ModelStatistics &s = all[0];
  sinter_server_statistics whole = {
      out->size,       s.circuitOpen, s.inferenceCount,  s.executionCount,
      s.success.count, s.fail.count,  s.rejected,        s.cancelled,
      s.queueDepth,    s.queue.ns,    s.computeInfer.ns, s.paddedRows};
  std::memcpy(out, &whole, std::min<size_t>(out->size, sizeof whole));
  return SINTER_SERVER_OK;
}

void sinter_server_drain(sinter_server *server, uint64_t timeout_ms) {
  server->engine->drain(
      Clock::now() +
      std::chrono::milliseconds(std::min<uint64_t>(timeout_ms, 86'400'000)));
}
