// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models and requests for tests of the engine: kernels in C++ that add, sleep,
// fail or wait for the test, so that no compiler and no real time is needed.
#ifndef SINTER_TEST_UNIT_SERVEMODELS_H
#define SINTER_TEST_UNIT_SERVEMODELS_H

#include "RuntimeModels.h"
#include "runtime/serve/engine/Engine.h"
#include "runtime/serve/engine/Options.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace sinter::serve {

/// y[N, 4] = kernel(x[N, 4]); symbolic N, or a fixed batch.
inline void makeRows(TestModel &m, sinter_kernel kernel, int64_t fixed = 0,
                     int64_t most = 1 << 20) {
  ImageBuilder b;
  Slot n = fixed ? b.constant(fixed) : b.dimSymbol("N", 0, most, 1, 0, 0),
       four = b.constant(4);
  b.input("x", SINTER_F32, {n, four});
  b.output("y", SINTER_F32, {n, four});
  Slot items = b.mul(n, four), bytes = b.mul(items, four);
  uint32_t index = b.kernel("kernel", 2, 0);
  m.kernels = {kernel};
  b.launch(index, {b.in(0, bytes), b.out(0, bytes)}, {}, {items},
           b.node("node", "Add"));
  m.finish(b);
  // The proof is the compiler's; here the test gives its word.
  static const char proof[] = R"({"batch": {"independent": true}})";
  m.model.manifest = proof;
  m.model.manifest_bytes = sizeof proof;
}

/// Kernels of this model wait in here until the test opens it.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool isOpen = false;
  int inside = 0;
  void pass() {
    std::unique_lock<std::mutex> lock(mutex);
    ++inside;
    changed.notify_all();
    changed.wait(lock, [this] { return isOpen; });
  }
  void open() {
    std::lock_guard<std::mutex> lock(mutex);
    isOpen = true;
    changed.notify_all();
  }
  void awaitInside(int n) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return inside >= n; });
  }
};

/// A caller who waits for the answers of his requests.
class Caller {
public:
  Request make(const std::string &model, std::vector<float> values) {
    Request r;
    r.model = model;
    auto owner = std::make_shared<std::vector<float>>(std::move(values));
    Tensor x;
    x.name = "x";
    x.dtype = SINTER_F32;
    x.dims = {int64_t(owner->size() / 4), 4};
    x.data = reinterpret_cast<const std::byte *>(owner->data());
    x.bytes = owner->size() * sizeof(float);
    x.owner = owner;
    r.inputs.push_back(std::move(x));
    r.received = Clock::now();
    return r;
  }
  /// The index of its answer.
  size_t send(Engine &engine, Request &&r,
              std::shared_ptr<Ticket> *ticket = nullptr) {
    size_t index;
    {
      std::lock_guard<std::mutex> lock(mutex);
      index = answers.size();
      answers.emplace_back();
      done.push_back(0);
    }
    r.done = [this, index](Response &&response) {
      std::lock_guard<std::mutex> lock(mutex);
      answers[index] = std::move(response);
      order.push_back(index);
      ++done[index];
      changed.notify_all();
    };
    auto made = engine.submit(std::move(r));
    if (ticket)
      *ticket = std::move(made);
    return index;
  }
  Response wait(size_t index) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return done[index] > 0; });
    EXPECT_EQ(done[index], 1) << "answered more than once";
    return answers[index];
  }
  Response ask(Engine &engine, Request &&r) {
    return wait(send(engine, std::move(r)));
  }
  bool isDone(size_t index) {
    std::lock_guard<std::mutex> lock(mutex);
    return done[index] > 0;
  }
  std::vector<size_t> finished() {
    std::lock_guard<std::mutex> lock(mutex);
    return order;
  }

private:
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Response> answers;
  std::vector<int> done;
  std::vector<size_t> order;
};

inline std::vector<float> floats(const Tensor &tensor) {
  std::vector<float> values(tensor.bytes / sizeof(float));
  if (!values.empty())
    std::memcpy(values.data(), tensor.data, tensor.bytes);
  return values;
}

/// Measuring in the background would run kernels that tests count.
inline EngineOptions engineOptions(ModelOptions options = {},
                                   uint32_t threads = 2) {
  EngineOptions engine;
  engine.threads = threads;
  engine.warmUp = false;
  engine.defaults = std::move(options);
  return engine;
}

inline std::unique_ptr<Engine> serve(const TestModel &m, EngineOptions engine) {
  EngineOptions::Embedded embedded;
  embedded.name = "m";
  embedded.linked = &m.model;
  embedded.manifest = m.model.manifest;
  engine.embedded.push_back(embedded);
  Status status;
  std::unique_ptr<Engine> made = Engine::create(engine, status);
  EXPECT_TRUE(made) << status.message;
  return made;
}

inline std::unique_ptr<Engine>
serve(const TestModel &m, ModelOptions options = {}, uint32_t threads = 2) {
  return serve(m, engineOptions(std::move(options), threads));
}

/// True when it comes to hold, which no test waits for in vain for long.
template <typename Condition> bool comesTrue(Condition condition) {
  TimePoint end = Clock::now() + std::chrono::seconds(20);
  while (!condition() && Clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return condition();
}

inline std::vector<float> ramp(size_t rows, float start = 0) {
  std::vector<float> v(rows * 4);
  for (size_t i = 0; i < v.size(); ++i)
    v[i] = start + float(i);
  return v;
}

/// y = x + by, all of it.
inline void expectPlus(const Response &answer, const std::vector<float> &x,
                       float by = 1) {
  ASSERT_TRUE(answer.status.ok()) << answer.status.message;
  ASSERT_EQ(answer.outputs.size(), 1u);
  EXPECT_EQ(answer.outputs[0].name, "y");
  EXPECT_EQ(answer.outputs[0].dims,
            (std::vector<int64_t>{int64_t(x.size() / 4), 4}));
  std::vector<float> y = floats(answer.outputs[0]);
  ASSERT_EQ(y.size(), x.size());
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_EQ(y[i], x[i] + by) << i;
}

} // namespace sinter::serve

#endif // SINTER_TEST_UNIT_SERVEMODELS_H
