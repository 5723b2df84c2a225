// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decisions and runs of the scheduler.
#include "runtime/serve/engine/Scheduler.h"

#include <algorithm>
#include <utility>

namespace sinter::serve {

namespace {
// Looked at for one decision; more never fit a batch anyway.
constexpr size_t lookAhead = 256;
// A request without a deadline counts as one that is due then.
constexpr Nanos patience = 100'000'000;
} // namespace

// ---- Decisions

// Those that cannot be answered in time any more: no compute is spent on them.
void Scheduler::dropHopeless(Version &version, Nanos now,
                             std::vector<Verdict> &verdicts) {
  Queue &queue = version.queue;
  std::vector<JobPtr> hopeless;
  for (const JobPtr &job : queue.jobs) {
    if (hopeless.size() == lookAhead)
      break;
    if (job->deadline == TimePoint::max() || job->nextRow)
      continue;
    Nanos run = now - queue.measuredAt < costsAge
                    ? queue.costs.cost(job->rows, true)
                    : 0;
    if (now + run > nanosOf(job->deadline))
      hopeless.push_back(job);
  }
  for (const JobPtr &job : hopeless)
    finish(
        job,
        {Code::deadline, "model '" + version.model() +
                             "': the request's time ran out while it waited"},
        verdicts);
}

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
    view.items.push_back({job->rows - job->nextRow, nanosOf(job->phases.queued),
                          nanosOf(job->deadline), shape});
    jobs.push_back(job);
  }
  return decide(view, queue.costs, queue.policy);
}

