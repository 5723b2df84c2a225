// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every connection shares beside the engine: traces, access rules, the
// audit log, shared memory, log settings. Several threads use each while one
// changes it; TSan runs this, too (test/san).
#include "runtime/serve/observe/Trace.h"
#include "runtime/serve/protect/Access.h"
#include "runtime/serve/protect/AuditLog.h"

#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

using namespace sinter::serve;

namespace {

std::string temporary(const std::string &name) {
  return testing::TempDir() + "/" + name + "." + std::to_string(getpid());
}

// Each of the functions in a thread of its own, all begun at once.
void together(std::vector<std::function<void()>> bodies) {
  std::atomic<size_t> waiting{bodies.size()};
  std::vector<std::thread> threads;
  for (auto &body : bodies)
    threads.emplace_back([&waiting, run = std::move(body)] {
      for (--waiting; waiting;)
        std::this_thread::yield();
      run();
    });
  for (std::thread &thread : threads)
    thread.join();
}

size_t linesOf(const std::string &path) {
  std::ifstream file(path);
  size_t count = 0;
  for (std::string line; std::getline(file, line);)
    ++count;
  return count;
}

// A request through the tracer, answered at once; true when it was traced.
bool pass(Tracer &tracer, const std::string &model) {
  float x[4] = {1, 2, 3, 4};
  Request request;
  request.model = model;
  Tensor tensor;
  tensor.name = "x";
  tensor.dtype = 1;
  tensor.dims = {4};
  tensor.data = reinterpret_cast<const std::byte *>(x);
  tensor.bytes = sizeof x;
  request.inputs.push_back(tensor);
  bool wasTraced = false;
  request.done = [&](Response &&r) { wasTraced = !r.traceparent.empty(); };
  tracer.begin(request);
  Response response;
  response.outputs = {tensor};
  request.done(std::move(response));
  return wasTraced;
}

std::unique_ptr<Tracer> tracerInto(const std::string &path, int64_t count) {
  std::remove(path.c_str());
  TraceOptions options;
  options.rate = 1;
  options.count = count;
  options.file = path;
  Status status;
  auto tracer = Tracer::create(options, status);
  EXPECT_TRUE(tracer) << status.message;
  return tracer;
}

} // namespace

// A change of one setting neither gives back what requests have counted down
// nor undoes the change of another.
TEST(ServeThreads, TraceSettingsChangeUnderRequests) {
  constexpr uint64_t most = 15000;
  std::string path = temporary("traces");
  auto tracer = tracerInto(path, most);
  ASSERT_TRUE(tracer);
  std::atomic<uint64_t> traced{0};
  auto ask = [&] {
    for (int i = 0; i < 20000; ++i)
      traced += pass(*tracer, "m");
  };
  auto change = [&](const std::string &model, const char *key,
                    const char *value) {
    return [&tracer, model, key, value] {
      for (int i = 0; i < 5000; ++i) {
        Status status = tracer->change(model, {{key, std::string(value)}});
        ASSERT_TRUE(status.ok()) << status.message;
        for (const auto &[name, now] : tracer->settings(model))
          if (name == key)
            ASSERT_EQ(now, value) << "undone by another thread";
      }
    };
  };
  together({ask, ask, change("", "trace_rate", "1"),
            change("other", "trace_rate", "7"),
            change("other", "trace_count", "9")});
  EXPECT_EQ(traced, most);
  tracer->stop(Clock::now() + std::chrono::seconds(60));
  TraceCounts counts = tracer->counts();
  EXPECT_EQ(counts.sampled, most);
  EXPECT_EQ(counts.exported + counts.dropped, most);
  EXPECT_EQ(linesOf(path), counts.exported);
  std::remove(path.c_str());
}

