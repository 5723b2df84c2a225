// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// HTTP/1.1 as well-behaved clients speak it.
#include "test/unit/ServeHttpFixture.h"

#include "runtime/serve/http/Coding.h"
#include "runtime/serve/protect/LocalSocket.h"

#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

using namespace sinter::serve;
using namespace sinter::serve::test;

namespace {

std::string packed(Coding coding, const std::string &text) {
  HttpResponse response;
  response.text = text;
  EXPECT_TRUE(pack(coding, response));
  return response.text;
}

std::string unpacked(Coding coding, const std::string &text) {
  Status status;
  std::shared_ptr<Body> body =
      unpack(coding, *Body::copyOf(text), 64 << 20, status);
  EXPECT_TRUE(body) << status.message;
  return body ? std::string(body->text()) : "";
}

std::string chunked(const std::string &body, size_t each) {
  std::string text;
  for (size_t at = 0; at < body.size(); at += each) {
    std::string part = body.substr(at, each);
    char size[32];
    snprintf(size, sizeof size, "%zx;ext=1\r\n", part.size());
    text += size + part + "\r\n";
  }
  return text + "0\r\nX-Trailer: t\r\n\r\n";
}

const char *const infer = "/v2/models/m/infer";

} // namespace

TEST_F(HttpServer, KeepsTheConnection) {
  start();
  RawClient client(listener->port());
  for (int i = 0; i < 3; ++i) {
    Reply reply = client.ask(get("/v2/health/ready"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers["connection"], "keep-alive");
    EXPECT_EQ(reply.headers["date"].size(), 29u);
  }
  EXPECT_EQ(
      client.ask(get("/v2", "Connection: close\r\n")).headers["connection"],
      "close");
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(listener->counts().accepted, 1u);
  EXPECT_EQ(listener->counts().requests, 4u);
}

TEST_F(HttpServer, OldClientsCloseByThemselves) {
  start();
  RawClient client(listener->port());
  EXPECT_EQ(client.ask("GET /v2/health/live HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(client.ends());
}

TEST_F(HttpServer, InfersWithJsonAndBinary) {
  start();
  RawClient client(listener->port());
  Reply reply = client.ask(post(
      infer, inferJson, "X-Request-Id: r-1\r\ntraceparent: 00-ab-cd-01\r\n"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.body.find(R"("data":[1.0,2.0,3.0,4.5])"), std::string::npos)
      << reply.body;
  EXPECT_EQ(reply.headers["content-type"], "application/json");
  EXPECT_EQ(reply.headers["x-request-id"], "r-1");
  EXPECT_EQ(reply.headers["traceparent"], "00-ab-cd-01");
  EXPECT_EQ(engine.last().trace.traceparent, "00-ab-cd-01");
  EXPECT_EQ(engine.last().id, "r-1");
  std::string json =
      R"({"parameters":{"binary_data_output":true},"inputs":[{"name":"x","shape":[2],"datatype":"UINT8",)"
      R"("parameters":{"binary_data_size":2}}]})";
  reply = client.ask(post(infer, json + "\x01\xFF",
                          "Inference-Header-Content-Length: " +
                              std::to_string(json.size()) + "\r\n"));
  EXPECT_EQ(reply.status, 200) << reply.body;
  size_t length = std::stoul(reply.headers["inference-header-content-length"]);
  EXPECT_EQ(reply.body.substr(length), "\x01\xFF");
  EXPECT_EQ(reply.headers["content-type"], "application/octet-stream");
  reply = client.ask(post(infer, std::string(16, 'r'),
                          "Inference-Header-Content-Length: 0\r\n"));
  EXPECT_EQ(reply.body.substr(
                std::stoul(reply.headers["inference-header-content-length"])),
            std::string(16, 'r'));
}

TEST_F(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  start();
  RawClient client(listener->port());
  std::string all;
  for (int i = 0; i < 40; ++i)
    all += post(i % 2 ? infer : "/v2/models/later/infer", inferJson,
                "X-Request-Id: " + std::to_string(i) + "\r\n");
  client.send(all);
  for (int i = 0; i < 40; ++i) {
    Reply reply = client.receive();
    ASSERT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers["x-request-id"], std::to_string(i));
  }
}

TEST_F(HttpServer, ChunksOfAnySize) {
  start();
  RawClient client(listener->port());
  for (size_t each : {1, 7, 1000}) {
    client.send(std::string("POST ") + infer +
                " HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" +
                chunked(inferJson, each));
    EXPECT_EQ(client.receive().status, 200) << each;
  }
}

TEST_F(HttpServer, BytesOneByOne) {
  start();
  RawClient client(listener->port());
  for (char c : post(infer, inferJson))
    client.send(std::string(1, c));
  EXPECT_EQ(client.receive().status, 200);
}

TEST_F(HttpServer, LargeBodiesAndAnswers) {
  start();
  RawClient client(listener->port());
  std::string json =
      R"({"inputs":[{"name":"x","shape":[5000000],"datatype":"UINT8","parameters":{"binary_data_size":5000000}}],)"
      R"("parameters":{"binary_data_output":true}})";
  std::string blob(5000000, 0);
  for (size_t i = 0; i < blob.size(); ++i)
    blob[i] = char(i * 31 >> 3);
  Reply reply = client.ask(post(infer, json + blob,
                                "Inference-Header-Content-Length: " +
                                    std::to_string(json.size()) + "\r\n"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_TRUE(reply.body.substr(std::stoul(
                  reply.headers["inference-header-content-length"])) == blob);
}

TEST_F(HttpServer, Continues) {
  start();
  RawClient client(listener->port());
  std::string text = post(infer, inferJson, "Expect: 100-continue\r\n");
  client.send(text.substr(0, text.size() - inferJson.size()));
  EXPECT_EQ(client.receive().status, 100);
  EXPECT_EQ(client.ask(inferJson).status, 200);
  EXPECT_EQ(client.ask(post(infer, inferJson, "Expect: a-miracle\r\n")).status,
            417);
}

TEST_F(HttpServer, CompressesBothWays) {
  start();
  for (Coding coding : {Coding::gzip, Coding::deflate}) {
    RawClient client(listener->port());
    std::string name = codingName(coding);
    Reply reply =
        client.ask(post("/v2/models/big/infer", packed(coding, inferJson),
                        "Content-Encoding: " + name +
                            "\r\nAccept-Encoding: br, " + name + ";q=0.5\r\n"));
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.headers["content-encoding"], name);
    EXPECT_LT(reply.body.size(), 1u << 20);
    EXPECT_NE(unpacked(coding, reply.body)
                  .find("\"datatype\":\"FP32\",\"shape\":[1048576]"),
              std::string::npos);
    EXPECT_EQ(client.ask(get("/v2/health/live", "Accept-Encoding: gzip\r\n"))
                  .headers.count("content-encoding"),
              0u);
    EXPECT_EQ(
        client.ask(post(infer, inferJson, "Content-Encoding: " + name + "\r\n"))
            .status,
        400);
  }
  RawClient client(listener->port());
  EXPECT_EQ(
      client.ask(post(infer, inferJson, "Content-Encoding: br\r\n")).status,
      501);
}

TEST(Codings, DamageAndBombs) {
  Status status;
  std::string bomb = packed(Coding::gzip, std::string(8 << 20, 0));
  EXPECT_FALSE(unpack(Coding::gzip, *Body::copyOf(bomb), 1 << 20, status));
  EXPECT_NE(status.message.find("unfolds to over"), std::string::npos);
  std::string good = packed(Coding::deflate, "hello hello hello hello");
  EXPECT_EQ(unpacked(Coding::deflate, good), "hello hello hello hello");
  EXPECT_EQ(
      unpacked(Coding::deflate, good.substr(2, good.size() - 6)).substr(0, 5),
      "hello");
  for (size_t cut = 0; cut < good.size(); ++cut)
    EXPECT_FALSE(unpack(Coding::deflate, *Body::copyOf(good.substr(0, cut)),
                        1000, status))
        << cut;
  EXPECT_FALSE(unpack(Coding::gzip,
                      *Body::copyOf(packed(Coding::gzip, "a") + "x"), 1000,
                      status));
  EXPECT_EQ(acceptedCoding("gzip;q=0, deflate"), Coding::deflate);
  EXPECT_EQ(acceptedCoding("br, *"), Coding::identity);
  EXPECT_EQ(acceptedCoding("deflate;q=0.5,GZIP"), Coding::gzip);
}

TEST_F(HttpServer, HeadAndOptionsHaveNoBody) {
  start();
  RawClient client(listener->port());
  client.send("HEAD /v2 HTTP/1.1\r\nHost: t\r\n\r\n");
  Reply reply = client.receive(true);
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.headers["content-length"], "0");
  reply = client.ask("OPTIONS /v2/models/m/infer HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(reply.status, 204);
  EXPECT_NE(reply.headers["allow"].find("POST"), std::string::npos);
  EXPECT_EQ(client.ask(get("/v2/health/live")).status, 200);
}

TEST_F(HttpServer, LocalSockets) {
  ListenOptions options;
  std::string path = testing::TempDir() + "/sinter-http-test.sock";
  options.address = "unix:" + path;
  start(options);
  RawClient client(path);
  EXPECT_EQ(client.ask(post(infer, inferJson)).status, 200);
  EXPECT_EQ(engine.last().client, "unix");
}

TEST_F(HttpServer, ASocketThatAKilledServerLeftIsTakenAndOneInUseIsNot) {
  ListenOptions options;
  std::string path = testing::TempDir() + "/sinter-http-left.sock";
  sockaddr_un address = {};
  ASSERT_TRUE(localAddress(path, address).ok());
  int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(left, reinterpret_cast<sockaddr *>(&address), sizeof address),
            0);
  close(left);
  options.address = "unix:" + path;
  start(options);
  RawClient client(path);
  EXPECT_EQ(client.ask(post(infer, inferJson)).status, 200);
  Status status;
  EXPECT_EQ(HttpListener::start(options, *router, status), nullptr);
  EXPECT_NE(status.message.find("in use"), std::string::npos) << status.message;
  EXPECT_EQ(client.ask(post(infer, inferJson)).status, 200);
  EXPECT_EQ(RawClient(path).ask(post(infer, inferJson)).status, 200);
}

TEST_F(HttpServer, ManyThreadsManyClients) {
  ListenOptions options;
  options.threads = 3;
  start(options);
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c)
    clients.emplace_back([&, c] {
      RawClient client(listener->port());
      for (int i = 0; i < 25; ++i)
        good +=
            client
                .ask(post(c % 2 ? infer : "/v2/models/later/infer", inferJson))
                .status == 200;
    });
  for (std::thread &client : clients)
    client.join();
  EXPECT_EQ(good, 200);
  EXPECT_EQ(listener->counts().active, 0u);
}

// Whom the kernel has let in is answered, taken yet or not.
TEST_F(HttpServer, DrainAnswersWhoIsConnected) {
  for (int round = 0; round < 5; ++round) {
    start();
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 100; ++i) {
      clients.push_back(std::make_unique<RawClient>(listener->port()));
      clients.back()->send(post(infer, inferJson));
    }
    std::thread drain(
        [&] { listener->drain(Clock::now() + std::chrono::seconds(60)); });
    for (auto &client : clients) {
      Reply reply = client->receive();
      EXPECT_EQ(reply.status, 200);
    }
    drain.join();
    EXPECT_EQ(listener->counts().connections, 0u);
    TearDown();
  }
}

TEST_F(HttpServer, DrainWaitsForRequestsNotConnections) {
  start();
  RawClient idle(listener->port()), busy(listener->port());
  EXPECT_EQ(idle.ask(get("/v2/health/live")).status, 200);
  busy.send(post("/v2/models/kept/infer", inferJson));
  while (engine.last().model != "kept")
    std::this_thread::yield();
  uint16_t port = listener->port();
  std::thread drain(
      [&] { listener->drain(Clock::now() + std::chrono::seconds(20)); });
  EXPECT_TRUE(idle.ends());
  engine.release();
  Reply reply = busy.receive();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers["connection"], "close");
  drain.join();
  EXPECT_EQ(listener->counts().connections, 0u);
  EXPECT_NE(port, 0);
}
