// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The load generator of the server's benchmarks.
//
//   bench-load --port 8000 --path /v2/models/M/infer --body FILE
//
// asks in a closed loop, with `--rate 500` in an open one of Poisson arrivals,
// with `--grpc --path /inference.GRPCInferenceService/ModelInfer` over gRPC.
//
// Closed loop: every connection asks again when it was answered. Open loop:
// requests are due at times drawn before, and a latency counts from when its
// request was due, so a server that stalls cannot hide behind a client that
// waits for it. Prints JSON, at SIGTERM what it has so far.
#include "bench/serve/Client.h"
#include "runtime/serve/engine/Urgency.h"

#include "CLI/CLI.hpp"
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <sys/prctl.h>

using namespace sinter::bench;

namespace {

struct Options {
  Target target;
  bool isGrpc = false;
  double rate = 0, most = 0, seconds = 5, warm = 0.5, deadlineMs = 0;
  uint64_t seed = 1;
  std::string trace; ///< file for the arrivals; empty = none
};

struct Tally {
  std::vector<float> latencies; ///< microseconds, of good answers
  std::map<int, uint64_t> failures;
  uint64_t inTime = 0;
  TimePoint last;

  void add(const Answer &answer, TimePoint due, double deadlineMs) {
    float us =
        std::chrono::duration<float, std::micro>(answer.received - due).count();
    last = answer.received;
    if (!answer.ok) {
      ++failures[answer.status];
      return;
    }
    latencies.push_back(us);
    inTime += deadlineMs == 0 || us <= deadlineMs * 1000;
  }
};

// SIGTERM ends a run early, with its figures.
volatile std::sig_atomic_t isStopped = 0;

std::chrono::nanoseconds fromSeconds(double seconds) {
  return std::chrono::nanoseconds(int64_t(seconds * 1e9));
}

/// Each connection one request under way, for a time; with --most no more of
/// them a second, looked at every millisecond.
void runClosed(Client &client, const Options &options, double seconds,
               Tally &tally) {
  std::map<uint64_t, TimePoint> due;
  TimePoint start = Clock::now(), end = start + fromSeconds(seconds),
            patience = end + std::chrono::seconds(30);
  uint64_t number = 0;
  std::vector<Answer> answers;
  auto sendAll = [&] {
    for (TimePoint now = Clock::now(); !isStopped && now < end;
         now = Clock::now()) {
      double since = std::chrono::duration<double>(now - start).count();
      if ((options.most > 0 && double(number) > options.most * since) ||
          !client.send(number))
        break;
      due[number++] = now;
    }
  };
  sendAll();
  while (!due.empty() || (!isStopped && Clock::now() < end)) {
    TimePoint soon = Clock::now() + std::chrono::milliseconds(1);
    client.wait(options.most > 0 ? soon : patience, answers);
    if (answers.empty() && (options.most <= 0 || Clock::now() > patience))
      break;
    for (const Answer &answer : answers) {
      tally.add(answer, due[answer.request], options.deadlineMs);
      due.erase(answer.request);
    }
    sendAll();
  }
}

/// When each request is due, for `sinter serve --simulate`: microseconds.
void writeTrace(const std::string &path, TimePoint start,
                const std::vector<TimePoint> &arrivals) {
  std::ofstream file(path);
  for (TimePoint arrival : arrivals)
    file << std::chrono::duration_cast<std::chrono::microseconds>(arrival -
                                                                  start)
                .count()
         << '\n';
}

/// Arrivals of a Poisson process, whatever the server does.
void runOpen(Client &client, const Options &options, double seconds,
             Tally &tally) {
  std::mt19937_64 random(options.seed);
  std::exponential_distribution<double> gap(options.rate);
  TimePoint start = Clock::now(), end = start + fromSeconds(seconds);
  TimePoint next = start + fromSeconds(gap(random));
  std::map<uint64_t, TimePoint> due;
  std::deque<std::pair<uint64_t, TimePoint>> waiting;
  uint64_t number = 0;
  std::vector<Answer> answers;
  std::vector<TimePoint> arrivals;
  while (next < end || !waiting.empty() || !due.empty()) {
    if (isStopped)
      end = std::min(end, Clock::now());
    for (; next < end && next <= Clock::now();
         next += fromSeconds(gap(random))) {
      waiting.emplace_back(number++, next);
      arrivals.push_back(next);
    }
    while (!waiting.empty() && client.send(waiting.front().first)) {
      due.insert(waiting.front());
      waiting.pop_front();
    }
    TimePoint until = next < end ? next : end + std::chrono::seconds(30);
    if (Clock::now() > end + std::chrono::seconds(30))
      break;
    client.wait(until, answers);
    for (const Answer &answer : answers) {
      tally.add(answer, due[answer.request], options.deadlineMs);
      due.erase(answer.request);
    }
  }
  if (!options.trace.empty()) // of the last run: the warm one comes first
    writeTrace(options.trace, start, arrivals);
}

double percentile(const std::vector<float> &sorted, double p) {
  return sorted.empty() ? 0
                        : sorted[std::min(sorted.size() - 1,
                                          size_t(p * double(sorted.size())))];
}

int run(const Options &options) {
  auto client = options.isGrpc ? connectGrpc(options.target)
                               : connectHttp(options.target);
  if (!client)
    return 5;
  auto runOnce = options.rate > 0 ? runOpen : runClosed;
  Tally warm, tally;
  if (options.warm > 0)
    runOnce(*client, options, options.warm, warm);
  TimePoint start = Clock::now();
  runOnce(*client, options, options.seconds, tally);
  double elapsed = std::chrono::duration<double>(tally.last - start).count();
  auto &l = tally.latencies;
  std::sort(l.begin(), l.end());
  uint64_t failed = 0;
  nlohmann::json failures = nlohmann::json::object();
  for (auto [status, count] : tally.failures) {
    failures[std::to_string(status)] = count;
    failed += count;
  }
  nlohmann::json out = {
      {"requests", l.size() + failed},
      {"ok", l.size()},
      {"failed", failed},
      {"failures", failures},
      {"in_time", tally.inTime},
      {"seconds", elapsed},
      {"per_second", elapsed > 0 ? double(l.size()) / elapsed : 0},
      {"min_us", percentile(l, 0)},
      {"p50_us", percentile(l, 0.5)},
      {"p90_us", percentile(l, 0.9)},
      {"p99_us", percentile(l, 0.99)},
      {"p999_us", percentile(l, 0.999)},
      {"max_us", percentile(l, 1)}};
  std::puts(out.dump().c_str());
  return 0;
}

std::string readAll(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Loads an inference server with one request, again and again, "
               "and prints latencies.");
  Options options;
  std::string body;
  std::vector<std::string> headers;
  app.add_option("--host", options.target.host, "IPv4 address")
      ->capture_default_str();
  app.add_option("--port", options.target.port, "port")->required();
  app.add_option("--path", options.target.path,
                 "path of the POST, or method of gRPC")
      ->required();
  app.add_option("--body", body, "file with the body, or the message")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--header", headers, "'Name: value'; repeatable");
  app.add_flag("--grpc", options.isGrpc, "gRPC instead of HTTP/1.1");
  app.add_option("--connections", options.target.connections,
                 "requests under way at most")
      ->capture_default_str();
  app.add_option("--rate", options.rate,
                 "requests a second, Poisson; 0 = closed loop")
      ->capture_default_str();
  app.add_option("--most", options.most,
                 "in a closed loop, requests a second at most; 0 = any")
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "length of the run")
      ->capture_default_str();
  app.add_option("--warm", options.warm, "seconds before it that do not count")
      ->capture_default_str();
  app.add_option("--deadline-ms", options.deadlineMs,
                 "answers later than this are not in_time")
      ->capture_default_str();
  app.add_option(
      "--trace", options.trace,
      "file for the arrivals, as `sinter serve --simulate` reads it");
  app.add_option("--seed", options.seed, "of the arrivals")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  // Clients are other machines: ours must not wait behind the runs that it asks
  // for, nor 50 us more than it said, which is what the kernel may add.
  sinter::serve::runFirst(true);
  prctl(PR_SET_TIMERSLACK, 1);
  std::signal(SIGTERM, [](int) { isStopped = 1; });
  options.target.body = readAll(body);
  for (const std::string &header : headers)
    options.target.headers += header + "\r\n";
  return run(options);
}
