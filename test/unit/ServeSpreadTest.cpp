// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How runs spread, what the cost table keeps of it, and what the simulator
// draws from it.
#include "runtime/serve/engine/Options.h"
#include "runtime/serve/engine/Simulation.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

namespace sinter::serve {
namespace {

constexpr Nanos us = 1000, ms = 1'000'000;

double uniform(std::mt19937_64 &random) {
  return double(random() >> 11) * 0x1p-53;
}

TEST(ServeSpread, QuantilesOfWhatItSaw) {
  Spread spread;
  EXPECT_EQ(spread.quantile(0.5), 0);
  std::mt19937_64 random(1);
  for (int i = 0; i < 4000; ++i)
    spread.add(1e6 + 9e6 * uniform(random)); // 1 to 10 ms
  for (double q : {0.01, 0.1, 0.5, 0.9, 0.99, 0.999})
    EXPECT_NEAR(double(spread.quantile(q)), 1e6 + 9e6 * q,
                0.08 * (1e6 + 9e6 * q))
        << q;
  EXPECT_LE(spread.quantile(0), spread.quantile(0.001));
  double sum = 0;
  for (const Spread::Step &step : spread.steps())
    sum += step.ns * step.weight;
  EXPECT_NEAR(sum / spread.weight(), 5.5e6, 0.1e6) << "the mean is kept";
}

TEST(ServeSpread, WhatNeverVariesComesOutAsItWentIn) {
  Spread spread;
  for (int i = 0; i < 20000; ++i)
    spread.add(509'123);
  for (double q : {0.0, 0.5, 0.999999})
    EXPECT_EQ(spread.quantile(q), 509'123);
}

TEST(ServeSpread, MemoryIsBoundedWhateverComes) {
  Spread spread;
  std::mt19937_64 random(2);
  for (int i = 0; i < 100'000; ++i)
    spread.add(std::exp2(80 * uniform(random) - 10));
  EXPECT_LE(spread.steps().size(), 16u * 47u);
  EXPECT_LE(spread.weight(), 8192);
  EXPECT_GE(spread.quantile(0), 1);
}

TEST(ServeSpread, OldTimesFade) {
  Spread spread;
  spread.add(900 * ms); // once, in thousands
  for (int i = 0; i < 8000; ++i)
    spread.add(4 * ms);
  EXPECT_EQ(spread.quantile(0.99999), 900 * ms) << "a rare one is kept";
  for (int i = 0; i < 60'000; ++i)
    spread.add(1 * ms);
  EXPECT_EQ(spread.quantile(0.99999), 1 * ms);
  EXPECT_EQ(spread.steps().size(), 1u);
}

CostTable oneAndFour() {
  CostTable costs;
  costs.estimate(1, 100 * us);
  costs.estimate(4, 300 * us);
  return costs;
}

TEST(ServeCosts, RunsSpreadBySize) {
  CostTable costs = oneAndFour();
  EXPECT_FALSE(costs.varies());
  EXPECT_EQ(costs.quantile(4, false, 0.99), 300 * us) << "nothing was observed";
  for (int i = 0; i < 90; ++i)
    costs.observe(1, false, i % 10 ? 90e3 : 900e3);
  EXPECT_TRUE(costs.varies());
  EXPECT_EQ(costs.cost(1), 100 * us) << "decisions go by what was measured";
  EXPECT_EQ(costs.quantile(1, false, 0.5), 90 * us);
  EXPECT_EQ(costs.quantile(1, false, 0.95), 900 * us);
  EXPECT_EQ(costs.quantile(4, false, 0.95), 2700 * us) << "as the nearest one";
  costs.observe(4, false, 350e3);
  EXPECT_EQ(costs.quantile(4, false, 0.5), 270 * us) << "one run tells little";
  for (int i = 0; i < 40; ++i)
    costs.observe(4, false, 350e3);
  EXPECT_EQ(costs.quantile(4, false, 0.5), 350 * us);
  CostTable next = oneAndFour();
  next.wakes.add(1);
  next.inherit(costs);
  EXPECT_EQ(next.quantile(1, false, 0.95), 900 * us);
  EXPECT_EQ(next.wakes.weight(), 0) << "those of the one before";
}

TEST(ServeCosts, WhatRanMakesNoSizes) {
  CostTable costs;
  costs.observe(1, false, 1e6);
  EXPECT_FALSE(costs.isKnown());
  costs = oneAndFour();
  for (int64_t rows = 1; rows < 1000; ++rows)
    costs.observe(rows, false, double(rows) * 1e4);
  EXPECT_EQ(costs.sizes(), (std::vector<int64_t>{1, 4}));
  EXPECT_EQ(costs.quantile(4, false, 0.5), 40 * us) << "as one of the nearest";
}

std::vector<SimulatedArrival> poisson(double perSecond, double seconds,
                                      Nanos deadline = never) {
  std::mt19937_64 random(7);
  std::vector<SimulatedArrival> arrivals;
  for (double t = 0; t < seconds;) {
    t += -std::log(1 - uniform(random)) / perSecond;
    arrivals.push_back({Nanos(t * 1e9), 1, deadline, 1});
  }
  return arrivals;
}

SimulationOptions batching(int64_t most, uint32_t lanes) {
  SimulationOptions options;
  options.policy.maxBatch = most;
  options.policy.mayBatch = most > 1;
  options.lanes = lanes;
  return options;
}

// Costs that never vary give the curve of the means to the last nanosecond.
TEST(ServeSimulation, ConstantRunsGiveTheCurveOfTheMean) {
  for (int64_t most : {1, 8})
    for (uint32_t lanes : {1u, 3u})
      for (double perSecond : {300.0, 1200.0, 4000.0}) {
        CostTable plain, observed;
        for (int64_t rows = 1; rows <= 8; ++rows) {
          plain.estimate(rows, 900 * us + rows * 77'777);
          observed.estimate(rows, 900 * us + rows * 77'777);
        }
        for (int64_t rows = 1; rows <= 8; ++rows)
          for (int i = 0; i < 50; ++i)
            observed.observe(rows, false, double(plain.cost(rows)));
        SimulationOptions options = batching(most, lanes);
        auto arrivals = poisson(perSecond, 1, 20 * ms);
        SimulationResult a = simulate(arrivals, plain, options);
        SimulationResult b = simulate(arrivals, observed, options);
        EXPECT_EQ(a.latencies, b.latencies) << most << " " << perSecond;
        EXPECT_EQ(a.batches, b.batches);
        EXPECT_EQ(a.refused, b.refused);
        EXPECT_EQ(a.late, b.late);
      }
}

TEST(ServeSimulation, ATailIsShownAndTheSameEachTime) {
  CostTable costs;
  costs.estimate(1, 500 * us);
  for (int i = 0; i < 100; ++i)
    costs.observe(1, false, i % 20 ? 400e3 : 2.4e6); // 500 us in the mean
  SimulationOptions options = batching(1, 1);
  auto arrivals = poisson(1000, 10);
  SimulationResult varied = simulate(arrivals, costs, options);
  EXPECT_EQ(varied.latencies, simulate(arrivals, costs, options).latencies);
  EXPECT_EQ(varied.answered, arrivals.size());
  options.seed = 2;
  EXPECT_NE(varied.latencies, simulate(arrivals, costs, options).latencies);
  options.varies = false;
  SimulationResult mean = simulate(arrivals, costs, options);
  EXPECT_EQ(mean.latencies[0], 500 * us);
  EXPECT_GT(varied.quantile(0.99), 3 * mean.quantile(0.99) / 2);
  EXPECT_NEAR(double(varied.busy), double(mean.busy), 0.05 * double(mean.busy));
}

TEST(ServeSimulation, AThreadThatSleepsBeginsLate) {
  CostTable costs;
  costs.estimate(1, 1 * ms);
  costs.wakes.add(200e3);
  SimulationOptions options = batching(1, 1);
  std::vector<SimulatedArrival> arrivals = {{0}, {500 * us}, {10 * ms}};
  SimulationResult r = simulate(arrivals, costs, options);
  EXPECT_EQ(r.latencies, (std::vector<Nanos>{1200 * us, 1200 * us, 1700 * us}))
      << "who comes while it runs waits for the run alone";
  options.varies = false;
  EXPECT_EQ(simulate(arrivals, costs, options).latencies[0], 1 * ms);
}

const char *const measured = R"({"models": [
  {"name": "other", "costs": [{"rows": 1, "us": 7}]},
  {"name": "m", "version": "1", "costs": [{"rows": 1, "us": 9}]},
  {"name": "m", "version": "2", "wakes": [[50, 4]],
   "costs": [{"rows": 1, "us": 500, "runs": [[400, 90], [1400, 10], 5, [1], ["a", 2], [3, -1], [1e300, 1]]}]}]})";

TEST(ServeSimulation, TakesWhatAServerMeasured) {
  std::string manifest =
      R"({"batch": {"independent": true}, "costs": [{"rows": 1, "us": 1000}]})";
  ASSERT_TRUE(takeMeasured(measured, "m", manifest).ok());
  CostTable costs;
  PolicyOptions policy;
  ASSERT_TRUE(planOf(manifest, ModelOptions(), costs, policy).ok());
  EXPECT_TRUE(policy.mayBatch);
  EXPECT_EQ(costs.cost(1), 500 * us);
  EXPECT_EQ(costs.quantile(1, false, 0.5), 400 * us);
  EXPECT_EQ(costs.quantile(1, false, 0.95), 1400 * us);
  EXPECT_EQ(costs.runs(1, false).size(), 2u) << "what is no pair is left out";
  EXPECT_EQ(costs.wakes.quantile(0.5), 50 * us);
  std::string page;
  ASSERT_TRUE(
      simulateTrace("0\n9000\n", manifest, ModelOptions(), 1, page).ok());
  EXPECT_NE(page.find("latency if every run took its mean\n"
                      "    10.0 %       500.0 us"),
            std::string::npos)
      << page;
  EXPECT_NE(page.find("latency\n    10.0 %       450.0 us"), std::string::npos)
      << page;
  for (const char *bad : {"", "[]", "{}", "{\"models\": 3}", "nonsense"}) {
    Status status = takeMeasured(bad, "m", manifest);
    EXPECT_EQ(status.code, Code::invalid) << bad;
    EXPECT_NE(status.message.find("/costs.json"), std::string::npos);
  }
  EXPECT_FALSE(takeMeasured(measured, "unknown", manifest).ok());
}

} // namespace
} // namespace sinter::serve
