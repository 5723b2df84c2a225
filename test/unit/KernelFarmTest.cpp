// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The farm with workers that this test plays itself: it is started again with
// --kernel-worker and compiles to the upper case of the define, or misbehaves
// as the define tells it to.
#include "compiler/pipeline/KernelFarm.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace sinter;

static bool pretend(const KernelRequest &job, std::string &object,
                    std::string &error) {
  bool breaks = !job.plain || job.define.contains("always");
  if (breaks && job.define.starts_with("abort"))
    abort();
  if (breaks && job.define.starts_with("hang"))
    pause();
  if (breaks && job.define.starts_with("refuse")) {
    error = "no such tile";
    return false;
  }
  object = ((job.plain ? "plain|" : "") + job.isa + "|" + job.symbol + "|" +
            job.define.upper())
               .str();
  return true;
}

// gtest_main has no hook before main; a constructor sees the arguments on
// Linux.
__attribute__((constructor)) static void serveAsWorker(int argc, char **argv) {
  if (argc > 1 && llvm::StringRef(argv[1]) == "--kernel-worker")
    _exit(runKernelWorker(pretend));
}

namespace {
class Farm : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("farm", folder));
    ASSERT_EQ(chdir(folder.c_str()), 0); // reproducers go here
    options.cacheDir = (folder + "/cache").str();
    options.workers = 2;
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string errorOf(std::vector<KernelJob> jobs) {
    auto result = compileKernels(jobs, options);
    return result ? "" : llvm::toString(result.takeError());
  }

  llvm::SmallString<128> folder;
  FarmOptions options;
};
} // namespace

TEST_F(Farm, AnswersInOrderAndCompilesEqualJobsOnce) {
  std::vector<KernelJob> jobs;
  for (const char *define : {"a", "b", "a", "c", "b"})
    jobs.push_back({define, "v3", define});
  size_t total = 0;
  options.progress = [&](size_t, size_t n) { total = n; };
  auto result = compileKernels(jobs, options);
  ASSERT_TRUE(bool(result));
  ASSERT_EQ(result->size(), 5u);
  EXPECT_EQ(total, 3u);
  EXPECT_EQ((*result)[0].symbol, (*result)[2].symbol);
  EXPECT_NE((*result)[0].symbol, (*result)[1].symbol);
  const std::vector<char> &object = (*result)[3].object;
  EXPECT_EQ(std::string(object.begin(), object.end()),
            "v3|" + (*result)[3].symbol + "|C");
}

TEST_F(Farm, CacheAnswersWithoutWorkers) {
  ASSERT_EQ(errorOf({{"a", "v3", "a"}}), "");
  options.command = {"/bin/false"};
  EXPECT_EQ(errorOf({{"a", "v3", "a"}}), "");
  EXPECT_NE(errorOf({{"a", "v4", "a"}}), ""); // another ISA is another key
}

TEST_F(Farm, TornCacheEntryIsAMiss) {
  ASSERT_EQ(errorOf({{"a", "v3", "a"}}), "");
  KernelCache cache(options.cacheDir);
  std::string key = kernelKey({"v3", "a"});
  ASSERT_TRUE(cache.find(key).has_value());
  std::string file =
      options.cacheDir + "/" + key.substr(0, 2) + "/" + key.substr(2) + ".o";
  ASSERT_EQ(truncate(file.c_str(), 40), 0);
  EXPECT_FALSE(cache.find(key).has_value());
  EXPECT_EQ(errorOf({{"a", "v3", "a"}}), "");
  EXPECT_TRUE(cache.find(key).has_value());
}

TEST_F(Farm, EntryOfAnotherKeyIsAMiss) {
  KernelCache cache(options.cacheDir);
  auto fileOf = [&](const std::string &key) {
    return options.cacheDir + "/" + key.substr(0, 2) + "/" + key.substr(2) +
           ".o";
  };
  std::string a = kernelKey({"v3", "a"}), b = kernelKey({"v3", "b"});
  cache.store(a, std::vector<char>{'a'});
  cache.store(b, std::vector<char>{'b'});
  ASSERT_EQ(rename(fileOf(a).c_str(), fileOf(b).c_str()), 0);
  EXPECT_FALSE(cache.find(b).has_value());
}

TEST_F(Farm, PipeInTheCacheIsNotWaitedFor) {
  KernelCache cache(options.cacheDir);
  std::string key = kernelKey({"v3", "a"});
  cache.store(key, std::vector<char>{'a'});
  std::string file =
      options.cacheDir + "/" + key.substr(0, 2) + "/" + key.substr(2) + ".o";
  ASSERT_EQ(unlink(file.c_str()), 0);
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  EXPECT_FALSE(cache.find(key).has_value());
}

