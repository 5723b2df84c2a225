// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Scheduler.h"

#include <algorithm>
#include <csignal>
#include <pthread.h>

namespace sinter::serve {
namespace {

// What may run on a front end's thread: shorter than handing it over.
constexpr Nanos inlineLimit = 100'000;
// Looked at for one decision; more never fit a batch anyway.
constexpr size_t lookAhead = 256;

Nanos nanos(TimePoint time) {
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

// Signals belong to the program's own threads.
std::thread quietThread(std::function<void()> body) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  return thread;
}

uint32_t inMilliseconds(Nanos time) {
  return uint32_t(std::clamp<Nanos>(time / 1'000'000, 1, 60'000));
}

} // namespace

void Job::cancel() {
  if (std::shared_ptr<Scheduler> owner = scheduler.lock())
    owner->cancel(*this);
}

Scheduler::Scheduler(uint32_t lanes, uint64_t runLimit)
    : laneCount(lanes), runLimit(runLimit) {
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
    for (Version *version : std::vector<Version *>(active))
      for (const JobPtr &job : std::vector<JobPtr>(version->queue.jobs.begin(),
                                                   version->queue.jobs.end())) {
        remove(job);
        verdicts.push_back(
            {job, {Code::unavailable, "the server is shutting down", 1000}});
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
  quiet.wait(lock, [this] { return !lanesTaken; });
}

// ---- Into the queue and out of it
// ---------------------------------------------

Status Scheduler::admit(const Job &job) const {
  const Queue &queue = job.version->queue;
  Nanos waiting =
      queue.costs.cost(std::max<int64_t>(queue.rows, 1)) / laneCount;
  uint32_t retry = inMilliseconds(waiting);
  std::string who = "model '" + job.version->model() + "': ";
  if (stopping)
    return {Code::unavailable, who + "the server is shutting down", 1000};
  if (queue.jobs.size() >= queue.maxJobs)
    return {Code::unavailable,
            who + "its queue is full, " + std::to_string(queue.jobs.size()) +
                " requests wait; try again later",
            retry};
  if (queue.bytes + job.bytes > queue.maxBytes)
    return {Code::unavailable,
            who + "its queue is full, " + std::to_string(queue.bytes) +
                " bytes wait; try again later",
            retry};
  return {};
}

void Scheduler::list(Version &version) {
  if (version.queue.listed)
    return;
  version.queue.listed = true;
  active.push_back(&version);
}

void Scheduler::enqueue(const JobPtr &job) {
  Queue &queue = job->version->queue;
  job->waiting = true;
  queue.jobs.insert(job);
  queue.bytes += job->bytes;
  queue.rows += job->rows;
  list(*job->version);
  if (job->deadline < alarmAt) {
    alarmAt = job->deadline;
    alarm.notify_one();
  }
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

void Scheduler::submit(const JobPtr &job) {
  Status refused;
  {
    Lock lock(mutex);
    refused = admit(*job);
    if (refused.ok()) {
      job->sequence = ++sequence;
      ++open;
      job->version->queue.arrivals.arrive(nanos(job->phases.queued));
      if (tryInline(job, lock))
        return;
      enqueue(job);
      if (!lanes.empty())
        work.notify_one();
      return;
    }
  }
  job->version->counters.addRejected();
  Response response;
  response.status = std::move(refused);
  response.phases = job->phases;
  job->request.done(std::move(response));
}

bool Scheduler::tryInline(const JobPtr &job, Lock &lock) {
  Queue &queue = job->version->queue;
  if (lanes.empty() || !queue.jobs.empty() || queue.running ||
      queue.policy.fixedDelay || !queue.costs.isKnown() ||
      queue.costs.cost(job->rows) > inlineLimit ||
      job->rows > queue.policy.maxBatch)
    return false;
  auto run = std::make_shared<Run>();
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
    remove(job.shared_from_this());
    job.nextRow = job.rows;
    job.state = Job::State::finished;
    verdicts.push_back({job.shared_from_this(),
                        {Code::cancelled, "the client cancelled the request"}});
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
}

// ---- Decisions
// ----------------------------------------------------------------

Decision Scheduler::ask(Version &version, Nanos now,
                        std::vector<JobPtr> &jobs) const {
  Queue &queue = version.queue;
  PolicyView view;
  view.now = now;
  view.freeLanes = uint32_t(lanes.size());
  view.lanes = laneCount;
  view.gap = queue.arrivals.gap(now);
  std::vector<const std::string *> shapes;
  for (const JobPtr &job : queue.jobs) {
    if (jobs.size() == lookAhead)
      break;
    auto same =
        std::find_if(shapes.begin(), shapes.end(),
                     [&](const std::string *s) { return *s == job->key; });
    size_t shape = size_t(same - shapes.begin());
    if (same == shapes.end())
      shapes.push_back(&job->key);
    view.items.push_back({job->rows - job->nextRow, nanos(job->phases.queued),
                          nanos(job->deadline), shape});
    jobs.push_back(job);
  }
  return decide(view, queue.costs, queue.policy);
}

std::shared_ptr<Run> Scheduler::form(const Decision &decision,
                                     const std::vector<JobPtr> &jobs) {
  auto run = std::make_shared<Run>();
  run->rows = decision.rows;
  run->wide = decision.wide && jobs[0]->version->wide.isOpen();
  for (auto [index, rows] : decision.take) {
    const JobPtr &job = jobs[index];
    run->parts.push_back({job, job->nextRow, rows});
    if (job->nextRow + rows == job->rows)
      remove(job);
    else
      job->version->queue.rows -= rows;
    job->nextRow += rows;
    job->state = Job::State::running;
    job->runs.push_back(run);
  }
  return run;
}

// The most urgent version that has something to run; a request without a
// deadline counts as one that is due in 100 ms.
std::shared_ptr<Run> Scheduler::next(TimePoint &wake) {
  wake = TimePoint::max();
  if (lanes.empty())
    return nullptr;
  Nanos now = nanos(Clock::now()), best = never;
  Decision chosen;
  std::vector<JobPtr> chosenJobs;
  for (Version *version : active) {
    std::vector<JobPtr> jobs;
    Decision decision = ask(*version, now, jobs);
    if (decision.take.empty()) {
      wake = std::min(wake, timeOf(decision.wake));
      continue;
    }
    const Job &head = *jobs[0];
    Nanos due =
        std::min(nanos(head.deadline), nanos(head.phases.queued) + 100'000'000);
    if (due < best) {
      best = due;
      chosen = std::move(decision);
      chosenJobs = std::move(jobs);
    }
  }
  return chosenJobs.empty() ? nullptr : form(chosen, chosenJobs);
}

void Scheduler::executor() {
  Lock lock(mutex);
  while (!stopping) {
    TimePoint wake;
    if (std::shared_ptr<Run> run = next(wake)) {
      perform(run, lock);
      lock.lock();
    } else if (wake == TimePoint::max()) {
      work.wait(lock);
    } else {
      work.wait_until(lock, wake);
    }
  }
}

// ---- Runs
// -----------------------------------------------------------------------

// Called with the lock; returns without it.
void Scheduler::perform(const std::shared_ptr<Run> &run, Lock &lock) {
  Version &version = *run->parts[0].job->version;
  std::shared_ptr<Version> keep = run->parts[0].job->version;
  std::vector<std::unique_ptr<Lane>> taken;
  do {
    taken.push_back(std::move(lanes.back()));
    lanes.pop_back();
  } while (run->wide && !lanes.empty());
  lanesTaken += uint32_t(taken.size());
  run->limit = runLimit;
  runs.push_back(run);
  ++version.queue.running;
  if (!active.empty() && !lanes.empty())
    work.notify_one();
  lock.unlock();

  RunResult result = execute(version, *taken[0], *run);
  if (!result.status.ok() && run->parts.size() > 1 &&
      result.status.code != Code::cancelled)
    runAlone(*run, *taken[0], result);

  std::vector<Verdict> verdicts;
  lock.lock();
  --version.queue.running;
  runs.erase(std::find(runs.begin(), runs.end(), run));
  if (result.status.ok())
    version.queue.costs.measure(
        run->rows, run->wide,
        std::chrono::nanoseconds(result.finished - result.started).count());
  settle(run, result, verdicts);
  for (std::unique_ptr<Lane> &lane : taken)
    lanes.push_back(std::move(lane));
  lanesTaken -= uint32_t(taken.size());
  if (!active.empty())
    work.notify_one();
  if (stopping)
    quiet.notify_all();
  lock.unlock();
  answer(verdicts);
}

// A batch failed: whose fault it was shows when each runs alone.
void Scheduler::runAlone(Run &run, Lane &lane, RunResult &result) {
  RunResult sum = result;
  sum.status = {};
  sum.pieces.clear();
  for (const Part &part : run.parts) {
    Run alone;
    alone.parts.push_back(part);
    alone.rows = part.rows;
    alone.limit = run.limit;
    RunResult one = execute(*part.job->version, lane, alone);
    Piece piece;
    piece.firstRow = part.firstRow;
    piece.rows = part.rows;
    if (one.status.ok())
      piece = std::move(one.pieces[0]);
    else
      piece.failure = one.status;
    sum.pieces.push_back(std::move(piece));
    sum.finished = one.finished;
  }
  result = std::move(sum);
}

// Under the lock: what the run means for its jobs.
void Scheduler::settle(const std::shared_ptr<Run> &run, RunResult &result,
                       std::vector<Verdict> &verdicts) {
  Version &version = *run->parts[0].job->version;
  auto ns = [](TimePoint a, TimePoint b) {
    return uint64_t(std::chrono::nanoseconds(b - a).count());
  };
  if (result.status.ok())
    version.counters.addRun(uint64_t(run->rows), uint64_t(result.padded),
                            ns(result.started, result.bound),
                            ns(result.bound, result.computed),
                            ns(result.computed, result.finished));
  for (size_t i = 0; i < run->parts.size(); ++i) {
    Part &part = run->parts[i];
    Job &job = *part.job;
    job.runs.erase(std::find(job.runs.begin(), job.runs.end(), run));
    if (job.state == Job::State::finished)
      continue;
    if (job.phases.started == TimePoint())
      job.phases.started = result.started;
    job.phases.computed = result.computed;
    job.batchRows = std::max(job.batchRows, uint32_t(run->rows));
    Status failure =
        result.status.ok() ? result.pieces[i].failure : result.status;
    if (!failure.ok()) {
      remove(part.job);
      job.nextRow = job.rows;
      job.state = Job::State::finished;
      verdicts.push_back({part.job, failure});
      continue;
    }
    job.doneRows += part.rows;
    job.pieces.push_back(std::move(result.pieces[i]));
    if (job.doneRows == job.rows) {
      job.state = Job::State::finished;
      verdicts.push_back({part.job, {}});
    }
  }
}

// ---- Answers
// --------------------------------------------------------------------

static void joinPieces(Job &job, std::vector<Tensor> &outputs) {
  if (job.pieces.size() == 1) {
    outputs = std::move(job.pieces[0].outputs);
    return;
  }
  std::sort(
      job.pieces.begin(), job.pieces.end(),
      [](const Piece &a, const Piece &b) { return a.firstRow < b.firstRow; });
  for (size_t i = 0; i < job.pieces[0].outputs.size(); ++i) {
    Tensor whole = job.pieces[0].outputs[i];
    auto memory = std::make_shared<std::vector<std::byte>>();
    whole.dims[0] = job.rows;
    for (const Piece &piece : job.pieces)
      memory->insert(memory->end(), piece.outputs[i].data,
                     piece.outputs[i].data + piece.outputs[i].bytes);
    whole.data = memory->data();
    whole.bytes = memory->size();
    whole.owner = memory;
    outputs.push_back(std::move(whole));
  }
}

// Only those asked for, in that order.
static void select(const Request &request, std::vector<Tensor> &outputs) {
  if (request.outputs.empty())
    return;
  std::vector<Tensor> chosen;
  for (const std::string &name : request.outputs)
    for (const Tensor &tensor : outputs)
      if (tensor.name == name)
        chosen.push_back(tensor);
  outputs = std::move(chosen);
}

void Scheduler::answer(std::vector<Verdict> &verdicts) {
  for (Verdict &verdict : verdicts) {
    Job &job = *verdict.job;
    Response response;
    response.status = std::move(verdict.status);
    response.model = job.version->model();
    response.version = job.version->number();
    response.batchRows = job.batchRows;
    if (response.status.ok()) {
      joinPieces(job, response.outputs);
      select(job.request, response.outputs);
    }
    job.phases.finished = Clock::now();
    response.phases = job.phases;
    job.version->counters.addAnswer(response.status, job.phases,
                                    uint64_t(job.rows));
    job.request.done(std::move(response));
  }
  if (verdicts.empty())
    return;
  Lock lock(mutex);
  open -= verdicts.size();
  if (!open)
    quiet.notify_all();
}

// ---- Time
// -----------------------------------------------------------------------

void Scheduler::expire(TimePoint now, std::vector<Verdict> &verdicts,
                       TimePoint &nextDeadline) {
  nextDeadline = TimePoint::max();
  for (Version *version : std::vector<Version *>(active))
    for (const JobPtr &job : std::vector<JobPtr>(version->queue.jobs.begin(),
                                                 version->queue.jobs.end())) {
      if (job->deadline > now) {
        nextDeadline = std::min(nextDeadline, job->deadline);
        continue;
      }
      remove(job);
      job->nextRow = job->rows;
      job->state = Job::State::finished;
      verdicts.push_back(
          {job,
           {Code::deadline,
            "model '" + version->model() +
                "': the request's time ran out while it waited"}});
    }
}

void Scheduler::clock() {
  Lock lock(mutex);
  while (!stopping) {
    std::vector<Verdict> verdicts;
    TimePoint soonest;
    expire(Clock::now(), verdicts, soonest);
    alarmAt = soonest;
    if (!verdicts.empty()) {
      lock.unlock();
      answer(verdicts);
      lock.lock();
    } else if (alarmAt == TimePoint::max()) {
      alarm.wait(lock);
    } else {
      alarm.wait_until(lock, alarmAt);
    }
  }
}

} // namespace sinter::serve
