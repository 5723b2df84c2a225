// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every key is a flag, a variable and a line of the file; each place beats the
// one below it; what is wrong is said with the place and the nearest right
// name.
#include "runtime/serve/config/Config.h"
#include "runtime/serve/config/Schema.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <unistd.h>

using namespace sinter::serve;

namespace {

std::map<std::string, std::string> variables;
const char *look(const char *name) {
  auto found = variables.find(name);
  return found == variables.end() ? nullptr : found->second.c_str();
}

struct Loaded {
  Status status;
  ServerConfig config;
  ConfigValues values;
};

Loaded load(std::vector<std::string> arguments, const std::string &file = "") {
  Loaded loaded;
  std::string path;
  if (!file.empty()) {
    char name[] = "/tmp/sinter-config-XXXXXX";
    close(mkstemp(name));
    path = name;
    std::ofstream(path) << file;
    arguments.insert(arguments.end(), {"--config", path});
  }
  CommandLine line;
  loaded.status = parseCommandLine(arguments, line);
  if (loaded.status.ok())
    loaded.status = loadConfig(line, look, loaded.config, loaded.values);
  if (!path.empty())
    unlink(path.c_str());
  return loaded;
}

class ServeConfig : public testing::Test {
protected:
  void SetUp() override { variables.clear(); }
};

} // namespace

TEST_F(ServeConfig, DefaultsAreRight) {
  Loaded l = load({});
  ASSERT_TRUE(l.status.ok()) << l.status.message;
  EXPECT_EQ(l.config.http.port, 8000);
  EXPECT_EQ(l.config.grpc.port, 8001);
  EXPECT_EQ(l.config.admin.port, 8002);
  EXPECT_EQ(l.config.admin.address, "127.0.0.1");
  EXPECT_FALSE(l.config.controlEverywhere);
  EXPECT_EQ(l.config.defaults.maxQueueBytes, 256u << 20);
}

TEST_F(ServeConfig, FlagBeatsVariableBeatsFile) {
  const std::string file =
      "[http]\nport = 1\n[grpc]\nport = 2\n[admin]\nport = 3\n";
  variables = {{"SINTER_HTTP_PORT", "11"}, {"SINTER_GRPC_PORT", "12"}};
  Loaded l = load({"--http-port", "21"}, file);
  ASSERT_TRUE(l.status.ok()) << l.status.message;
  EXPECT_EQ(l.config.http.port, 21);
  EXPECT_EQ(l.config.grpc.port, 12);
  EXPECT_EQ(l.config.admin.port, 3);
  EXPECT_EQ(l.values["http.port"].origin, "--http-port");
  EXPECT_EQ(l.values["grpc.port"].origin, "SINTER_GRPC_PORT");
  EXPECT_NE(l.values["admin.port"].origin.find(":6"), std::string::npos);
  EXPECT_NE(explainConfig(l.values).find("grpc.port = 12  (SINTER_GRPC_PORT)"),
            std::string::npos);
}

TEST_F(ServeConfig, EveryKeyIsAFlagAVariableAndALine) {
  auto texts = [](KeyKind kind, const char *choices) -> std::string {
    switch (kind) {
    case KeyKind::port:
      return "7";
    case KeyKind::bytes:
      return "7MiB";
    case KeyKind::milliseconds:
      return "7s";
    case KeyKind::boolean:
      return "true";
    case KeyKind::choice:
      return std::string(choices).substr(0, std::string(choices).find('|'));
    case KeyKind::versions:
      return "latest:7";
    case KeyKind::file:
      return "/dev/null";
    default:
      return "7";
    }
  };
  size_t count = 0;
  auto check = [&](const std::string &key, KeyKind kind, const char *choices) {
    std::string value = texts(kind, choices), flag = "--" + key,
                variable = "SINTER_" + key;
    for (char &c : flag)
      c = c == '.' ? '-' : c;
    for (char &c : variable)
      c = c == '.' || c == '-' ? '_' : char(std::toupper(c));
    CommandLine line;
    ASSERT_TRUE(parseCommandLine({flag + "=" + value}, line).ok()) << flag;
    EXPECT_EQ(line.values[key].text, value);
    variables = {{variable, value}};
    Loaded l =
        load({"--set", "repository=r", "--set", "tls.certificate=/dev/null",
              "--set", "tls.key=/dev/null"});
    // --set above may win over the variable for these three.
    if (l.values[key].origin != "--set") {
      EXPECT_EQ(l.values[key].text, value) << variable;
    }
    EXPECT_TRUE(l.status.ok()) << l.status.message;
    variables.clear();
    ++count;
  };
  for (const auto &row : serverKeys())
    check(row.key, row.kind, row.choices);
  for (const auto &row : modelKeys())
    check(row.key, row.kind, row.choices);
  EXPECT_GT(count, 30u);
}

