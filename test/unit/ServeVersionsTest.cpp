// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Versions side by side: policies, self-test, labels over a restart, canary,
// shadow and the way back, swaps under load. Version n of a model adds n; the
// repository's folders say which versions there are, the models are in memory.
#include "ServeModels.h"

#include "runtime/npz/Npz.h"
#include "runtime/serve/engine/Snapshot.h"
#include "runtime/serve/engine/State.h"

#include <cmath>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <csignal>
#include <map>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace sinter::serve {
namespace {

namespace fs = std::filesystem;

template <int by>
void addKernel(void *const *b, const int64_t *, int64_t begin, int64_t end,
               sinter_worker *) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<float *>(b[1])[i] =
        static_cast<const float *>(b[0])[i] + float(by);
}
void nanKernel(void *const *b, const int64_t *, int64_t begin, int64_t end,
               sinter_worker *) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<float *>(b[1])[i] = NAN;
}

class ServeVersions : public testing::Test {
protected:
  void SetUp() override {
    char name[] = "/tmp/sinter-serve-XXXXXX";
    root = mkdtemp(name);
    fs::create_directories(root / "repository" / "m");
    fs::create_directories(root / "state");
    makeRows(models[1], addKernel<1>);
    makeRows(models[2], addKernel<2>);
    makeRows(models[3], addKernel<3>);
    makeRows(models[4], nanKernel);
    makeRows(models[5], addKernel<1>); // the same answers as version 1
  }
  void TearDown() override {
    engine.reset();
    fs::remove_all(root);
  }
  void put(int version) {
    fs::path folder = root / "repository" / "m" / std::to_string(version);
    fs::create_directories(folder);
    std::ofstream(folder / "model.so") << "mock";
  }
  void take(int version) {
    fs::remove_all(root / "repository" / "m" / std::to_string(version));
  }
  void start(ModelOptions options = {}) {
    EngineOptions with = engineOptions(std::move(options), 2);
    with.repository = root / "repository";
    with.stateDir = root / "state";
    with.openBundle = [this](const std::string &path, Bundle &out) -> Status {
      int version = std::atoi(fs::path(path).filename().c_str());
      if (opening)
        opening();
      if (broken == version)
        return {Code::unavailable, "damaged"};
      out.linked = &models[version].model;
      out.golden = dup(golden);
      return {};
    };
    with.onEvent = [this](const EngineEvent &event) {
      std::lock_guard<std::mutex> lock(mutex);
      events.push_back(event);
    };
    engine.reset();
    Status status;
    engine = Engine::create(with, status);
    ASSERT_TRUE(engine) << status.message;
  }
  float ask(const std::string &version = "", const std::string &client = "") {
    Request r = caller.make("m", ramp(1));
    r.version = version;
    r.client = client;
    Response answer = caller.ask(*engine, std::move(r));
    EXPECT_TRUE(answer.status.ok()) << answer.status.message;
    return answer.status.ok() ? floats(answer.outputs[0])[0] : -1;
  }
  int countEvents(EngineEvent::Kind kind) {
    std::lock_guard<std::mutex> lock(mutex);
    return int(
        std::count_if(events.begin(), events.end(),
                      [&](const EngineEvent &e) { return e.kind == kind; }));
  }

  fs::path root;
  std::map<int, TestModel> models;
  std::atomic<int> broken{0};
  std::function<void()> opening; // called with each bundle
  int golden = -1;
  Caller caller;
  std::mutex mutex;
  std::vector<EngineEvent> events;
  std::unique_ptr<Engine> engine;
};

TEST_F(ServeVersions, LatestReplaces) {
  put(1);
  start();
  EXPECT_EQ(ask(), 1);
  put(2);
  EXPECT_EQ(ask(), 1) << "nothing is loaded unasked";
  ASSERT_TRUE(engine->load("m").ok());
  EXPECT_EQ(ask(), 2);
  Status status;
  EXPECT_FALSE(engine->describe("m", "1", status));
  EXPECT_EQ(status.code, Code::notFound);
  EXPECT_EQ(engine->describe("m", "", status)->versions,
            std::vector<std::string>{"2"});
}

TEST_F(ServeVersions, PoliciesKeepMore) {
  put(1), put(2), put(3);
  ModelOptions options;
  options.policy = VersionPolicy::all;
  start(options);
  EXPECT_EQ(ask("1"), 1);
  EXPECT_EQ(ask("3"), 3);
  options.policy = VersionPolicy::specific;
  options.versions = {2};
  start(options);
  EXPECT_EQ(ask(), 2);
  options.policy = VersionPolicy::latest;
  options.latest = 2;
  start(options);
  EXPECT_EQ(ask("2"), 2);
  Status status;
  EXPECT_FALSE(engine->modelReady("m", "1").ok());
  EXPECT_TRUE(engine->modelReady("m", "2").ok());
}

