// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Keeper.h"

#include "runtime/serve/engine/Guard.h"
#include "runtime/serve/engine/Options.h"

#include <algorithm>

namespace sinter::serve {

namespace {
// A run longer than that is left to live traffic: it could meet a request.
constexpr Nanos warmUpLimit = 200'000'000;
constexpr auto busyPause = std::chrono::milliseconds(20);
constexpr auto watchPause = std::chrono::milliseconds(50);
} // namespace

void Keeper::start() {
  running = true;
  thread = quietThread([this] { loop(); });
}

void Keeper::stop() {
  {
    Lock lock(mutex);
    running = false;
    changed.notify_all();
  }
  scheduler->stopMeasuring();
  if (thread.joinable())
    thread.join();
}

void Keeper::warm(const std::shared_ptr<Version> &version,
                  std::vector<GoldenCase> cases) {
  Lock lock(mutex);
  // While all is busy they only gather: those of versions that are gone leave.
  warmUps.erase(
      std::remove_if(warmUps.begin(), warmUps.end(),
                     [](const WarmUp &step) { return step.version.expired(); }),
      warmUps.end());
  warmUps.push_back({version, std::move(cases)});
  changed.notify_all();
}

bool Keeper::isWarming(const Version &version) {
  Lock lock(mutex);
  return warming == &version ||
         std::any_of(warmUps.begin(), warmUps.end(), [&](const WarmUp &step) {
           return step.version.lock().get() == &version;
         });
}

void Keeper::watch(const std::string &model,
                   const std::shared_ptr<Version> &canary,
                   const std::shared_ptr<Version> &stable) {
  Lock lock(mutex);
  watches.erase(model);
  if (canary && stable)
    watches[model] = {canary, stable, canary->counters.health(),
                      stable->counters.health()};
  changed.notify_all();
}

void Keeper::bringBack(const std::string &model) {
  Lock lock(mutex);
  wanted.insert(model);
  changed.notify_all();
}

// One size of one version; false when the machine is busy.
bool Keeper::warmStep(Lock &lock) {
  WarmUp step = std::move(warmUps.front());
  warmUps.pop_front();
  std::shared_ptr<Version> version = step.version.lock();
  warming = version.get();
  lock.unlock();
  auto measured = Scheduler::Measured::failed;
  if (version && scheduler->isMeasured(*version, step.rows, step.wide)) {
    measured = Scheduler::Measured::yes; // by live traffic, or one before it
  } else if (version) {
    auto job = std::make_shared<Job>();
    job->version = version;
    job->request.inputs = sampleInputs(*version, step.cases, step.rows);
    if (job->request.inputs.size() == version->inputs.size() &&
        version->check(job->request, job->rows, job->key).ok())
      measured = scheduler->measure(job, step.wide);
  }
  lock.lock();
  warming = nullptr;
  if (measured == Scheduler::Measured::busy) {
    warmUps.push_front(std::move(step));
    return false;
  }
  if (measured == Scheduler::Measured::failed)
    return true;
  bool hasWide = version->wide.isOpen();
  if (hasWide && !step.wide) {
    step.wide = true;
  } else {
    step.wide = false;
    step.rows *= 2;
  }
  bool more = version->batch.batches && !version->batch.fixed &&
              step.rows <= version->batch.most;
  if (step.wide ||
      (more && scheduler->costOf(*version, step.rows) < warmUpLimit))
    warmUps.push_back(std::move(step));
  return true;
}

void Keeper::judgeAll(Lock &lock) {
  std::map<std::string, std::string> worse;
  for (const auto &[model, watch] : watches) {
    std::shared_ptr<Version> canary = watch.canary.lock(),
                             stable = watch.stable.lock();
    if (!canary || !stable)
      continue;
    std::string reason =
        judge(since(canary->counters.health(), watch.canaryBegin),
              since(stable->counters.health(), watch.stableBegin),
              *canary->options());
    if (!reason.empty())
      worse[model] = "version " + canary->number() + ": " + reason;
  }
  for (const auto &[model, reason] : worse)
    watches.erase(model);
  lock.unlock();
  for (const auto &[model, reason] : worse)
    actions.takeBack(model, reason);
  lock.lock();
}

void Keeper::loop() {
  Lock lock(mutex);
  while (running) {
    if (!wanted.empty()) {
      std::string model = *wanted.begin();
      wanted.erase(wanted.begin());
      lock.unlock();
      actions.bringBack(model);
      lock.lock();
      continue;
    }
    if (!watches.empty())
      judgeAll(lock);
    bool busy = !warmUps.empty() && running && !warmStep(lock);
    if (!running || !wanted.empty() || (!warmUps.empty() && !busy))
      continue;
    if (busy)
      changed.wait_for(lock, busyPause);
    else if (!watches.empty())
      changed.wait_for(lock, watchPause);
    else
      changed.wait(lock);
  }
}

} // namespace sinter::serve
