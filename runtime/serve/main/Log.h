// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The server's log: one line an event on standard error, for people or as JSON.
// Level and form may change while it runs.
#ifndef SINTER_SERVE_MAIN_LOG_H
#define SINTER_SERVE_MAIN_LOG_H

#include <string>
#include <utility>
#include <vector>

namespace sinter::serve {

enum class Severity { debug, info, warning, error };

/// level: debug, info, warning, error or off; format: text or json.
void setLog(const std::string &level, const std::string &format);

/// Only the level.
void setLogLevel(const std::string &level);

using LogFields = std::vector<std::pair<std::string, std::string>>;
/// Any thread. Fields are appended: key=value, or members of the JSON object.
void logEvent(Severity severity, const std::string &message,
              const LogFields &fields = {});

/// What gRPC has to say becomes such lines, one a second: a client can make it
/// speak at each connection.
void takeGrpcLog();

} // namespace sinter::serve

#endif // SINTER_SERVE_MAIN_LOG_H
