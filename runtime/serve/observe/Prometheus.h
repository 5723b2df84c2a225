// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// /metrics: our series, and Triton's names beside them, in Prometheus' text
// format.
//
//   sinter_request_duration_seconds_bucket{model="m",version="1",batch="4",le="0.001"}
//   7 nv_inference_request_success{model="m",version="1"} 9
#ifndef SINTER_SERVE_OBSERVE_PROMETHEUS_H
#define SINTER_SERVE_OBSERVE_PROMETHEUS_H

#include "runtime/serve/engine/Description.h"
#include "runtime/serve/observe/Trace.h"

namespace sinter::serve {

/// A listener's numbers, by its name ("http", "admin", "grpc").
struct ListenerMetrics {
  std::string name;
  uint64_t connections = 0, accepted = 0, refused = 0, requests = 0, active = 0,
           bytesIn = 0, bytesOut = 0;
};

struct Observed {
  std::vector<ModelStatistics> models;
  std::vector<IndexEntry> index;
  std::vector<ListenerMetrics> listeners;
  TraceCounts traces;
  bool ready = false;
  int64_t certificateEnds = 0; ///< second of the wall clock; 0 = no TLS
  uint64_t upUs = 0;           ///< since the server began
  std::string version;         ///< of the server
};

std::string prometheusText(const Observed &observed);

/// CPU seconds, resident bytes and descriptors of this process.
struct ProcessMetrics {
  double cpuSeconds = 0;
  uint64_t residentBytes = 0, descriptors = 0;
};
ProcessMetrics processMetrics();

} // namespace sinter::serve

#endif // SINTER_SERVE_OBSERVE_PROMETHEUS_H
