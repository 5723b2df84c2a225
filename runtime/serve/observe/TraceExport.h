// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Traces on their way out: a bounded queue and one thread behind it. Requests
// only ever push; when the disk or the collector is slow or gone, traces are
// dropped and counted, never waited for.
//
// A file gets a JSON object a line, with Triton's names of timestamps. OTLP is
// a POST of JSON with a span for the request and one for each phase.
#ifndef SINTER_SERVE_OBSERVE_TRACEEXPORT_H
#define SINTER_SERVE_OBSERVE_TRACEEXPORT_H

#include "runtime/serve/observe/HttpPost.h"
#include "runtime/serve/observe/Trace.h"

#include <condition_variable>
#include <thread>

namespace sinter::serve {

class TraceExport {
public:
  struct Options {
    std::string file, endpoint;
    std::function<void(bool failed, const std::string &text)> onExport;
  };
  /// The file is opened to append; the endpoint is only read, not tried.
  static std::shared_ptr<TraceExport> start(const Options &options,
                                            Status &status);
  ~TraceExport();

  void push(TraceRecord &&record);
  TraceCounts counts() const;
  void stop(TimePoint deadline);

private:
  TraceExport() = default;
  void loop();
  void write(const std::vector<TraceRecord> &batch);
  void send(const std::vector<TraceRecord> &batch);
  void report(const Status &status);
  bool waitBeforeRetry();

  std::function<void(bool failed, const std::string &text)> onExport;
  std::optional<HttpAddress> endpoint;
  int file = -1;
  bool isFailing = false;
  std::atomic<uint64_t> exported{0}, dropped{0}, failures{0};
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<TraceRecord> queue;
  bool isStopping = false;
  TimePoint stopBy = TimePoint::max();
  std::thread thread;
};

/// A line of a trace file, with its end.
std::string traceLine(const TraceRecord &record);
/// An ExportTraceServiceRequest in OTLP's JSON encoding.
std::string otlpJson(const std::vector<TraceRecord> &records);

} // namespace sinter::serve

#endif // SINTER_SERVE_OBSERVE_TRACEEXPORT_H
