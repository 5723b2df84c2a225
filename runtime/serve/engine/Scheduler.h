// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who runs when. One lock guards the queues of all versions: a decision takes
// about a microsecond, runs and answers happen outside of it. A cheap request
// that finds nothing waiting runs on the caller's own thread: no hop at all.
// The rest is done by as many threads as the process may use, asleep when idle,
// and a clock thread, which takes requests out whose time is up.
#ifndef SINTER_SERVE_ENGINE_SCHEDULER_H
#define SINTER_SERVE_ENGINE_SCHEDULER_H

#include "runtime/serve/engine/Execute.h"
#include "runtime/serve/engine/Version.h"

#include <condition_variable>
#include <thread>

namespace sinter::serve {

class Scheduler : public std::enable_shared_from_this<Scheduler> {
public:
  explicit Scheduler(uint32_t lanes, uint64_t runLimit);
  ~Scheduler();
  void start();
  /// Answers what waits with `unavailable`, stops what runs, ends the threads.
  void stop();

  void submit(const JobPtr &job);
  void cancel(Job &job);
  /// No request is left, or the deadline came and the rest was cancelled.
  void drain(TimePoint deadline);
  void readQueue(Version &version, ModelStatistics &out);

private:
  struct Verdict {
    JobPtr job;
    Status status;
  };
  using Lock = std::unique_lock<std::mutex>;

  Status admit(const Job &job) const;
  bool tryInline(const JobPtr &job, Lock &lock);
  void enqueue(const JobPtr &job);
  void remove(const JobPtr &job);
  void list(Version &version);
  std::shared_ptr<Run> next(TimePoint &wake);
  Decision ask(Version &version, Nanos now, std::vector<JobPtr> &jobs) const;
  std::shared_ptr<Run> form(const Decision &decision,
                            const std::vector<JobPtr> &jobs);
  void perform(const std::shared_ptr<Run> &run, Lock &lock);
  void runAlone(Run &run, Lane &lane, RunResult &result);
  void settle(const std::shared_ptr<Run> &run, RunResult &result,
              std::vector<Verdict> &verdicts);
  void answer(std::vector<Verdict> &verdicts);
  void executor();
  void clock();
  void expire(TimePoint now, std::vector<Verdict> &verdicts, TimePoint &next);
  void flush(std::vector<Verdict> &verdicts);

  const uint32_t laneCount;
  const uint64_t runLimit;
  std::mutex mutex;
  std::condition_variable work, alarm, quiet;
  std::vector<std::unique_ptr<Lane>> lanes; // free ones
  uint32_t lanesTaken = 0;
  std::vector<Version *> active; // with a queue; alive by the jobs in it
  std::vector<std::shared_ptr<Run>> runs;
  uint64_t sequence = 0, open = 0; // open: requests not answered
  TimePoint alarmAt = TimePoint::max();
  bool stopping = false;
  std::vector<std::thread> threads;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_SCHEDULER_H
