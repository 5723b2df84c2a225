// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An append-only record of control actions: a JSON object a line, each with the
// hash of the line before it. Who edits or removes a line breaks the chain.
//
//   {"time":"2026-01-02T03:04:05Z","number":7,"client":"ops","action":"load
//   ocr",
//    "outcome":"ok","previous":"9f86...","hash":"60303a..."}
#ifndef SINTER_SERVE_PROTECT_AUDITLOG_H
#define SINTER_SERVE_PROTECT_AUDITLOG_H

#include "runtime/serve/engine/Status.h"

#include <memory>
#include <mutex>

namespace sinter::serve {

class AuditLog {
public:
  /// Goes on where the file ends; checks the whole chain first. Null with a
  /// status when it is broken or cannot be written.
  static std::unique_ptr<AuditLog> open(const std::string &path,
                                        Status &status);
  ~AuditLog();
  /// On disk when this returns.
  Status append(const std::string &client, const std::string &action,
                const Status &outcome);
  /// How many lines, or the first that is wrong.
  static Status verify(const std::string &path, uint64_t &lines,
                       std::string &lastHash);

private:
  AuditLog() = default;
  std::mutex mutex;
  int descriptor = -1;
  uint64_t number = 0;
  std::string last, path;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTECT_AUDITLOG_H
