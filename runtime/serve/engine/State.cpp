// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/State.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace sinter::serve {
namespace {

using nlohmann::json;

// Absent is 0; anything else than a number is a fault.
bool numberAt(const json &object, const char *key, uint64_t &out) {
  auto found = object.find(key);
  if (found == object.end())
    return true;
  out = found->is_number_unsigned() ? found->get<uint64_t>() : 0;
  return found->is_number_unsigned();
}

bool percentAt(const json &object, const char *key, double &out) {
  auto found = object.find(key);
  if (found == object.end())
    return true;
  double value = found->is_number() ? found->get<double>() : -1;
  bool isPercent = value >= 0 && value <= 100;
  out = isPercent ? value : 0;
  return isPercent;
}

bool readState(const json &each, ModelState &state) {
  if (!each.is_object())
    return false;
  auto labels = each.find("labels");
  if (labels != each.end() && !labels->is_object())
    return false;
  if (labels != each.end())
    for (const auto &[label, number] : labels->items())
      if (!numberAt(*labels, label.c_str(), state.labels[label]))
        return false;
  return numberAt(each, "previous_stable", state.previousStable) &&
         numberAt(each, "canary", state.canary) &&
         numberAt(each, "shadow", state.shadow) &&
         percentAt(each, "canary_percent", state.canaryPercent) &&
         percentAt(each, "shadow_percent", state.shadowPercent);
}

bool writeAll(int file, const std::string &text) {
  size_t at = 0;
  while (at < text.size()) {
    ssize_t n = write(file, text.data() + at, text.size() - at);
    if (n < 0 && errno != EINTR)
      return false;
    at += n > 0 ? size_t(n) : 0;
  }
  return fsync(file) == 0;
}

Status cannot(const std::string &path) {
  return {Code::unavailable,
          path + ": cannot write the labels: " + std::strerror(errno) +
              "; nothing was changed"};
}

} // namespace

Status readStates(const std::string &folder, States &out) {
  if (folder.empty())
    return {};
  // Who starts the server hears of it, not who moves the first label.
  std::error_code reason;
  std::filesystem::create_directories(folder, reason);
  if (!reason && access(folder.c_str(), W_OK | X_OK))
    reason = std::error_code(errno, std::generic_category());
  if (reason)
    return {Code::invalid,
            folder + ": labels cannot be kept there: " + reason.message() +
                "; name a writable folder, or none to keep "
                "them in memory"};
  std::string path = folder + "/state.json";
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file && errno == ENOENT)
    return {};
  if (!file)
    return {Code::invalid,
            path + ": cannot be read: " + std::strerror(errno ? errno : EIO)};
  std::string text((std::istreambuf_iterator<char>(file)), {});
  json root = json::parse(text, nullptr, false);
  if (!root.is_object())
    return {Code::invalid, path + ": is no JSON object; repair it, or remove "
                                  "it to start without labels"};
  for (const auto &[name, each] : root.items()) {
    // Left out, a label would be lost for good with the next one that moves.
    if (!readState(each, out[name]))
      return {Code::invalid, path + ": what it says of model '" + name +
                                 "' is damaged; repair it, or remove the file "
                                 "to start without labels"};
  }
  return {};
}

Status writeStates(const std::string &folder, const States &states) {
  if (folder.empty())
    return {};
  json root = json::object();
  for (const auto &[name, state] : states) {
    json each = {
        {"labels", json::object()}, {"previous_stable", state.previousStable},
        {"canary", state.canary},   {"canary_percent", state.canaryPercent},
        {"shadow", state.shadow},   {"shadow_percent", state.shadowPercent}};
    for (const auto &[label, number] : state.labels)
      each["labels"][label] = number;
    root[name] = std::move(each);
  }
  std::string path = folder + "/state.json", fresh = path + ".new";
  int file =
      open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0)
    return cannot(fresh);
  bool written = writeAll(
      file, root.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
  close(file);
  if (!written || std::rename(fresh.c_str(), path.c_str())) {
    Status status = cannot(fresh);
    unlink(fresh.c_str());
    return status;
  }
  int directory = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    fsync(directory);
    close(directory);
  }
  return {};
}

} // namespace sinter::serve
