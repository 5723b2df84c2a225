// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers of the scheduler, in the order of their clients where that is asked
// for, and the clock. Answers are given outside of the lock.
#include "runtime/serve/engine/Compare.h"
#include "runtime/serve/engine/Options.h"
#include "runtime/serve/engine/Scheduler.h"

#include <algorithm>

namespace sinter::serve {

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

void Scheduler::answerOne(Job &job, Status status) {
  Version &version = *job.version;
  Response response;
  response.status = std::move(status);
  response.model = version.model();
  response.version = version.number();
  response.batchRows = job.batchRows;
  if (response.status.ok()) {
    job.join(response.outputs);
    if (version.watched.load(std::memory_order_relaxed) &&
        std::any_of(response.outputs.begin(), response.outputs.end(), hasNan))
      version.counters.addNan();
    select(job.request, response.outputs);
  }
  job.phases.finished = Clock::now();
  response.phases = job.phases;
  if (!job.background)
    version.counters.addAnswer(response.status, job.phases, uint64_t(job.rows));
  // A front end may hold the ticket and be held by this function: cut it.
  auto done = std::move(job.request.done);
  job.request.done = nullptr;
  job.permit.release();
  done(std::move(response));
}

// Whoever answers for a client goes on while the next one in line is decided.
void Scheduler::answerInOrder(const Verdict &verdict) {
  Queue &queue = verdict.job->version->queue;
  const std::string &client = verdict.job->request.client;
  Lock lock(mutex);
  verdict.job->verdict = verdict.status;
  verdict.job->decided = true;
  OrderedClient &line = queue.clients[client];
  if (line.delivering)
    return;
  line.delivering = true;
  while (!line.jobs.empty() && line.jobs.front()->decided) {
    JobPtr job = line.jobs.front();
    line.jobs.pop_front();
    lock.unlock();
    answerOne(*job, job->verdict);
    lock.lock();
    --open;
  }
  line.delivering = false;
  if (line.jobs.empty())
    queue.clients.erase(client);
  if (!open)
    quiet.notify_all();
}

void Scheduler::answer(std::vector<Verdict> &verdicts, const Run *run,
                       TimePoint begin) {
  if (verdicts.empty())
    return;
  for (Verdict &verdict : verdicts) {
    if (verdict.job->ordered)
      answerInOrder(verdict);
    else
      answerOne(*verdict.job, std::move(verdict.status));
  }
  Lock lock(mutex);
  if (run)
    observe(*run, begin);
  for (Verdict &verdict : verdicts) {
    if (verdict.job->ordered)
      continue;
    --open;
    // A front end may keep the ticket: it holds no model and no body.
    verdict.job->version.reset();
    if (verdict.job->runs.empty())
      verdict.job->request.inputs.clear();
  }
  if (!open)
    quiet.notify_all();
}

void Scheduler::tell(const Version &version, bool circuitOpen) {
  if (listener)
    listener(
        {EngineEvent::Kind::circuit, version.model(), version.number(),
         circuitOpen ? "runs keep failing: left alone" : "runs succeed again"});
}

// ---- Time

void Scheduler::expire(TimePoint now, std::vector<Verdict> &verdicts,
                       TimePoint &nextDeadline) {
  nextDeadline = TimePoint::max();
  std::vector<JobPtr> late;
  auto look = [&](const JobPtr &job) {
    if (job->state == Job::State::finished)
      return;
    if (job->deadline <= now)
      late.push_back(job);
    else
      nextDeadline = std::min(nextDeadline, job->deadline);
  };
  for (Version *version : active)
    for (const JobPtr &job : version->queue.jobs)
      look(job);
  // A kernel that hangs never looks at its deadline; its client is answered.
  for (const std::shared_ptr<Run> &run : runs)
    for (const Part &part : run->parts)
      look(part.job);
  for (const JobPtr &job : late)
    if (job->state != Job::State::finished)
      finish(job,
             {Code::deadline,
              "model '" + job->version->model() +
                  "': the request's time ran out while it " +
                  (job->phases.started == TimePoint() ? "waited" : "ran")},
             verdicts);
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
      // alarmAt may be moved while this waits: by value.
      TimePoint until = alarmAt;
      alarm.wait_until(lock, until);
    }
  }
}

} // namespace sinter::serve
