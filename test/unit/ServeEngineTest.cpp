// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The engine through its interface: answers, refusals, cancelling, draining.
#include "ServeModels.h"
#include "runtime/serve/engine/Execute.h"

#include <thread>

namespace sinter::serve {
namespace {

Gate *gate;
void gatedKernel(void *const *b, const int64_t *p, int64_t begin, int64_t end,
                 sinter_worker *w) {
  gate->pass();
  addOneKernel(b, p, begin, end, w);
}

TEST(ServeEngine, Answers) {
  TestModel m;
  makeRows(m, addOneKernel);
  auto engine = serve(m);
  Caller caller;
  for (size_t rows : {1, 3, 0, 200, 1}) {
    std::vector<float> x = ramp(rows);
    Response answer = caller.ask(*engine, caller.make("m", x));
    expectPlus(answer, x);
    EXPECT_EQ(answer.model, "m");
    EXPECT_EQ(answer.version, "1");
  }
  EXPECT_TRUE(engine->ready());
}

TEST(ServeEngine, DescribesAndCounts) {
  TestModel m;
  makeRows(m, addOneKernel);
  auto engine = serve(m);
  Caller caller;
  for (int i = 0; i < 5; ++i)
    caller.ask(*engine, caller.make("m", ramp(2)));
  Status status;
  auto d = engine->describe("m", "", status);
  ASSERT_TRUE(d) << status.message;
  ASSERT_EQ(d->inputs.size(), 1u);
  EXPECT_EQ(d->inputs[0].dims, (std::vector<int64_t>{-1, 4}));
  EXPECT_EQ(d->batchDim, 0);
  EXPECT_GT(d->maxBatch, 1);
  auto index = engine->index();
  ASSERT_EQ(index.size(), 1u);
  EXPECT_EQ(index[0].state, VersionState::ready);
  auto all = engine->statistics("", "", status);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].success.count, 5u);
  EXPECT_EQ(all[0].inferenceCount, 10u);
  EXPECT_EQ(all[0].queueDepth, 0u);
  ASSERT_FALSE(all[0].batches.empty());
  EXPECT_EQ(all[0].batches[0].size, 2u);
}

// As requests do that find a measurement of their model in their way.
TEST(ServeEngine, StoppingARunTwiceEndsNoOther) {
  TestModel m;
  makeRows(m, addOneKernel);
  Runner runner;
  ASSERT_EQ(runner.open(m), SINTER_OK);
  std::vector<float> x = ramp(1), y(4);
  ASSERT_EQ(runner.set(0, SINTER_F32, {1, 4}, x), SINTER_OK);
  ASSERT_EQ(runner.set(1, SINTER_F32, {1, 4}, y), SINTER_OK);
  ASSERT_EQ(runner.size({1}), SINTER_OK);
  sinter::serve::Run run;
  run.begin(runner.context);
  run.stop();
  EXPECT_EQ(runner.run(), SINTER_E_CANCELLED);
  run.stop(); // nobody knows yet that it has ended
  EXPECT_TRUE(run.end());
  EXPECT_EQ(runner.run(), SINTER_OK) << runner.text(m);
}

TEST(ServeEngine, RefusesWhatCanNeverWork) {
  TestModel m;
  makeRows(m, addOneKernel);
  auto engine = serve(m);
  Caller caller;
  auto refused = [&](Code code, const char *text, auto change) {
    Request r = caller.make("m", ramp(2));
    change(r);
    Response answer = caller.ask(*engine, std::move(r));
    EXPECT_EQ(answer.status.code, code) << answer.status.message;
    EXPECT_NE(answer.status.message.find(text), std::string::npos)
        << answer.status.message;
  };
  refused(Code::notFound, "'none'", [](Request &r) { r.model = "none"; });
  refused(Code::notFound, "no version '7'",
          [](Request &r) { r.version = "7"; });
  refused(Code::invalid, "'x' is missing",
          [](Request &r) { r.inputs[0].name = "z"; });
  refused(Code::invalid, "'z' is unknown", [](Request &r) {
    r.inputs.push_back(r.inputs[0]);
    r.inputs[1].name = "z";
  });
  refused(Code::invalid, "given twice",
          [](Request &r) { r.inputs.push_back(r.inputs[0]); });
  refused(Code::invalid, "INT32",
          [](Request &r) { r.inputs[0].dtype = SINTER_I32; });
  refused(Code::invalid, "shape 8", [](Request &r) { r.inputs[0].dims = {8}; });
  refused(Code::invalid, "expected ?x4",
          [](Request &r) { r.inputs[0].dims = {1, 8}; });
  refused(Code::invalid, "takes 48",
          [](Request &r) { r.inputs[0].dims = {3, 4}; });
  refused(Code::invalid, "expected",
          [](Request &r) { r.inputs[0].dims = {-2, 4}; });
  refused(Code::invalid, "expected",
          [](Request &r) { r.inputs[0].dims = {int64_t(1) << 62, 4}; });
  refused(Code::invalid, "'q' is unknown",
          [](Request &r) { r.outputs = {"q"}; });
  refused(Code::deadline, "run out",
          [](Request &r) { r.deadline = Clock::now(); });
}

