// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every path of the protocol, and what is answered where it is wrong, without a
// socket in between.
#include "test/unit/ServeHttpFixture.h"

#include "runtime/serve/http/AdminPages.h"
#include "runtime/serve/http/Target.h"

#include <condition_variable>
#include <nlohmann/json.hpp>

using namespace sinter::serve;
using namespace sinter::serve::test;
using nlohmann::json;

namespace {

class Routes : public testing::Test {
protected:
  void make(Services services) {
    router = std::make_unique<Router>(engine, std::move(services));
  }

  HttpResponse ask(HttpMethod method, const std::string &target,
                   const std::string &body = "",
                   std::function<void(HttpRequest &)> change = nullptr) {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.body = Body::copyOf(body);
    request.received = Clock::now();
    request.client = "c";
    if (change)
      change(request);
    std::mutex mutex;
    std::condition_variable answered;
    std::optional<HttpResponse> response;
    router->handle(std::move(request), [&](HttpResponse &&r) {
      std::lock_guard<std::mutex> lock(mutex);
      EXPECT_FALSE(response);
      response = std::move(r);
      answered.notify_all();
    });
    std::unique_lock<std::mutex> lock(mutex);
    answered.wait_for(lock, std::chrono::seconds(20),
                      [&] { return response.has_value(); });
    return response.value_or(HttpResponse());
  }
  HttpResponse get(const std::string &target) {
    return ask(HttpMethod::get, target);
  }
  HttpResponse post(const std::string &target, const std::string &body = "") {
    return ask(HttpMethod::post, target, body);
  }
  std::string errorOf(const HttpResponse &response) {
    return json::parse(response.text, nullptr, false).value("error", "");
  }
  static std::string header(const HttpResponse &response,
                            const std::string &name) {
    for (const auto &[key, value] : response.headers)
      if (key == name)
        return value;
    return "";
  }

  FakeEngine engine;
  std::unique_ptr<Router> router = std::make_unique<Router>(engine, Services());
};

} // namespace

TEST_F(Routes, Health) {
  EXPECT_EQ(get("/v2/health/live").status, 200u);
  EXPECT_EQ(get("/v2/health/ready").status, 200u);
  engine.isReady = false;
  HttpResponse response = get("/v2/health/ready");
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(header(response, "Retry-After"), "1");
  EXPECT_NE(errorOf(response), "");
  EXPECT_EQ(get("/v2/models/m/ready").status, 200u);
  EXPECT_EQ(get("/v2/models/m/versions/stable/ready").status, 200u);
  EXPECT_EQ(get("/v2/models/none/ready").status, 404u);
  response = get("/v2/models/full/ready");
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(header(response, "Retry-After"), "2");
}

TEST_F(Routes, Metadata) {
  EXPECT_EQ(json::parse(get("/v2").text)["name"], "sinter");
  EXPECT_EQ(json::parse(get("/v2/").text)["name"], "sinter");
  EXPECT_EQ(json::parse(get("/v2/models/m").text)["versions"], json({"1"}));
  EXPECT_EQ(json::parse(get("/v2/models/m/versions/1?x=y").text)["platform"],
            "sinter");
  EXPECT_EQ(json::parse(get("/v2/models/m/config").text)["max_batch_size"], 8);
  EXPECT_EQ(get("/v2/models/m/versions/9").status, 404u);
  EXPECT_EQ(json::parse(get("/v2/models/stats").text)["model_stats"].size(),
            1u);
  EXPECT_EQ(
      json::parse(
          get("/v2/models/m/versions/1/stats").text)["model_stats"][0]["name"],
      "m");
  EXPECT_EQ(get("/v2/models/none/stats").status, 404u);
  EXPECT_EQ(json::parse(post("/v2/repository/index").text)[0]["labels"][0],
            "stable");
  EXPECT_EQ(post("/v2/repository/main/index", R"({"ready":true})").status,
            200u);
  EXPECT_EQ(post("/v2/repository/models/index").status, 200u);
  EXPECT_EQ(post("/v2/repository/index", "[").status, 400u);
}

TEST_F(Routes, WrongPathsAndMethods) {
  for (const char *path :
       {"/", "/v1", "/v2/none", "/v2/models", "/v2/models/m/none", "/v2/health",
        "/v2/health/none"})
    EXPECT_EQ(get(path).status, 404u) << path;
  for (const char *path : {"v2", "", "/v2//health/live", "/v2/%zz",
                           "/v2/models/%00", "/v2/models/%4"})
    EXPECT_EQ(get(path).status, 404u) << path;
  EXPECT_EQ(get("/v2/models/%6d").status, 200u);
  HttpResponse response = get("/v2/models/m/infer");
  EXPECT_EQ(response.status, 405u);
  EXPECT_EQ(header(response, "Allow"), "POST");
  EXPECT_EQ(post("/v2/health/live").status, 405u);
}

