// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// /status: a page for people: models, versions, labels, live pictures of
// latency and batch sizes. The browser draws it (page/status.js) from
// status.json, which it asks for every second: the counters as they stand,
// whose differences are what happened meanwhile. Nothing comes from elsewhere.
#ifndef SINTER_SERVE_OBSERVE_STATUSPAGE_H
#define SINTER_SERVE_OBSERVE_STATUSPAGE_H

#include "runtime/serve/observe/Prometheus.h"

#include <string_view>

namespace sinter::serve {

struct StatusFile {
  const char *path, *contentType, *text;
};

/// One of the page's fixed files by its path; null when there is none.
const StatusFile *statusFile(std::string_view path);

std::string statusJson(const Observed &observed);

} // namespace sinter::serve

#endif // SINTER_SERVE_OBSERVE_STATUSPAGE_H
