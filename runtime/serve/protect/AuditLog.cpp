// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The hash covers the text of a line up to its own field, the previous hash
// included. A half line at the end, left by a crash, is reported, never
// repaired.
#include "runtime/serve/protect/AuditLog.h"

#include "runtime/serve/protect/Access.h"
#include "runtime/serve/protocol/JsonWriter.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace sinter::serve {
namespace {

const std::string hashField = ",\"hash\":\"";

std::string utcNow() {
  time_t now = time(nullptr);
  tm parts = {};
  char text[32];
  gmtime_r(&now, &parts);
  return {text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

} // namespace

Status AuditLog::verify(const std::string &path, uint64_t &lines,
                        std::string &lastHash) {
  lines = 0;
  lastHash.clear();
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  // No file is an empty log; one that cannot be read is none.
  if (!in && errno != ENOENT)
    return {Code::invalid, "audit log '" + path + "': cannot be read: " +
                               std::strerror(errno ? errno : EIO)};
  std::string line;
  while (std::getline(in, line)) {
    ++lines;
    size_t at = line.rfind(hashField);
    std::string body = at == std::string::npos ? "" : line.substr(0, at);
    std::string hash = sha256Hex(body);
    bool whole =
        !in.eof() && !body.empty() &&
        line.substr(at) == hashField + hash + "\"}" &&
        body.find(",\"previous\":\"" + lastHash + "\"") != std::string::npos &&
        body.find("\"number\":" + std::to_string(lines) + ",") !=
            std::string::npos;
    if (!whole)
      return {Code::invalid,
              "audit log '" + path + "': line " + std::to_string(lines) +
                  " was changed, cut or put in; keep the file for whoever "
                  "looks into it, and start another"};
    lastHash = hash;
  }
  return {};
}

std::unique_ptr<AuditLog> AuditLog::open(const std::string &path,
                                         Status &status) {
  std::unique_ptr<AuditLog> log(new AuditLog);
  log->path = path;
  struct stat info;
  if (!stat(path.c_str(), &info) && !S_ISREG(info.st_mode)) {
    status = {Code::invalid, "audit log '" + path + "': is no regular file"};
    return nullptr;
  }
  status = verify(path, log->number, log->last);
  if (!status.ok())
    return nullptr;
  log->descriptor =
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (log->descriptor < 0) {
    status = {Code::invalid, "audit log '" + path + "': cannot be opened: " +
                                 std::strerror(errno)};
    return nullptr;
  }
  return log;
}

AuditLog::~AuditLog() {
  if (descriptor >= 0)
    close(descriptor);
}

Status AuditLog::append(const std::string &client, const std::string &action,
                        const Status &outcome) {
  std::lock_guard<std::mutex> lock(mutex);
  JsonWriter json;
  json.open('{').key("time").string(utcNow()).key("number").number(number + 1);
  json.key("client").string(client).key("action").string(action);
  json.key("outcome")
      .string(outcome.ok() ? "ok" : outcome.message)
      .key("previous")
      .string(last);
  std::string hash = sha256Hex(json.text),
              line = json.text + hashField + hash + "\"}\n";
  struct stat before = {};
  fstat(descriptor, &before);
  // One write: lines of two processes do not mix.
  errno = 0;
  ssize_t written = write(descriptor, line.data(), line.size());
  if (written != ssize_t(line.size()) || fdatasync(descriptor)) {
    // A full disk takes half of a line; behind that, no later one would count.
    int reason = errno ? errno : ENOSPC;
    bool isUndone = written <= 0 || !ftruncate(descriptor, before.st_size);
    return {Code::internal,
            "audit log '" + path +
                "': cannot be written: " + std::strerror(reason) +
                (isUndone ? "" : "; it ends with half a line now")};
  }
  number += 1;
  last = hash;
  return {};
}

} // namespace sinter::serve
