// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who runs when. One lock guards the queues of all versions: a decision takes
// about a microsecond, runs and answers happen outside of it. A cheap request
// that finds nothing waiting runs on the caller's own thread: no hop at all.
// The rest is done by as many threads as the process may use, asleep when idle,
// and a clock thread, which takes requests out whose time is up.
//
// Scheduler.cpp: into the queue and out of it. SchedulerRun.cpp: decisions and
// runs. SchedulerAnswer.cpp: answers and the clock.
#ifndef SINTER_SERVE_ENGINE_SCHEDULER_H
#define SINTER_SERVE_ENGINE_SCHEDULER_H

#include "runtime/serve/engine/Execute.h"
#include "runtime/serve/engine/Urgency.h"
#include "runtime/serve/engine/Version.h"

#include <condition_variable>
#include <functional>
#include <thread>

namespace sinter::serve {

struct EngineEvent;
struct ModelOptions;

class Scheduler : public std::enable_shared_from_this<Scheduler> {
public:
  using Listener = std::function<void(const EngineEvent &)>;
  Scheduler(uint32_t lanes, uint64_t runLimit, Listener listener);
  ~Scheduler();
  void start();
  /// Answers what waits with `unavailable`, stops what runs, ends the threads.
  void stop();

  /// Takes the job, or says why not; a refused job was not answered.
  Status submit(const JobPtr &job);
  void cancel(Job &job);
  /// No request is left, or the deadline came and the rest was cancelled.
  void drain(TimePoint deadline);
  void readQueue(Version &version, ModelStatistics &out);
  /// Runs a job that nobody waits for and keeps its cost; busy, at once, when
  /// anything else is to be done. On one thread it runs last and takes nobody's
  /// lane: its memory goes with it, and no request waits until it has stopped.
  enum class Measured { yes, failed, busy };
  Measured measure(const JobPtr &job, bool wide);
  void stopMeasuring(); ///< what runs now; it is busy
  bool isMeasured(Version &version, int64_t rows, bool wide);
  /// What `before` was measured at, where `next` is as dear by its estimates.
  void inheritCosts(Version &before, Version &next);
  Nanos costOf(Version &version, int64_t rows);
  ModelCosts readCosts(Version &version);
  void configure(Version &version,
                 const std::shared_ptr<const ModelOptions> &options);

private:
  struct Verdict {
    JobPtr job;
    Status status;
  };
  using Lock = std::unique_lock<std::mutex>;

  Status admit(const Job &job);
  Nanos busyFor(Nanos now) const;
  Status checkTime(const Job &job, Nanos now) const;
  bool tryInline(const JobPtr &job, Lock &lock);
  void enqueue(const JobPtr &job);
  void remove(const JobPtr &job);
  /// The end of a job that may still have rows in the queue.
  void finish(const JobPtr &job, Status status, std::vector<Verdict> &verdicts);

  std::shared_ptr<Run> next(TimePoint &wake, std::vector<Verdict> &verdicts);
  void dropHopeless(Version &version, Nanos now,
                    std::vector<Verdict> &verdicts);
  Decision ask(Version &version, Nanos now, std::vector<JobPtr> &jobs) const;
  std::shared_ptr<Run> form(const Decision &decision,
                            const std::vector<JobPtr> &jobs);
  std::vector<std::unique_ptr<Lane>> takeLanes(bool all);
  void giveLanes(std::vector<std::unique_ptr<Lane>> &taken);
  void perform(const std::shared_ptr<Run> &run, Lock &lock);
  void runAlone(Run &run, Lane &lane, RunResult &result);
  void settle(const std::shared_ptr<Run> &run, RunResult &result,
              std::vector<Verdict> &verdicts);
  void settlePart(const std::shared_ptr<Run> &run, size_t index,
                  RunResult &result, std::vector<Verdict> &verdicts);
  void executor();
  TimePoint sleep(Lock &lock, TimePoint wake);
  void observe(const Run &run, TimePoint begin);
  void woke(const Run &run, TimePoint due);

  /// run: those that ended with one that began then, which is observed.
  void answer(std::vector<Verdict> &verdicts, const Run *run = nullptr,
              TimePoint begin = {});
  void answerOne(Job &job, Status status);
  void answerInOrder(const Verdict &verdict);
  void tell(const Version &version, bool circuitOpen);
  void expire(TimePoint now, std::vector<Verdict> &verdicts, TimePoint &next);
  void clock();

  const uint32_t laneCount;
  const uint64_t runLimit;
  const Listener listener;
  std::mutex mutex;
  std::condition_variable work, alarm, quiet;
  std::vector<std::unique_ptr<Lane>> lanes; // free ones
  uint32_t lanesTaken = 0;
  std::vector<Version *> active; // with a queue; alive by the jobs in it
  std::vector<std::shared_ptr<Run>> runs;
  std::shared_ptr<Run> measuring;        // gives way to requests
  uint64_t sequence = 0, open = 0;       // open: requests not answered
  TimePoint calledAt = TimePoint::max(); // the first call nobody heard yet
  TimePoint alarmAt = TimePoint::max();
  bool stopping = false;
  std::vector<std::thread> threads;
};

/// Costs that old refuse nobody: the next request measures again.
constexpr Nanos costsAge = 1'000'000'000;
/// Between the policy's clock and the engine's.
Nanos nanosOf(TimePoint time);
TimePoint timeOf(Nanos time);

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_SCHEDULER_H