TEST(ServeEngine, FullQueueIsRefusedAtOnce) {
  Gate mine;
  gate = &mine;
  TestModel m;
  makeRows(m, gatedKernel);
  ModelOptions options;
  options.maxQueue = 3;
  options.maxBatch = 1;
  auto engine = serve(m, options, 1);
  Caller caller;
  std::vector<size_t> sent = {caller.send(*engine, caller.make("m", ramp(1)))};
  mine.awaitInside(1);
  for (int i = 0; i < 3; ++i)
    sent.push_back(caller.send(*engine, caller.make("m", ramp(1))));
  Response refused = caller.ask(*engine, caller.make("m", ramp(1)));
  EXPECT_EQ(refused.status.code, Code::unavailable);
  EXPECT_GT(refused.status.retryAfterMs, 0u);
  mine.open();
  for (size_t index : sent)
    expectPlus(caller.wait(index), ramp(1));
  Status status;
  EXPECT_EQ(engine->statistics("m", "", status)[0].rejected, 1u);
}

TEST(ServeEngine, CancelledAndLateRequestsLeaveTheQueue) {
  Gate mine;
  gate = &mine;
  TestModel m;
  makeRows(m, gatedKernel);
  ModelOptions options;
  options.maxBatch = 1;
  auto engine = serve(m, options, 1);
  Caller caller;
  size_t first = caller.send(*engine, caller.make("m", ramp(1)));
  mine.awaitInside(1);
  std::shared_ptr<Ticket> ticket;
  size_t left = caller.send(*engine, caller.make("m", ramp(1)), &ticket);
  Request late = caller.make("m", ramp(1));
  late.deadline = Clock::now() + std::chrono::milliseconds(5);
  size_t timed = caller.send(*engine, std::move(late));
  ticket->cancel();
  EXPECT_EQ(caller.wait(left).status.code, Code::cancelled);
  EXPECT_EQ(caller.wait(timed).status.code, Code::deadline);
  Status status;
  EXPECT_EQ(engine->statistics("m", "", status)[0].queueDepth, 0u);
  EXPECT_FALSE(caller.isDone(first));
  mine.open();
  expectPlus(caller.wait(first), ramp(1));
  ticket->cancel(); // too late: nothing
}

TEST(ServeEngine, DrainWaitsForRequests) {
  Gate mine;
  gate = &mine;
  TestModel m;
  makeRows(m, gatedKernel);
  auto engine = serve(m);
  Caller caller;
  size_t first = caller.send(*engine, caller.make("m", ramp(1)));
  mine.awaitInside(1);
  std::thread drainer([&] { engine->drain(TimePoint::max()); });
  while (engine->ready())
    std::this_thread::yield();
  EXPECT_FALSE(engine->modelReady("m", "").ok());
  mine.open();
  drainer.join();
  EXPECT_TRUE(caller.isDone(first));
}

TEST(ServeEngine, ManyCallers) {
  TestModel m;
  makeRows(m, addOneKernel);
  auto engine = serve(m, {}, 3);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Caller caller;
      for (int i = 0; i < 300; ++i) {
        std::vector<float> x = ramp(size_t(1 + i % 5), float(1000 * t + i));
        expectPlus(caller.ask(*engine, caller.make("m", x)), x);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace
} // namespace sinter::serve
