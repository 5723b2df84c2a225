// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/config/Schema.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace sinter::serve {
namespace {

using Value = ParsedValue;
using Server = ServerConfig;
using Model = ModelOptions;

// "latest", "latest:3", "all", or numbers: "1,4".
void putVersions(Model &model, const Value &value) {
  model.versions.assign(value.numbers.begin(), value.numbers.end());
  if (value.text == "all") {
    model.policy = VersionPolicy::all;
  } else if (value.text.rfind("latest", 0) == 0) {
    model.policy = VersionPolicy::latest;
    model.latest = uint32_t(value.number);
  } else {
    model.policy = VersionPolicy::specific;
  }
}

Status wrong(const std::string &text, const char *expected) {
  return {Code::invalid, "found '" + text + "', expected " + expected};
}

bool readNumber(const std::string &text, uint64_t &number) {
  number = 0;
  if (text.empty())
    return false;
  for (char c : text)
    if (c < '0' || c > '9' || __builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, uint64_t(c - '0'), &number))
      return false;
  return true;
}

bool readReal(const std::string &text, double &real) {
  const char *end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, real);
  return error == std::errc() && stop == end && std::fabs(real) < 1e300;
}

// A number with a unit of the table behind it; without one it counts as it is.
struct Unit {
  const char *name;
  uint64_t factor;
};
template <size_t N>
bool readScaled(const std::string &text, const Unit (&units)[N],
                uint64_t &number) {
  size_t digits = text.find_first_not_of("0123456789");
  if (!readNumber(text.substr(0, digits), number))
    return false;
  if (digits == std::string::npos)
    return true;
  for (const Unit &unit : units)
    if (text.substr(digits) == unit.name)
      return !__builtin_mul_overflow(number, unit.factor, &number);
  return false;
}

bool readList(const std::string &text, std::vector<uint32_t> &numbers) {
  size_t at = 0;
  while (at < text.size()) {
    size_t comma = std::min(text.find(',', at), text.size());
    uint64_t number;
    if (!readNumber(text.substr(at, comma - at), number) ||
        number > std::numeric_limits<uint32_t>::max())
      return false;
    numbers.push_back(uint32_t(number));
    at = comma + 1;
  }
  return true;
}

bool isChoice(const std::string &choices, const std::string &text) {
  return !text.empty() && text.find('|') == std::string::npos &&
         ("|" + choices + "|").find("|" + text + "|") != std::string::npos;
}

Status readVersions(const std::string &text, Value &out) {
  out.number = 1;
  bool counted = text.rfind("latest:", 0) == 0 &&
                 readNumber(text.substr(7), out.number) && out.number > 0;
  if (text == "all" || text == "latest" || counted ||
      (!text.empty() && readList(text, out.numbers)))
    return {};
  return wrong(text,
               "latest, latest:N, all, or version numbers with commas between");
}

using ServerRows = std::vector<KeyRow<Server>>;

