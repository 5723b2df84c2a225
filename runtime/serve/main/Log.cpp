// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/main/Log.h"

#define SPDLOG_NO_EXCEPTIONS
#include <atomic>
#include <chrono>
#include <grpc/support/log.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace sinter::serve {
namespace {

std::atomic<bool> isJson{false};

spdlog::logger &logger() {
  static spdlog::logger one("sinter",
                            std::make_shared<spdlog::sinks::stderr_sink_mt>());
  return one;
}

spdlog::level::level_enum levelOf(Severity severity) {
  switch (severity) {
  case Severity::debug:
    return spdlog::level::debug;
  case Severity::info:
    return spdlog::level::info;
  case Severity::warning:
    return spdlog::level::warn;
  case Severity::error:
    return spdlog::level::err;
  }
  return spdlog::level::err;
}

// Control characters would break the one line an event has.
std::string quoted(const std::string &text) {
  static const char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (c >= 0x20)
      out += char(c);
    else
      out += std::string("\\u00") + digits[c >> 4] + digits[c & 15];
  }
  return out + "\"";
}

void sayGrpc(gpr_log_func_args *said) {
  static std::atomic<int64_t> last{-1};
  int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                    std::chrono::steady_clock::now().time_since_epoch())
                    .count();
  if (last.exchange(now) != now)
    logEvent(Severity::warning, "gRPC", {{"text", said->message}});
}

} // namespace

void takeGrpcLog() { gpr_set_log_function(sayGrpc); }

void setLogLevel(const std::string &level) {
  logger().set_level(level == "warning" ? spdlog::level::warn
                     : level == "error" ? spdlog::level::err
                                        : spdlog::level::from_str(level));
}

void setLog(const std::string &level, const std::string &format) {
  isJson = format == "json";
  setLogLevel(level);
  logger().set_pattern(
      isJson ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
             : "%Y-%m-%d %H:%M:%S.%e %l: %v");
  logger().flush_on(spdlog::level::debug);
}

void logEvent(Severity severity, const std::string &message,
              const LogFields &fields) {
  spdlog::level::level_enum level = levelOf(severity);
  if (!logger().should_log(level))
    return;
  std::string line;
  if (isJson) {
    line = "\"message\":" + quoted(message);
    for (const auto &[key, value] : fields)
      line += "," + quoted(key) + ":" + quoted(value);
  } else {
    line = message;
    for (const auto &[key, value] : fields)
      line += " " + key + "=" + value;
    for (char &c : line)
      c = c == '\n' || c == '\r' ? ' ' : c;
  }
  logger().log(level, spdlog::string_view_t(line.data(), line.size()));
}

} // namespace sinter::serve
