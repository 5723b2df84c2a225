// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The small bodies that steer a server: repository, shared memory, log
// settings. Each parser takes an empty body for an empty object.
#ifndef SINTER_SERVE_PROTOCOL_CONTROL_H
#define SINTER_SERVE_PROTOCOL_CONTROL_H

#include "runtime/serve/protocol/SharedMemory.h"

#include <optional>

namespace sinter::serve {

/// {"ready": bool} of a repository index.
Status parseIndexRequest(std::string_view body, bool &readyOnly);
/// A load takes what lies in the repository: config and file overrides are
/// unsupported.
Status parseLoadRequest(std::string_view body);
/// {"key", "offset", "byte_size"}; the name comes with the address.
Status parseRegion(std::string_view body, SharedMemory::Region &region);
std::string regionsJson(const std::vector<SharedMemory::Region> &regions);
/// {"version": "3"} of a label; "" or null removes it.
Status parseLabel(std::string_view body, std::string &version);

/// Triton's log settings. The format is always "default", the file always "".
struct LogSettings {
  bool info = true, warning = true, error = true;
  uint64_t verbose = 0;
};
/// Changes what the body names and leaves the rest.
Status parseLogSettings(std::string_view body, LogSettings &settings);
std::string logSettingsJson(const LogSettings &settings);

/// Setting -> new value; without one, a model's own setting is taken back and a
/// setting for all models is as at the start.
using TraceChanges =
    std::vector<std::pair<std::string, std::optional<std::string>>>;
using TraceValues = std::vector<std::pair<std::string, std::string>>;
/// Triton's trace settings: texts, lists of texts, numbers or null.
Status parseTraceSettings(std::string_view body, TraceChanges &changes);
std::string traceSettingsJson(const TraceValues &settings);

/// The settings of a server, for all its front ends.
class LogControl {
public:
  /// apply is called with the first settings, and after each change.
  explicit LogControl(std::function<void(const LogSettings &)> apply);
  LogSettings get() const;
  void set(const LogSettings &settings);

private:
  mutable std::mutex mutex;
  LogSettings settings;
  std::function<void(const LogSettings &)> apply;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTOCOL_CONTROL_H
