// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Slow, half-sent, oversized, malformed and chunk-abusing clients: each gets
// its status or is cut off, and the next client is served as if nothing had
// been.
#include "test/unit/ServeHttpFixture.h"

#include <sys/resource.h>

using namespace sinter::serve;
using namespace sinter::serve::test;
using std::chrono::milliseconds;

namespace {

const char *const infer = "/v2/models/m/infer";

class Abuse : public HttpServer {
protected:
  void expectHealthy() {
    RawClient client(listener->port());
    EXPECT_EQ(client.ask(post(infer, inferJson)).status, 200);
  }
  void expectRefused(const std::string &bytes, int status,
                     const std::string &text = "") {
    RawClient client(listener->port());
    Reply reply = client.ask(bytes);
    EXPECT_EQ(reply.status, status) << bytes.substr(0, 200) << "\n"
                                    << reply.body;
    EXPECT_EQ(reply.body.substr(0, 10), "{\"error\":\"");
    EXPECT_NE(reply.body.find(text), std::string::npos) << reply.body;
    EXPECT_TRUE(client.ends());
  }
};

std::string request(const std::string &headers, const std::string &body = "") {
  return std::string("POST ") + infer + " HTTP/1.1\r\nHost: t\r\n" + headers +
         "\r\n" + body;
}

} // namespace

TEST_F(Abuse, MalformedHeaders) {
  start();
  expectRefused("nonsense\r\n\r\n", 400);
  expectRefused("GET /v2 HTTP/9.9\r\nHost: t\r\n\r\n", 400);
  expectRefused("GET  /v2 HTTP/1.1\r\nHost: t\r\n\r\n", 400);
  expectRefused("GET /v2 HTTP/1.1\r\n\r\n", 400, "Host");
  expectRefused("GET /v2 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "Host");
  expectRefused("GET /v2 HTTP/1.1\r\nHost: t\r\nbad header\r\n\r\n", 400);
  expectRefused(std::string("GET /v2\0x HTTP/1.1\r\nHost: t\r\n\r\n", 31), 400);
  expectRefused("GET /v2 HTTP/1.1\r\nHost: t\r\nX: a\x01b\r\n\r\n", 400);
  expectRefused("\x16\x03\x01\x02\x00\x01 hello\r\n\r\n", 400);
  expectHealthy();
}

TEST_F(Abuse, AmbiguousLengths) {
  start();
  expectRefused(request("Content-Length: 5\r\nContent-Length: 6\r\n"), 400);
  expectRefused(request("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                        "0\r\n\r\n"),
                400);
  expectRefused(request("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
                        "0\r\n\r\n"),
                400);
  expectRefused(request("Content-Length: -1\r\n"), 400);
  expectRefused(request("Content-Length: 1x\r\n"), 400);
  expectRefused(request("Content-Length: 99999999999999999999999\r\n"), 400);
  expectRefused(request("Transfer-Encoding: gzip, chunked\r\n"), 501,
                "Transfer-Encoding");
  expectRefused(request("Transfer-Encoding: identity\r\n"), 501,
                "Transfer-Encoding");
  expectHealthy();
}

TEST_F(Abuse, Oversized) {
  ListenOptions options;
  options.limits.bodyBytes = 1000;
  options.limits.headerBytes = 2000;
  start(options);
  expectRefused(request("Content-Length: 1001\r\n"), 413,
                "over the limit of 1000");
  expectRefused(request("Transfer-Encoding: chunked\r\n",
                        "7d0\r\n" + std::string(2000, 'x')),
                413, "1000");
  expectRefused(request("X: " + std::string(3000, 'x') + "\r\n"), 431, "2000");
  expectRefused("GET /" + std::string(100000, 'x'), 431, "2000");
  std::string many;
  for (int i = 0; i < 1000; ++i)
    many += "X" + std::to_string(i) + ": 1\r\n";
  expectRefused(request(many), 431);
  // The client sends on although it was refused; it must still see why.
  expectRefused(
      request("Content-Length: 3000000\r\n", std::string(3000000, 'x')), 413);
  expectHealthy();
}

TEST_F(Abuse, ChunkAbuse) {
  ListenOptions options;
  options.limits.headerBytes = 4000;
  start(options);
  std::string chunks = "Transfer-Encoding: chunked\r\n";
  expectRefused(request(chunks, "zz\r\n"), 400, "chunks");
  expectRefused(request(chunks, "-1\r\n"), 400);
  expectRefused(request(chunks, "ffffffffffffffffffff\r\n"), 400);
  expectRefused(request(chunks, "5\r\nhelloXX\r\n"), 400);
  expectRefused(request(chunks, "1;" + std::string(20000, 'e') + "\r\n"), 400);
  expectRefused(request(chunks, "0\r\n" + std::string(20000, 't')), 400);
  expectRefused(request(chunks, "fffffffff\r\n" + std::string(10, 'a')), 413);
  // A hundred thousand chunks of one byte: slow to read, but no more than that.
  std::string tiny;
  for (int i = 0; i < 100000; ++i)
    tiny += "1\r\n \r\n";
  RawClient client(listener->port());
  EXPECT_EQ(client.ask(request(chunks, tiny + "0\r\n\r\n")).status, 400);
  expectHealthy();
}

TEST_F(Abuse, SlowHeadersAndBodies) {
  ListenOptions options;
  options.limits.header = milliseconds(300);
  options.limits.body = milliseconds(300);
  options.limits.idle = milliseconds(300);
  start(options);
  RawClient header(listener->port()), body(listener->port()),
      idle(listener->port()), chunk(listener->port());
  header.send("GET /v2 HT");
  body.send(request("Content-Length: 100\r\n", "half"));
  chunk.send(request("Transfer-Encoding: chunked\r\n", "64\r\nhalf"));
  EXPECT_EQ(header.receive().status, 408);
  EXPECT_EQ(body.receive().status, 408);
  EXPECT_EQ(chunk.receive().status, 408);
  EXPECT_TRUE(idle.ends());
  expectHealthy();
}

TEST_F(Abuse, HalfSentAndGone) {
  start();
  for (const std::string &bytes :
       {std::string(), std::string("POST"),
        request("Content-Length: 100\r\n", "half"),
        request("Transfer-Encoding: chunked\r\n", "5\r\nhel")}) {
    RawClient client(listener->port());
    client.send(bytes);
  }
  expectHealthy();
  listener->drain(Clock::now() + std::chrono::seconds(20));
  EXPECT_EQ(listener->counts().connections, 0u);
}

TEST_F(Abuse, ClientThatLeavesCancels) {
  start();
  {
    RawClient client(listener->port());
    client.send(post("/v2/models/hold/infer", inferJson));
    while (!engine.held)
      std::this_thread::yield();
    EXPECT_EQ(listener->counts().active, 1u);
  }
  while (!engine.cancelled)
    std::this_thread::yield();
  while (listener->counts().active)
    std::this_thread::yield();
  EXPECT_EQ(engine.cancelled, 1);
  expectHealthy();
}

TEST_F(Abuse, ConnectionLimit) {
  ListenOptions options;
  options.limits.connections = 2;
  start(options);
  RawClient one(listener->port()), two(listener->port());
  EXPECT_EQ(one.ask(get("/v2")).status, 200);
  EXPECT_EQ(two.ask(get("/v2")).status, 200);
  RawClient three(listener->port());
  Reply reply = three.receive();
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.headers["retry-after"], "1");
  one.close();
  while (listener->counts().connections > 1)
    std::this_thread::yield();
  RawClient four(listener->port());
  EXPECT_EQ(four.ask(get("/v2")).status, 200);
}

TEST_F(Abuse, BodiesTogetherAreBounded) {
  ListenOptions options;
  options.limits.bodiesBytes = 10000;
  start(options);
  RawClient holder(listener->port());
  holder.send(request("Content-Length: 9000\r\n", "x"));
  while (listener->counts().bytesIn < 60)
    std::this_thread::yield();
  RawClient other(listener->port());
  Reply reply = other.ask(post(infer, std::string(2000, ' ')));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.headers["retry-after"], "1");
  holder.close();
  while (listener->counts().connections)
    std::this_thread::yield();
  expectHealthy();
}

