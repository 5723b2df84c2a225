// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An engine without models and a client without manners, for the tests of the
// HTTP front end.
#ifndef SINTER_TEST_UNIT_SERVEHTTPFIXTURE_H
#define SINTER_TEST_UNIT_SERVEHTTPFIXTURE_H

#include "runtime/serve/http/HttpListener.h"
#include "runtime/serve/http/Router.h"

#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <thread>

namespace sinter::serve::test {

/// Models: m answers its input x as y at once, later does so from another
/// thread, hold waits for a cancel, full is full, big answers 4 MiB.
class FakeEngine final : public Engine {
public:
  ~FakeEngine() override;
  std::shared_ptr<Ticket> submit(Request &&request) override;
  bool live() const override { return true; }
  bool ready() const override { return isReady; }
  Status modelReady(const std::string &model,
                    const std::string &version) const override;
  std::optional<ModelDescription> describe(const std::string &model,
                                           const std::string &version,
                                           Status &status) const override;
  std::vector<IndexEntry> index() const override {
    return {{"m", "1", VersionState::ready, "", {"stable"}}};
  }
  std::vector<ModelStatistics> statistics(const std::string &model,
                                          const std::string &version,
                                          Status &status) const override;
  Status load(const std::string &model) override {
    return note("load " + model);
  }
  Status unload(const std::string &model) override {
    return note("unload " + model);
  }
  Status setLabel(const std::string &model, const std::string &label,
                  const std::string &version) override {
    return note(model + " " + label + "=" + version);
  }
  void drain(TimePoint) override {}

  std::atomic<bool> isReady{true};
  std::atomic<int> held{0}, cancelled{0};
  std::string notes();
  Request last();
  /// Answers the request for the model "kept".
  void release();

private:
  Status note(const std::string &text);
  std::mutex mutex;
  std::string noted;
  Request seen;
  std::function<void()> kept;
  std::vector<std::thread> threads;
};

struct Reply {
  int status = 0;                             ///< 0: the connection ended first
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;
};

/// A socket that sends what it is told.
class RawClient {
public:
  explicit RawClient(uint16_t port);
  explicit RawClient(const std::string &path);
  ~RawClient();
  RawClient(const RawClient &) = delete;
  RawClient &operator=(const RawClient &) = delete;
  void send(const std::string &bytes);
  Reply receive(bool head = false);
  Reply ask(const std::string &bytes) {
    send(bytes);
    return receive();
  }
  /// True when the server closes within some seconds.
  bool ends();
  void close();

private:
  bool more();
  int descriptor = -1;
  std::string pending;
};

std::string get(const std::string &path, const std::string &headers = "");
std::string post(const std::string &path, const std::string &body,
                 const std::string &headers = "");
/// The JSON of an inference of m with four FP32 values.
extern const std::string inferJson;

class HttpServer : public testing::Test {
protected:
  void start(ListenOptions options = {}, Services services = {});
  void TearDown() override;
  FakeEngine engine;
  std::unique_ptr<Router> router;
  std::unique_ptr<HttpListener> listener;
};

} // namespace sinter::serve::test

#endif // SINTER_TEST_UNIT_SERVEHTTPFIXTURE_H
