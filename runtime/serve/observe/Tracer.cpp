// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Settings and sampling. A lock is taken for requests only while something is
// traced; ids are random, from a generator of each thread.
#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/observe/Trace.h"
#include "runtime/serve/observe/TraceExport.h"

#include <algorithm>
#include <charconv>
#include <random>

namespace sinter::serve {
namespace {

bool isHex(const std::string &text) {
  return text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool isZero(const std::string &text) {
  return text.find_first_not_of('0') == std::string::npos;
}

std::string randomHex(size_t digits) {
  static thread_local std::mt19937_64 dice = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  std::string text;
  while (text.size() < digits) {
    uint64_t bits = dice();
    for (int i = 0; i < 16; ++i, bits >>= 4)
      text += "0123456789abcdef"[bits & 15];
  }
  text.resize(digits);
  return isZero(text) ? randomHex(digits) : text;
}

int64_t wallMinusEngine() {
  auto ns = [](auto time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               time.time_since_epoch())
        .count();
  };
  return ns(std::chrono::system_clock::now()) - ns(Clock::now());
}

// Copies: a trace waits for its file, and what a client sent must not wait with
// it. So many elements show what came; whole tensors would fill the disk.
std::vector<Tensor> beginnings(const std::vector<Tensor> &tensors) {
  constexpr size_t elements = 256;
  std::vector<Tensor> out;
  for (const Tensor &tensor : tensors) {
    size_t bytes =
        std::min(tensor.bytes, elements * elementBytes(tensor.dtype));
    auto copy = std::make_shared<std::vector<std::byte>>(tensor.data,
                                                         tensor.data + bytes);
    out.push_back(tensor);
    out.back().data = copy->data();
    out.back().bytes = bytes;
    out.back().owner = std::move(copy);
  }
  return out;
}

template <typename T> bool readNumber(const std::string &text, T &number) {
  const char *end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end;
}

Status wrong(const std::string &key, const std::string &value,
             const char *expected) {
  return {Code::invalid, "trace settings: '" + key + "' is '" +
                             value.substr(0, 100) + "', expected " + expected};
}

} // namespace

std::optional<SpanContext> parseTraceparent(const std::string &text) {
  // 00-0123456789abcdef0123456789abcdef-0123456789abcdef-01
  constexpr size_t length = 55;
  bool isLonger = text.size() > length;
  if (text.size() < length || text[2] != '-' || text[35] != '-' ||
      text[52] != '-' || (isLonger && text[length] != '-'))
    return std::nullopt;
  std::string version = text.substr(0, 2), flags = text.substr(53, 2);
  SpanContext out{text.substr(3, 32), text.substr(36, 16), false};
  bool isKnown = version == "00" ? !isLonger : version != "ff";
  if (!isKnown || !isHex(version + flags + out.traceId + out.spanId) ||
      isZero(out.traceId) || isZero(out.spanId))
    return std::nullopt;
  out.isSampled = (flags[1] >= 'a' ? flags[1] - 'a' + 10 : flags[1] - '0') & 1;
  return out;
}

Tracer::Tracer(const TraceOptions &options) : options(options) {
  bool isOn = options.isOn && options.rate > 0 &&
              (!options.file.empty() || !options.endpoint.empty());
  global.level = isOn ? unsigned(traceTimes) : 0;
  global.rate = std::max<uint64_t>(options.rate, 1);
  global.count = options.count;
}

Tracer::~Tracer() = default;

std::unique_ptr<Tracer> Tracer::create(const TraceOptions &options,
                                       Status &status) {
  std::unique_ptr<Tracer> tracer(new Tracer(options));
  if (!options.file.empty() || !options.endpoint.empty()) {
    tracer->out = TraceExport::start(
        {options.file, options.endpoint, options.onExport}, status);
    if (!tracer->out)
      return nullptr;
  }
  tracer->refresh();
  return tracer;
}

Tracer::Settings Tracer::effective(const Own *own) const {
  Settings all{*global.level, *global.rate, *global.count};
  if (own) {
    all.level = own->level.value_or(all.level);
    all.rate = own->rate.value_or(all.rate);
    all.count = own->count.value_or(all.count);
  }
  return all;
}

void Tracer::refresh() {
  unsigned any = *global.level;
  for (const auto &[name, own] : models)
    any |= effective(&own).level;
  isOn.store(any != 0 && out, std::memory_order_relaxed);
}

unsigned Tracer::choose(const std::string &model,
                        const std::optional<SpanContext> &parent) {
  std::lock_guard<std::mutex> lock(mutex);
  auto found = models.find(model);
  Own *own = found == models.end() ? nullptr : &found->second;
  Settings now = effective(own);
  if (!now.level || !now.count || (parent && !parent->isSampled))
    return 0;
  Own &counter = own ? *own : global;
  if (!parent && ++counter.seen % now.rate)
    return 0;
  std::optional<int64_t> &left = own && own->count ? own->count : global.count;
  if (*left > 0)
    --*left;
  return now.level;
}

void Tracer::sample(Request &request) {
  std::optional<SpanContext> parent =
      parseTraceparent(request.trace.traceparent);
  unsigned level = choose(request.model, parent);
  if (!level)
    return;
  sampled.fetch_add(1, std::memory_order_relaxed);
  auto record = std::make_shared<TraceRecord>();
  record->traceId = parent ? parent->traceId : randomHex(32);
  record->parentId = parent ? parent->spanId : "";
  record->state = parent ? request.trace.tracestate : "";
  record->spanId = randomHex(16);
  record->model = request.model.substr(0, 256);
  record->requestId = request.id.substr(0, 256);
  record->level = level;
  if (level & traceTensors)
    record->inputs = beginnings(request.inputs);
  request.done = [to = out, record,
                  done = std::move(request.done)](Response &&response) {
    record->version = response.version;
    record->status = response.status;
    record->phases = response.phases;
    record->batchRows = response.batchRows;
    record->wallNs = wallMinusEngine();
    if (record->level & traceTensors)
      record->outputs = beginnings(response.outputs);
    response.traceparent =
        "00-" + record->traceId + "-" + record->spanId + "-01";
    done(std::move(response));
    to->push(std::move(*record));
  };
}

TraceValues Tracer::settings(const std::string &model) const {
  std::lock_guard<std::mutex> lock(mutex);
  auto found = models.find(model);
  return valuesOf(effective(found == models.end() ? nullptr : &found->second));
}

TraceValues Tracer::valuesOf(const Settings &now) const {
  TraceValues all = {
      {"trace_file", options.file},
      {"trace_rate", std::to_string(now.rate)},
      {"trace_count", std::to_string(now.count)},
      {"log_frequency", "0"},
      {"trace_mode", options.endpoint.empty() ? "triton" : "opentelemetry"}};
  if (!now.level)
    all.emplace_back("trace_level", "OFF");
  if (now.level & traceTimes)
    all.emplace_back("trace_level", "TIMESTAMPS");
  if (now.level & traceTensors)
    all.emplace_back("trace_level", "TENSORS");
  return all;
}

// One of a list.
Status Tracer::addLevel(Own &own,
                        const std::optional<std::string> &value) const {
  if (!value) {
    own.level.reset();
    return {};
  }
  if (*value != "OFF" && *value != "TIMESTAMPS" && *value != "TENSORS")
    return wrong("trace_level", *value, "OFF, TIMESTAMPS or TENSORS");
  if (*value == "TENSORS" && options.file.empty())
    return {Code::unsupported, "trace settings: level TENSORS is written to a "
                               "file only; start the server with --trace-file"};
  if (*value != "OFF" && !out)
    return {Code::invalid, "trace settings: there is nowhere to write traces; "
                           "start the server with --trace-file or "
                           "--otlp-endpoint"};
  own.level = own.level.value_or(0) | (*value == "TIMESTAMPS" ? traceTimes
                                       : *value == "TENSORS"  ? traceTensors
                                                              : 0u);
  return {};
}

Status Tracer::set(Own &own, const std::string &key,
                   const std::optional<std::string> &value) const {
  if (key == "trace_level") {
    return addLevel(own, value);
  } else if (key == "trace_rate") {
    own.rate.reset();
    uint64_t rate = 0;
    if (value && (!readNumber(*value, rate) || !rate))
      return wrong(key, *value, "a number from 1");
    if (value)
      own.rate = rate;
  } else if (key == "trace_count") {
    own.count.reset();
    int64_t count = 0;
    if (value && (!readNumber(*value, count) || count < -1))
      return wrong(key, *value, "a number from 0, or -1 for no limit");
    if (value)
      own.count = count;
  } else {
    for (const auto &[name, now] : valuesOf(effective(nullptr)))
      if (name == key && (!value || *value == now))
        return {};
    bool isKnown =
        key == "trace_file" || key == "trace_mode" || key == "log_frequency";
    return isKnown ? Status{Code::unsupported,
                            "trace settings: '" + key +
                                "' is set when the server starts, not here"}
                   : Status{Code::invalid, "trace settings: unknown setting '" +
                                               key.substr(0, 100) + "'"};
  }
  return {};
}

Status Tracer::change(const std::string &model, const TraceChanges &changes) {
  // Held to the end: requests count down what is written back.
  std::lock_guard<std::mutex> lock(mutex);
  Own next;
  if (model.empty())
    next = global;
  else if (auto found = models.find(model); found != models.end())
    next = found->second;
  // A list of levels comes one by one and stands for what there was.
  if (std::any_of(changes.begin(), changes.end(), [](const auto &change) {
        return change.first == "trace_level";
      }))
    next.level.reset();
  for (const auto &[key, value] : changes)
    if (Status status = set(next, key, value); !status.ok())
      return status;
  if (model.empty()) {
    Tracer first(options);
    next.level = next.level.value_or(*first.global.level);
    next.rate = next.rate.value_or(*first.global.rate);
    next.count = next.count.value_or(*first.global.count);
    global = next;
  } else if (next.level || next.rate || next.count) {
    models[model] = next;
  } else {
    models.erase(model);
  }
  refresh();
  return {};
}

TraceCounts Tracer::counts() const {
  TraceCounts counts = out ? out->counts() : TraceCounts();
  counts.sampled = sampled.load(std::memory_order_relaxed);
  return counts;
}

void Tracer::stop(TimePoint deadline) {
  if (out)
    out->stop(deadline);
}

} // namespace sinter::serve
