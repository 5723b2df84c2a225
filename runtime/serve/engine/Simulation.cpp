// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Simulation.h"

#include "runtime/serve/engine/Options.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>

namespace sinter::serve {
namespace {

struct Waiting {
  uint64_t priority;
  Nanos deadline;
  size_t index; // of the arrival: the order among equals
  bool operator<(const Waiting &other) const {
    if (priority != other.priority)
      return priority < other.priority;
    return deadline != other.deadline ? deadline < other.deadline
                                      : index < other.index;
  }
};

struct Running {
  Nanos end, expectedEnd; // as it came, as the table had it
  uint32_t lanes;
  std::vector<std::pair<size_t, int64_t>> parts;
  bool operator<(const Running &other) const { return end < other.end; }
};

class Simulator {
public:
  Simulator(const std::vector<SimulatedArrival> &arrivals,
            const CostTable &costs, const SimulationOptions &options)
      : arrivals(arrivals), costs(costs), options(options),
        random(options.seed), free(options.lanes), left(arrivals.size()),
        taken(arrivals.size()) {
    for (size_t i = 0; i < arrivals.size(); ++i)
      left[i] = arrivals[i].rows;
  }

  SimulationResult operator()() {
    while (step())
      ;
    std::sort(result.latencies.begin(), result.latencies.end());
    return std::move(result);
  }

private:
  // To the next thing that happens; false when nothing is left.
  bool step() {
    Nanos next = calls.empty() ? wake : std::min(wake, *calls.begin());
    if (at < arrivals.size())
      next = std::min(next, arrivals[at].time);
    if (!running.empty())
      next = std::min(next, running.begin()->end);
    if (next == never)
      return false;
    now = std::max(now, next);
    result.end = now;
    bool awake = false; // a thread that may look at the queue now
    while (!running.empty() && running.begin()->end <= now) {
      finishRun();
      awake = true;
    }
    for (; at < arrivals.size() && arrivals[at].time <= now; ++at) {
      arrive(at);
      if (free)
        calls.insert(late(now));
    }
    while (!calls.empty() && *calls.begin() <= now) {
      calls.erase(calls.begin());
      awake = true;
    }
    dropLate();
    if (awake || wake <= now)
      schedule();
    return true;
  }

  double share() { return double(random() >> 11) * 0x1p-53; }

  // When a thread that sleeps looks at the queue, called at `time`.
  Nanos late(Nanos time) {
    return time + (options.varies ? costs.wakes.quantile(share()) : 0);
  }

  Nanos deadlineOf(size_t i) const {
    Nanos span = arrivals[i].deadline;
    return span == never ? never : arrivals[i].time + span;
  }

  Nanos busyFor() const {
    Nanos soonest = never;
    for (const Running &run : running)
      soonest = std::min(soonest, run.expectedEnd);
    return free || running.empty() ? 0 : std::max<Nanos>(soonest - now, 0);
  }

  void arrive(size_t i) {
    Waiting item{arrivals[i].priority, deadlineOf(i), i};
    int64_t ahead = 0;
    for (const Waiting &other : queue) {
      if (!(other < item))
        break;
      ahead += left[other.index];
    }
    Nanos time = expectedTime(ahead, arrivals[i].rows, busyFor(), options.lanes,
                              costs, options.policy);
    if (queue.size() >= options.maxQueue ||
        (item.deadline != never && now + time > item.deadline)) {
      ++result.refused;
      return;
    }
    rate.arrive(now);
    queue.insert(item);
  }

  void dropLate() {
    for (auto it = queue.begin(); it != queue.end();) {
      bool untouched = left[it->index] == arrivals[it->index].rows;
      Nanos run = costs.cost(arrivals[it->index].rows, true);
      bool late =
          it->deadline != never && untouched && now + run > it->deadline;
      result.late += late;
      it = late ? queue.erase(it) : std::next(it);
    }
  }

  void schedule() {
    wake = never;
    while (free && !queue.empty()) {
      PolicyView view;
      std::vector<Waiting> items;
      view.now = now;
      view.freeLanes = free;
      view.lanes = options.lanes;
      view.gap = rate.gap(now);
      for (const Waiting &item : queue) {
        if (items.size() == 256)
          break;
        items.push_back(item);
        view.items.push_back(
            {left[item.index], arrivals[item.index].time, item.deadline, 0});
      }
      Decision decision = decide(view, costs, options.policy);
      if (decision.take.empty()) {
        if (decision.wake != never)
          wake = late(std::max(decision.wake, now + 1));
        return;
      }
      startRun(decision, items);
    }
  }

  void startRun(const Decision &decision, const std::vector<Waiting> &items) {
    Running run;
    run.lanes = decision.wide ? options.lanes : 1;
    int64_t rows =
        options.policy.fixedBatch ? options.policy.fixedBatch : decision.rows;
    Nanos mean = costs.cost(rows, decision.wide);
    Nanos cost =
        options.varies ? costs.quantile(rows, decision.wide, share()) : mean;
    run.end = now + cost;
    run.expectedEnd = now + mean;
    for (auto [index, count] : decision.take) {
      const Waiting &item = items[index];
      run.parts.emplace_back(item.index, count);
      left[item.index] -= count;
      if (!left[item.index])
        queue.erase(item);
    }
    free -= run.lanes;
    result.busy += cost * run.lanes;
    ++result.batches[decision.rows];
    running.insert(std::move(run));
  }