// Who says that much will come and sends nothing keeps nobody out.
TEST_F(Abuse, AnnouncedBodiesKeepNobodyOut) {
  ListenOptions options;
  options.limits.bodiesBytes = 3'000'000;
  start(options);
  RawClient one(listener->port()), two(listener->port());
  for (RawClient *client : {&one, &two})
    client->send(request("Content-Length: 3000000\r\n", "x"));
  while (listener->counts().bytesIn < 120)
    std::this_thread::yield();
  expectHealthy();
  // What has come counts, and twice of it.
  std::string half(1'000'000, ' ');
  one.send(half);
  while (listener->counts().bytesIn < half.size())
    std::this_thread::yield();
  RawClient other(listener->port());
  EXPECT_EQ(other.ask(post(infer, half)).status, 503);
}

// A body in chunks that keeps coming has the time that its size deserves.
TEST_F(Abuse, LongChunkedBodiesHaveTime) {
  ListenOptions options;
  options.limits.body = milliseconds(300);
  start(options);
  RawClient client(listener->port());
  client.send(request("Transfer-Encoding: chunked\r\n", "800000\r\n") +
              std::string(8 << 20, ' ') + "\r\n");
  std::this_thread::sleep_for(milliseconds(1000));
  char length[16];
  snprintf(length, sizeof length, "%zx\r\n", inferJson.size());
  EXPECT_EQ(client.ask(length + inferJson + "\r\n0\r\n\r\n").status, 200);
}

TEST_F(Abuse, EmptyLinesBeforeARequest) {
  start();
  std::string lines;
  for (int i = 0; i < 1'000'000; ++i)
    lines += "\r\n";
  RawClient client(listener->port());
  EXPECT_EQ(client.ask(lines + post(infer, inferJson)).status, 200);
}

TEST_F(Abuse, PipeliningWithoutReading) {
  start();
  RawClient client(listener->port());
  std::string all;
  for (int i = 0; i < 2000; ++i)
    all += post("/v2/models/m/infer", inferJson);
  std::thread sender([&] { client.send(all); });
  for (int i = 0; i < 2000; ++i)
    ASSERT_EQ(client.receive().status, 200) << i;
  sender.join();
}

TEST_F(Abuse, RequestAfterARefusedOneIsNotRead) {
  start();
  RawClient client(listener->port());
  client.send("bad\r\n\r\n" + get("/v2"));
  EXPECT_EQ(client.receive().status, 400);
  EXPECT_EQ(client.receive().status, 0);
}

TEST_F(Abuse, NoFileDescriptorsLeft) {
  start();
  rlimit before = {}, few = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  few = before;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 20; ++i)
    clients.push_back(std::make_unique<RawClient>(listener->port()));
  // All of them are accepted: one that waits would be sent away below.
  for (auto &client : clients)
    EXPECT_EQ(client->ask(get("/v2")).status, 200);
  // Sockets beyond this number cannot be accepted any more.
  few.rlim_cur = 24;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  EXPECT_EQ(clients[0]->ask(get("/v2")).status, 200);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  for (auto &client : clients)
    EXPECT_EQ(client->ask(get("/v2")).status, 200);
}