// Requests that end after the end are counted, not waited for.
TEST(ServeThreads, TracesStopUnderRequests) {
  std::string path = temporary("stopped");
  auto tracer = tracerInto(path, -1);
  ASSERT_TRUE(tracer);
  auto ask = [&] {
    for (int i = 0; i < 500; ++i)
      EXPECT_TRUE(pass(*tracer, "m"));
  };
  together({ask, ask, [&] {
              std::this_thread::yield();
              tracer->stop(Clock::now() + std::chrono::seconds(60));
            }});
  TraceCounts counts = tracer->counts();
  EXPECT_EQ(counts.exported + counts.dropped, 1000u);
  EXPECT_EQ(linesOf(path), counts.exported);
  std::remove(path.c_str());
}

TEST(ServeThreads, AccessRulesAreReloadedUnderChecks) {
  std::string path = temporary("access.toml");
  std::ofstream(path) << "[[key]]\nname='team'\nsha256='" << sha256Hex("k")
                      << "'\n";
  Access access;
  ASSERT_TRUE(access.load(path).ok());
  auto check = [&] {
    for (int i = 0; i < 1000; ++i) {
      std::string client;
      EXPECT_TRUE(
          access.check({"", "k", ""}, Permission::infer, "m", client).ok());
      EXPECT_EQ(client, "team");
      EXPECT_FALSE(
          access.check({"", "x", ""}, Permission::infer, "m", client).ok());
    }
  };
  together({check, check, [&] {
              for (int i = 0; i < 100; ++i)
                EXPECT_TRUE(access.load(path).ok());
            }});
  std::remove(path.c_str());
}

TEST(ServeThreads, AuditedActionsOfManyMakeOneChain) {
  std::string path = temporary("audit");
  std::remove(path.c_str());
  Status status;
  auto log = AuditLog::open(path, status);
  ASSERT_TRUE(log) << status.message;
  auto act = [&] {
    for (int i = 0; i < 20; ++i)
      EXPECT_TRUE(log->append("ops", "load m", {}).ok());
  };
  together({act, act, act});
  uint64_t lines = 0;
  std::string last;
  EXPECT_TRUE(AuditLog::verify(path, lines, last).ok());
  EXPECT_EQ(lines, 60u);
  std::remove(path.c_str());
}

// A region that is taken away is an error for whoever reads it, or still there.
TEST(ServeThreads, SharedMemoryComesAndGoesUnderReads) {
  std::string key = "/sinter-threads-" + std::to_string(getpid());
  int file = shm_open(key.c_str(), O_CREAT | O_RDWR, 0600);
  ASSERT_GE(file, 0);
  ASSERT_EQ(ftruncate(file, 64), 0);
  SharedMemory shared;
  auto read = [&] {
    for (int i = 0; i < 1000; ++i) {
      Tensor tensor;
      if (shared.read({"r", 0, 16}, tensor).ok())
        EXPECT_EQ(tensor.bytes, 16u);
      std::vector<SharedMemory::Region> regions;
      if (shared.list("", regions).ok())
        EXPECT_LE(regions.size(), 1u);
    }
  };
  together({read, read, [&] {
              for (int i = 0; i < 300; ++i) {
                EXPECT_TRUE(shared.add({"r", key, 0, 64}).ok());
                shared.remove("r");
              }
            }});
  close(file);
  shm_unlink(key.c_str());
}

TEST(ServeThreads, LogSettingsAreWhole) {
  std::atomic<uint64_t> applied{0};
  LogControl control([&](const LogSettings &settings) {
    EXPECT_EQ(settings.info, settings.verbose == 0);
    ++applied;
  });
  LogSettings loud, quiet;
  quiet.info = false;
  quiet.verbose = 1;
  control.set(loud);
  auto set = [&](const LogSettings &next) {
    return [&control, next] {
      for (int i = 0; i < 500; ++i)
        control.set(next);
    };
  };
  together({set(loud), set(quiet), [&] {
              for (int i = 0; i < 1000; ++i) {
                LogSettings now = control.get();
                EXPECT_EQ(now.info, now.verbose == 0);
              }
            }});
  EXPECT_EQ(applied, 1002u);
}