TEST_F(ServeVersions, BrokenVersionLeavesTheOthers) {
  put(1);
  start();
  broken = 2;
  put(2);
  Status status = engine->load("m");
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message.find("damaged"), std::string::npos);
  EXPECT_EQ(ask(), 1);
  EXPECT_TRUE(engine->ready());
  bool listed = false;
  for (const IndexEntry &entry : engine->index())
    listed |= entry.version == "2" &&
              entry.state == VersionState::unavailable &&
              entry.reason == "damaged";
  EXPECT_TRUE(listed);
  broken = 0;
  EXPECT_TRUE(engine->load("m").ok());
  EXPECT_EQ(ask(), 2);
}

// Who asks for what could not be loaded is told so, and not to wait for it;
// while somebody loads it again it may come.
TEST_F(ServeVersions, NoWaitIsPromisedForWhatCannotBeLoaded) {
  broken = 1;
  put(1);
  start();
  auto asked = [this](const std::string &version = "") {
    Request r = caller.make("m", ramp(1));
    r.version = version;
    return caller.ask(*engine, std::move(r)).status;
  };
  for (const char *version : {"", "1"}) {
    Status status = asked(version);
    EXPECT_EQ(status.code, Code::unavailable);
    EXPECT_EQ(status.retryAfterMs, 0u);
    EXPECT_NE(status.message.find("damaged"), std::string::npos)
        << status.message;
  }
  EXPECT_EQ(engine->modelReady("m", "").retryAfterMs, 0u);
  Status meanwhile;
  VersionState listed = VersionState::ready;
  opening = [&] {
    meanwhile = asked();
    listed = engine->index()[0].state;
  };
  EXPECT_FALSE(engine->load("m").ok());
  EXPECT_EQ(meanwhile.code, Code::unavailable);
  EXPECT_GT(meanwhile.retryAfterMs, 0u);
  EXPECT_EQ(listed, VersionState::loading);
  EXPECT_EQ(asked().retryAfterMs, 0u);
  broken = 0;
  ASSERT_TRUE(engine->load("m").ok());
  EXPECT_TRUE(asked().ok());
  ASSERT_TRUE(engine->unload("m").ok());
  EXPECT_GT(asked().retryAfterMs, 0u);
}

// A label whose version is broken gives the reason of that.
TEST_F(ServeVersions, LabelOnABrokenVersionSaysWhy) {
  put(1), put(2);
  ModelOptions options;
  options.policy = VersionPolicy::all;
  start(options);
  ASSERT_TRUE(engine->setLabel("m", "stable", "2").ok());
  broken = 2;
  start(options);
  Status status = caller.ask(*engine, caller.make("m", ramp(1))).status;
  EXPECT_NE(status.message.find("'stable' names version 2 is not ready: dam"),
            std::string::npos)
      << status.message;
  EXPECT_EQ(status.retryAfterMs, 0u);
}

// A model that comes later and is no good takes nothing from the others.
TEST_F(ServeVersions, BrokenNewModelLeavesTheServerReady) {
  put(1);
  start();
  broken = 7;
  fs::create_directories(root / "repository" / "n" / "7");
  std::ofstream(root / "repository" / "n" / "7" / "model.so") << "mock";
  EXPECT_FALSE(engine->load("n").ok());
  EXPECT_TRUE(engine->ready());
  EXPECT_FALSE(engine->modelReady("n", "").ok());
  start();
  EXPECT_FALSE(engine->ready()) << "at the start every model counts";
}

TEST_F(ServeVersions, RootOfAVolumeIsARepository) {
  put(1);
  fs::create_directories(root / "repository" / "lost+found");
  start();
  EXPECT_TRUE(engine->ready());
}

TEST_F(ServeVersions, LostRepositoryTakesNothing) {
  put(1);
  start();
  fs::remove_all(root / "repository");
  EXPECT_EQ(engine->load("m").code, Code::notFound);
  EXPECT_EQ(ask(), 1);
}