ServerRows joined(ServerRows first, const ServerRows &second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

ServerRows observeKeys() {
  using K = KeyKind;
  return {
      {"otlp-endpoint", K::text, "",
       "http://HOST:PORT[/PATH] of a collector that traces are sent to",
       [](Server &s, const Value &v) { s.otlpEndpoint = v.text; }},
      {"trace-file", K::text, "",
       "file that traces are added to, as JSON lines",
       [](Server &s, const Value &v) { s.traceFile = v.text; }},
      {"trace-level", K::choice, "timestamps",
       "whether requests are traced from the start",
       [](Server &s, const Value &v) { s.traceOn = v.text != "off"; }, false,
       "off|timestamps"},
      {"trace-rate", K::number, "1000",
       "one in so many requests, and all whose caller traces; 0 = none",
       [](Server &s, const Value &v) { s.traceRate = v.number; }},
      {"trace-count", K::number, "0",
       "so many traces and no more; 0 = no limit",
       [](Server &s, const Value &v) { s.traceCount = v.number; }},
      {"profile-rate", K::number, "0",
       "one run in so many is timed for /debug/profile; 0 = none",
       [](Server &s, const Value &v) { s.profileRate = v.number; }},
  };
}

ServerRows generalKeys() {
  using K = KeyKind;
  return {
      {"http.address", K::text, "0.0.0.0", "address of the HTTP listener",
       [](Server &s, const Value &v) { s.http.address = v.text; }},
      {"http.port", K::port, "8000", "its port; 0 = any free one, off = none",
       [](Server &s, const Value &v) { s.http.port = v.port; }},
      {"http.socket", K::text, "", "path of a Unix socket beside the port",
       [](Server &s, const Value &v) { s.http.socket = v.text; }},
      {"http.max-body", K::bytes, "256MiB", "largest request, of gRPC as well",
       [](Server &s, const Value &v) { s.maxBody = v.number; }},
      {"http.max-connections", K::number, "4096", "connections at once",
       [](Server &s, const Value &v) { s.maxConnections = v.number; }},
      {"grpc.address", K::text, "0.0.0.0", "address of the gRPC listener",
       [](Server &s, const Value &v) { s.grpc.address = v.text; }},
      {"grpc.port", K::port, "8001", "its port; 0 = any free one, off = none",
       [](Server &s, const Value &v) { s.grpc.port = v.port; }},
      {"grpc.socket", K::text, "", "path of a Unix socket beside the port",
       [](Server &s, const Value &v) { s.grpc.socket = v.text; }},
      {"grpc.max-streams", K::number, "1024", "calls at once on one connection",
       [](Server &s, const Value &v) { s.maxStreams = v.number; }},
      {"admin.address", K::text, "127.0.0.1",
       "address of metrics, control and status page",
       [](Server &s, const Value &v) { s.admin.address = v.text; }},
      {"admin.port", K::port, "8002", "its port; 0 = any free one, off = none",
       [](Server &s, const Value &v) { s.admin.port = v.port; }},
      {"admin.socket", K::text, "", "path of a Unix socket beside the port",
       [](Server &s, const Value &v) { s.admin.socket = v.text; }},
      {"tls.certificate", K::file, "",
       "PEM file; HTTP and gRPC then speak TLS only",
       [](Server &s, const Value &v) { s.tlsCertificate = v.text; }},
      {"tls.key", K::file, "", "PEM file of its private key",
       [](Server &s, const Value &v) { s.tlsKey = v.text; }},
      {"tls.client-ca", K::file, "",
       "PEM file; clients must show a certificate of it",
       [](Server &s, const Value &v) { s.tlsClientCa = v.text; }},
      {"access-file", K::file, "",
       "TOML: API keys, tokens and certificates, and what they may do",
       [](Server &s, const Value &v) { s.accessFile = v.text; }},
      {"audit-log", K::text, "", "file that every control action is added to",
       [](Server &s, const Value &v) { s.auditLog = v.text; }},
      {"repository", K::text, "", "folder of MODEL/VERSION/ bundles",
       [](Server &s, const Value &v) { s.repository = v.text; }},
      {"repository-control", K::choice, "admin",
       "where load, unload and settings are allowed",
       [](Server &s, const Value &v) {
         s.controlEverywhere = v.text == "all";
         s.controlNowhere = v.text == "off";
       },
       false, "admin|all|off"},
      {"bundle-key", K::file, "",
       "PEM file of the Ed25519 key that must have signed every bundle",
       [](Server &s, const Value &v) { s.bundleKey = v.text; }},
      {"state-dir", K::text, "", "where labels are kept; empty = in memory",
       [](Server &s, const Value &v) { s.stateDir = v.text; }},
      {"watch", K::boolean, "false",
       "load new versions when they appear in the repository",
       [](Server &s, const Value &v) { s.watch = v.boolean; }},
      {"name", K::text, "", "name of the model inside this file",
       [](Server &s, const Value &v) { s.name = v.text; }},
      {"shared-memory", K::boolean, "false",
       "clients may pass tensors in POSIX shared memory",
       [](Server &s, const Value &v) { s.sharedMemory = v.boolean; }},
      {"threads", K::number, "0",
       "threads of all models; 0 = the CPUs of this process",
       [](Server &s, const Value &v) { s.threads = v.number; }},
      {"memory-budget", K::bytes, "0",
       "idle models are unloaded past it; 0 = none",
       [](Server &s, const Value &v) { s.memoryBudget = v.number; }},
      {"client-rate", K::real, "0", "requests a second of each client; 0 = any",
       [](Server &s, const Value &v) { s.clientLimit.rate = v.real; }, true},
      {"client-burst", K::real, "0",
       "so many of them at once; 0 = a second's worth",
       [](Server &s, const Value &v) { s.clientLimit.burst = v.real; }, true},
      {"client-concurrency", K::number, "0",
       "requests of each client under way; 0 = any",
       [](Server &s, const Value &v) {
         s.clientLimit.concurrency = uint32_t(v.number);
       },
       true},
      {"simulate", K::text, "",
       "replay arrivals of a file, print latencies and end",
       [](Server &s, const Value &v) { s.simulate = v.text; }},
      {"simulate-costs", K::text, "",
       "for --simulate, a file with the /costs.json of a server",
       [](Server &s, const Value &v) { s.simulateCosts = v.text; }},
      {"grace", K::milliseconds, "2s",
       "serving goes on so long after SIGTERM, not ready",
       [](Server &s, const Value &v) { s.graceMs = v.number; }, true},
      {"drain-timeout", K::milliseconds, "30s",
       "then requests may take so long to end",
       [](Server &s, const Value &v) { s.drainMs = v.number; }, true},
      {"log-level", K::choice, "info", "least severity that is logged",
       [](Server &s, const Value &v) { s.logLevel = v.text; }, true,
       "debug|info|warning|error|off"},
      {"log-format", K::choice, "text",
       "one line an event: for people, or JSON",
       [](Server &s, const Value &v) { s.logFormat = v.text; }, true,
       "text|json"},
  };
}

} // namespace