  void finishRun() {
    Running run = *running.begin();
    running.erase(running.begin());
    free += run.lanes;
    for (auto [index, count] : run.parts) {
      taken[index] += count;
      if (taken[index] < arrivals[index].rows)
        continue;
      ++result.answered;
      result.rows += uint64_t(arrivals[index].rows);
      result.missed += deadlineOf(index) < run.end;
      result.latencies.push_back(run.end - arrivals[index].time);
    }
  }

  const std::vector<SimulatedArrival> &arrivals;
  const CostTable &costs;
  const SimulationOptions &options;
  SimulationResult result;
  ArrivalRate rate;
  std::set<Waiting> queue;
  std::multiset<Running> running;
  std::multiset<Nanos> calls; // threads on their way out of sleep
  std::mt19937_64 random;
  Nanos now = 0, wake = never;
  size_t at = 0;
  uint32_t free;
  std::vector<int64_t> left, taken;
};

} // namespace

Nanos SimulationResult::quantile(double q) const {
  if (latencies.empty())
    return 0;
  double place = std::ceil(q * double(latencies.size())) - 1;
  return latencies[size_t(
      std::clamp(place, 0.0, double(latencies.size() - 1)))];
}

SimulationResult simulate(const std::vector<SimulatedArrival> &arrivals,
                          const CostTable &costs,
                          const SimulationOptions &options) {
  return Simulator(arrivals, costs, options)();
}

Status parseTrace(const std::string &text, std::vector<SimulatedArrival> &out) {
  size_t line = 0, at = 0;
  while (at < text.size()) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string row = text.substr(at, end - at);
    at = end + 1;
    ++line;
    if (!row.empty() && row.back() == '\r')
      row.pop_back();
    if (row.empty() || row[0] == '#')
      continue;
    double values[4] = {0, 1, -1, 1};
    int count = 0;
    const char *place = row.c_str();
    for (bool more = true; more && count < 4; ++count) {
      char *stop = nullptr;
      values[count] = std::strtod(place, &stop);
      bool bad = stop == place || !std::isfinite(values[count]) ||
                 values[count] < 0 || values[count] > 1e15;
      more = !bad && *stop == ',';
      if (bad || (!more && *stop) || (more && count == 3))
        return {Code::invalid,
                "trace line " + std::to_string(line) + ": '" + row +
                    "'; expected microseconds[,rows[,deadline[,priority]]]"};
      place = stop + 1;
    }
    SimulatedArrival arrival{Nanos(values[0] * 1000), int64_t(values[1]), never,
                             uint64_t(values[3])};
    if (values[2] > 0)
      arrival.deadline = Nanos(values[2] * 1000);
    if (arrival.rows < 1 || arrival.rows > 1'000'000)
      return {Code::invalid, "trace line " + std::to_string(line) +
                                 ": a request of " +
                                 std::to_string(arrival.rows) +
                                 " rows; expected 1 to 1000000"};
    if (!out.empty() && arrival.time < out.back().time)
      return {Code::invalid,
              "trace line " + std::to_string(line) +
                  ": earlier than the line before it; sort it by time"};
    out.push_back(arrival);
  }
  return out.empty() ? Status(Code::invalid, "the trace holds no arrival")
                     : Status();
}

// Three words and a unit a line, for people and scripts.
static std::string curveOf(const SimulationResult &result) {
  std::string text;
  char line[64];
  for (double q : {0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
    std::snprintf(line, sizeof line, "  %6.1f %%  %10.1f us\n", q * 100,
                  double(result.quantile(q)) / 1000);
    text += line;
  }
  return text;
}

Status simulateTrace(const std::string &trace, const std::string &manifest,
                     const ModelOptions &model, uint32_t threads,
                     std::string &page) {
  CostTable costs;
  SimulationOptions options;
  std::vector<SimulatedArrival> arrivals;
  options.lanes = std::max(threads, 1u);
  options.maxQueue = model.maxQueue;
  Status status = planOf(manifest, model, costs, options.policy);
  if (status.ok())
    status = parseTrace(trace, arrivals);
  for (SimulatedArrival &arrival : arrivals)
    if (arrival.deadline == never && model.deadlineUs)
      arrival.deadline = Nanos(model.deadlineUs) * 1000;
  if (!status.ok())
    return status;
  page = describe(simulate(arrivals, costs, options), options);
  if (!costs.varies())
    return status;
  options.varies = false;
  page += "latency if every run took its mean\n" +
          curveOf(simulate(arrivals, costs, options));
  return status;
}

std::string describe(const SimulationResult &result,
                     const SimulationOptions &options) {
  std::string text;
  char line[160];
  auto print = [&](const char *format, auto... values) {
    std::snprintf(line, sizeof line, format, values...);
    text += line;
  };
  double seconds = double(result.end) / 1e9;
  print("answered %llu, refused %llu, late in the queue %llu, behind their "
        "deadline %llu\n",
        (unsigned long long)result.answered, (unsigned long long)result.refused,
        (unsigned long long)result.late, (unsigned long long)result.missed);
  print("%.3f s, %.1f rows/s, threads busy %.1f %%\n", seconds,
        seconds > 0 ? double(result.rows) / seconds : 0.0,
        seconds > 0
            ? 100 * double(result.busy) / double(result.end) / options.lanes
            : 0.0);
  text += "latency\n" + curveOf(result);
  text += "batches\n";
  for (const auto &[rows, count] : result.batches)
    print("  %6lld rows  %10llu\n", (long long)rows, (unsigned long long)count);
  return text;
}

} // namespace sinter::serve