TEST_F(ServeVersions, UnloadedModelIsNotReady) {
  put(1);
  start();
  ASSERT_TRUE(engine->unload("m").ok());
  EXPECT_EQ(caller.ask(*engine, caller.make("m", ramp(1))).status.code,
            Code::unavailable);
  EXPECT_FALSE(engine->ready());
  EXPECT_EQ(engine->unload("other").code, Code::notFound);
  ASSERT_TRUE(engine->load("m").ok());
  EXPECT_EQ(ask(), 1);
}

TEST_F(ServeVersions, GoldenVectorsDecide) {
  std::vector<float> x = ramp(1), y = x;
  for (float &value : y)
    value += 2; // right for version 2 alone
  sinter_npz_array arrays[2] = {
      {"input.x", SINTER_F32, 2, {1, 4}, x.data(), 16, nullptr},
      {"output.y", SINTER_F32, 2, {1, 4}, y.data(), 16, nullptr}};
  char error[256];
  std::string path = root / "golden.npz";
  ASSERT_EQ(sinter_npz_write(path.c_str(), arrays, 2, error, sizeof error), 0)
      << error;
  golden = open(path.c_str(), O_RDONLY);
  put(2);
  start();
  EXPECT_EQ(ask(), 2);
  put(3);
  Status status = engine->load("m");
  EXPECT_NE(status.message.find("golden"), std::string::npos) << status.message;
  EXPECT_EQ(ask(), 2);
  // A damaged file is no proof.
  ASSERT_EQ(ftruncate(open(path.c_str(), O_RDWR), 40), 0);
  EXPECT_FALSE(engine->load("m").ok());
  EXPECT_EQ(ask(), 2);
  close(golden);
}

TEST_F(ServeVersions, LabelsHoldAndPersist) {
  put(1), put(2);
  ModelOptions options;
  options.latest = 2;
  start(options);
  ASSERT_TRUE(engine->setLabel("m", "stable", "1").ok());
  ASSERT_TRUE(engine->setLabel("m", "next", "2").ok());
  EXPECT_EQ(ask(), 1);
  EXPECT_EQ(ask("next"), 2);
  EXPECT_EQ(engine->setLabel("m", "x", "9").code, Code::notFound);
  EXPECT_EQ(engine->setLabel("m", "7", "1").code, Code::invalid);
  EXPECT_EQ(engine->setLabel("m", "none", "").code, Code::notFound);
  put(3);
  ASSERT_TRUE(engine->load("m").ok());
  EXPECT_EQ(ask(), 1) << "a label keeps its version loaded";
  start(options);
  EXPECT_EQ(ask(), 1);
  EXPECT_EQ(ask("next"), 2);
  EXPECT_FALSE(fs::exists(root / "state" / "state.json.new"));
  ASSERT_TRUE(engine->setLabel("m", "stable", "").ok());
  EXPECT_EQ(ask(), 3);
}

TEST_F(ServeVersions, LabelsThatCannotBeWrittenChangeNothing) {
  put(1), put(2);
  ModelOptions options;
  options.policy = VersionPolicy::all;
  start(options);
  fs::remove_all(root / "state");
  Status status = engine->setLabel("m", "stable", "1");
  EXPECT_NE(status.message.find("nothing was changed"), std::string::npos)
      << status.message;
  EXPECT_EQ(ask(), 2);
}

TEST_F(ServeVersions, LabelOnAMissingVersionIsNamed) {
  put(1), put(2);
  start();
  ASSERT_TRUE(engine->setLabel("m", "stable", "2").ok());
  take(2);
  start();
  EXPECT_FALSE(engine->ready());
  Response answer = caller.ask(*engine, caller.make("m", ramp(1)));
  EXPECT_EQ(answer.status.code, Code::unavailable);
  EXPECT_NE(answer.status.message.find("'stable' names version 2"),
            std::string::npos)
      << answer.status.message;
  EXPECT_EQ(ask("1"), 1);
  ASSERT_TRUE(engine->setLabel("m", "stable", "1").ok());
  EXPECT_TRUE(engine->ready());
}