const std::vector<KeyRow<Server>> &serverKeys() {
  static const ServerRows rows = joined(generalKeys(), observeKeys());
  return rows;
}

const std::vector<KeyRow<Model>> &modelKeys() {
  using K = KeyKind;
  static const std::vector<KeyRow<Model>> rows = {
      {"versions", K::versions, "latest",
       "which are served: latest, latest:N, all, or 1,4", putVersions, true},
      {"max-batch", K::number, "0",
       "rows of a batch; 0 = what the cost table says",
       [](Model &m, const Value &v) { m.maxBatch = uint32_t(v.number); }},
      {"max-queue-delay-us", K::number, "0",
       "fixed delay of a batch; 0 = by cost",
       [](Model &m, const Value &v) { m.maxDelayUs = v.number; }, true},
      {"preferred-batch-size", K::numbers, "",
       "sizes a batch is closed at; empty = by cost",
       [](Model &m, const Value &v) { m.preferredBatch = v.numbers; }, true},
      {"deadline-us", K::number, "0", "of requests that bring none; 0 = none",
       [](Model &m, const Value &v) { m.deadlineUs = v.number; }, true},
      {"max-queue", K::number, "1024",
       "requests that may wait; past it they get 503",
       [](Model &m, const Value &v) { m.maxQueue = uint32_t(v.number); }, true},
      {"max-queue-bytes", K::bytes, "256MiB", "and their bytes",
       [](Model &m, const Value &v) { m.maxQueueBytes = v.number; }, true},
      {"priority-levels", K::number, "1", "priorities that a request may name",
       [](Model &m, const Value &v) { m.priorityLevels = uint32_t(v.number); },
       true},
      {"preserve-order", K::boolean, "false",
       "answers of a client in the order it asked",
       [](Model &m, const Value &v) { m.preserveOrder = v.boolean; }, true},
      {"rate", K::real, "0", "requests a second of all clients; 0 = any",
       [](Model &m, const Value &v) { m.limit.rate = v.real; }, true},
      {"burst", K::real, "0", "so many of them at once; 0 = a second's worth",
       [](Model &m, const Value &v) { m.limit.burst = v.real; }, true},
      {"concurrency", K::number, "0",
       "requests under way of all clients; 0 = any",
       [](Model &m, const Value &v) {
         m.limit.concurrency = uint32_t(v.number);
       },
       true},
      {"guard-answers", K::number, "50",
       "a canary is judged after so many answers",
       [](Model &m, const Value &v) { m.guardAnswers = uint32_t(v.number); },
       true},
      {"guard-error-percent", K::real, "5",
       "it is taken back when it fails so much more than the default version",
       [](Model &m, const Value &v) { m.guardErrorPercent = v.real; }, true},
      {"guard-latency-factor", K::real, "2",
       "or takes so much longer; 0 = not looked at",
       [](Model &m, const Value &v) { m.guardLatencyFactor = v.real; }, true},
      {"breaker-failures", K::number, "5",
       "runs that fail in a row before requests are refused; 0 = never",
       [](Model &m, const Value &v) { m.breakerFailures = uint32_t(v.number); },
       true},
      {"breaker-open", K::milliseconds, "1s",
       "how long they are refused before one tries again",
       [](Model &m, const Value &v) { m.breakerOpenMs = uint32_t(v.number); },
       true},
      {"degrade-to", K::text, "",
       "MODEL or MODEL:VERSION that answers meanwhile",
       [](Model &m, const Value &v) { m.degradeTo = v.text; }, true},
  };
  return rows;
}

