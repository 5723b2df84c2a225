// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One POST to a collector, on a connection of its own, that takes no longer
// than it may.
#ifndef SINTER_SERVE_OBSERVE_HTTPPOST_H
#define SINTER_SERVE_OBSERVE_HTTPPOST_H

#include "runtime/serve/engine/Request.h"

#include <optional>

namespace sinter::serve {

struct HttpAddress {
  std::string host, port, path, authority;
  bool isSecure = false;
};

/// http://HOST[:PORT][/PATH] or https://; path stands in when none is given.
std::optional<HttpAddress> parseHttpAddress(const std::string &url,
                                            const std::string &path,
                                            Status &status);

/// ok: the answer was 2xx. unavailable: another try may help.
Status postHttp(const HttpAddress &to, const std::string &contentType,
                const std::string &body, TimePoint deadline);

} // namespace sinter::serve

#endif // SINTER_SERVE_OBSERVE_HTTPPOST_H
