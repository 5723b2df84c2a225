// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See the header.
#include "runtime/serve/http/AdminPages.h"

#include "runtime/serve/observe/CostsJson.h"
#include "runtime/serve/observe/ProfilePage.h"
#include "runtime/serve/observe/StatusPage.h"
#include "runtime/serve/protocol/Metadata.h"

namespace sinter::serve {

AdminPages::AdminPages(const Engine &engine,
                       std::function<std::vector<ListenerMetrics>()> listeners,
                       const Tracer *tracer, bool profiles,
                       std::function<int64_t()> certificateEnds)
    : engine(engine), listeners(std::move(listeners)), tracer(tracer),
      profiles(profiles), certificateEnds(std::move(certificateEnds)) {}

Observed AdminPages::observe() const {
  Observed observed;
  Status ignored;
  observed.models = engine.statistics("", "", ignored);
  observed.index = engine.index();
  if (listeners)
    observed.listeners = listeners();
  if (tracer)
    observed.traces = tracer->counts();
  observed.ready = engine.ready();
  if (certificateEnds)
    observed.certificateEnds = certificateEnds();
  observed.version = serverVersion();
  observed.upUs =
      uint64_t(std::chrono::duration_cast<std::chrono::microseconds>(
                   Clock::now() - began)
                   .count());
  return observed;
}

bool AdminPages::operator()(const HttpRequest &request, std::string_view target,
                            const HttpAnswer &answer) const {
  target = target.substr(0, target.find('?'));
  bool reads =
      request.method == HttpMethod::get || request.method == HttpMethod::head;
  if (!reads)
    return false;
  HttpResponse response;
  bool isProfile = target == "/debug/profile";
  if ((isProfile || target == "/debug/profile.json") && !profiles) {
    answer(errorResponse({Code::notFound,
                          "profile: operators are not timed; start the server "
                          "with --profile-rate=100 to time one run in 100"}));
    return true;
  }
  if (target == "/metrics") {
    response.contentType = "text/plain; version=0.0.4; charset=utf-8";
    response.text = prometheusText(observe());
  } else if (target == "/status.json") {
    response.text = statusJson(observe());
  } else if (target == "/costs.json") {
    response.text = costsJson(engine.costs());
  } else if (target == "/debug/profile.json") {
    response.text = profileJson(engine.profiles());
  } else if (const StatusFile *file = statusFile(target); file || isProfile) {
    response.contentType =
        file ? file->contentType : "text/html; charset=utf-8";
    response.text = file ? file->text : profilePage(engine.profiles());
    response.headers.emplace_back(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src "
        "'self'; connect-src 'self'; img-src data:");
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  } else {
    return false;
  }
  response.headers.emplace_back("Cache-Control", "no-store");
  answer(std::move(response));
  return true;
}

ListenerMetrics listenerMetrics(const std::string &name,
                                const ListenerCounts &counts) {
  return {name,           counts.connections, counts.accepted,
          counts.refused, counts.requests,    counts.active,
          counts.bytesIn, counts.bytesOut};
}

} // namespace sinter::serve
