// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/grpc/GrpcServer.h"

#include "runtime/serve/engine/Urgency.h"
#include "runtime/serve/grpc/Acceptor.h"
#include "runtime/serve/grpc/Service.h"
#include "runtime/serve/grpc/TlsCredentials.h"

#include <absl/synchronization/mutex.h>
#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <climits>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

namespace sinter::serve {
namespace {

constexpr auto gap = std::chrono::milliseconds(60);
// After the last call, for its answer to leave and for GOAWAY to be confirmed.
constexpr auto quiet = std::chrono::milliseconds(250);

void limit(grpc::ServerBuilder &builder, const GrpcOptions &options) {
  builder.SetMaxReceiveMessageSize(
      int(std::min<uint64_t>(options.maxMessage, INT_MAX)));
  builder.SetMaxSendMessageSize(INT_MAX);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             options.maxStreams);
  // A tensor is more than the 64 KB and the frames of 16 KB that HTTP/2 begins
  // with: without this a client stops in the middle of it and waits for the
  // window, and each frame is parsed, and its slices are counted.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 20);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1 << 20);
  builder.AddChannelArgument(GRPC_ARG_TCP_READ_CHUNK_SIZE, 256 << 10);
  // Clients may ping an idle connection (tritonclient's KeepAliveOptions).
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
}

class Server final : public GrpcServer {
public:
  Server(Engine &engine, const GrpcOptions &given)
      : options(given), inference(engine, options), health(engine) {}
  ~Server() override { shutdown(Clock::now()); }

  Status start() {
    std::shared_ptr<grpc::ServerCredentials> credentials =
        grpc::InsecureServerCredentials();
    if (!options.tls.certificate.empty()) {
      Status status;
      credentials = tls = TlsCredentials::make(options.tls, status);
      if (!status.ok())
        return status;
    }
    for (const std::string &address : options.addresses) {
      bound.emplace_back();
      if (Status status = acceptor.open(address, bound.back()); !status.ok())
        return status;
    }
    // Debian's library is built with the checks of a debug build: every lock is
    // entered in one graph, under one lock, to find cycles.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    using Builder = grpc::ServerBuilder;
    Builder builder;
    connections = builder.experimental().AddExternalConnectionAcceptor(
        Builder::experimental_type::ExternalConnectionType::FROM_FD,
        credentials);
    builder.RegisterService(&inference.service());
    builder.RegisterService(&health.service());
    limit(builder, options);
    for (uint32_t i = 0; i < std::max(1u, options.threads); ++i)
      loops.push_back(
          std::make_unique<Loop>(builder.AddCompletionQueue(), options.write));
    runFirst(true); // the library's threads are made by this one
    server = builder.BuildAndStart();
    runFirst(false);
    if (!server)
      return {Code::internal, "gRPC does not start; its log says why"};
    for (auto &loop : loops) {
      inference.listen(*loop);
      health.listen(*loop);
      loop->start();
    }
    return acceptor.start(
        [this](int descriptor) {
          grpc::experimental::ExternalConnectionAcceptor::
              NewConnectionParameters parameters;
          parameters.fd = descriptor;
          connections->HandleNewConnection(&parameters);
        },
        [this](const std::string &text) {
          if (options.warn)
            options.warn(text);
        });
  }

  const std::vector<std::string> &addresses() const override { return bound; }

  Status reloadTls(const TlsOptions &files) override {
    return tls ? tls->use(files) : Status();
  }

  void shutdown(TimePoint deadline) override {
    std::lock_guard<std::mutex> guard(lock);
    if (!server || isDown)
      return;
    isDown = true;
    acceptor.stop();
    health.stop();
    // Clients that wait for an answer send nothing: the gap in which a new call
    // would be dropped passes while they wait.
    inference.hold().begin();
    std::this_thread::sleep_until(std::min(deadline, Clock::now() + gap));
    inference.streams().drain();
    auto released = std::make_shared<std::promise<void>>();
    bool isStarted = startDetached([this, deadline, released] {
      std::this_thread::sleep_for(gap);
      inference.hold().release();
      endWhenQuiet(deadline);
      released->set_value();
    });
    if (!isStarted)
      inference.hold().release();
    server->Shutdown(std::chrono::system_clock::now() +
                     (deadline - Clock::now()));
    isOver = true;
    if (isStarted)
      released->get_future().wait();
    for (auto &loop : loops)
      loop->stop();
  }

private:
  // gRPC waits 20 s for a client that never confirms its GOAWAY: one that
  // hangs, or whose machine is gone. We wait for requests, not for connections.
  void endWhenQuiet(TimePoint deadline) {
    TimePoint busyAt = Clock::now();
    while (!isOver && Clock::now() < deadline) {
      if (!inference.hold().isEmpty() || !inference.streams().isEmpty())
        busyAt = Clock::now();
      if (Clock::now() - busyAt > quiet)
        return grpc_server_cancel_all_calls(server->c_server());
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  const GrpcOptions options;
  InferenceService inference;
  HealthService health;
  std::vector<std::string> bound;
  std::mutex lock;
  bool isDown = false;
  std::atomic<bool> isOver{false};
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections;
  std::vector<std::unique_ptr<Loop>> loops; // after the server that uses them
  std::shared_ptr<TlsCredentials> tls; // fetched from until the server is gone
  std::unique_ptr<grpc::Server> server;
  Acceptor acceptor; // first to go
};

} // namespace

std::unique_ptr<GrpcServer>
GrpcServer::start(Engine &engine, const GrpcOptions &options, Status &status) {
  auto server = std::make_unique<Server>(engine, options);
  status = server->start();
  if (!status.ok())
    return nullptr;
  return server;
}

} // namespace sinter::serve
