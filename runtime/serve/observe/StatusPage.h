// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// /status: one HTML page for people, without scripts or anything from
// elsewhere: models, versions, labels, and pictures of latency and batch sizes.
#ifndef SINTER_SERVE_OBSERVE_STATUSPAGE_H
#define SINTER_SERVE_OBSERVE_STATUSPAGE_H

#include "runtime/serve/observe/Prometheus.h"

namespace sinter::serve {

/// Asks the browser to load it again every two seconds.
std::string statusPage(const Observed &observed);

} // namespace sinter::serve

#endif // SINTER_SERVE_OBSERVE_STATUSPAGE_H
