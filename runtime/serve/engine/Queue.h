// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A request inside the engine, and the queue of one version. The queue is plain
// data under the scheduler's lock: ordered by priority, then by deadline, then
// by arrival.
#ifndef SINTER_SERVE_ENGINE_QUEUE_H
#define SINTER_SERVE_ENGINE_QUEUE_H

#include "runtime/serve/engine/BatchPolicy.h"
#include "runtime/serve/engine/CostTable.h"
#include "runtime/serve/engine/Engine.h"
#include "runtime/serve/engine/Guard.h"
#include "runtime/serve/engine/Limits.h"
#include "runtime/serve/engine/Request.h"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace sinter::serve {

class Scheduler;
class Version;
struct Run;

/// What one run made of some rows of a job.
struct JobPiece {
  int64_t firstRow = 0, rows = 0;
  std::vector<Tensor> outputs;
  Status failure; ///< of this part alone
};

/// A request on its way. Fields below `state` are guarded by the scheduler.
class Job : public Ticket, public std::enable_shared_from_this<Job> {
public:
  void cancel() override;
  /// The outputs of all its pieces, in the order of rows.
  void join(std::vector<Tensor> &outputs);

  Request request;
  std::shared_ptr<Version> version;
  std::weak_ptr<Scheduler> scheduler;
  int64_t rows = 1;
  std::string key; ///< of its shapes without the batch dimension
  uint64_t bytes = 0, sequence = 0, priority = 1;
  TimePoint deadline = TimePoint::max();
  Phases phases;
  Limits::Permit permit; ///< until it is answered

  enum class State { queued, running, finished } state = State::queued;
  int64_t nextRow = 0; ///< rows handed to runs
  int64_t doneRows = 0;
  bool background =
      false; ///< shadow traffic: refused before all else, not counted
  bool ordered = false,
       decided = false; ///< decided: may be answered in its turn
  Status verdict;
  bool waiting = false; ///< rows of it are in the queue
  bool cancelled = false;
  Status failure;
  std::vector<JobPiece> pieces;
  std::vector<std::shared_ptr<Run>> runs; ///< that hold rows of it
  uint32_t batchRows = 0;
};

using JobPtr = std::shared_ptr<Job>;

struct JobOrder {
  static bool before(const Job &a, const Job &b) {
    if (a.priority != b.priority)
      return a.priority < b.priority;
    if (a.deadline != b.deadline)
      return a.deadline < b.deadline;
    return a.sequence < b.sequence;
  }
  bool operator()(const JobPtr &a, const JobPtr &b) const {
    return before(*a, *b);
  }
};

/// Requests of one client whose answers keep their order.
struct OrderedClient {
  std::deque<JobPtr> jobs;
  bool delivering = false;
};

struct Queue {
  std::set<JobPtr, JobOrder> jobs;
  uint64_t bytes = 0;
  int64_t rows = 0;    ///< waiting
  bool listed = false; ///< among the scheduler's versions with work
  CostTable costs;
  PolicyOptions policy;
  ArrivalRate arrivals;
  uint32_t maxJobs = 1024;
  uint64_t maxBytes = 256u << 20;
  uint32_t running = 0; ///< runs under way
  Nanos measuredAt = 0; ///< the last run that ended well
  Breaker breaker;
  std::map<std::string, OrderedClient> clients; ///< with preserveOrder
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_QUEUE_H
