// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Metadata, configuration, statistics, index and the small control bodies.
#include "test/unit/ServeProtocol.h"

#include "runtime/serve/protocol/Control.h"
#include "runtime/serve/protocol/Metadata.h"
#include "runtime/serve/protocol/Statistics.h"

#include <nlohmann/json.hpp>

using namespace sinter::serve;
using nlohmann::json;

namespace {

ModelDescription model() {
  ModelDescription m;
  m.name = "m";
  m.version = "2";
  m.versions = {"1", "2"};
  m.inputs = {{"x", SINTER_F32, {-1, 4}}};
  m.outputs = {{"y", SINTER_STRING, {-1}}};
  m.maxBatch = 8;
  m.batchDim = 0;
  return m;
}

} // namespace

TEST(Metadata, ShapesHaveTheBatchAndTheConfigurationHasNot) {
  json metadata = json::parse(modelMetadataJson(model()));
  EXPECT_EQ(metadata["versions"], json({"1", "2"}));
  EXPECT_EQ(metadata["inputs"][0],
            json::parse(R"({"name":"x","datatype":"FP32","shape":[-1,4]})"));
  json config = json::parse(modelConfigJson(model(), {500, {4, 8}, 2}));
  EXPECT_EQ(config["max_batch_size"], 8);
  EXPECT_EQ(config["input"][0],
            json::parse(R"({"name":"x","data_type":"TYPE_FP32","dims":[4]})"));
  EXPECT_EQ(config["output"][0]["data_type"], "TYPE_STRING");
  EXPECT_EQ(config["dynamic_batching"]["preferred_batch_size"], json({4, 8}));
  EXPECT_EQ(config["model_transaction_policy"]["decoupled"], false);
  ModelDescription plain = model();
  plain.maxBatch = 0;
  config = json::parse(modelConfigJson(plain, {}));
  EXPECT_EQ(config["input"][0]["dims"], json({-1, 4}));
  EXPECT_FALSE(config.contains("dynamic_batching"));
}

TEST(Metadata, OnlyWhatIsOnIsAdvertised) {
  json plain = json::parse(serverMetadataJson({}))["extensions"];
  EXPECT_EQ(std::count(plain.begin(), plain.end(), "system_shared_memory"), 0);
  EXPECT_EQ(std::count(plain.begin(), plain.end(), "trace"), 0);
  EXPECT_EQ(std::count(plain.begin(), plain.end(), "binary_tensor_data"), 1);
  Extensions all;
  all.sharedMemory = all.trace = all.logging = true;
  EXPECT_EQ(json::parse(serverMetadataJson(all))["extensions"].size(),
            plain.size() + 3);
}

TEST(Metadata, IndexHasStatesReasonsAndLabels) {
  std::vector<IndexEntry> index = {
      {"m", "1", VersionState::ready, "", {"stable"}},
      {"m", "2", VersionState::unavailable, "corrupt \"bundle\"", {}}};
  json all = json::parse(repositoryIndexJson(index, false));
  EXPECT_EQ(
      all[0],
      json::parse(
          R"({"name":"m","version":"1","state":"READY","reason":"","labels":["stable"]})"));
  EXPECT_EQ(all[1]["reason"], "corrupt \"bundle\"");
  EXPECT_EQ(json::parse(repositoryIndexJson(index, true)).size(), 1u);
}

TEST(Statistics, EveryKeyThatPerfAnalyzerReads) {
  ModelStatistics s;
  s.name = "m";
  s.success = {3, UINT64_MAX};
  s.batches = {{4, {1, 2}, {3, 4}, {5, 6}, {}}};
  json all = json::parse(statisticsJson({s}))["model_stats"][0];
  for (const char *key :
       {"success", "fail", "queue", "compute_input", "compute_infer",
        "compute_output", "cache_hit", "cache_miss"})
    EXPECT_TRUE(all["inference_stats"][key].contains("ns") &&
                all["inference_stats"][key].contains("count"))
        << key;
  EXPECT_EQ(all["inference_stats"]["success"]["ns"], UINT64_MAX);
  EXPECT_EQ(all["batch_stats"][0]["compute_infer"]["count"], 3);
  for (const char *key : {"last_inference", "inference_count",
                          "execution_count", "response_stats", "memory_usage"})
    EXPECT_TRUE(all.contains(key)) << key;
}

TEST(Control, IndexAndLoad) {
  bool ready = false;
  EXPECT_TRUE(parseIndexRequest("", ready).ok());
  EXPECT_FALSE(ready);
  EXPECT_TRUE(parseIndexRequest(R"({"ready":true})", ready).ok());
  EXPECT_TRUE(ready);
  EXPECT_FALSE(parseIndexRequest(R"({"ready":1})", ready).ok());
  EXPECT_FALSE(parseIndexRequest("[]", ready).ok());
  EXPECT_FALSE(parseIndexRequest("{", ready).ok());
  EXPECT_FALSE(parseIndexRequest(std::string(100000, '['), ready).ok());
  EXPECT_TRUE(
      parseLoadRequest(R"({"parameters":{"unload_dependents":true}})").ok());
  EXPECT_EQ(parseLoadRequest(R"({"parameters":{"config":"{}"}})").code,
            Code::unsupported);
  EXPECT_EQ(
      parseLoadRequest(R"({"parameters":{"file:1/model.so":"aGk="}})").code,
      Code::unsupported);
}

TEST(Control, RegionsLabelsAndLogs) {
  SharedMemory::Region region;
  ASSERT_TRUE(
      parseRegion(R"({"key":"/k","offset":8,"byte_size":16})", region).ok());
  region.name = "r";
  EXPECT_EQ(regionsJson({region}),
            R"([{"name":"r","key":"/k","offset":8,"byte_size":16}])");
  EXPECT_FALSE(parseRegion(R"({"key":"/k","offset":-8})", region).ok());
  std::string version;
  EXPECT_TRUE(parseLabel(R"({"version":"3"})", version).ok());
  EXPECT_EQ(version, "3");
  EXPECT_FALSE(parseLabel(R"({"version":3})", version).ok());
  LogSettings applied;
  LogControl control([&](const LogSettings &settings) { applied = settings; });
  LogSettings next = control.get();
  ASSERT_TRUE(
      parseLogSettings(
          R"({"log_info":false,"log_verbose_level":2,"log_file":""})", next)
          .ok());
  control.set(next);
  EXPECT_FALSE(applied.info);
  EXPECT_EQ(json::parse(logSettingsJson(control.get()))["log_verbose_level"],
            2);
  EXPECT_EQ(parseLogSettings(R"({"log_file":"/x"})", next).code,
            Code::unsupported);
  EXPECT_FALSE(parseLogSettings(R"({"log_colour":true})", next).ok());
}