std::shared_ptr<Run> Scheduler::form(const Decision &decision,
                                     const std::vector<JobPtr> &jobs) {
  auto run = std::make_shared<Run>();
  run->version = jobs[0]->version;
  run->rows = decision.rows;
  run->wide = decision.wide && run->version->wide.isOpen();
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

// The most urgent version that has something to run.
std::shared_ptr<Run> Scheduler::next(TimePoint &wake,
                                     std::vector<Verdict> &verdicts) {
  wake = TimePoint::max();
  if (lanes.empty())
    return nullptr;
  Nanos now = nanosOf(Clock::now()), best = never;
  Decision chosen;
  std::vector<JobPtr> chosenJobs;
  for (Version *version : std::vector<Version *>(active))
    dropHopeless(*version, now, verdicts);
  for (Version *version : active) {
    std::vector<JobPtr> jobs;
    Decision decision = ask(*version, now, jobs);
    if (decision.take.empty()) {
      wake = std::min(wake, timeOf(decision.wake));
      continue;
    }
    const Job &head = *jobs[0];
    Nanos due = std::min(nanosOf(head.deadline),
                         nanosOf(head.phases.queued) + patience);
    if (due < best) {
      best = due;
      chosen = std::move(decision);
      chosenJobs = std::move(jobs);
    }
  }
  return chosenJobs.empty() ? nullptr : form(chosen, chosenJobs);
}

// What somebody who plans must know: of a run with all that is done around it,
// and of a thread that sleeps.
void Scheduler::observe(const Run &run, TimePoint begin) {
  std::chrono::nanoseconds whole = Clock::now() - begin;
  run.version->queue.costs.observe(run.rows, run.wide, double(whole.count()));
}

void Scheduler::woke(const Run &run, TimePoint due) {
  std::chrono::nanoseconds late = Clock::now() - due;
  run.version->queue.costs.wakes.add(double(late.count()));
}

// Until there may be something to run; when that was, if a thread was called.
TimePoint Scheduler::sleep(Lock &lock, TimePoint wake) {
  calledAt = TimePoint::max();
  if (wake == TimePoint::max())
    work.wait(lock);
  else
    work.wait_until(lock, wake);
  TimePoint due = std::min(std::exchange(calledAt, TimePoint::max()), wake);
  return due <= Clock::now() ? due : TimePoint::max();
}

void Scheduler::executor() {
  Lock lock(mutex);
  TimePoint due = TimePoint::max(); // when this thread was to wake
  while (!stopping) {
    TimePoint wake;
    std::vector<Verdict> verdicts;
    std::shared_ptr<Run> run = next(wake, verdicts);
    if (run && due != TimePoint::max())
      woke(*run, due);
    due = TimePoint::max();
    if (run)
      perform(run, lock);
    else if (!verdicts.empty())
      lock.unlock();
    else
      due = sleep(lock, wake);
    answer(verdicts);
    run.reset();
    if (!lock.owns_lock())
      lock.lock();
  }
}

// ---- Runs

std::vector<std::unique_ptr<Lane>> Scheduler::takeLanes(bool all) {
  std::vector<std::unique_ptr<Lane>> taken;
  do {
    taken.push_back(std::move(lanes.back()));
    lanes.pop_back();
  } while (all && !lanes.empty());
  lanesTaken += uint32_t(taken.size());
  return taken;
}

void Scheduler::giveLanes(std::vector<std::unique_ptr<Lane>> &taken) {
  lanesTaken -= uint32_t(taken.size());
  for (std::unique_ptr<Lane> &lane : taken)
    lanes.push_back(std::move(lane));
  if (!active.empty())
    work.notify_one();
  if (stopping)
    quiet.notify_all();
}

// Called with the lock; returns without it.
void Scheduler::perform(const std::shared_ptr<Run> &run, Lock &lock) {
  Version &version = *run->version;
  TimePoint begin = Clock::now();
  std::vector<std::unique_ptr<Lane>> taken = takeLanes(run->wide);
  run->limit = runLimit;
  run->timed = version.profile && version.profile->isDue();
  run->expectedEnd =
      nanosOf(begin) + version.queue.costs.cost(run->rows, run->wide);
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
  bool circuit = false, open = false;
  lock.lock();
  Queue &queue = version.queue;
  --queue.running;
  runs.erase(std::find(runs.begin(), runs.end(), run));
  if (result.status.ok()) {
    queue.costs.measure(
        run->rows, run->wide,
        std::chrono::nanoseconds(result.finished - result.started).count());
    queue.measuredAt = nanosOf(result.finished);
  }
  bool failed = result.status.code == Code::internal ||
                result.status.code == Code::deadline;
  if (failed || result.status.ok())
    circuit = queue.breaker.record(failed, nanosOf(result.finished),
                                   *version.options());
  open = queue.breaker.isOpen();
  settle(run, result, verdicts);
  if (result.status.ok() && verdicts.empty())
    observe(*run, begin);
  giveLanes(taken);
  lock.unlock();
  if (circuit)
    tell(version, open);
  answer(verdicts, result.status.ok() ? run.get() : nullptr, begin);
}

// A batch failed: whose fault it was shows when each runs alone.
void Scheduler::runAlone(Run &run, Lane &lane, RunResult &result) {
  RunResult sum = result;
  sum.status = {};
  sum.pieces.clear();
  size_t failed = 0;
  for (const Part &part : run.parts) {
    Run alone;
    alone.version = run.version;
    alone.parts.push_back(part);
    alone.rows = part.rows;
    alone.limit = run.limit;
    RunResult one = execute(*run.version, lane, alone);
    JobPiece piece;
    piece.firstRow = part.firstRow;
    piece.rows = part.rows;
    if (one.status.ok())
      piece = std::move(one.pieces[0]);
    else
      piece.failure = one.status;
    failed += !one.status.ok();
    sum.pieces.push_back(std::move(piece));
    sum.finished = one.finished;
  }
  if (failed < run.parts.size())
    result = std::move(sum);
}

// Under the lock: what the run means for its jobs.
void Scheduler::settle(const std::shared_ptr<Run> &run, RunResult &result,
                       std::vector<Verdict> &verdicts) {
  auto ns = [](TimePoint a, TimePoint b) {
    return uint64_t(std::chrono::nanoseconds(b - a).count());
  };
  if (result.status.ok())
    run->version->counters.addRun(uint64_t(run->rows), uint64_t(result.padded),
                                  ns(result.started, result.bound),
                                  ns(result.bound, result.computed),
                                  ns(result.computed, result.finished));
  for (size_t i = 0; i < run->parts.size(); ++i)
    settlePart(run, i, result, verdicts);
}

void Scheduler::settlePart(const std::shared_ptr<Run> &run, size_t index,
                           RunResult &result, std::vector<Verdict> &verdicts) {
  const Part &part = run->parts[index];
  Job &job = *part.job;
  job.runs.erase(std::find(job.runs.begin(), job.runs.end(), run));
  if (job.state == Job::State::finished)
    return;
  if (job.phases.started == TimePoint())
    job.phases.started = result.started;
  job.phases.computed = result.computed;
  job.batchRows = std::max(job.batchRows, uint32_t(run->rows));
  const Status &failure =
      result.status.ok() ? result.pieces[index].failure : result.status;
  if (!failure.ok()) {
    finish(part.job, failure, verdicts);
    return;
  }
  job.doneRows += part.rows;
  job.pieces.push_back(std::move(result.pieces[index]));
  if (job.doneRows == job.rows)
    finish(part.job, {}, verdicts);
}

Scheduler::Measured Scheduler::measure(const JobPtr &job, bool wide) {
  auto run = std::make_shared<Run>();
  run->version = job->version;
  run->parts.push_back({job, 0, job->rows});
  run->rows = job->rows;
  run->wide = wide;
  run->limit = runLimit;
  Lock lock(mutex);
  if (stopping || !active.empty() || lanesTaken)
    return Measured::busy;
  // All threads of the pool are one thing: nothing else may run on them.
  std::vector<std::unique_ptr<Lane>> taken;
  if (wide)
    taken = takeLanes(true);
  run->expectedEnd = nanosOf(Clock::now());
  runs.push_back(run); // so that stop() ends it
  measuring = run;
  lock.unlock();
  // The first touches memory and code; the second is what it costs.
  Nanos best = never;
  bool good = true, cancelled = false;
  auto runTwice = [&] {
    Lane own;
    for (int i = 0; i < 2 && good; ++i) {
      RunResult result = execute(*run->version, own, *run);
      good = result.status.ok();
      cancelled = result.status.code == Code::cancelled;
      best = std::min<Nanos>(
          best,
          std::chrono::nanoseconds(result.finished - result.started).count());
    }
  };
  if (wide)
    runTwice();
  else
    runQuietly(runTwice);
  lock.lock();
  measuring.reset();
  runs.erase(std::find(runs.begin(), runs.end(), run));
  if (good)
    run->version->queue.costs.measure(job->rows, wide, best);
  if (wide)
    giveLanes(taken);
  else if (stopping)
    quiet.notify_all();
  if (cancelled)
    return Measured::busy;
  return good ? Measured::yes : Measured::failed;
}

} // namespace sinter::serve
