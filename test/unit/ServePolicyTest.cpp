// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of the engine that know no clock and no thread: costs, decisions,
// the simulator, guards, limits.
#include "runtime/serve/engine/Guard.h"
#include "runtime/serve/engine/Limits.h"
#include "runtime/serve/engine/Options.h"
#include "runtime/serve/engine/Simulation.h"

#include <gtest/gtest.h>
#include <random>

namespace sinter::serve {
namespace {

constexpr Nanos us = 1000, ms = 1'000'000;

// A run costs `base` and `row` for each row.
CostTable line(Nanos base, Nanos row, uint32_t threads = 1) {
  CostTable costs(threads);
  for (int64_t rows : {1, 2, 4, 8, 16, 32})
    costs.measure(rows, false, base + rows * row);
  return costs;
}

PolicyOptions batching(int64_t most) {
  PolicyOptions options;
  options.maxBatch = most;
  options.mayBatch = true;
  return options;
}

PolicyView view(std::vector<WaitingItem> items, Nanos gap = never,
                uint32_t freeLanes = 1, uint32_t lanes = 1) {
  PolicyView v;
  v.now = 1000 * ms;
  v.items = std::move(items);
  for (WaitingItem &item : v.items)
    item.arrival = item.arrival ? item.arrival : v.now;
  v.freeLanes = freeLanes;
  v.lanes = lanes;
  v.gap = gap;
  return v;
}

TEST(ServeCosts, InterpolatesAndFollowsTraffic) {
  CostTable costs(4);
  EXPECT_FALSE(costs.isKnown());
  costs.estimate(1, 100 * us);
  costs.estimate(8, 450 * us);
  EXPECT_EQ(costs.cost(1), 100 * us);
  EXPECT_EQ(costs.cost(4), 250 * us);
  EXPECT_EQ(costs.cost(16), 850 * us);
  EXPECT_LT(costs.cost(8, true), costs.cost(8));
  costs.measure(8, false, 900 * us);
  EXPECT_EQ(costs.cost(8), 900 * us) << "a measurement replaces an estimate";
  costs.estimate(8, 1);
  EXPECT_EQ(costs.cost(8), 900 * us) << "and not the other way round";
  for (int i = 0; i < 200; ++i)
    costs.measure(8, false, 500 * us);
  EXPECT_NEAR(double(costs.cost(8)), 500e3, 1e3);
  costs.measure(8, false, 1000 * ms);
  EXPECT_LT(costs.cost(8), 700 * us) << "one outlier moves it little";
  for (int64_t rows = 1; rows < 1000; ++rows)
    costs.measure(rows, false, rows * 10 * us);
  EXPECT_LE(costs.sizes().size(), 64u);
}

TEST(ServeCosts, ANewVersionInheritsWhatOneAsDearWasMeasuredAt) {
  CostTable before(2), same(2), dearer(2), narrow(1), unknown(2);
  for (CostTable *each : {&before, &same, &dearer, &narrow}) {
    each->estimate(1, 100 * us);
    each->estimate(8, (each == &dearer ? 600 : 450) * us);
  }
  before.measure(1, false, 170 * us);
  before.measure(3, false, 400 * us);
  before.measure(8, true, 390 * us);
  for (CostTable *each : {&same, &dearer, &narrow, &unknown})
    each->inherit(before);
  EXPECT_EQ(same.cost(1), 170 * us);
  EXPECT_TRUE(same.isMeasured(3));
  EXPECT_TRUE(same.isMeasured(8, true));
  EXPECT_FALSE(dearer.isMeasured(1)) << "its largest size costs more";
  EXPECT_FALSE(narrow.isMeasured(1)) << "other threads";
  EXPECT_FALSE(unknown.isKnown()) << "nobody said what it costs";
}

TEST(ServePolicy, TakesWhatGainsTogether) {
  CostTable costs = line(100 * us, 10 * us);
  Decision d = decide(view({{}, {}, {}, {}}), costs, batching(8));
  EXPECT_EQ(d.rows, 4);
  EXPECT_EQ(d.take.size(), 4u);
  d = decide(view({{}, {}, {}, {}}), costs, batching(3));
  EXPECT_EQ(d.rows, 3);
  PolicyOptions alone;
  d = decide(view({{}, {}}), costs, alone);
  EXPECT_EQ(d.rows, 1) << "rows that are not independent never share a run";
}

TEST(ServePolicy, NeverJoinsWhatCostsMoreTogether) {
  CostTable costs;
  for (int i = 0; i < 4; ++i) {
    costs.measure(1, false, 100 * us);
    costs.measure(2, false, 300 * us);
    costs.measure(4, false, 900 * us);
  }
  EXPECT_EQ(decide(view({{}, {}, {}, {}}), costs, batching(8)).rows, 1);
}

// One preempted run of a size must not keep batches small for ever.
TEST(ServePolicy, JoinsOnlyForAClearGain) {
  std::vector<WaitingItem> many(8);
  EXPECT_EQ(decide(view(many), line(0, 400 * us), batching(8)).rows, 1);
  EXPECT_EQ(decide(view(many), line(8 * us, 400 * us), batching(8)).rows, 1);
  EXPECT_EQ(decide(view(many), line(80 * us, 400 * us), batching(8)).rows, 8);
  CostTable estimated;
  estimated.estimate(1, 400 * us);
  EXPECT_EQ(decide(view(many), estimated, batching(8)).rows, 8)
      << "what was never measured is tried";
}

TEST(ServePolicy, AnOutlierDoesNotEndBatching) {
  CostTable costs;
  for (int i = 0; i < 4; ++i)
    for (int64_t rows : {1, 2, 4})
      costs.measure(rows, false, 100 * us);
  costs.measure(8, false, 50'000 * us);
  EXPECT_EQ(decide(view(std::vector<WaitingItem>(8)), costs, batching(8)).rows,
            8);
  costs.measure(8, false, 100 * us);
  EXPECT_EQ(costs.cost(8), 100 * us);
  for (int i = 0; i < 100; ++i)
    costs.measure(8, false, 50'000 * us);
  EXPECT_LT(decide(view(std::vector<WaitingItem>(8)), costs, batching(8)).rows,
            8)
      << "it is dear indeed";
  for (int i = 0; i < 300; ++i)
    costs.measure(4, false, 100 * us);
  EXPECT_EQ(decide(view(std::vector<WaitingItem>(8)), costs, batching(8)).rows,
            8)
      << "tried again";
}

TEST(ServeCosts, EstimatesFollowTheMachine) {
  CostTable costs;
  costs.estimate(1, 100 * us);
  costs.estimate(8, 400 * us);
  costs.measure(1, false, 300 * us);
  EXPECT_EQ(costs.cost(8), 1200 * us);
}

TEST(ServePolicy, OtherShapesWait) {
  std::vector<WaitingItem> items(4);
  items[1].shape = items[3].shape = 1;
  Decision d = decide(view(items), line(100 * us, us), batching(8));
  ASSERT_EQ(d.take.size(), 2u);
  EXPECT_EQ(d.take[0].first, 0u);
  EXPECT_EQ(d.take[1].first, 2u);
}

TEST(ServePolicy, BigRequestsAreSplit) {
  std::vector<WaitingItem> items(2);
  items[0].rows = 20;
  Decision d = decide(view(items), line(100 * us, us), batching(8));
  ASSERT_EQ(d.take.size(), 1u);
  EXPECT_EQ(d.take[0].second, 8);
}

TEST(ServePolicy, NoDeadlineBreaksForCompany) {
  CostTable costs = line(100 * us, 50 * us);
  std::vector<WaitingItem> items(4);
  items[0].deadline = 1000 * ms + 210 * us; // c(2) = 200, c(3) = 250
  Decision d = decide(view(items), costs, batching(8));
  EXPECT_EQ(d.rows, 2);
}

TEST(ServePolicy, WaitsOnlyWhenAllGain) {
  CostTable flat = line(1000 * us, 0);
  EXPECT_EQ(decide(view({{}}), flat, batching(8)).rows, 1)
      << "nobody is expected";
  Decision d = decide(view({{}}, 100 * us), flat, batching(8));
  EXPECT_EQ(d.rows, 0);
  EXPECT_GT(d.wake, 1000 * ms);
  EXPECT_LE(d.wake, 1001 * ms) << "never longer than a run";
  EXPECT_EQ(decide(view({{}}, 900 * us), flat, batching(8)).rows, 1)
      << "too long to wait";
  EXPECT_EQ(decide(view({{}}, 100 * us), line(0, 1000 * us), batching(8)).rows,
            1)
      << "nothing to gain";
  EXPECT_EQ(decide(view({{}}, 100 * us, 2, 2), flat, batching(8)).rows, 1)
      << "the next one has a thread";
  std::vector<WaitingItem> urgent(1);
  urgent[0].deadline = 1000 * ms + 1100 * us;
  EXPECT_EQ(decide(view(urgent, 100 * us), flat, batching(8)).rows, 1)
      << "a deadline";
  std::vector<WaitingItem> old(1);
  old[0].arrival = 998 * ms;
  EXPECT_EQ(decide(view(old, 100 * us), flat, batching(8)).rows, 1)
      << "waited long enough";
}

TEST(ServePolicy, SpreadsOverFreeThreads) {
  CostTable steep = line(10 * us, 100 * us, 1);
  Decision d = decide(view(std::vector<WaitingItem>(8), never, 4, 4), steep,
                      batching(8));
  EXPECT_EQ(d.rows, 2);
  CostTable wide(4);
  wide.measure(1, false, 4000 * us);
  wide.measure(1, true, 1100 * us);
  d = decide(view({{}}, never, 4, 4), wide, batching(8));
  EXPECT_TRUE(d.wide);
  d = decide(view({{}}, never, 3, 4), wide, batching(8));
  EXPECT_FALSE(d.wide) << "somebody else runs";
}

TEST(ServePolicy, TwoRunsSideBySideBeatTwoWideOnes) {
  CostTable costs(2);
  costs.measure(1, false, 13 * ms);
  costs.measure(1, true, 8 * ms);
  PolicyOptions alone;
  EXPECT_TRUE(decide(view({{}}, never, 2, 2), costs, alone).wide);
  EXPECT_FALSE(
      decide(view(std::vector<WaitingItem>(2), never, 2, 2), costs, alone).wide)
      << "13 ms for both, not 16";
}

TEST(ServePolicy, TritonsRule) {
  PolicyOptions options = batching(8);
  options.fixedDelay = 500 * us;
  options.preferred = {4, 8};
  CostTable costs = line(100 * us, us);
  EXPECT_EQ(decide(view(std::vector<WaitingItem>(3)), costs, options).wake,
            1000 * ms + 500 * us);
  EXPECT_EQ(decide(view(std::vector<WaitingItem>(4)), costs, options).rows, 4);
  std::vector<WaitingItem> old(6);
  old[0].arrival = 1000 * ms - 500 * us;
  EXPECT_EQ(decide(view(old), costs, options).rows, 4)
      << "a preferred size, never one more";
}

TEST(ServePolicy, FixedBatchCostsTheSame) {
  PolicyOptions options = batching(4);
  options.fixedBatch = 4;
  CostTable costs;
  costs.measure(4, false, 400 * us);
  Decision d =
      decide(view(std::vector<WaitingItem>(6), never, 2, 2), costs, options);
  EXPECT_EQ(d.rows, 4);
}

std::vector<SimulatedArrival> poisson(double perSecond, double seconds,
                                      Nanos deadline = never) {
  std::mt19937_64 random(7);
  std::vector<SimulatedArrival> arrivals;
  for (double t = 0; t < seconds;) {
    t += -std::log(1 - double(random() >> 11) / double(1ull << 53)) / perSecond;
    arrivals.push_back({Nanos(t * 1e9), 1, deadline, 1});
  }
  return arrivals;
}

TEST(ServeSimulation, BatchesUnderLoad) {
  CostTable costs = line(900 * us, 100 * us); // 1 ms alone; 32 rows in 4.1 ms
  SimulationOptions options;
  options.policy = batching(32);
  SimulationResult calm = simulate(poisson(100, 10), costs, options);
  EXPECT_EQ(calm.refused, 0u);
  EXPECT_LT(calm.quantile(0.5), 1300 * us);
  SimulationResult busy = simulate(poisson(4000, 10), costs, options);
  EXPECT_EQ(busy.answered, busy.latencies.size());
  EXPECT_EQ(busy.refused, 0u) << "four times what single runs could do";
  EXPECT_LT(busy.quantile(0.99), 12 * ms);
  EXPECT_GT(busy.batches.rbegin()->first, 4);
}

// Five times overload: what is accepted keeps its deadline, and capacity is
// used.
TEST(ServeSimulation, GoodputUnderOverload) {
  CostTable costs = line(900 * us, 100 * us);
  SimulationOptions options;
  options.policy = batching(32);
  double capacity = 32 / 4.1e-3;
  SimulationResult r =
      simulate(poisson(5 * capacity, 4, 50 * ms), costs, options);
  EXPECT_EQ(r.missed, 0u);
  EXPECT_GT(double(r.answered) / 4, 0.9 * capacity);
  EXPECT_GT(r.refused, r.answered);
  EXPECT_LT(r.late, r.answered / 20) << "refused at once, not after waiting";
}

TEST(ServeSimulation, PriorityGoesFirst) {
  CostTable costs = line(0, 1000 * us);
  SimulationOptions options;
  options.policy = batching(1);
  std::vector<SimulatedArrival> arrivals(9, {0, 1, never, 2});
  arrivals.push_back({10 * us, 1, never, 1});
  SimulationResult r = simulate(arrivals, costs, options);
  ASSERT_EQ(r.answered, 10u);
  EXPECT_EQ(r.latencies[1], 2000 * us - 10 * us);
}

TEST(ServeSimulation, ReadsTraces) {
  std::vector<SimulatedArrival> arrivals;
  ASSERT_TRUE(
      parseTrace("# us,rows\n0\n100,2\n250.5,1,9000,2\r\n\n", arrivals).ok());
  ASSERT_EQ(arrivals.size(), 3u);
  EXPECT_EQ(arrivals[2].time, 250500);
  EXPECT_EQ(arrivals[2].deadline, 9 * ms);
  EXPECT_EQ(arrivals[2].priority, 2u);
  for (const char *bad : {"x", "1,", "1,2,3,4,5", "-1", "1 2", "nan", "1,0",
                          "5\n4", "1e300", "1,,2"}) {
    std::vector<SimulatedArrival> none;
    Status status = parseTrace(bad, none);
    EXPECT_EQ(status.code, Code::invalid) << bad;
    EXPECT_NE(status.message.find("trace line"), std::string::npos);
  }
  std::vector<SimulatedArrival> none;
  EXPECT_FALSE(parseTrace("# us,rows\n", none).ok());
  SimulationOptions options;
  EXPECT_NE(describe(simulate(arrivals, line(0, us), options), options)
                .find("answered 3"),
            std::string::npos);
}

TEST(ServeSimulation, TakesThePlanFromTheManifest) {
  const char *manifest =
      R"({"batch": {"independent": true}, "costs": [{"rows": 1, "us": 1000}, {"rows": 4, "us": 1100}]})";
  std::string page;
  ModelOptions model;
  ASSERT_TRUE(simulateTrace("0\n1\n2\n3\n4\n", manifest, model, 1, page).ok());
  EXPECT_NE(page.find("answered 5"), std::string::npos) << page;
  EXPECT_NE(page.find("     4 rows           1"), std::string::npos) << page;
  model.deadlineUs = 1200;
  ASSERT_TRUE(simulateTrace("0\n1\n2\n3\n4\n", manifest, model, 1, page).ok());
  EXPECT_NE(page.find("refused 4"), std::string::npos) << page;
  EXPECT_EQ(simulateTrace("0\n", "{}", model, 1, page).code, Code::invalid);
  EXPECT_EQ(simulateTrace("x\n", manifest, model, 1, page).code, Code::invalid);
}

TEST(ServeGuard, JudgesCanaries) {
  ModelOptions options;
  Health stable{1000, 10, 0, 1000, 1000 * 100'000};
  EXPECT_EQ(judge({49, 49, 0, 49, 1}, stable, options), "")
      << "too few to judge";
  EXPECT_EQ(judge({100, 1, 0, 100, 100 * 110'000}, stable, options), "");
  EXPECT_NE(
      judge({100, 20, 0, 100, 100 * 100'000}, stable, options).find("failed"),
      std::string::npos);
  EXPECT_NE(
      judge({100, 0, 30, 100, 100 * 100'000}, stable, options).find("NaN"),
      std::string::npos);
  EXPECT_NE(judge({100, 0, 0, 100, 100 * 300'000}, stable, options).find("us"),
            std::string::npos);
}

TEST(ServeGuard, BreakerOpensAndTries) {
  ModelOptions options;
  options.breakerFailures = 3;
  options.breakerOpenMs = 10;
  Breaker b;
  EXPECT_FALSE(b.record(true, 0, options));
  EXPECT_FALSE(b.record(true, 0, options));
  EXPECT_FALSE(b.record(false, 0, options)); // in a row
  EXPECT_FALSE(b.record(true, 0, options));
  EXPECT_FALSE(b.record(true, 0, options));
  EXPECT_TRUE(b.record(true, 0, options));
  EXPECT_FALSE(b.allows(9 * ms, options));
  EXPECT_GT(b.retryMs(5 * ms), 0u);
  EXPECT_TRUE(b.allows(11 * ms, options));
  EXPECT_FALSE(b.allows(12 * ms, options)) << "one tries at a time";
  EXPECT_TRUE(b.record(false, 13 * ms, options));
  EXPECT_TRUE(b.allows(13 * ms, options));
}

TEST(ServeLimits, RatesAndConcurrency) {
  LimitOptions options;
  options.client.rate = 10;
  options.client.burst = 2;
  options.models["m"].concurrency = 1;
  Limits limits(options);
  TimePoint t = TimePoint() + std::chrono::hours(1);
  auto enter = [&](const char *client, const char *model, TimePoint now) {
    Limits::Permit permit;
    return limits.enter(client, model, now, permit);
  };
  EXPECT_TRUE(enter("a", "x", t).ok());
  EXPECT_TRUE(enter("a", "x", t).ok());
  Status refused = enter("a", "x", t);
  EXPECT_EQ(refused.code, Code::unavailable);
  EXPECT_EQ(refused.retryAfterMs, 100u);
  EXPECT_TRUE(enter("b", "x", t).ok()) << "another client";
  EXPECT_TRUE(enter("a", "x", t + std::chrono::milliseconds(101)).ok());
  EXPECT_FALSE(enter("a", "x", t).ok())
      << "a clock that jumps back gives nothing";
  Limits::Permit held;
  EXPECT_TRUE(limits.enter("c", "m", t, held).ok());
  EXPECT_EQ(enter("d", "m", t).code, Code::unavailable);
  held.release();
  EXPECT_TRUE(enter("d", "m", t).ok());
}

} // namespace
} // namespace sinter::serve