TEST_F(Farm, PruneDropsTheOldest) {
  KernelCache cache(options.cacheDir);
  std::vector<char> bytes(1000);
  std::string first = kernelKey({"1"}), second = kernelKey({"2"});
  cache.store(first, bytes);
  usleep(20000);
  cache.store(second, bytes);
  cache.prune(1500);
  EXPECT_FALSE(cache.find(first).has_value());
  EXPECT_TRUE(cache.find(second).has_value());
}

// Nobody calls prune: storing does it, folder by folder.
TEST_F(Farm, StoringKeepsTheLimit) {
  KernelCache cache(options.cacheDir, 256 * 3000);
  auto keyOf = [](const char *folder, unsigned i) {
    return folder + llvm::utohexstr(i % 16, /*LowerCase=*/true) +
           std::string(55, '0') + std::to_string(100000 + i);
  };
  for (unsigned i = 0; i < 100; ++i)
    for (const char *folder : {"aa", "ab"})
      cache.store(keyOf(folder, i), std::vector<char>(1000));
  EXPECT_LE(cache.size().bytes, 2u * (3000 + 16 * 1032));
  EXPECT_TRUE(cache.find(keyOf("ab", 99)).has_value());
  EXPECT_FALSE(cache.find(keyOf("ab", 0)).has_value());
}

TEST_F(Farm, CrashLeavesPlainCodeAndAReproducer) {
  std::vector<KernelJob> jobs = {{"a", "v3", "a"},
                                 {"abort now", "v3", "conv_1"}};
  for (int round = 0; round < 2; ++round) { // a fallback is never cached
    auto result = compileKernels(jobs, options);
    ASSERT_TRUE(bool(result));
    EXPECT_FALSE((*result)[0].isFallback());
    const KernelCode &code = (*result)[1];
    EXPECT_EQ(std::string(code.object.begin(), code.object.end()),
              "plain|v3|" + code.symbol + "|ABORT NOW");
    EXPECT_NE(code.failure.find("signal 6"), std::string::npos) << code.failure;
    auto file = llvm::MemoryBuffer::getFile(code.reproducer);
    ASSERT_TRUE(bool(file)) << code.reproducer;
    EXPECT_TRUE((*file)->getBuffer().starts_with(
        "// kernel conv_1 for v3\n// " +
        reproduceCommand(jobs[1], code.reproducer) + "\n"));
    EXPECT_TRUE((*file)->getBuffer().contains("abort now"));
  }
}

TEST_F(Farm, RefusalLeavesPlainCode) {
  auto result = compileKernels({{"refuse", "v3", "k"}}, options);
  ASSERT_TRUE(bool(result));
  EXPECT_EQ((*result)[0].failure, "no such tile");
}

TEST_F(Farm, KernelWithoutPlainCodeIsAnError) {
  std::string error = errorOf({{"abort always", "v3", "conv_1"}});
  EXPECT_NE(error.find("kernel 'conv_1'"), std::string::npos) << error;
  EXPECT_NE(error.find("signal 6"), std::string::npos) << error;
  EXPECT_NE(error.find("not even plain code"), std::string::npos) << error;
  EXPECT_NE(error.find("sinter-opt --sinter-compile-kernels=isa=v3 "),
            std::string::npos)
      << error;
  EXPECT_NE(errorOf({{"refuse always", "v3", "k"}}).find("no such tile"),
            std::string::npos);
}

TEST_F(Farm, HangIsEnded) {
  options.timeoutMs = 200;
  EXPECT_NE(errorOf({{"hang always", "v3", "k"}}).find("no answer"),
            std::string::npos);
}

// A user may name any folder, and have it emptied.
TEST_F(Farm, PruningLeavesWhatIsNoEntry) {
  KernelCache cache(options.cacheDir);
  cache.store(std::string(64, 'a'), std::vector<char>(10));
  std::vector<std::string> others = {"/letter.o", "/aa/thesis.txt",
                                     "/aa/" + std::string(62, 'x') + ".o",
                                     "/music/song"};
  llvm::sys::fs::create_directories(options.cacheDir + "/music");
  for (const std::string &name : others)
    std::ofstream(options.cacheDir + name) << "dear to somebody";
  EXPECT_EQ(cache.size().files, 1u);
  cache.prune(0);
  EXPECT_EQ(cache.size().files, 0u);
  for (const std::string &name : others)
    EXPECT_TRUE(llvm::sys::fs::exists(options.cacheDir + name)) << name;
}

TEST_F(Farm, ReadOnlyCacheIsTolerated) {
  options.cacheDir = "/proc/nowhere";
  EXPECT_EQ(errorOf({{"a", "v3", "a"}}), "");
}
