// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See the header.
#include "test/unit/ServeHttpFixture.h"

#include "sinter/sinter.h"

#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sinter::serve::test {
namespace {

Response answerOf(const Request &request) {
  Response response;
  response.model = request.model;
  response.version = "1";
  for (Tensor tensor : request.inputs) {
    tensor.name = "y";
    if (request.model == "big") {
      auto bytes = std::make_shared<std::string>(4 << 20, 'b');
      tensor.dims = {1 << 20};
      tensor.data = reinterpret_cast<const std::byte *>(bytes->data());
      tensor.bytes = bytes->size();
      tensor.owner = bytes;
    }
    response.outputs.push_back(tensor);
  }
  return response;
}

class HeldTicket final : public Ticket {
public:
  HeldTicket(std::atomic<int> &cancelled, std::function<void(Response &&)> done)
      : cancelled(cancelled), done(std::move(done)) {}
  void cancel() override {
    if (called.exchange(true))
      return;
    cancelled += 1;
    Response response;
    response.status = {Code::cancelled, "the client left"};
    done(std::move(response));
  }

private:
  std::atomic<int> &cancelled;
  std::atomic<bool> called{false};
  std::function<void(Response &&)> done;
};

} // namespace

const std::string inferJson =
    R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4.5]}]})";

FakeEngine::~FakeEngine() {
  for (std::thread &thread : threads)
    thread.join();
}

std::shared_ptr<Ticket> FakeEngine::submit(Request &&request) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    seen = request;
    seen.done = nullptr;
  }
  if (request.model == "hold") {
    held += 1;
    return std::make_shared<HeldTicket>(cancelled, std::move(request.done));
  }
  if (request.model == "kept") {
    std::lock_guard<std::mutex> lock(mutex);
    kept = [request = std::move(request)] { request.done(answerOf(request)); };
    return nullptr;
  }
  if (request.model == "later") {
    std::lock_guard<std::mutex> lock(mutex);
    threads.emplace_back([request = std::move(request)] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      request.done(answerOf(request));
    });
    return nullptr;
  }
  Response response;
  if (request.model == "m" || request.model == "big")
    response = answerOf(request);
  else if (request.model == "full")
    response.status = {Code::unavailable, "model 'full': its queue is full",
                       1500};
  else if (request.model == "broken")
    response.status = {Code::unavailable, "model 'broken': is damaged"};
  else
    response.status = {Code::notFound, "model '" + request.model +
                                           "': is not in the repository"};
  request.done(std::move(response));
  return nullptr;
}

void FakeEngine::release() {
  std::function<void()> answer;
  while (!answer) {
    std::lock_guard<std::mutex> lock(mutex);
    answer.swap(kept);
  }
  answer();
}

Status FakeEngine::modelReady(const std::string &model,
                              const std::string &version) const {
  if (model == "full")
    return {Code::unavailable, "model 'full': is loading", 2000};
  Status status;
  describe(model, version, status);
  return status;
}

std::optional<ModelDescription> FakeEngine::describe(const std::string &model,
                                                     const std::string &version,
                                                     Status &status) const {
  if (model != "m" ||
      (!version.empty() && version != "1" && version != "stable")) {
    status = {Code::notFound, "model '" + model + "': no such version"};
    return std::nullopt;
  }
  ModelDescription description;
  description.name = "m";
  description.version = "1";
  description.versions = {"1"};
  description.inputs = {{"x", SINTER_F32, {-1, 4}}};
  description.outputs = {{"y", SINTER_F32, {-1, 4}}};
  description.maxBatch = 8;
  description.batchDim = 0;
  return description;
}

std::vector<ModelStatistics> FakeEngine::statistics(const std::string &model,
                                                    const std::string &,
                                                    Status &status) const {
  if (!model.empty() && model != "m") {
    status = {Code::notFound, "no such model"};
    return {};
  }
  ModelStatistics statistics;
  statistics.name = "m";
  statistics.version = "1";
  return {statistics};
}

Status FakeEngine::note(const std::string &text) {
  std::lock_guard<std::mutex> lock(mutex);
  noted += text + ";";
  return {};
}

std::string FakeEngine::notes() {
  std::lock_guard<std::mutex> lock(mutex);
  return noted;
}

Request FakeEngine::last() {
  std::lock_guard<std::mutex> lock(mutex);
  return seen;
}

RawClient::RawClient(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  descriptor = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(connect(descriptor, reinterpret_cast<sockaddr *>(&address),
                    sizeof address),
            0);
}

RawClient::RawClient(const std::string &path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  EXPECT_EQ(connect(descriptor, reinterpret_cast<sockaddr *>(&address),
                    sizeof address),
            0);
}

RawClient::~RawClient() { close(); }

void RawClient::close() {
  if (descriptor >= 0)
    ::close(descriptor);
  descriptor = -1;
}

void RawClient::send(const std::string &bytes) {
  for (size_t at = 0; at < bytes.size();) {
    ssize_t sent =
        ::send(descriptor, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent <= 0)
      return;
    at += size_t(sent);
  }
}

bool RawClient::more() {
  pollfd wait = {descriptor, POLLIN, 0};
  char buffer[65536];
  if (poll(&wait, 1, 20000) <= 0)
    return false;
  ssize_t got = recv(descriptor, buffer, sizeof buffer, 0);
  if (got <= 0)
    return false;
  pending.append(buffer, size_t(got));
  return true;
}

bool RawClient::ends() {
  pollfd wait = {descriptor, POLLIN, 0};
  char buffer[65536];
  while (poll(&wait, 1, 20000) > 0)
    if (recv(descriptor, buffer, sizeof buffer, 0) <= 0)
      return true;
  return false;
}

Reply RawClient::receive(bool head) {
  Reply reply;
  size_t end;
  while ((end = pending.find("\r\n\r\n")) == std::string::npos)
    if (!more())
      return reply;
  std::string header = pending.substr(0, end + 2);
  pending.erase(0, end + 4);
  for (size_t at = header.find("\r\n") + 2; at < header.size();) {
    size_t stop = header.find("\r\n", at), colon = header.find(": ", at);
    std::string name = header.substr(at, colon - at);
    for (char &c : name)
      c = char(tolower(c));
    reply.headers[name] = header.substr(colon + 2, stop - colon - 2);
    at = stop + 2;
  }
  size_t length = head || !reply.headers.count("content-length")
                      ? 0
                      : std::stoul(reply.headers["content-length"]);
  while (pending.size() < length)
    if (!more())
      return reply;
  reply.body = pending.substr(0, length);
  pending.erase(0, length);
  reply.status = std::stoi(header.substr(9));
  return reply;
}

std::string get(const std::string &path, const std::string &headers) {
  return "GET " + path + " HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n";
}

std::string post(const std::string &path, const std::string &body,
                 const std::string &headers) {
  return "POST " + path + " HTTP/1.1\r\nHost: t\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
}

void HttpServer::start(ListenOptions options, Services services) {
  if (options.address == "0.0.0.0")
    options.address = "127.0.0.1";
  router = std::make_unique<Router>(engine, std::move(services));
  Status status;
  listener = HttpListener::start(options, *router, status);
  ASSERT_TRUE(listener) << status.message;
}

void HttpServer::TearDown() {
  listener.reset();
  router.reset();
}

} // namespace sinter::serve::test
