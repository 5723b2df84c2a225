// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Histograms, Prometheus' text, the status page, and traces as far as they need
// no server.
#include "runtime/serve/observe/HttpPost.h"
#include "runtime/serve/observe/ProfilePage.h"
#include "runtime/serve/observe/StatusPage.h"
#include "runtime/serve/observe/Trace.h"

#include <gtest/gtest.h>
#include <set>
#include <sstream>

using namespace sinter::serve;

namespace {

Observed observed() {
  Observed o;
  o.ready = true;
  o.version = "1.0";
  ModelStatistics s;
  s.name = "m";
  s.version = "1";
  s.success = {5, 5000000};
  s.fail = {4, 0};
  s.rejected = 2;
  s.cancelled = 1;
  s.executionCount = 2;
  s.inferenceCount = 6;
  s.batches = {{3, {2, 10}, {2, 20}, {2, 30}, {}}};
  s.batches[0].compute.counts[4] = 2;
  s.request.counts[6] = 5;
  s.request.sumNs = 3500000;
  o.models = {s};
  o.index = {{"m", "1", VersionState::ready, "", {"stable"}},
             {"<b>\"&", "2", VersionState::unavailable, "bad <bundle>", {}}};
  o.upUs = 7;
  o.listeners = {{"http", 1, 2, 3, 4, 5, 6, 7}};
  return o;
}

} // namespace

TEST(Prometheus, FamiliesAreWholeAndHistogramsCumulative) {
  std::istringstream text(prometheusText(observed()));
  std::set<std::string> families, series;
  std::string line, family;
  double below = 0;
  while (std::getline(text, line)) {
    ASSERT_FALSE(line.empty());
    if (line.compare(0, 7, "# HELP ") == 0) {
      family = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(families.insert(family).second) << "twice: " << family;
      continue;
    }
    if (line[0] == '#')
      continue;
    EXPECT_EQ(line.compare(0, family.size(), family), 0) << line;
    size_t space = line.rfind(' ');
    EXPECT_TRUE(series.insert(line.substr(0, space)).second)
        << "twice: " << line;
    double value = std::stod(line.substr(space + 1));
    if (line.find("_bucket{") == std::string::npos)
      continue;
    EXPECT_GE(value,
              line.find("le=\"0.00001\"") == std::string::npos ? below : 0)
        << line;
    below = value;
  }
  for (const char *wanted :
       {"nv_inference_request_success{model=\"m\",version=\"1\"}",
        "nv_inference_request_failure{model=\"m\",version=\"1\",reason="
        "\"BACKEND\"}",
        "sinter_request_duration_seconds_bucket{model=\"m\",version=\"1\","
        "le=\"0.001\"}",
        "sinter_request_duration_seconds_bucket{model=\"m\",version=\"1\","
        "le=\"+Inf\"}",
        "sinter_batch_compute_duration_seconds_bucket{model=\"m\",version="
        "\"1\",rows=\"3\",le=\"0.0002\"}",
        "sinter_batches_by_size_total{model=\"m\",version=\"1\",rows=\"3\"}",
        "sinter_model_ready{model=\"<b>\\\"&\",version=\"2\"}",
        "sinter_connections{listener=\"http\"}", "process_open_fds",
        "sinter_ready"})
    EXPECT_TRUE(series.count(wanted)) << wanted;
}

TEST(Prometheus, CertificateOnlyWithTls) {
  Observed o = observed();
  const char *series = "\nsinter_certificate_expiry_timestamp_seconds ";
  EXPECT_EQ(prometheusText(o).find(series), std::string::npos);
  o.certificateEnds = 1800000000;
  EXPECT_NE(prometheusText(o).find(series + std::string("1800000000\n")),
            std::string::npos);
}

// What was shed at the door never was a failure of the model.
TEST(Prometheus, FailuresOfTheBackend) {
  EXPECT_NE(prometheusText(observed()).find("reason=\"BACKEND\"} 3\n"),
            std::string::npos);
}