TEST_F(ServeConfig, Limits) {
  Loaded l = load({"--client-rate=2.5", "--client-concurrency=3", "--set",
                   "models.ocr.rate=100", "--simulate=trace.csv"},
                  "");
  ASSERT_TRUE(l.status.ok()) << l.status.message;
  EXPECT_EQ(l.config.clientLimit.rate, 2.5);
  EXPECT_EQ(l.config.clientLimit.concurrency, 3u);
  EXPECT_EQ(l.config.models[0].limit.rate, 100);
  EXPECT_EQ(l.config.simulate, "trace.csv");
}

TEST_F(ServeConfig, ModelsInheritTheDefaults) {
  Loaded l = load({"--max-queue=7", "--set", "models.a.b.max-batch=4"},
                  "[models.ocr]\nmax-batch = 8\npreferred-batch-size = [4, "
                  "8]\nversions = \"1,3\"\n");
  ASSERT_TRUE(l.status.ok()) << l.status.message;
  ASSERT_EQ(l.config.models.size(), 2u);
  EXPECT_EQ(l.config.models[0].name, "a.b");
  EXPECT_EQ(l.config.models[0].maxBatch, 4u);
  const ModelOptions &ocr = l.config.models[1];
  EXPECT_EQ(ocr.maxBatch, 8u);
  EXPECT_EQ(ocr.maxQueue, 7u);
  EXPECT_EQ(ocr.preferredBatch, (std::vector<uint32_t>{4, 8}));
  EXPECT_EQ(ocr.policy, VersionPolicy::specific);
  EXPECT_EQ(ocr.versions, (std::vector<uint64_t>{1, 3}));
}

TEST_F(ServeConfig, RulesForInputs) {
  Loaded l = load({"--set", "models.ocr.inputs.x.0.finite=true"},
                  "[inputs.x]\nmin = -1\n"
                  "[models.ocr.inputs.x]\nshapes = [\"1x3x48x?\", \"2x4\"]\n"
                  "max = 0.1\n");
  ASSERT_TRUE(l.status.ok()) << l.status.message;
  ASSERT_EQ(l.config.defaults.inputRules.size(), 1u);
  EXPECT_FALSE(l.config.defaults.inputRules[0].own);
  EXPECT_EQ(l.config.defaults.inputRules[0].min, -1);
  ASSERT_EQ(l.config.models.size(), 1u);
  EXPECT_EQ(l.config.models[0].name, "ocr");
  const auto &rules = l.config.models[0].inputRules;
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].input, "x");
  EXPECT_TRUE(rules[0].own && rules[0].ranged && !rules[0].finite);
  EXPECT_EQ(rules[0].min, -1) << "inherited";
  EXPECT_EQ(rules[0].max, 0.1) << "to the last bit";
  std::vector<std::vector<int64_t>> shapes = {{1, 3, 48, -1}, {2, 4}};
  EXPECT_EQ(rules[0].shapes, shapes);
  EXPECT_EQ(rules[1].input, "x.0");
  EXPECT_TRUE(rules[1].own && rules[1].finite && !rules[1].ranged);
  auto fault = [](const std::string &file, const char *text) {
    Status status = load({}, file).status;
    EXPECT_EQ(status.code, Code::invalid) << file;
    EXPECT_NE(status.message.find(text), std::string::npos) << status.message;
  };
  fault("[inputs.x]\nshape = \"2\"\n", "did you mean shapes?");
  fault("[inputs.x]\nshapes = \"2x-3\"\n", ":2: inputs.x.shapes: found '2x-3'");
  fault("[models.m.inputs.x]\nmin = 2\nmax = 1\n",
        "models.m.inputs.x: min is above max");
  fault("[inputs.x]\nmin = nan\n", "expected a number");
}

