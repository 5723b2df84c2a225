// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/grpc/GrpcServer.h"

#include "runtime/serve/grpc/Service.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/ssl.h>

#include <climits>
#include <mutex>
#include <thread>

namespace sinter::serve {
namespace {

constexpr unsigned lookAgainSeconds = 2;
constexpr auto gap = std::chrono::milliseconds(60);

// gRPC takes any files here and refuses handshakes later; a server that starts
// must be one that can be reached.
Status checkTls(const GrpcTls &tls) {
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX *)> context(
      SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  auto fault = [](const std::string &file, const char *what) {
    return Status(Code::invalid, file + ": " + what);
  };
  if (!context || SSL_CTX_use_certificate_chain_file(
                      context.get(), tls.certificate.c_str()) != 1)
    return fault(tls.certificate, "holds no certificate in PEM form");
  if (SSL_CTX_use_PrivateKey_file(context.get(), tls.key.c_str(),
                                  SSL_FILETYPE_PEM) != 1)
    return fault(
        tls.key,
        "holds no private key in PEM form, or not that of the certificate");
  if (!tls.clientCa.empty() &&
      SSL_CTX_load_verify_locations(context.get(), tls.clientCa.c_str(),
                                    nullptr) != 1)
    return fault(tls.clientCa, "holds no certificate in PEM form");
  return {};
}

std::shared_ptr<grpc::ServerCredentials> credentialsOf(const GrpcTls &tls) {
  namespace api = grpc::experimental;
  if (tls.certificate.empty())
    return grpc::InsecureServerCredentials();
  auto files = std::make_shared<api::FileWatcherCertificateProvider>(
      tls.key, tls.certificate, tls.clientCa, lookAgainSeconds);
  api::TlsServerCredentialsOptions options(files);
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  if (!tls.clientCa.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return api::TlsServerCredentials(options);
}

std::string withPort(const std::string &address, int port) {
  if (address.rfind("unix:", 0) == 0)
    return address;
  return address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

void limit(grpc::ServerBuilder &builder, const GrpcOptions &options) {
  // The protocol's clients expect no smaller bound; a tensor's own limits hold
  // below it.
  builder.SetMaxReceiveMessageSize(INT_MAX);
  builder.SetMaxSendMessageSize(INT_MAX);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             options.maxStreams);
  // Two servers on one port would each get half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
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
    if (!options.tls.certificate.empty())
      if (Status status = checkTls(options.tls); !status.ok())
        return status;
    grpc::ServerBuilder builder;
    std::vector<int> ports(options.addresses.size(), 0);
    std::shared_ptr<grpc::ServerCredentials> credentials =
        credentialsOf(options.tls);
    for (size_t i = 0; i < ports.size(); ++i)
      builder.AddListeningPort(options.addresses[i], credentials, &ports[i]);
    builder.RegisterService(&inference);
    builder.RegisterService(&health);
    limit(builder, options);
    server = builder.BuildAndStart();
    for (size_t i = 0; i < ports.size(); ++i) {
      if (!ports[i])
        return cannotListen(options.addresses[i]);
      bound.push_back(withPort(options.addresses[i], ports[i]));
    }
    return server ? Status() : cannotListen("any address");
  }

  const std::vector<std::string> &addresses() const override { return bound; }

  void shutdown(TimePoint deadline) override {
    std::lock_guard<std::mutex> guard(lock);
    if (!server || isDown)
      return;
    isDown = true;
    health.stop();
    // Clients that wait for an answer send nothing: the gap in which a new call
    // would be dropped passes while they wait.
    inference.hold().begin();
    std::this_thread::sleep_until(std::min(deadline, Clock::now() + gap));
    std::thread release([this] {
      std::this_thread::sleep_for(gap);
      inference.hold().release();
    });
    server->Shutdown(std::chrono::system_clock::now() +
                     (deadline - Clock::now()));
    release.join();
  }

private:
  Status cannotListen(const std::string &address) const {
    return {Code::invalid,
            "gRPC cannot listen on " + address +
                ": the address is taken, not of this machine, or not allowed"};
  }

  const GrpcOptions options;
  InferenceService inference;
  HealthService health;
  std::vector<std::string> bound;
  std::mutex lock;
  bool isDown = false;
  std::unique_ptr<grpc::Server> server; // first to go
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
