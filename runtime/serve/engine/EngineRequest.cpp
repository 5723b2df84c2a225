// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A request on its way through the engine: which version, may it, a cheaper
// model when that one has no time, and a copy of it for a shadow.
#include "runtime/serve/engine/Compare.h"
#include "runtime/serve/engine/EngineImpl.h"

#include <algorithm>

namespace sinter::serve {

static void refuse(Job &job, Status status) {
  Response response;
  response.status = std::move(status);
  response.model = job.request.model;
  if (job.version)
    response.version = job.version->number();
  job.phases.finished = Clock::now();
  response.phases = job.phases;
  job.state = Job::State::finished;
  auto done = std::move(job.request.done);
  job.request.done = nullptr;
  job.version.reset();
  job.permit.release();
  done(std::move(response));
}

// The only look at the catalogue: everything a request needs is copied out.
Status EngineImpl::route(const JobPtr &job, std::shared_ptr<Version> &shadow) {
  Status status;
  const Request &asked = job->request;
  bool evicted = false;
  uint64_t anonymous = 0;
  if (asked.client.empty())
    anonymous = anonymousCount.fetch_add(1, std::memory_order_relaxed);
  catalogue.read([&](const Catalogue &now) {
    std::shared_ptr<const Model> model = now.find(asked.model, status);
    if (!model)
      return;
    evicted = model->evicted;
    job->version = asked.version.empty()
                       ? model->choose(asked.client, anonymous, status)
                       : model->find(asked.version, status);
    const ModelState &state = model->state;
    if (!job->version || !state.shadow || job->version->version == state.shadow)
      return;
    // Every n-th request, spread evenly: the share is kept to within one.
    uint64_t count = shadowCount.fetch_add(1, std::memory_order_relaxed);
    double share = state.shadowPercent / 100;
    if (uint64_t(double(count + 1) * share) != uint64_t(double(count) * share))
      shadow = model->ready(state.shadow);
  });
  if (evicted)
    keeper->bringBack(asked.model);
  return status;
}

// Checks the job against its version and gives it to the scheduler.
Status EngineImpl::enter(const JobPtr &job) {
  const Request &asked = job->request;
  job->key.clear();
  if (Status bad = job->version->check(asked, job->rows, job->key); !bad.ok())
    return bad;
  if (Status bad = job->version->checkAllowed(asked); !bad.ok())
    return bad;
  std::shared_ptr<const ModelOptions> model = job->version->options();
  uint32_t levels = std::max<uint32_t>(model->priorityLevels, 1);
  job->priority = std::clamp<uint64_t>(
      asked.priority ? asked.priority : (levels + 1) / 2, 1, levels);
  job->deadline = asked.deadline;
  if (model->deadlineUs && asked.deadline == TimePoint::max())
    job->deadline =
        job->phases.queued + std::chrono::microseconds(model->deadlineUs);
  if (job->background)
    job->priority = levels + 1;
  if (job->deadline <= job->phases.queued)
    return {Code::deadline, "the request's time had run out when it came"};
  return scheduler->submit(job);
}

// The cheaper model, when it takes the same inputs.
Status EngineImpl::degrade(const JobPtr &job) {
  std::string name = job->version->options()->degradeTo, version;
  if (size_t colon = name.rfind(':'); colon != std::string::npos) {
    version = name.substr(colon + 1);
    name.resize(colon);
  }
  Status status;
  std::shared_ptr<Version> other = catalogue.read(
      [&](const Catalogue &now) { return now.find(name, version, status); });
  if (!other || other == job->version)
    return {Code::unavailable, "nothing to degrade to"};
  std::shared_ptr<Version> first =
      std::exchange(job->version, std::move(other));
  status = enter(job);
  if (!status.ok())
    job->version = std::move(first);
  return status;
}

std::shared_ptr<Ticket> EngineImpl::submit(Request &&request) {
  auto job = std::make_shared<Job>();
  job->request = std::move(request);
  job->scheduler = scheduler;
  job->phases.received = job->request.received;
  job->phases.queued = Clock::now();
  for (const Tensor &input : job->request.inputs)
    job->bytes += input.bytes;
  std::shared_ptr<Version> shadow;
  Status status;
  if (draining)
    status = {Code::unavailable, "the server is shutting down", 1000};
  else
    status = route(job, shadow);
  if (status.ok() && isLimited) {
    status = limits.enter(job->request.client, job->version->model(),
                          job->phases.queued, job->permit);
    if (!status.ok())
      job->version->counters.addRejected();
  }
  if (status.ok() && shadow)
    sendShadow(job, shadow);
  if (status.ok()) {
    std::shared_ptr<const ModelOptions> model = job->version->options();
    status = enter(job);
    if (status.code == Code::unavailable && !model->degradeTo.empty() &&
        degrade(job).ok())
      status = {};
  }
  if (!status.ok())
    refuse(*job, std::move(status));
  return job;
}

// ---- Shadow traffic

namespace {

// Both answers meet here; the second one compares.
struct Comparison {
  std::mutex mutex;
  std::shared_ptr<Version> shadow;
  std::optional<Response> first;

  void meet(const Response &response, bool isShadow) {
    std::unique_lock<std::mutex> lock(mutex);
    if (!first) {
      first = response;
      return;
    }
    lock.unlock();
    const Response &expected = isShadow ? *first : response,
                   &found = isShadow ? response : *first;
    // Refused or cancelled says nothing about the version.
    if (!expected.status.ok() ||
        (!found.status.ok() && found.status.code != Code::internal))
      return;
    bool differs =
        !found.status.ok() || found.outputs.size() != expected.outputs.size();
    for (size_t i = 0; !differs && i < found.outputs.size(); ++i)
      differs = !compareTensors(found.outputs[i], expected.outputs[i],
                                shadow->tolerance)
                     .empty();
    shadow->counters.addShadow(differs);
  }
};

} // namespace

void EngineImpl::sendShadow(const JobPtr &job,
                            const std::shared_ptr<Version> &shadow) {
  auto comparison = std::make_shared<Comparison>();
  comparison->shadow = shadow;
  auto copy = std::make_shared<Job>();
  copy->request.model = job->request.model;
  copy->request.inputs = job->request.inputs;
  copy->request.outputs = job->request.outputs;
  copy->request.deadline = job->request.deadline;
  copy->request.done = [comparison](Response &&response) {
    comparison->meet(response, true);
  };
  copy->version = shadow;
  copy->scheduler = scheduler;
  copy->background = true;
  copy->bytes = job->bytes;
  copy->phases = job->phases;
  auto done = std::move(job->request.done);
  // The client's answer first; the shadow runs after it, on what time is left.
  job->request.done = [this, comparison, copy,
                       done = std::move(done)](Response &&response) {
    bool good = response.status.ok();
    comparison->meet(response, false);
    done(std::move(response));
    if (!good || draining || !enter(copy).ok())
      copy->request.done = nullptr;
  };
}

} // namespace sinter::serve
