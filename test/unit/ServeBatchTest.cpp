// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Batches in the running engine: same bits alone and together, padding, splits,
// order, faults of one that are not faults of all, and what happens when a
// model keeps failing. A gate holds the first run until the queue is as the
// test wants.
#include "ServeModels.h"

#include <cmath>
#include <thread>

namespace sinter::serve {
namespace {

Gate *gate;
std::atomic<int> calls;

// The first call waits; y = sqrt(|x|) * 1.1 - x / 3, which rounds.
void mathKernel(void *const *b, const int64_t *, int64_t begin, int64_t end,
                sinter_worker *) {
  if (calls++ == 0)
    gate->pass();
  for (int64_t i = begin; i < end; ++i) {
    float x = static_cast<const float *>(b[0])[i];
    static_cast<float *>(b[1])[i] = std::sqrt(std::fabs(x)) * 1.1f - x / 3;
  }
}

// Refuses negative numbers, as an index out of range is refused.
void pickyKernel(void *const *b, const int64_t *p, int64_t begin, int64_t end,
                 sinter_worker *w) {
  if (calls++ == 0)
    gate->pass();
  for (int64_t i = begin; i < end; ++i)
    if (static_cast<const float *>(b[0])[i] < 0)
      w->fault |= SINTER_FAULT_INDEX;
  addOneKernel(b, p, begin, end, w);
}

struct Blocked {
  Gate mine;
  Caller caller;
  std::unique_ptr<Engine> engine;
  size_t first = 0;

