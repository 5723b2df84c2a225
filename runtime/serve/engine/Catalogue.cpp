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
  for (const auto &[label, number] : model.labels)
    text += (text.empty() ? "'" : ", '") + label + "'";
  return text;
}

} // namespace

std::shared_ptr<Version> Model::find(const std::string &version,
                                     Status &status) const {
  std::string what = "model '" + name + "'";
  if (versions.empty()) {
    std::string why =
        unloaded ? "it was unloaded" : "no version of it is loaded";
    if (!broken.empty())
      why = broken.rbegin()->second.reason;
    status = {Code::unavailable, what + " is not ready: " + why, 1000};
    return nullptr;
  }
  uint64_t number = versions.rbegin()->first;
  auto label = labels.find(version.empty() ? "stable" : version);
  if (label != labels.end())
    number = label->second;
  else if (isNumber(version))
    number = std::stoull(version);
  else if (!version.empty())
    number = 0;
  auto found = versions.find(number);
  if (found != versions.end())
    return found->second;
  auto failed = broken.find(number);
  if (failed != broken.end())
    status = {Code::unavailable,
              what + " version " + version +
                  " is not ready: " + failed->second.reason,
              1000};
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