const char *kindName(KeyKind kind) {
  switch (kind) {
  case KeyKind::text:
    return "TEXT";
  case KeyKind::file:
    return "FILE";
  case KeyKind::port:
    return "PORT";
  case KeyKind::number:
    return "N";
  case KeyKind::real:
  case KeyKind::signedReal:
    return "NUMBER";
  case KeyKind::bytes:
    return "BYTES";
  case KeyKind::milliseconds:
    return "TIME";
  case KeyKind::boolean:
    return "true|false";
  case KeyKind::choice:
    return "";
  case KeyKind::numbers:
    return "N,N";
  case KeyKind::versions:
    return "POLICY";
  case KeyKind::shapes:
    return "SHAPES";
  }
  return "";
}

Status parseValue(KeyKind kind, const char *choices, const std::string &text,
                  Value &out) {
  static constexpr Unit sizes[] = {{"KiB", 1u << 10}, {"MiB", 1u << 20},
                                   {"GiB", 1u << 30}, {"kB", 1000},
                                   {"MB", 1000000},   {"GB", 1000000000}};
  static constexpr Unit times[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
  out.text = text;
  switch (kind) {
  case KeyKind::text:
  case KeyKind::file:
    return {};
  case KeyKind::port:
    if (text == "off" || text == "-1")
      return out.port = -1, Status();
    if (!readNumber(text, out.number) || out.number > 65535)
      return wrong(text, "a port from 0 to 65535, or off");
    return out.port = int64_t(out.number), Status();
  case KeyKind::number:
    if (!readNumber(text, out.number) ||
        out.number > std::numeric_limits<uint32_t>::max())
      return wrong(text, "a number from 0 to 4294967295");
    return {};
  case KeyKind::real:
    return readReal(text, out.real) && out.real >= 0
               ? Status()
               : wrong(text, "a number of at least 0");
  case KeyKind::signedReal:
    return readReal(text, out.real) ? Status() : wrong(text, "a number");
  case KeyKind::bytes:
    return readScaled(text, sizes, out.number)
               ? Status()
               : wrong(text, "bytes, as in 64MiB");
  case KeyKind::milliseconds:
    return readScaled(text, times, out.number) && out.number <= 86400000
               ? Status()
               : wrong(text, "a time up to a day, as in 500ms, 30s or 2m");
  case KeyKind::boolean:
    out.boolean = text == "true";
    return isChoice("true|false", text) ? Status()
                                        : wrong(text, "true or false");
  case KeyKind::choice:
    return isChoice(choices, text) ? Status() : wrong(text, choices);
  case KeyKind::numbers:
    return readList(text, out.numbers)
               ? Status()
               : wrong(text, "numbers with commas between");
  case KeyKind::versions:
    return readVersions(text, out);
  case KeyKind::shapes:
    return readShapes(text, out.shapes)
               ? Status()
               : wrong(text, "shapes with commas between, as in 1x3x48x?");
  }
  return {};
}

} // namespace sinter::serve
