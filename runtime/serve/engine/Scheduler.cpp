// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Scheduler.h"

#include "runtime/serve/engine/Options.h"

#include <algorithm>

namespace sinter::serve {

Nanos nanosOf(TimePoint time) {
  if (time == TimePoint::max())
    return never;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             time.time_since_epoch())
      .count();
}

TimePoint timeOf(Nanos time) {
  if (time == never)
    return TimePoint::max();
  return TimePoint(std::chrono::duration_cast<Clock::duration>(
      std::chrono::nanoseconds(time)));
}

namespace {

// What may run on a front end's thread. Handing over costs tens of
// microseconds; below the first limit a batch gains less than that, between the
// two it may run there only while requests are so far apart that no batch would
// form.
constexpr Nanos alwaysInline = 20'000, mayInline = 150'000;

uint32_t inMilliseconds(Nanos time) {
  return uint32_t(std::clamp<Nanos>(time / 1'000'000, 1, 60'000));
}

} // namespace

void Job::cancel() {
  if (std::shared_ptr<Scheduler> owner = scheduler.lock())
    owner->cancel(*this);
}

void Job::join(std::vector<Tensor> &outputs) {
  if (pieces.size() == 1) {
    outputs = std::move(pieces[0].outputs);
    return;
  }
  std::sort(pieces.begin(), pieces.end(),
            [](const JobPiece &a, const JobPiece &b) {
              return a.firstRow < b.firstRow;
            });
  for (size_t i = 0; i < pieces[0].outputs.size(); ++i) {
    Tensor whole = pieces[0].outputs[i];
    auto memory = std::make_shared<std::vector<std::byte>>();
    whole.dims[0] = rows;
    for (const JobPiece &piece : pieces)
      memory->insert(memory->end(), piece.outputs[i].data,
                     piece.outputs[i].data + piece.outputs[i].bytes);
    whole.data = memory->data();
    whole.bytes = memory->size();
    whole.owner = memory;
    outputs.push_back(std::move(whole));
  }
}

Scheduler::Scheduler(uint32_t lanes, uint64_t runLimit, Listener listener)
    : laneCount(lanes), runLimit(runLimit), listener(std::move(listener)) {
  for (uint32_t i = 0; i < lanes; ++i)
    this->lanes.push_back(std::make_unique<Lane>());
}

Scheduler::~Scheduler() { stop(); }

void Scheduler::start() {
  for (uint32_t i = 0; i < laneCount; ++i)
    threads.push_back(quietThread([this] { executor(); }));
  threads.push_back(quietThread([this] { clock(); }));
}

void Scheduler::stop() {
  std::vector<Verdict> verdicts;
  {
    Lock lock(mutex);
    if (stopping)
      return;
    stopping = true;
    for (Version *version : std::vector<Version *>(active)) {
      auto jobs = version->queue.jobs;
      for (const JobPtr &job : jobs)
        finish(job, {Code::unavailable, "the server is shutting down", 1000},
               verdicts);
    }
    for (const std::shared_ptr<Run> &run : runs)
      run->stop();
    work.notify_all();
    alarm.notify_all();
  }
  answer(verdicts);
  for (std::thread &thread : threads)
    thread.join();
  threads.clear();
  Lock lock(mutex);
  quiet.wait(lock, [this] { return !lanesTaken && !open; });
}

// ---- Into the queue and out of it

// Until the first lane is free, as far as the costs tell.
Nanos Scheduler::busyFor(Nanos now) const {
  if (!lanes.empty())
    return 0;
  Nanos soonest = never;
  for (const std::shared_ptr<Run> &run : runs)
    soonest = std::min(soonest, run->expectedEnd);
  return soonest == never ? 0 : std::max<Nanos>(soonest - now, 0);
}

// Refused now rather than late: what is before it takes longer than it has.
Status Scheduler::checkTime(const Job &job, Nanos now) const {
  const Queue &queue = job.version->queue;
  if (job.deadline == TimePoint::max() || !queue.measuredAt ||
      now - queue.measuredAt > costsAge)
    return {};
  int64_t ahead = 0;
  if (!queue.jobs.empty() && JobOrder::before(**queue.jobs.rbegin(), job)) {
    ahead = queue.rows;
  } else {
    for (const JobPtr &other : queue.jobs) {
      if (!JobOrder::before(*other, job))
        break;
      ahead += other->rows - other->nextRow;
    }
  }
  Nanos time = expectedTime(ahead, job.rows, busyFor(now), laneCount,
                            queue.costs, queue.policy);
  if (now + time <= nanosOf(job.deadline))
    return {};
  return {Code::unavailable,
          "model '" + job.version->model() + "': an answer would take " +
              std::to_string(time / 1000) + " us, the request has " +
              std::to_string((nanosOf(job.deadline) - now) / 1000) + " us left",
          inMilliseconds(time)};
}

Status Scheduler::admit(const Job &job) {
  Queue &queue = job.version->queue;
  Nanos now = nanosOf(job.phases.queued);
  std::string who = "model '" + job.version->model() + "': ";
  if (stopping)
    return {Code::unavailable, who + "the server is shutting down", 1000};
  if (job.background && (!queue.jobs.empty() || lanes.empty()))
    return {Code::unavailable, who + "no time for shadow traffic"};
  if (queue.jobs.size() >= queue.maxJobs ||
      queue.bytes + job.bytes > queue.maxBytes) {
    Nanos wait = expectedTime(queue.rows, 1, busyFor(now), laneCount,
                              queue.costs, queue.policy);
    return {Code::unavailable,
            who + "its queue is full, " + std::to_string(queue.jobs.size()) +
                " requests of " + std::to_string(queue.bytes) +
                " bytes wait; try again later",
            inMilliseconds(wait)};
  }
  if (!queue.breaker.allows(now, *job.version->options()))
    return {Code::unavailable,
            who + "version " + job.version->number() +
                " keeps failing and is left alone for a moment",
            queue.breaker.retryMs(now)};
  return checkTime(job, now);
}

void Scheduler::enqueue(const JobPtr &job) {
  Queue &queue = job->version->queue;
  job->waiting = true;
  queue.jobs.insert(job);
  queue.bytes += job->bytes;
  queue.rows += job->rows;
  if (!queue.listed)
    active.push_back(job->version.get());
  queue.listed = true;
}

void Scheduler::remove(const JobPtr &job) {
  if (!job->waiting)
    return;
  Queue &queue = job->version->queue;
  job->waiting = false;
  queue.jobs.erase(job);
  queue.bytes -= job->bytes;
  queue.rows -= job->rows - job->nextRow;
  if (queue.jobs.empty()) {
    queue.listed = false;
    active.erase(std::find(active.begin(), active.end(), job->version.get()));
  }
}

void Scheduler::finish(const JobPtr &job, Status status,
                       std::vector<Verdict> &verdicts) {
  remove(job);
  job->nextRow = job->rows;
  job->state = Job::State::finished;
  verdicts.push_back({job, std::move(status)});
}

Status Scheduler::submit(const JobPtr &job) {
  Lock lock(mutex);
  job->sequence = ++sequence;
  if (Status refused = admit(*job); !refused.ok()) {
    if (!job->background)
      job->version->counters.addRejected();
    return refused;
  }
  Queue &queue = job->version->queue;
  ++open;
  queue.arrivals.arrive(nanosOf(job->phases.queued));
  job->version->usedAt.store(nanosOf(job->phases.queued),
                             std::memory_order_relaxed);
  if (job->version->options()->preserveOrder && !job->background) {
    job->ordered = true;
    queue.clients[job->request.client].jobs.push_back(job);
  }
  if (job->deadline < alarmAt) {
    alarmAt = job->deadline;
    alarm.notify_one();
  }
  if (measuring && lanes.size() < 2)
    measuring->stop();
  if (tryInline(job, lock))
    return {};
  enqueue(job);
  if (!lanes.empty()) {
    calledAt = std::min(calledAt, job->phases.queued);
    work.notify_one();
  }
  return {};
}

bool Scheduler::tryInline(const JobPtr &job, Lock &lock) {
  Queue &queue = job->version->queue;
  if (lanes.empty() || !queue.jobs.empty() || queue.policy.fixedDelay ||
      job->background || !queue.costs.isKnown() ||
      job->rows > std::max<int64_t>(queue.policy.maxBatch, 1))
    return false;
  Nanos cost = queue.costs.cost(job->rows);
  Nanos gap = queue.arrivals.gap(nanosOf(job->phases.queued));
  bool apart = !queue.policy.mayBatch || gap / 2 > cost;
  if (cost > (apart ? mayInline : alwaysInline))
    return false;
  auto run = std::make_shared<Run>();
  run->version = job->version;
  run->parts.push_back({job, 0, job->rows});
  run->rows = job->rows;
  job->nextRow = job->rows;
  job->state = Job::State::running;
  job->runs.push_back(run);
  perform(run, lock);
  return true;
}

void Scheduler::cancel(Job &job) {
  std::vector<Verdict> verdicts;
  {
    Lock lock(mutex);
    if (job.cancelled || job.state == Job::State::finished)
      return;
    job.cancelled = true;
    finish(job.shared_from_this(),
           {Code::cancelled, "the client cancelled the request"}, verdicts);
    for (const std::shared_ptr<Run> &run : job.runs)
      if (std::all_of(run->parts.begin(), run->parts.end(),
                      [](const Part &part) { return part.job->cancelled; }))
        run->stop();
  }
  answer(verdicts);
}

void Scheduler::drain(TimePoint deadline) {
  std::vector<JobPtr> left;
  Lock lock(mutex);
  if (quiet.wait_until(lock, deadline, [this] { return !open; }))
    return;
  for (Version *version : active)
    left.insert(left.end(), version->queue.jobs.begin(),
                version->queue.jobs.end());
  for (const std::shared_ptr<Run> &run : runs)
    for (const Part &part : run->parts)
      left.push_back(part.job);
  lock.unlock();
  for (const JobPtr &job : left)
    cancel(*job);
}

void Scheduler::readQueue(Version &version, ModelStatistics &out) {
  Lock lock(mutex);
  TimePoint now = Clock::now(), oldest = now;
  for (const JobPtr &job : version.queue.jobs)
    oldest = std::min(oldest, job->phases.queued);
  out.queueDepth = version.queue.jobs.size();
  out.oldestUs = uint64_t(
      std::chrono::duration_cast<std::chrono::microseconds>(now - oldest)
          .count());
  out.circuitOpen = version.queue.breaker.isOpen();
}

void Scheduler::configure(Version &version,
                          const std::shared_ptr<const ModelOptions> &options) {
  version.setOptions(options);
  Lock lock(mutex);
  version.tuneQueue(*options);
  work.notify_all(); // a shorter delay may be over
}

void Scheduler::stopMeasuring() {
  Lock lock(mutex);
  if (measuring)
    measuring->stop();
}

bool Scheduler::isMeasured(Version &version, int64_t rows, bool wide) {
  Lock lock(mutex);
  return version.queue.costs.isMeasured(rows, wide);
}

void Scheduler::inheritCosts(Version &before, Version &next) {
  Lock lock(mutex);
  next.queue.costs.inherit(before.queue.costs);
}

ModelCosts Scheduler::readCosts(Version &version) {
  ModelCosts out;
  out.name = version.model();
  out.version = version.number();
  CostTable costs;
  {
    Lock lock(mutex);
    costs = version.queue.costs;
  }
  auto timesOf = [](const std::vector<Spread::Step> &steps) {
    ModelCosts::Times times;
    for (const Spread::Step &step : steps)
      times.emplace_back(step.ns, step.weight);
    return times;
  };
  for (int64_t rows : costs.sizes())
    out.sizes.push_back(
        {rows, double(costs.cost(rows)), timesOf(costs.runs(rows, false))});
  out.wakes = timesOf(costs.wakes.steps());
  return out;
}

Nanos Scheduler::costOf(Version &version, int64_t rows) {
  Lock lock(mutex);
  return version.queue.costs.cost(rows);
}

} // namespace sinter::serve