// Killed at any moment, the file is as before or as after.
TEST_F(ServeVersions, StateSurvivesKill) {
  States one, two;
  one["m"].labels["stable"] = 1;
  for (int i = 0; i < 200; ++i)
    two["m"].labels["label-" + std::to_string(i)] = 2;
  std::string folder = root / "state";
  ASSERT_TRUE(writeStates(folder, one).ok());
  for (int round = 0; round < 20; ++round) {
    pid_t child = fork();
    if (!child)
      for (;;) {
        writeStates(folder, two);
        writeStates(folder, one);
      }
    std::this_thread::sleep_for(std::chrono::microseconds(300 + 171 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    States found;
    Status status = readStates(folder, found);
    ASSERT_TRUE(status.ok()) << status.message;
    size_t labels = found["m"].labels.size();
    ASSERT_TRUE(labels == 1 || labels == 200) << labels;
  }
}

TEST_F(ServeVersions, DamagedStateIsNamed) {
  put(1);
  std::ofstream(root / "state" / "state.json") << "{\"m\": ";
  EngineOptions with;
  with.repository = root / "repository";
  with.stateDir = root / "state";
  Status status;
  EXPECT_FALSE(Engine::create(with, status));
  EXPECT_NE(status.message.find("state.json"), std::string::npos);
}

TEST_F(ServeVersions, CanaryIsSticky) {
  put(1), put(2);
  ModelOptions options;
  options.policy = VersionPolicy::all;
  options.guardAnswers = 0;
  start(options);
  ASSERT_TRUE(engine->setLabel("m", "stable", "1").ok());
  ASSERT_TRUE(engine->setTraffic("m", {"2", "", 30, 0}).ok());
  int canary = 0;
  for (int i = 0; i < 400; ++i) {
    std::string client = "client-" + std::to_string(i);
    float first = ask("", client);
    EXPECT_EQ(ask("", client), first);
    canary += first == 2;
  }
  EXPECT_GT(canary, 80);
  EXPECT_LT(canary, 160);
  EXPECT_EQ(ask("1", "x"), 1) << "who names a version gets it";
  EXPECT_EQ(engine->setTraffic("m", {"2", "", 130, 0}).code, Code::invalid);
  EXPECT_EQ(engine->setTraffic("m", {"1", "", 10, 0}).code, Code::invalid)
      << "the default";
  EXPECT_EQ(engine->setTraffic("m", {"9", "", 10, 0}).code, Code::notFound);
  EXPECT_EQ(engine->traffic("m")->canary, "2");
  ASSERT_TRUE(engine->setLabel("m", "stable", "2").ok());
  EXPECT_EQ(engine->traffic("m")->canary, "") << "promoted";
}

TEST_F(ServeVersions, NanCanaryIsTakenBack) {
  put(1), put(4);
  ModelOptions options;
  options.policy = VersionPolicy::all;
  options.guardAnswers = 10;
  start(options);
  ASSERT_TRUE(engine->setLabel("m", "stable", "1").ok());
  ASSERT_TRUE(engine->setTraffic("m", {"4", "", 50, 0}).ok());
  for (int i = 0; !engine->traffic("m")->canary.empty(); ++i)
    caller.ask(*engine, [&] {
      Request r = caller.make("m", ramp(1));
      r.client = "c" + std::to_string(i);
      return r;
    }());
  EXPECT_TRUE(
      comesTrue([&] { return countEvents(EngineEvent::Kind::rollback) == 1; }));
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(ask("", "c" + std::to_string(i)), 1);
}

TEST_F(ServeVersions, RollbackGoesBack) {
  put(1), put(2);
  ModelOptions options;
  options.policy = VersionPolicy::all;
  start(options);
  ASSERT_TRUE(engine->setLabel("m", "stable", "1").ok());
  ASSERT_TRUE(engine->setLabel("m", "stable", "2").ok());
  EXPECT_EQ(ask(), 2);
  ASSERT_TRUE(engine->rollback("m").ok());
  EXPECT_EQ(ask(), 1);
}

// A folder for labels is made at the start, or the start says that it cannot
// be.
TEST_F(ServeVersions, TheFolderOfLabelsIsMade) {
  fs::remove_all(root / "state");
  put(1);
  start(ModelOptions());
  EXPECT_TRUE(engine->setLabel("m", "stable", "1").ok());
  EXPECT_TRUE(fs::exists(root / "state" / "state.json"));
  EngineOptions with = engineOptions();
  std::ofstream(root / "file") << "no folder";
  with.repository = root / "repository";
  with.stateDir = root / "file" / "state";
  Status status;
  EXPECT_FALSE(Engine::create(with, status));
  EXPECT_NE(status.message.find("labels cannot be kept"), std::string::npos)
      << status.message;
}

// Without a label the newest version is the default; going back loads the one
// that it replaced, and a label on what is the default already changes nothing.
TEST_F(ServeVersions, RollbackGoesBackBehindALoad) {
  put(1);
  start(ModelOptions());
  EXPECT_FALSE(engine->rollback("m").ok());
  put(2);
  ASSERT_TRUE(engine->load("m").ok());
  EXPECT_EQ(ask(), 2);
  ASSERT_TRUE(engine->setLabel("m", "stable", "2").ok());
  ASSERT_TRUE(engine->rollback("m").ok());
  EXPECT_EQ(ask(), 1);
  ASSERT_TRUE(engine->rollback("m").ok());
  EXPECT_EQ(ask(), 2);
}

TEST_F(ServeVersions, ShadowComparesAndAnswersNobody) {
  put(1), put(2), put(5);
  ModelOptions options;
  options.policy = VersionPolicy::all;
  start(options);
  ASSERT_TRUE(engine->setLabel("m", "stable", "1").ok());
  for (auto [shadow, differs] : {std::pair{"2", true}, std::pair{"5", false}}) {
    ASSERT_TRUE(engine->setTraffic("m", {"", shadow, 0, 100}).ok());
    Status status;
    ModelStatistics s;
    while (s.shadowCompared < 5) {
      EXPECT_EQ(ask(), 1);
      s = engine->statistics("m", shadow, status)[0];
    }
    EXPECT_EQ(s.shadowDiffered, differs ? s.shadowCompared : 0);
    EXPECT_EQ(s.success.count, 0u) << "not counted as answers";
  }
}

TEST_F(ServeVersions, IdleModelsAreEvictedAndComeBack) {
  put(1);
  fs::create_directories(root / "repository" / "n" / "1");
  std::ofstream(root / "repository" / "n" / "1" / "model.so") << "mock";
  EngineOptions with = engineOptions();
  with.repository = root / "repository";
  with.memoryBudget = 1 << 20;
  std::vector<std::string> objects;
  // An object of half the budget and a bit, so that one fits and two do not.
  with.openBundle = [this](const std::string &, Bundle &out) -> Status {
    out.linked = &models[1].model;
    out.bytes = 600 << 10;
    return {};
  };
  Status status;
  engine = Engine::create(with, status);
  ASSERT_TRUE(engine) << status.message;
  auto loaded = [&] {
    int n = 0;
    for (const IndexEntry &entry : engine->index())
      n += entry.state == VersionState::ready;
    return n;
  };
  EXPECT_EQ(loaded(), 1);
  EXPECT_TRUE(engine->ready());
  for (const char *model : {"m", "n", "m"}) {
    Response answer;
    do
      answer = caller.ask(*engine, caller.make(model, ramp(1)));
    while (answer.status.code == Code::unavailable);
    EXPECT_TRUE(answer.status.ok()) << answer.status.message;
    // It is there a moment before another one goes.
    EXPECT_TRUE(comesTrue([&] { return loaded() == 1; }));
  }
}

TEST_F(ServeVersions, SwapsUnderLoadFailNobody) {
  put(1);
  start();
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> asked{0}, failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      Caller mine;
      while (!stop) {
        Response answer = mine.ask(*engine, mine.make("m", ramp(1)));
        bool good = answer.status.ok() && !answer.outputs.empty();
        float y = good ? floats(answer.outputs[0])[0] : 0;
        ++asked;
        failed += !good || (y != 1 && y != 2) || y != std::stof(answer.version);
      }
    });
  for (int i = 0; i < 200; ++i) {
    int version = i % 2 ? 1 : 2;
    put(version);
    take(3 - version);
    ASSERT_TRUE(engine->load("m").ok());
  }
  while (asked < 1000)
    std::this_thread::yield();
  stop = true;
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(failed, 0u) << "of " << asked;
}

TEST(ServeSnapshot, OldValuesDieAfterTheirReaders) {
  struct Value {
    std::shared_ptr<std::atomic<int>> alive;
    uint64_t a, b;
    Value(std::shared_ptr<std::atomic<int>> alive, uint64_t n)
        : alive(std::move(alive)), a(n), b(~n) {
      ++*this->alive;
    }
    ~Value() {
      a = b = 0;
      --*alive;
    }
  };
  auto alive = std::make_shared<std::atomic<int>>(0);
  Snapshot<Value> snapshot(std::make_unique<const Value>(alive, 0));
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t)
    readers.emplace_back([&] {
      while (!stop)
        wrong += snapshot.read([](const Value &v) { return v.a != ~v.b; });
    });
  for (uint64_t n = 1; n < 3000; ++n) {
    snapshot.replace(std::make_unique<const Value>(alive, n));
    ASSERT_EQ(*alive, 1);
  }
  stop = true;
  for (std::thread &reader : readers)
    reader.join();
  EXPECT_EQ(wrong, 0);
}

} // namespace
} // namespace sinter::serve
