// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Catalogue.h"

namespace sinter::serve {
namespace {

bool isNumber(const std::string &text) {
  return !text.empty() && text.size() <= 18 &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

std::string listOf(const Model &model) {
  std::string text;
  for (const auto &[number, version] : model.versions)
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  for (const auto &[label, number] : model.state.labels)
    text += (text.empty() ? "'" : ", '") + label + "'";
  return text;
}

} // namespace

std::shared_ptr<Version> Model::ready(uint64_t number) const {
  auto found = versions.find(number);
  return found == versions.end() ? nullptr : found->second;
}

bool Model::isPinned(uint64_t number) const {
  for (const auto &[label, target] : state.labels)
    if (target == number)
      return true;
  return number && (number == state.canary || number == state.shadow);
}

uint64_t Model::defaultVersion() const {
  auto stable = state.labels.find("stable");
  if (stable != state.labels.end())
    return stable->second;
  uint64_t newest = 0;
  for (const auto &[number, version] : versions)
    if (number != state.canary && number != state.shadow)
      newest = number;
  return newest ? newest : versions.empty() ? 0 : versions.rbegin()->first;
}

// FNV-1a, then mixed: its high bits alone are poor for short names.
static double shareOf(const std::string &client, const std::string &model) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (char c : client + '/' + model)
    hash = (hash ^ uint8_t(c)) * 0x100000001b3u;
  hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u;
  return double(hash >> 11) / double(uint64_t(1) << 53) * 100;
}

std::shared_ptr<Version> Model::choose(const std::string &client,
                                       uint64_t number, Status &status) const {
  if (state.canary && state.canaryPercent > 0) {
    double share =
        shareOf(client.empty() ? "#" + std::to_string(number) : client, name);
    if (std::shared_ptr<Version> canary =
            share < state.canaryPercent ? ready(state.canary) : nullptr)
      return canary;
  }
  return find("", status);
}

Status Model::notReady(uint64_t number, const std::string &what,
                       const std::string &otherwise) const {
  auto failed = broken.find(number);
  std::string why = failed != broken.end() ? failed->second.reason : otherwise;
  if (loading)
    return {Code::unavailable, what + " is not ready: it is being loaded",
            1000};
  bool mayCome = evicted || (unloaded && failed == broken.end());
  return {Code::unavailable, what + " is not ready: " + why,
          mayCome ? 1000u : 0};
}

std::shared_ptr<Version> Model::find(const std::string &version,
                                     Status &status) const {
  std::string what = "model '" + name + "'";
  if (versions.empty()) {
    std::string why = unloaded  ? "it was unloaded"
                      : evicted ? "it is being loaded again"
                                : "no version of it is loaded";
    status = notReady(broken.empty() ? 0 : broken.rbegin()->first, what, why);
    return nullptr;
  }
  uint64_t number = 0;
  auto label = state.labels.find(version);
  if (version.empty())
    number = defaultVersion();
  else if (label != state.labels.end())
    number = label->second;
  else if (isNumber(version))
    number = std::strtoull(version.c_str(), nullptr, 10);
  if (std::shared_ptr<Version> found = ready(number))
    return found;
  if (number && (version.empty() || label != state.labels.end())) {
    status = notReady(number,
                      what + ": the label '" +
                          (version.empty() ? "stable" : version) +
                          "' names version " + std::to_string(number),
                      "it is not loaded; load it, or move the label");
    return nullptr;
  }
  if (number && broken.count(number))
    status = notReady(number, what + " version " + std::to_string(number), "");
  else
    status = {Code::notFound, what + " has no version '" + version +
                                  "'; it has " + listOf(*this)};
  return nullptr;
}

std::shared_ptr<const Model> Catalogue::find(const std::string &model,
                                             Status &status) const {
  auto found = models.find(model);
  if (found != models.end())
    return found->second;
  status = {Code::notFound,
            "model '" + model +
                "' is unknown; the repository index lists what there is"};
  return nullptr;
}

std::shared_ptr<Version> Catalogue::find(const std::string &model,
                                         const std::string &version,
                                         Status &status) const {
  auto found = models.find(model);
  if (found != models.end())
    return found->second->find(version, status);
  find(model, status);
  return nullptr;
}

} // namespace sinter::serve