TEST(StatusPage, NumbersAndFiles) {
  std::string json = statusJson(observed());
  for (const char *wanted :
       {"\"labels\":[\"stable\"]", "\"ready\":true", "\"requests\":5",
        "\"sizes\":[[3,2,20]]", "\"name\":\"<b>\\\"&\"",
        "\"reason\":\"bad <bundle>\"", "\"state\":\"unavailable\"",
        "\"now_us\":7"})
    EXPECT_NE(json.find(wanted), std::string::npos) << wanted << "\n" << json;
  for (const char *path : {"/", "/status", "/status.css", "/status.js"}) {
    ASSERT_TRUE(statusFile(path)) << path;
    EXPECT_NE(std::string(statusFile(path)->text).find("Sinter"),
              std::string::npos);
    // Nothing from elsewhere: no address but that of the namespace of SVG.
    std::string text = statusFile(path)->text;
    for (size_t at = text.find("://"); at != std::string::npos;
         at = text.find("://", at + 1))
      EXPECT_EQ(text.substr(at, 18), "://www.w3.org/2000") << path;
  }
  EXPECT_FALSE(statusFile("/status.html"));
}

TEST(ProfilePage, EscapesNamesAndSumsUp) {
  ModelProfile model{"<m>", "1", 10, 2, 6, 400, {}};
  model.operators = {{"a<b>&\"", "k0", 2, 300, 3000, 600},
                     {"", "", 4, 100, 0, 0}};
  std::string page = profilePage({model}), json = profileJson({model});
  for (const char *wanted :
       {"<h2>&lt;m&gt;</h2>", "<td>a&lt;b&gt;&amp;&quot;</td>", "75.0 %",
        "2 runs timed, one in 10", "<td>150 ns</td>", "<td>10.0</td>"})
    EXPECT_NE(page.find(wanted), std::string::npos) << wanted << "\n" << page;
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_NE(json.find("\"node\":\"a<b>&\\\"\",\"kernel\":\"k0\",\"calls\":2,"
                      "\"ns\":300"),
            std::string::npos)
      << json;
  ModelProfile fresh;
  EXPECT_NE(profilePage({fresh}).find("no run was timed"), std::string::npos);
}

TEST(Trace, ReadsTheContextOfW3C) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736",
                    span = "00f067aa0ba902b7";
  auto read = [](const std::string &text) { return parseTraceparent(text); };
  auto good = read("00-" + trace + "-" + span + "-01");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->traceId, trace);
  EXPECT_EQ(good->spanId, span);
  EXPECT_TRUE(good->isSampled);
  EXPECT_FALSE(read("00-" + trace + "-" + span + "-00")->isSampled);
  EXPECT_TRUE(read("00-" + trace + "-" + span + "-0b")->isSampled);
  EXPECT_TRUE(read("01-" + trace + "-" + span + "-01-more"));
  for (const std::string &wrong :
       {std::string(), "00-" + trace + "-" + span,
        "ff-" + trace + "-" + span + "-01",
        "00-" + trace + "-" + span + "-01-more",
        "00-" + trace + "-" + span + "-01x", "0-" + trace + "-" + span + "-001",
        "00-" + std::string(32, '0') + "-" + span + "-01",
        "00-" + trace + "-" + std::string(16, '0') + "-01",
        "00-" + trace.substr(1) + "G-" + span + "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span + "-01"})
    EXPECT_FALSE(read(wrong)) << wrong;
}

TEST(Trace, ReadsAddresses) {
  Status status;
  auto to = parseHttpAddress("http://collector", "/v1/traces", status);
  ASSERT_TRUE(to);
  EXPECT_EQ(to->host + " " + to->port + " " + to->path,
            "collector 4318 /v1/traces");
  to = parseHttpAddress("http://[::1]:99/other", "/v1/traces", status);
  ASSERT_TRUE(to);
  EXPECT_EQ(to->host + " " + to->port + " " + to->path, "::1 99 /other");
  EXPECT_FALSE(to->isSecure);
  to = parseHttpAddress("https://collector", "/v1/traces", status);
  ASSERT_TRUE(to);
  EXPECT_TRUE(to->isSecure);
  for (const char *wrong : {"", "collector", "ftp://collector", "https://",
                            "http://:1", "http://h:99999", "http://h:x",
                            "http://h:", "http://a@h", "http://h /"})
    EXPECT_FALSE(parseHttpAddress(wrong, "/", status)) << wrong;
}

// Nothing to export to: requests are left as they are.
TEST(Trace, OffLeavesRequestsAlone) {
  Status status;
  std::unique_ptr<Tracer> tracer = Tracer::create({}, status);
  ASSERT_TRUE(tracer);
  Request request;
  request.trace.traceparent =
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  tracer->begin(request);
  EXPECT_FALSE(request.done);
  EXPECT_EQ(tracer->counts().sampled, 0u);
}
