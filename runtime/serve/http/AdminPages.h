// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the admin listener has beside the protocol: /metrics, /status with
// its files, /costs.json, and /debug/profile.
#ifndef SINTER_SERVE_HTTP_ADMINPAGES_H
#define SINTER_SERVE_HTTP_ADMINPAGES_H

#include "runtime/serve/http/HttpListener.h"
#include "runtime/serve/observe/Prometheus.h"

namespace sinter::serve {

class AdminPages {
public:
  /// listeners: asked at each look. tracer may be null. All must outlive this.
  /// profiles: the engine was told to time operators. certificateEnds: as in
  /// Observed, asked at each look.
  AdminPages(const Engine &engine,
             std::function<std::vector<ListenerMetrics>()> listeners,
             const Tracer *tracer = nullptr, bool profiles = false,
             std::function<int64_t()> certificateEnds = {});
  /// For Services::more: true when the target was one of ours.
  bool operator()(const HttpRequest &request, std::string_view target,
                  const HttpAnswer &answer) const;

private:
  Observed observe() const;
  const Engine &engine;
  std::function<std::vector<ListenerMetrics>()> listeners;
  const Tracer *tracer;
  const bool profiles;
  std::function<int64_t()> certificateEnds;
  TimePoint began = Clock::now();
};

/// A listener's numbers under a name.
ListenerMetrics listenerMetrics(const std::string &name,
                                const ListenerCounts &counts);

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_ADMINPAGES_H
