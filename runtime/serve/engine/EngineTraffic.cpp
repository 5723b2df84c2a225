// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Labels, canaries, shadows and the way back: who gets which version.
#include "runtime/serve/engine/EngineImpl.h"

namespace sinter::serve {
namespace {

bool isLabel(const std::string &text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("0123456789") != std::string::npos &&
         text.find_first_of("/\\\"\n\r\t ") == std::string::npos;
}

Status checkPercent(const std::string &what, double percent) {
  if (percent >= 0 && percent <= 100)
    return {};
  return {Code::invalid, what + " of " + std::to_string(percent) +
                             " percent; expected 0 to 100"};
}

} // namespace

Status EngineImpl::setLabel(const std::string &name, const std::string &label,
                            const std::string &version) {
  std::lock_guard<std::mutex> lock(control);
  if (!isLabel(label))
    return {
        Code::invalid,
        "label '" + label +
            "': expected a word of at most 64 characters that is no number"};
  Status status;
  uint64_t target = 0;
  catalogue.read([&](const Catalogue &now) {
    std::shared_ptr<const Model> model = now.find(name, status);
    if (!model || version.empty())
      return;
    if (std::shared_ptr<Version> found = model->find(version, status))
      target = found->version;
  });
  if (!status.ok())
    return status;
  std::shared_ptr<Model> model = copyOf(name);
  if (label == "stable" && target != model->defaultVersion())
    model->state.previousStable = model->defaultVersion();
  if (version.empty() && !model->state.labels.erase(label))
    return {Code::notFound,
            "model '" + name + "' has no label '" + label + "'"};
  if (!version.empty())
    model->state.labels[label] = target;
  // A canary that became the default is none any more.
  if (label == "stable" && target && model->state.canary == target)
    model->state.canary = 0, model->state.canaryPercent = 0;
  status = commit(model);
  if (status.ok())
    say(EngineEvent::Kind::label, name, std::to_string(target),
        "label " + label);
  return status;
}

std::optional<TrafficSplit> EngineImpl::traffic(const std::string &name) const {
  Status status;
  std::shared_ptr<const Model> model = catalogue.read(
      [&](const Catalogue &now) { return now.find(name, status); });
  if (!model)
    return std::nullopt;
  auto text = [](uint64_t number) {
    return number ? std::to_string(number) : std::string();
  };
  return TrafficSplit{text(model->state.canary), text(model->state.shadow),
                      model->state.canaryPercent, model->state.shadowPercent};
}

Status EngineImpl::setTraffic(const std::string &name,
                              const TrafficSplit &split) {
  std::lock_guard<std::mutex> lock(control);
  Status status = checkPercent("a canary", split.canaryPercent);
  if (status.ok())
    status = checkPercent("a shadow", split.shadowPercent);
  if (status.ok())
    status = known(name);
  if (!status.ok())
    return status;
  std::shared_ptr<Model> model = copyOf(name);
  auto resolve = [&](const std::string &version, uint64_t &number) {
    number = 0;
    if (version.empty() || !status.ok())
      return;
    auto label = model->state.labels.find(version);
    number = label != model->state.labels.end()
                 ? label->second
                 : std::strtoull(version.c_str(), nullptr, 10);
    status =
        number
            ? loadMissing(*model, number)
            : Status(Code::notFound,
                     "model '" + name + "' has no version '" + version + "'");
  };
  ModelState next = model->state;
  resolve(split.canary, next.canary);
  resolve(split.shadow, next.shadow);
  next.canaryPercent = next.canary ? split.canaryPercent : 0;
  next.shadowPercent = next.shadow ? split.shadowPercent : 0;
  model->state = next;
  if (status.ok() && next.canary && model->defaultVersion() == next.canary)
    status = {Code::invalid, "model '" + name + "': version " + split.canary +
                                 " is the default already; give another one "
                                 "the label 'stable' first"};
  if (!status.ok())
    return status;
  status = commit(model);
  if (status.ok())
    say(EngineEvent::Kind::traffic, name, split.canary,
        "canary " + std::to_string(next.canaryPercent) + " %, shadow " +
            std::to_string(next.shadowPercent) + " %");
  return status;
}

// Starts, goes on with, or ends the watch over a canary.
void EngineImpl::watch(const Model &model) {
  std::shared_ptr<Version> canary =
      model.state.canary ? model.ready(model.state.canary) : nullptr;
  std::shared_ptr<Version> stable = model.ready(model.defaultVersion());
  for (const auto &[number, version] : model.versions)
    version->watched = canary && (version == canary || version == stable);
  keeper->watch(model.name, canary, stable);
}

void EngineImpl::takeBack(const std::string &name, const std::string &reason) {
  std::lock_guard<std::mutex> lock(control);
  std::shared_ptr<Model> model = copyOf(name);
  if (!model->state.canary)
    return;
  std::string version = std::to_string(model->state.canary);
  model->state.canary = 0;
  model->state.canaryPercent = 0;
  // A disk that is full must not keep bad answers flowing.
  if (Status written = commit(model); !written.ok())
    publish(model);
  say(EngineEvent::Kind::rollback, name, version,
      "canary taken back: " + reason);
}

Status EngineImpl::rollback(const std::string &name) {
  std::lock_guard<std::mutex> lock(control);
  Status status = known(name);
  if (!status.ok())
    return status;
  std::shared_ptr<Model> model = copyOf(name);
  uint64_t current = model->defaultVersion(),
           target = model->state.previousStable;
  if (model->state.canary) {
    current = model->state.canary;
    model->state.canary = 0;
    model->state.canaryPercent = 0;
  } else if (!target || target == current) {
    return {Code::notFound,
            "model '" + name +
                "' has no earlier default version to go back to"};
  } else {
    if (status = loadMissing(*model, target); !status.ok())
      return status;
    model->state.labels["stable"] = target;
    model->state.previousStable = current;
  }
  status = commit(model);
  if (status.ok())
    say(EngineEvent::Kind::rollback, name, std::to_string(current),
        "taken back");
  return status;
}

} // namespace sinter::serve