TEST_F(ServeConfig, FaultsNameThePlaceAndTheNearestKey) {
  struct {
    std::vector<std::string> arguments;
    const char *file, *expected;
  } cases[] = {
      {{"--htp-port=1"}, "", "did you mean --http-port?"},
      {{"--http-port=x"},
       "",
       "--http-port: http.port: found 'x', expected a port"},
      {{"--http-port=65536"}, "", "a port from 0 to 65535"},
      {{"--http-port"}, "", "option --http-port needs a value"},
      {{"--set", "grpc.prot=1"}, "", "did you mean grpc.port?"},
      {{"--set", "x"}, "", "expected KEY=VALUE"},
      {{"--log-level=loud"}, "", "debug|info|warning|error|off"},
      {{"--watch"}, "", "watch needs a repository"},
      {{"--tls-key=/dev/null"}, "", "go together"},
      {{"--tls-key=/nowhere/key"}, "", "cannot read '/nowhere/key'"},
      {{"--http-port=off", "--grpc-port=off"}, "", "nothing would be served"},
      {{"--http-port=8001"}, "", "http.port and grpc.port are both 8001"},
      {{"--grpc-port=8002"}, "", "grpc.port and admin.port are both 8002"},
      {{"--grace=2h"}, "", "a time up to a day"},
      {{"--max-queue-bytes=99999999999999GiB"}, "", "bytes, as in 64MiB"},
      {{"--versions=newest"}, "", "latest, latest:N, all"},
      {{"a", "b"}, "", "a second repository"},
      {{}, "[http\nport=1\n", ":1: "},
      {{}, "[http]\nport = 1.5\n", "found '1.5', expected a port"},
      {{}, "[http]\npotr = 1\n", "did you mean http.port?"},
      {{}, "[models.ocr]\nmax-bach = 1\n", "did you mean max-batch?"},
  };
  for (const auto &c : cases) {
    Loaded l = load(c.arguments, c.file);
    EXPECT_FALSE(l.status.ok()) << c.expected;
    EXPECT_NE(l.status.message.find(c.expected), std::string::npos)
        << l.status.message << "\nlacks: " << c.expected;
  }
}

TEST_F(ServeConfig, TextThatTheParserCannotTakeIsRefusedBefore) {
  struct {
    std::string file, text;
  } cases[] = {
      {"grace = \"1s\"\nlog-level = \"\xff\"\n", ":2: byte 255 is no UTF-8"},
      {"# \xc3", ":1: byte 195 is no UTF-8"},
      {"# \xc0\xaf", "byte 192"},         // '/' in two bytes
      {"# \xed\xa0\x80", "byte 237"},     // half of a pair
      {"# \xf4\x90\x80\x80", "byte 244"}, // past the last character
      {"[\1e\"= \"\"\n", ":1: control character 1;"},
      {"[ = 4\"\n", "a key or a value is missing"},
      {"a" + std::string(200, '.') + " = 1", ":1: more than 100 dots"},
      {std::string((1 << 20) + 1, '\n'), "larger than 1048576 bytes"},
  };
  for (const auto &one : cases) {
    Status status = load({}, one.file).status;
    EXPECT_FALSE(status.ok());
    EXPECT_NE(status.message.find(one.text), std::string::npos)
        << status.message;
  }
  // Deep in every way that is left.
  std::string deep = std::string(90, 'a');
  for (size_t i = 1; i < deep.size(); i += 2)
    deep[i] = '.';
  std::string value = "1";
  for (int i = 0; i < 1000; ++i)
    value = "[\n{" + deep.substr(0, 89) + "=" + value + "}]";
  EXPECT_FALSE(load({}, deep.substr(0, 89) + "=" + value).status.ok());
  EXPECT_TRUE(
      load({}, "# \xc3\xa4 \xe2\x82\xac \xf0\x9f\x99\x82\n").status.ok());
}

TEST_F(ServeConfig, AReloadKnowsWhatItCannotChange) {
  Loaded before = load({"--log-level=info"}),
         after = load({"--log-level=debug", "--http-port=1"});
  EXPECT_EQ(needRestart(before.values, after.values),
            std::vector<std::string>{"http.port"});
  after = load({"--log-level=info", "--max-queue=9", "--client-rate=3"},
               "[models.m]\nmax-batch = 4\nrate = 2\n"
               "[models.m.inputs.x]\nmin = 1\n");
  EXPECT_EQ(needRestart(before.values, after.values),
            std::vector<std::string>{"models.m.max-batch"});
}

TEST_F(ServeConfig, HelpListsEveryKey) {
  std::string page = configHelp();
  for (const auto &row : serverKeys())
    EXPECT_NE(page.find(row.help), std::string::npos) << row.key;
  for (const auto &row : modelKeys())
    EXPECT_NE(page.find(row.help), std::string::npos) << row.key;
}
