// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Real objects, loaded and unmapped hundreds of times under load: nobody fails,
// nothing stays mapped, memory is flat. SINTER_SWAPS=2000 is the long run. And
// one out of an executable.
#include "runtime/serve/engine/Engine.h"
#include "runtime/serve/engine/Options.h"
#include "sinter/sinter.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace sinter::serve {
namespace {

namespace fs = std::filesystem;

// Sanitizers keep what was freed, and are slow.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool isSanitized = true;
#else
constexpr bool isSanitized = false;
#endif

size_t mappedModels();

// Once the old versions are unmapped, which a thread of its own does.
uint64_t residentKilobytes() {
  for (int i = 0; mappedModels() > 1 && i < 2000; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::ifstream file("/proc/self/statm");
  uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * uint64_t(sysconf(_SC_PAGESIZE)) / 1024;
}

size_t mappedModels() {
  std::ifstream file("/proc/self/maps");
  std::string line;
  size_t found = 0;
  while (std::getline(file, line))
    found += line.find("model.so") != std::string::npos &&
             line.find("r-xp") != std::string::npos;
  return found;
}

struct Answer {
  bool ok = false;
  float value = 0;
  std::string version, text;
  double us = 0;
};

Answer ask(Engine &engine) {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  Answer answer;
  alignas(64) float x[16] = {1};
  Request r;
  r.model = "m";
  Tensor t;
  t.name = "x";
  t.dtype = SINTER_F32;
  t.dims = {1, 16};
  t.data = reinterpret_cast<const std::byte *>(x);
  t.bytes = sizeof x;
  r.inputs.push_back(t);
  TimePoint begin = Clock::now();
  r.done = [&](Response &&response) {
    std::lock_guard<std::mutex> lock(mutex);
    answer.ok = response.status.ok() && response.outputs.size() == 1;
    answer.text = response.status.message;
    answer.version = response.version;
    if (answer.ok)
      std::memcpy(&answer.value, response.outputs[0].data, sizeof(float));
    done = true;
    changed.notify_all();
  };
  engine.submit(std::move(r));
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait(lock, [&] { return done; });
  answer.us =
      std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
  return answer;
}

struct Load {
  Engine &engine;
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> asked{0}, wrong{0};
  std::mutex mutex;
  std::string reason;
  std::vector<double> times;
  std::vector<std::thread> threads;

  explicit Load(Engine &engine) : engine(engine) {
    for (int i = 0; i < 2; ++i)
      threads.emplace_back([this] { run(); });
  }
  ~Load() {
    stop = true;
    for (std::thread &thread : threads)
      thread.join();
  }
  void run() {
    std::vector<double> mine;
    while (!stop) {
      Answer answer = ask(engine);
      ++asked;
      mine.push_back(answer.us);
      // Version n adds n: a mixture would show.
      if (!answer.ok || answer.value != 1 + std::stof(answer.version)) {
        ++wrong;
        std::lock_guard<std::mutex> lock(mutex);
        reason = answer.text;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
    std::lock_guard<std::mutex> lock(mutex);
    times.insert(times.end(), mine.begin(), mine.end());
  }
};

fs::path mockObject(int version) {
  return fs::read_symlink("/proc/self/exe").parent_path() /
         ("libmock-serve-" + std::to_string(version) + ".so");
}

// What the bundle says, of batches and of the tolerance of its self-test.
TEST(ServeSwap, TheManifestBesideAnEmbeddedObjectCounts) {
  EngineOptions options;
  options.embedded.emplace_back();
  EngineOptions::Embedded &embedded = options.embedded.back();
  embedded.name = "m";
  embedded.descriptor = open(mockObject(1).c_str(), O_RDONLY | O_CLOEXEC);
  embedded.bytes = fs::file_size(mockObject(1));
  embedded.manifest = R"({"golden": {"tolerance": 0.5}})";
  Status status;
  auto engine = Engine::create(options, status);
  close(embedded.descriptor);
  ASSERT_TRUE(engine) << status.message;
  EXPECT_EQ(engine->describe("m", "", status)->manifest, embedded.manifest);
}

TEST(ServeSwap, RealObjectsComeAndGo) {
  char name[] = "/tmp/sinter-swap-XXXXXX";
  fs::path root = mkdtemp(name), model = root / "m";
  fs::create_directories(model / "1");
  auto put = [&](int version) {
    // A new file each time, as a finished rename leaves it.
    fs::path folder = model / std::to_string(version);
    fs::create_directories(folder);
    fs::copy_file(mockObject(version), folder / "new");
    fs::rename(folder / "new", folder / "model.so");
  };
  put(1);
  EngineOptions options;
  options.repository = root;
  options.threads = 2;
  Status status;
  std::unique_ptr<Engine> engine = Engine::create(options, status);
  ASSERT_TRUE(engine) << status.message;
  const char *asked = std::getenv("SINTER_SWAPS");
  int swaps = asked ? std::atoi(asked) : isSanitized ? 60 : 300;
  uint64_t early = 0;
  {
    Load load(*engine);
    for (int i = 0; i < swaps; ++i) {
      int version = i % 2 ? 1 : 2;
      put(version);
      fs::remove_all(model / std::to_string(3 - version));
      status = engine->load("m");
      ASSERT_TRUE(status.ok()) << status.message;
      if (i == swaps / 4)
        early = residentKilobytes();
    }
    load.stop = true;
    for (std::thread &thread : load.threads)
      thread.join();
    load.threads.clear();
    EXPECT_EQ(load.wrong, 0u) << load.reason;
    EXPECT_GT(load.asked, 0u);
    std::sort(load.times.begin(), load.times.end());
    std::printf("%d swaps, %llu requests, p50 %.0f us, p99 %.0f us, resident "
                "%llu -> %llu kB\n",
                swaps, (unsigned long long)load.asked,
                load.times[load.times.size() / 2],
                load.times[load.times.size() * 99 / 100],
                (unsigned long long)early,
                (unsigned long long)residentKilobytes());
  }
  if (!isSanitized)
    EXPECT_LE(residentKilobytes(), early + early / 20 + 1024);
  EXPECT_EQ(mappedModels(), 1u);
  engine.reset();
  EXPECT_EQ(mappedModels(), 0u);
  fs::remove_all(root);
}

} // namespace
} // namespace sinter::serve
