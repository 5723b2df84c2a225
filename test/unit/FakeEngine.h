// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An engine for tests of front ends: one model `echo` whose outputs are its
// inputs; `hold` keeps requests until they are cancelled or released; `full` is
// always busy. Answers come on the caller's thread, or later, as a test wants.
#ifndef SINTER_TEST_UNIT_FAKEENGINE_H
#define SINTER_TEST_UNIT_FAKEENGINE_H

#include "runtime/serve/engine/Engine.h"
#include "sinter/sinter.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace sinter::serve {

class FakeEngine : public Engine {
public:
  struct Held : Ticket {
    std::mutex lock;
    Request request;
    bool isAnswered = false;
    std::atomic<int> *cancelled = nullptr;

    void answer(Status status) {
      {
        std::lock_guard<std::mutex> guard(lock);
        if (isAnswered)
          return;
        isAnswered = true;
      }
      Response response;
      response.status = std::move(status);
      if (response.status.ok())
        response.outputs = request.inputs;
      response.model = request.model;
      response.version = "3";
      // As the engine does: what is called may hold this.
      auto done = std::move(request.done);
      request.done = nullptr;
      done(std::move(response));
    }
    void cancel() override {
      ++*cancelled;
      answer({Code::cancelled, "the client left"});
    }
  };

  std::shared_ptr<Ticket> submit(Request &&request) override {
    auto held = std::make_shared<Held>();
    held->request = std::move(request);
    held->cancelled = &cancelled;
    lastDeadline = held->request.deadline;
    {
      std::lock_guard<std::mutex> guard(lock);
      lastPriority = held->request.priority;
      lastTrace = held->request.trace.traceparent;
    }
    const std::string &model = held->request.model;
    if (model == "hold") {
      std::lock_guard<std::mutex> guard(lock);
      waiting.push_back(held);
    } else if (model == "full") {
      held->answer({Code::unavailable, "the queue is full", 250});
    } else if (model == "broken") {
      held->answer({Code::unavailable, "the bundle is damaged"});
    } else if (model == "echo") {
      held->answer({});
    } else {
      held->answer({Code::notFound, "no model '" + model + "'"});
    }
    return held;
  }

  /// Answers the held requests, the last first.
  size_t release() {
    std::vector<std::shared_ptr<Held>> all;
    {
      std::lock_guard<std::mutex> guard(lock);
      all.swap(waiting);
    }
    for (size_t i = all.size(); i-- > 0;)
      all[i]->answer({});
    return all.size();
  }
  size_t heldCount() {
    std::lock_guard<std::mutex> guard(lock);
    return waiting.size();
  }

  bool live() const override { return true; }
  bool ready() const override { return isReady; }
  Status modelReady(const std::string &model,
                    const std::string &) const override {
    if (model == "echo")
      return {};
    if (model == "full")
      return {Code::unavailable, "loading"};
    return {Code::notFound, "no model '" + model + "'"};
  }
  std::optional<ModelDescription> describe(const std::string &model,
                                           const std::string &version,
                                           Status &status) const override {
    status = modelReady(model, version);
    if (!status.ok())
      return std::nullopt;
    ModelDescription out;
    out.name = "echo";
    out.version = "3";
    out.versions = {"3", "4"};
    out.inputs = {{"x", SINTER_F32, {-1, 4}}};
    out.outputs = {{"y", SINTER_STRING, {-1, 2}}};
    out.maxBatch = 8;
    out.batchDim = 0;
    return out;
  }
  std::vector<IndexEntry> index() const override {
    return {{"echo", "3", VersionState::ready, "", {"stable"}},
            {"full", "1", VersionState::loading, "loading", {}}};
  }
  std::vector<ModelStatistics> statistics(const std::string &model,
                                          const std::string &,
                                          Status &status) const override {
    if (!model.empty() && !(status = modelReady(model, "")).ok())
      return {};
    ModelStatistics one;
    one.name = "echo";
    one.version = "3";
    one.inferenceCount = 7;
    one.success = {5, 500};
    one.batches = {{2, {1, 10}, {1, 20}, {1, 30}, {}}};
    return {one};
  }
  Status load(const std::string &model) override {
    return modelReady(model, "");
  }
  Status unload(const std::string &model) override {
    return modelReady(model, "");
  }
  Status setLabel(const std::string &model, const std::string &,
                  const std::string &) override {
    return modelReady(model, "");
  }
  void drain(TimePoint) override { isReady = false; }

  std::atomic<bool> isReady{true};
  std::atomic<int> cancelled{0};
  std::atomic<TimePoint> lastDeadline{TimePoint::max()};
  uint64_t lastPriority = 0;
  std::string lastTrace;

private:
  std::mutex lock;
  std::vector<std::shared_ptr<Held>> waiting;
};

} // namespace sinter::serve

#endif // SINTER_TEST_UNIT_FAKEENGINE_H