TEST_F(Routes, TraceSettings) {
  Status status;
  std::unique_ptr<Tracer> tracer = Tracer::create({}, status);
  ASSERT_TRUE(tracer);
  Services services;
  services.tracer = tracer.get();
  services.control = true;
  make(services);
  json settings = json::parse(get("/v2/trace/setting").text);
  EXPECT_EQ(settings["trace_level"], json({"OFF"}));
  EXPECT_EQ(settings["trace_mode"], "triton");
  EXPECT_EQ(post("/v2/models/m/trace/setting", R"({"trace_rate":3})").status,
            200u);
  EXPECT_EQ(json::parse(get("/v2/models/m/trace/setting").text)["trace_rate"],
            "3");
  EXPECT_EQ(json::parse(get("/v2/trace/setting").text)["trace_rate"], "1000");
  EXPECT_EQ(get("/v2/models/none/trace/setting").status, 404u);
  // One wrong setting, and none of them is taken.
  for (const char *wrong :
       {R"({"trace_rate":"9","trace_count":"-2"})", R"({"trace_rate":0})",
        R"({"trace_rate":true})", R"({"trace_level":["TIMESTAMPS"]})",
        R"({"trace_level":"ON"})", R"({"unknown":"1"})", "[", "[]"})
    EXPECT_EQ(post("/v2/trace/setting", wrong).status, 400u) << wrong;
  EXPECT_EQ(post("/v2/trace/setting", R"({"trace_file":"/etc/x"})").status,
            501u);
  EXPECT_EQ(json::parse(get("/v2/trace/setting").text)["trace_rate"], "1000");
  json extensions = json::parse(get("/v2").text)["extensions"];
  EXPECT_EQ(std::count(extensions.begin(), extensions.end(), "trace"), 1);
  services.control = false;
  make(services);
  EXPECT_EQ(get("/v2/trace/setting").status, 200u);
  EXPECT_EQ(post("/v2/trace/setting", R"({"trace_rate":3})").status, 403u);
}

TEST_F(Routes, WhatIsNotOfferedSaysSo) {
  for (const char *path :
       {"/v2/cudasharedmemory/status", "/v2/systemsharedmemory/status",
        "/v2/trace/setting", "/v2/models/m/trace/setting", "/v2/logging"}) {
    HttpResponse response = get(path);
    EXPECT_EQ(response.status, 501u) << path;
    EXPECT_NE(errorOf(response).find("does not offer"), std::string::npos);
  }
  EXPECT_EQ(get("/v2/models/m/generate").status, 405u);
  EXPECT_EQ(post("/v2/models/m/generate").status, 501u);
  json extensions = json::parse(get("/v2").text)["extensions"];
  EXPECT_EQ(std::count(extensions.begin(), extensions.end(), "logging"), 0);
}

TEST_F(Routes, InferenceFaults) {
  EXPECT_EQ(post("/v2/models/m/infer", inferJson).status, 200u);
  EXPECT_EQ(engine.last().client, "c");
  EXPECT_EQ(post("/v2/models/m/versions/stable/infer", inferJson).status, 200u);
  EXPECT_EQ(engine.last().version, "stable");
  EXPECT_EQ(post("/v2/models/none/infer", inferJson).status, 404u);
  EXPECT_EQ(post("/v2/models/m/infer", "{").status, 400u);
  EXPECT_EQ(post("/v2/models/none/infer", "{").status, 404u);
  HttpResponse full = post("/v2/models/full/infer", inferJson);
  EXPECT_EQ(full.status, 503u);
  EXPECT_EQ(header(full, "Retry-After"), "2");
  HttpResponse broken = post("/v2/models/broken/infer", inferJson);
  EXPECT_EQ(broken.status, 503u);
  EXPECT_EQ(header(broken, "Retry-After"), "60") << "somebody must mend it";
  EXPECT_NE(errorOf(broken).find("is damaged"), std::string::npos);
  auto withLength = [](const char *text) {
    return [text](HttpRequest &request) { request.inferLength = text; };
  };
  for (const char *text :
       {"x", "-1", "99999", " 5", "5 ", "18446744073709551616"})
    EXPECT_EQ(
        ask(HttpMethod::post, "/v2/models/m/infer", inferJson, withLength(text))
            .status,
        400u)
        << text;
  auto withTimeout = [](const char *text) {
    return [text](HttpRequest &request) { request.timeout = text; };
  };
  EXPECT_EQ(ask(HttpMethod::post, "/v2/models/m/infer", inferJson,
                withTimeout("250ms"))
                .status,
            200u);
  EXPECT_EQ(engine.last().deadline - engine.last().received,
            std::chrono::milliseconds(250));
  EXPECT_EQ(ask(HttpMethod::post, "/v2/models/m/infer", inferJson,
                withTimeout("soon"))
                .status,
            400u);
}

TEST_F(Routes, ClassificationUsesTheModelsBatch) {
  HttpResponse response = post(
      "/v2/models/m/infer",
      R"({"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,4,3]}],
    "outputs":[{"name":"y","parameters":{"classification":1}}]})");
  EXPECT_EQ(json::parse(response.text)["outputs"][0]["data"],
            json({"2.000000:1", "4.000000:0"}));
}