  /// One thread, and a request in it that waits.
  void start(const TestModel &m, ModelOptions options = {}) {
    gate = &mine;
    calls = 0;
    engine = serve(m, std::move(options), 1);
    first = caller.send(*engine, caller.make("m", ramp(1, 77)));
    mine.awaitInside(1);
  }
  ModelStatistics statistics() {
    Status status;
    return engine->statistics("m", "", status)[0];
  }
};

TEST(ServeBatch, SameBitsAloneAndTogether) {
  TestModel m;
  makeRows(m, mathKernel);
  Blocked b;
  b.start(m);
  std::vector<size_t> sent;
  for (int i = 0; i < 7; ++i)
    sent.push_back(b.caller.send(
        *b.engine,
        b.caller.make("m", ramp(size_t(1 + i % 3), float(i) * 0.37f))));
  b.mine.open();
  for (int i = 0; i < 7; ++i) {
    Response together = b.caller.wait(sent[size_t(i)]);
    ASSERT_TRUE(together.status.ok()) << together.status.message;
    EXPECT_GT(together.batchRows, 3u) << "they shared a run";
    Response alone = b.caller.ask(
        *b.engine,
        b.caller.make("m", ramp(size_t(1 + i % 3), float(i) * 0.37f)));
    ASSERT_EQ(together.outputs[0].bytes, alone.outputs[0].bytes);
    EXPECT_EQ(std::memcmp(together.outputs[0].data, alone.outputs[0].data,
                          alone.outputs[0].bytes),
              0)
        << i;
  }
}

TEST(ServeBatch, AnswersShareMemory) {
  TestModel m;
  makeRows(m, mathKernel);
  Blocked b;
  b.start(m);
  size_t one = b.caller.send(*b.engine, b.caller.make("m", ramp(1))),
         two = b.caller.send(*b.engine, b.caller.make("m", ramp(2)));
  b.mine.open();
  Tensor first = b.caller.wait(one).outputs[0],
         second = b.caller.wait(two).outputs[0];
  EXPECT_EQ(first.owner, second.owner);
  EXPECT_EQ(first.data + first.bytes, second.data);
}

TEST(ServeBatch, LongRequestsAreSplitAndJoined) {
  TestModel m;
  makeRows(m, mathKernel);
  ModelOptions options;
  options.maxBatch = 4;
  Blocked b;
  b.start(m, options);
  std::vector<float> x = ramp(11);
  size_t big = b.caller.send(*b.engine, b.caller.make("m", x)),
         small = b.caller.send(*b.engine, b.caller.make("m", ramp(1)));
  b.mine.open();
  Response answer = b.caller.wait(big);
  ASSERT_TRUE(answer.status.ok()) << answer.status.message;
  EXPECT_EQ(answer.outputs[0].dims, (std::vector<int64_t>{11, 4}));
  std::vector<float> y = floats(answer.outputs[0]);
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_EQ(y[i], std::sqrt(std::fabs(x[i])) * 1.1f - x[i] / 3) << i;
  EXPECT_LE(answer.batchRows, 4u);
  EXPECT_TRUE(b.caller.wait(small).status.ok());
}

TEST(ServeBatch, FixedBatchIsPadded) {
  TestModel m;
  makeRows(m, addOneKernel, 4);
  EngineOptions options = engineOptions();
  EngineOptions::Embedded embedded;
  embedded.name = "m";
  embedded.linked = &m.model;
  embedded.manifest = R"({"batch": {"independent": true, "fixed": 4}})";
  options.embedded.push_back(embedded);
  Status status;
  auto engine = Engine::create(options, status);
  ASSERT_TRUE(engine) << status.message;
  Caller caller;
  for (size_t rows : {1, 4, 3, 6, 0})
    expectPlus(caller.ask(*engine, caller.make("m", ramp(rows))), ramp(rows));
  EXPECT_EQ(engine->describe("m", "", status)->inputs[0].dims[0], -1);
  EXPECT_EQ(engine->statistics("m", "", status)[0].paddedRows, 3u + 1 + 2 + 4);
}

TEST(ServeBatch, DependentRowsAreLeftAlone) {
  TestModel m;
  makeRows(m, mathKernel);
  EngineOptions options = engineOptions({}, 1);
  EngineOptions::Embedded embedded;
  embedded.name = "m";
  embedded.linked = &m.model;
  embedded.manifest = R"({"batch": {"independent": false}})";
  options.embedded.push_back(embedded);
  Status status;
  Gate mine;
  gate = &mine;
  calls = 0;
  auto engine = Engine::create(options, status);
  ASSERT_TRUE(engine) << status.message;
  Caller caller;
  std::vector<size_t> sent;
  for (int i = 0; i < 4; ++i)
    sent.push_back(caller.send(*engine, caller.make("m", ramp(2))));
  mine.open();
  for (size_t index : sent)
    EXPECT_TRUE(caller.wait(index).status.ok());
  EXPECT_EQ(engine->statistics("m", "", status)[0].executionCount, 4u);
  EXPECT_EQ(engine->describe("m", "", status)->maxBatch, 0);
}

// y = x + s for every row; s has no rows.
void addSharedKernel(void *const *b, const int64_t *, int64_t begin,
                     int64_t end, sinter_worker *) {
  if (calls++ == 0)
    gate->pass();
  for (int64_t i = begin; i < end; ++i)
    static_cast<float *>(b[2])[i] = static_cast<const float *>(b[0])[i] +
                                    static_cast<const float *>(b[1])[i % 4];
}

TEST(ServeBatch, SharedInputsJoinOnlyTheirLike) {
  ImageBuilder b;
  TestModel m;
  Slot n = b.dimSymbol("N", 0, 1 << 20, 1, 0, 0), four = b.constant(4),
       items = b.mul(n, four);
  b.input("x", SINTER_F32, {n, four});
  b.input("s", SINTER_F32, {four});
  b.output("y", SINTER_F32, {n, four});
  Slot bytes = b.mul(items, four);
  uint32_t add = b.kernel("add", 3, 0);
  m.kernels = {addSharedKernel};
  b.launch(add, {b.in(0, bytes), b.in(1, b.constant(16)), b.out(0, bytes)}, {},
           {items}, b.node("n", "Add"));
  m.finish(b);
  m.model.manifest =
      R"({"batch": {"independent": true, "inputs": [0, null], "outputs": [0]}})";
  Gate mine;
  gate = &mine;
  calls = 0;
  auto engine = serve(m, {}, 1);
  Caller caller;
  auto send = [&](float shared) {
    Request r = caller.make("m", ramp(1));
    Request s = caller.make("m", std::vector<float>(4, shared));
    s.inputs[0].name = "s";
    s.inputs[0].dims = {4};
    r.inputs.push_back(s.inputs[0]);
    return caller.send(*engine, std::move(r));
  };
  size_t first = send(1);
  mine.awaitInside(1);
  std::vector<size_t> sent;
  for (float shared : {2.0f, 3.0f, 2.0f, 3.0f, 2.0f})
    sent.push_back(send(shared));
  mine.open();
  expectPlus(caller.wait(first), ramp(1), 1);
  for (size_t i = 0; i < sent.size(); ++i) {
    Response answer = caller.wait(sent[i]);
    expectPlus(answer, ramp(1), i % 2 ? 3 : 2);
    EXPECT_EQ(answer.batchRows, i % 2 ? 2u : 3u);
  }
}

// Rows share a run only on the compiler's word, in the form it gives.
TEST(ServeBatch, NothingIsBatchedWithoutProof) {
  TestModel m;
  makeRows(m, addOneKernel);
  for (
      const char *manifest :
      {"{}", "", "[1]", "{\"batch\": 7}",
       R"({"batch": {"independent": false}})",
       R"({"batch": {"independent": "yes"}})",
       R"({"batch": {"independent": true, "inputs": [1], "outputs": [0]}})",
       R"({"batch": {"independent": true, "inputs": [0, 0], "outputs": [0]}})",
       R"({"batch": {"independent": true, "inputs": [null], "outputs": [null]}})",
       R"({"batch": {"independent": true, "fixed": 4}})",
       R"({"batch": {"independent": true, "fixed": -1}})",
       R"({"costs": [{"rows": "x", "us": []}, 5], "golden": {"tolerance": "big"}})"}) {
    m.model.manifest = manifest;
    auto engine = serve(m);
    Status status;
    EXPECT_EQ(engine->describe("m", "", status)->maxBatch, 0) << manifest;
    Caller caller;
    expectPlus(caller.ask(*engine, caller.make("m", ramp(3))), ramp(3));
  }
}

TEST(ServeBatch, OneBadRequestFailsAlone) {
  TestModel m;
  makeRows(m, pickyKernel);
  Blocked b;
  b.start(m);
  size_t good = b.caller.send(*b.engine, b.caller.make("m", ramp(1))),
         bad = b.caller.send(*b.engine, b.caller.make("m", ramp(1, -9))),
         other = b.caller.send(*b.engine, b.caller.make("m", ramp(2)));
  b.mine.open();
  expectPlus(b.caller.wait(good), ramp(1));
  expectPlus(b.caller.wait(other), ramp(2));
  EXPECT_EQ(b.caller.wait(bad).status.code, Code::invalid);
}

TEST(ServeBatch, OrderIsKeptWhenAsked) {
  TestModel m;
  makeRows(m, pickyKernel);
  ModelOptions options;
  options.preserveOrder = true;
  options.priorityLevels = 2;
  options.maxBatch = 1;
  Blocked b;
  b.start(m, options);
  std::vector<size_t> sent = {b.first};
  for (int i = 0; i < 6; ++i) {
    Request r = b.caller.make("m", ramp(1, i % 2 ? -5.0f : 5.0f));
    r.priority = i % 2 ? 1 : 2; // they run in another order
    sent.push_back(b.caller.send(*b.engine, std::move(r)));
  }
  b.mine.open();
  for (size_t index : sent)
    b.caller.wait(index);
  EXPECT_EQ(b.caller.finished(), sent);
}

TEST(ServeBatch, HighPriorityOvertakes) {
  TestModel m;
  makeRows(m, mathKernel);
  ModelOptions options;
  options.priorityLevels = 2;
  options.maxBatch = 1;
  Blocked b;
  b.start(m, options);
  Request low = b.caller.make("m", ramp(1)), high = b.caller.make("m", ramp(1));
  low.priority = 2;
  high.priority = 1;
  size_t second = b.caller.send(*b.engine, std::move(low)),
         first = b.caller.send(*b.engine, std::move(high));
  b.mine.open();
  b.caller.wait(first);
  b.caller.wait(second);
  EXPECT_EQ(b.caller.finished(), (std::vector<size_t>{b.first, first, second}));
}

// A chain of records that never ends but for the deadline.
void makeEndless(TestModel &m) {
  ImageBuilder b;
  Slot four = b.constant(4), one = b.constant(1), bytes = b.constant(16);
  b.input("x", SINTER_F32, {one, four});
  b.output("y", SINTER_F32, {one, four});
  uint32_t add = b.kernel("add", 2, 0), node = b.node("n", "Loop"),
           head = b.label();
  m.kernels = {addOneKernel};
  b.bind(head);
  b.launch(add, {b.in(0, bytes), b.out(0, bytes)}, {}, {four}, node);
  b.jump(head);
  m.finish(b);
}

TEST(ServeBatch, HangingRunsAreStopped) {
  TestModel m;
  makeEndless(m);
  auto engine = serve(m, {}, 1);
  Caller caller;
  Request late = caller.make("m", ramp(1));
  late.deadline = Clock::now() + std::chrono::milliseconds(10);
  EXPECT_EQ(caller.ask(*engine, std::move(late)).status.code, Code::deadline);
  std::shared_ptr<Ticket> ticket;
  size_t index = caller.send(*engine, caller.make("m", ramp(1)), &ticket);
  ticket->cancel();
  EXPECT_EQ(caller.wait(index).status.code, Code::cancelled);
  // The thread is free again: the next one is stopped as well, by its deadline.
  late = caller.make("m", ramp(1));
  late.deadline = Clock::now() + std::chrono::milliseconds(10);
  EXPECT_EQ(caller.ask(*engine, std::move(late)).status.code, Code::deadline);
}

void brokenKernel(void *const *, const int64_t *, int64_t, int64_t,
                  sinter_worker *) {
  ++calls;
}

// An output that no run can hold: fails as our own fault does.
void makeFailing(TestModel &m) {
  ImageBuilder b;
  Slot n = b.dimSymbol("N", 0, 100, 1, 0, 0), four = b.constant(4);
  b.input("x", SINTER_F32, {n, four});
  b.output("y", SINTER_F32, {n, four});
  uint32_t index = b.kernel("broken", 1, 0);
  m.kernels = {brokenKernel};
  b.setArena(b.constant(64));
  // Behind the end of the arena: SINTER_E_CORRUPT when it runs.
  b.launch(index, {b.inArena(b.constant(64), four)}, {}, {four},
           b.node("n", "Bad"));
  m.finish(b);
}

TEST(ServeBatch, FailingVersionIsLeftAlone) {
  TestModel m;
  makeFailing(m);
  ModelOptions options;
  options.breakerFailures = 3;
  options.breakerOpenMs = 60'000;
  EngineOptions engineWith = engineOptions(options);
  std::atomic<int> told{0};
  engineWith.onEvent = [&](const EngineEvent &event) {
    told += event.kind == EngineEvent::Kind::circuit;
  };
  auto engine = serve(m, engineWith);
  Caller caller;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(caller.ask(*engine, caller.make("m", ramp(1))).status.code,
              Code::internal);
  Response refused = caller.ask(*engine, caller.make("m", ramp(1)));
  EXPECT_EQ(refused.status.code, Code::unavailable);
  EXPECT_GT(refused.status.retryAfterMs, 1000u);
  Status status;
  EXPECT_TRUE(engine->statistics("m", "", status)[0].circuitOpen);
  EXPECT_EQ(told, 1);
}

TEST(ServeBatch, DegradesToACheaperModel) {
  TestModel bad, cheap;
  makeFailing(bad);
  makeRows(cheap, addOneKernel);
  ModelOptions options;
  options.breakerFailures = 1;
  options.breakerOpenMs = 60'000;
  options.degradeTo = "cheap:1";
  EngineOptions with = engineOptions(options);
  EngineOptions::Embedded embedded;
  embedded.name = "cheap";
  embedded.linked = &cheap.model;
  with.embedded.push_back(embedded);
  auto engine = serve(bad, with);
  Caller caller;
  EXPECT_EQ(caller.ask(*engine, caller.make("m", ramp(1))).status.code,
            Code::internal);
  Response answer = caller.ask(*engine, caller.make("m", ramp(1)));
  expectPlus(answer, ramp(1));
  EXPECT_EQ(answer.model, "cheap");
}

TEST(ServeBatch, InputRules) {
  TestModel m;
  makeRows(m, addOneKernel);
  ModelOptions options;
  ModelOptions::InputRule rule;
  rule.input = "x";
  rule.shapes = {{1, 4}, {2, -1}};
  rule.ranged = true;
  rule.min = -10;
  rule.max = 10;
  rule.finite = true;
  options.inputRules = {rule};
  auto engine = serve(m, options);
  Caller caller;
  expectPlus(caller.ask(*engine, caller.make("m", ramp(2))), ramp(2));
  auto refused = [&](std::vector<float> values, const char *text) {
    Response answer = caller.ask(*engine, caller.make("m", std::move(values)));
    EXPECT_EQ(answer.status.code, Code::invalid);
    EXPECT_NE(answer.status.message.find(text), std::string::npos)
        << answer.status.message;
  };
  refused(ramp(3), "allows 1x4 or 2x?");
  refused({0, 1, 2, 11}, "at element 3");
  refused({0, NAN, 2, 3}, "at element 1");
  refused({0, 1, -INFINITY, 3}, "at element 2");
}

TEST(ServeBatch, ARuleForNoInputIsAFault) {
  TestModel m;
  makeRows(m, addOneKernel);
  ModelOptions options;
  options.inputRules.emplace_back();
  options.inputRules[0].input = "z";
  Caller caller;
  auto lenient = serve(m, options);
  expectPlus(caller.ask(*lenient, caller.make("m", ramp(1))), ramp(1));
  EngineOptions strict = engineOptions();
  options.inputRules[0].own = true;
  strict.defaults = options;
  EngineOptions::Embedded embedded;
  embedded.name = "m";
  embedded.linked = &m.model;
  strict.embedded.push_back(embedded);
  Status status;
  EXPECT_EQ(Engine::create(strict, status), nullptr);
  EXPECT_NE(status.message.find("a rule for input 'z'; the model takes 'x'"),
            std::string::npos)
      << status.message;
}

TEST(ServeBatch, OptionsChangeWhileItServes) {
  TestModel m;
  makeRows(m, addOneKernel);
  auto engine = serve(m, ModelOptions());
  Caller caller;
  auto codeOf = [&](std::vector<float> values) {
    return caller.ask(*engine, caller.make("m", std::move(values))).status.code;
  };
  EXPECT_EQ(codeOf({0, 1, 2, 11}), Code::ok);
  EngineOptions next;
  next.models.emplace_back();
  next.models[0].name = "m";
  next.models[0].inputRules.emplace_back();
  ModelOptions::InputRule &rule = next.models[0].inputRules[0];
  rule.input = "x";
  rule.own = rule.ranged = true;
  rule.max = 10;
  ASSERT_TRUE(engine->configure(next).ok());
  EXPECT_EQ(codeOf({0, 1, 2, 11}), Code::invalid);
  EXPECT_EQ(codeOf({0, 1, 2, -11}), Code::ok) << "no least value was named";
  // What does not fit a model changes nothing.
  EngineOptions faulty = next;
  faulty.models[0].inputRules[0].input = "z";
  faulty.models[0].maxQueue = 0;
  Status status = engine->configure(faulty);
  EXPECT_EQ(status.code, Code::unavailable);
  EXPECT_NE(status.message.find("model 'm' version 1"), std::string::npos);
  EXPECT_EQ(codeOf({0, 1, 2, 11}), Code::invalid);
  EXPECT_EQ(codeOf({0, 1, 2, 3}), Code::ok);
  next.models[0].inputRules.clear();
  next.models[0].limit.rate = 1e-6;
  ASSERT_TRUE(engine->configure(next).ok());
  EXPECT_EQ(codeOf({0, 1, 2, 11}), Code::ok) << "the first of its burst";
  EXPECT_EQ(codeOf({0, 1, 2, 11}), Code::unavailable);
  ASSERT_TRUE(engine->configure({}).ok());
  EXPECT_EQ(codeOf({0, 1, 2, 11}), Code::ok);
}

TEST(ServeBatch, LimitsHoldUntilTheAnswer) {
  TestModel m;
  makeRows(m, mathKernel);
  Gate mine;
  gate = &mine;
  calls = 0;
  EngineOptions with = engineOptions();
  with.limits.client.concurrency = 1;
  auto engine = serve(m, with);
  Caller caller;
  size_t first = caller.send(*engine, caller.make("m", ramp(1)));
  mine.awaitInside(1);
  Response refused = caller.ask(*engine, caller.make("m", ramp(1)));
  EXPECT_EQ(refused.status.code, Code::unavailable);
  EXPECT_GT(refused.status.retryAfterMs, 0u);
  Request other = caller.make("m", ramp(1));
  other.client = "other";
  size_t second = caller.send(*engine, std::move(other));
  mine.open();
  EXPECT_TRUE(caller.wait(second).status.ok());
  caller.wait(first);
  EXPECT_TRUE(caller.ask(*engine, caller.make("m", ramp(1))).status.ok());
}

TEST(ServeBatch, LimitsOfOneModel) {
  TestModel m;
  makeRows(m, addOneKernel);
  EngineOptions with = engineOptions();
  ModelOptions own;
  own.name = "m";
  own.limit.rate = 0.001;
  own.limit.burst = 2;
  with.models.push_back(own);
  auto engine = serve(m, with);
  Caller caller;
  for (Code wanted : {Code::ok, Code::ok, Code::unavailable})
    EXPECT_EQ(caller.ask(*engine, caller.make("m", ramp(1))).status.code,
              wanted);
  Status status;
  EXPECT_EQ(engine->statistics("m", "", status)[0].rejected, 1u);
}

TEST(ServeBatch, MeasuresWhenIdle) {
  TestModel m;
  makeRows(m, addOneKernel);
  ModelOptions options;
  options.maxBatch = 8;
  EngineOptions with = engineOptions(options, 1);
  with.warmUp = true;
  calls = 0;
  Gate open;
  open.open();
  gate = &open;
  TestModel counted;
  makeRows(counted, mathKernel);
  auto engine = serve(counted, with);
  while (calls < 8) // 1, 2, 4, 8 rows, twice each
    std::this_thread::yield();
  Status status;
  EXPECT_EQ(engine->statistics("m", "", status)[0].executionCount, 0u)
      << "not counted as traffic";
  while (engine->statistics("m", "", status)[0].isWarming)
    std::this_thread::yield();
  EXPECT_EQ(calls, 8) << "each size once";
}

void lingeringKernel(void *const *b, const int64_t *p, int64_t begin,
                     int64_t end, sinter_worker *w) {
  std::this_thread::sleep_for(std::chrono::microseconds(300));
  addOneKernel(b, p, begin, end, w);
}

TEST(ServeBatch, ShowsHowRunsSpreadAndThreadsWake) {
  TestModel m;
  makeRows(m, lingeringKernel);
  auto engine = serve(m, {}, 1);
  Caller caller;
  ModelCosts costs;
  do {
    expectPlus(caller.ask(*engine, caller.make("m", ramp(1))), ramp(1));
    costs = engine->costs().at(0);
  } while (costs.wakes.empty() || costs.sizes[0].runs.empty());
  EXPECT_EQ(costs.name, "m");
  EXPECT_EQ(costs.sizes[0].rows, 1);
  EXPECT_GE(costs.sizes[0].ns, 300e3);
  EXPECT_GE(costs.sizes[0].runs[0].first, 300e3);
  EXPECT_GE(costs.sizes[0].runs[0].second, 1);
  EXPECT_GT(costs.wakes[0].first, 0);
}

TEST(ServeBatch, HistogramsAddUp) {
  TestModel m;
  makeRows(m, addOneKernel);
  auto engine = serve(m);
  Caller caller;
  for (int i = 0; i < 20; ++i)
    caller.ask(*engine, caller.make("m", ramp(1)));
  Status status;
  ModelStatistics s = engine->statistics("m", "", status)[0];
  auto sum = [](const Histogram &h) {
    uint64_t n = 0;
    for (uint64_t count : h.counts)
      n += count;
    return n;
  };
  EXPECT_EQ(sum(s.request), 20u);
  EXPECT_EQ(sum(s.queueing), 20u);
  EXPECT_EQ(sum(s.compute), s.executionCount);
  ASSERT_EQ(s.batches.size(), 1u);
  EXPECT_EQ(sum(s.batches[0].compute), s.executionCount);
  EXPECT_EQ(s.request.sumNs, s.success.ns);
}

} // namespace
} // namespace sinter::serve