TEST_F(Routes, ControlOnlyWhereItIsOn) {
  std::vector<std::string> audited;
  for (const char *path :
       {"/v2/repository/models/m/load", "/v2/repository/models/m/unload",
        "/v2/models/m/labels/x"})
    EXPECT_EQ(post(path).status, 403u) << path;
  EXPECT_EQ(engine.notes(), "");
  Services services;
  services.control = true;
  services.audit = [&](const HttpRequest &request, const std::string &action,
                       const Status &outcome) {
    audited.push_back(request.client + " " + action +
                      (outcome.ok() ? " ok" : " failed"));
  };
  make(services);
  EXPECT_EQ(post("/v2/repository/models/m/load").status, 200u);
  EXPECT_EQ(post("/v2/repository/x/models/m/unload",
                 R"({"parameters":{"unload_dependents":false}})")
                .status,
            200u);
  EXPECT_EQ(post("/v2/models/m/labels/canary", R"({"version":"1"})").status,
            200u);
  EXPECT_EQ(ask(HttpMethod::del, "/v2/models/m/labels/canary").status, 200u);
  EXPECT_EQ(
      post("/v2/repository/models/m/load", R"({"parameters":{"config":"{}"}})")
          .status,
      501u);
  EXPECT_EQ(engine.notes(), "load m;unload m;m canary=1;m canary=;");
  EXPECT_EQ(audited, (std::vector<std::string>{"c load m ok", "c unload m ok",
                                               "c label m canary 1 ok",
                                               "c label m canary (none) ok"}));
}

TEST_F(Routes, LogSettings) {
  LogControl logs([](const LogSettings &) {});
  Services services;
  services.logs = &logs;
  make(services);
  EXPECT_EQ(json::parse(get("/v2/logging").text)["log_info"], true);
  EXPECT_EQ(post("/v2/logging", R"({"log_info":false})").status, 403u);
  services.control = true;
  make(services);
  EXPECT_EQ(json::parse(
                post("/v2/logging", R"({"log_info":false})").text)["log_info"],
            false);
  EXPECT_EQ(post("/v2/logging", R"({"log_info":3})").status, 400u);
}

TEST_F(Routes, AuthorizationIsAskedFirst) {
  Services services;
  services.control = true;
  services.authorize = [](HttpRequest &request, Permission permission,
                          const std::string &model) -> Status {
    if (request.apiKey.empty())
      return {Code::unauthenticated, "request: needs an API key"};
    request.client = "key:" + request.apiKey;
    return permission == Permission::control
               ? Status(Code::denied, "key may not control " + model)
               : Status();
  };
  make(services);
  HttpResponse response = post("/v2/models/m/infer", "{");
  EXPECT_EQ(response.status, 401u);
  EXPECT_EQ(header(response, "WWW-Authenticate"), "Bearer");
  EXPECT_EQ(get("/v2/models/m").status, 401u);
  EXPECT_EQ(get("/v2/health/live").status, 200u);
  auto keyed = [](HttpRequest &request) { request.apiKey = "k"; };
  EXPECT_EQ(
      ask(HttpMethod::post, "/v2/models/m/infer", inferJson, keyed).status,
      200u);
  EXPECT_EQ(engine.last().client, "key:k");
  EXPECT_EQ(
      ask(HttpMethod::post, "/v2/repository/models/m/load", "", keyed).status,
      403u);
}

TEST_F(Routes, AdminPages) {
  Services services;
  services.more = AdminPages(
      engine, [] { return std::vector<ListenerMetrics>{{"http", 7}}; });
  make(services);
  EXPECT_EQ(post("/v2/models/m/infer", inferJson).status, 200u);
  HttpResponse metrics = get("/metrics");
  EXPECT_EQ(metrics.contentType.substr(0, 10), "text/plain");
  EXPECT_NE(metrics.text.find("sinter_connections{listener=\"http\"} 7\n"),
            std::string::npos);
  for (const char *path : {"/", "/status", "/status.js", "/status.css"})
    EXPECT_EQ(get(path).status, 200u) << path;
  EXPECT_NE(get("/status.json").text.find("\"name\":\"m\""), std::string::npos);
  EXPECT_EQ(get("/costs.json").text, "{\"models\":[]}");
  EXPECT_EQ(post("/metrics").status, 404u);
}

TEST(Targets, TimeoutsAndPaths) {
  EXPECT_EQ(parseTimeout("1.5"), std::chrono::microseconds(1500000));
  EXPECT_EQ(parseTimeout("80us"), std::chrono::microseconds(80));
  EXPECT_EQ(parseTimeout("2m"), std::chrono::microseconds(120000000));
  for (const char *text : {"", "-1", "1h", "ms", "nan", "inf", "1e99", "1 s"})
    EXPECT_FALSE(parseTimeout(text)) << text;
  EXPECT_EQ(*splitTarget("/a/b%2Fc/?q=/x"),
            (std::vector<std::string>{"a", "b/c"}));
  EXPECT_EQ(splitTarget("http://host:80/v2")->at(0), "v2");
}
