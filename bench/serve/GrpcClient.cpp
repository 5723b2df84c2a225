// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gRPC without a generated stub: a method's name and the bytes of its message.
// One channel a connection, as separate clients would have.
#include "bench/serve/Client.h"

#include <cstdio>
#include <deque>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

namespace sinter::bench {
namespace {

struct Call {
  size_t connection;
  uint64_t number;
  grpc::ClientContext context;
  grpc::ByteBuffer reply;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
};

class GrpcClient : public Client {
public:
  explicit GrpcClient(const Target &target) : target(target) {
    grpc::Slice slice(target.body);
    message = grpc::ByteBuffer(&slice, 1);
  }
  ~GrpcClient() override {
    queue.Shutdown();
    void *tag;
    bool ok;
    while (queue.Next(&tag, &ok))
      delete static_cast<Call *>(tag);
  }

  bool open() {
    for (unsigned i = 0; i < target.connections; ++i) {
      grpc::ChannelArguments arguments;
      arguments.SetInt("sinter.connection", int(i)); // no channel is shared
      arguments.SetMaxReceiveMessageSize(-1);
      auto channel = grpc::CreateCustomChannel(
          target.host + ":" + target.port, grpc::InsecureChannelCredentials(),
          arguments);
      if (!channel->WaitForConnected(std::chrono::system_clock::now() +
                                     std::chrono::seconds(5))) {
        std::fprintf(stderr, "bench-serve: cannot connect to %s:%s\n",
                     target.host.c_str(), target.port.c_str());
        return false;
      }
      stubs.emplace_back(channel);
      idle.push_back(i);
    }
    return true;
  }

  bool send(uint64_t number) override {
    if (idle.empty())
      return false;
    auto *call = new Call;
    call->connection = idle.back();
    call->number = number;
    idle.pop_back();
    call->reader = stubs[call->connection].PrepareUnaryCall(
        &call->context, target.path, message, &queue);
    call->reader->StartCall();
    call->reader->Finish(&call->reply, &call->status, call);
    return true;
  }

  void wait(TimePoint until, std::vector<Answer> &answers) override {
    answers.clear();
    auto deadline = std::chrono::system_clock::now() + (until - Clock::now());
    void *tag;
    bool ok;
    while (queue.AsyncNext(&tag, &ok, deadline) ==
           grpc::CompletionQueue::GOT_EVENT) {
      std::unique_ptr<Call> call(static_cast<Call *>(tag));
      idle.push_back(call->connection);
      answers.push_back({call->number, int(call->status.error_code()),
                         call->status.ok(), Clock::now()});
      deadline = {}; // long past: only what is there already
    }
  }

private:
  Target target;
  grpc::ByteBuffer message;
  grpc::CompletionQueue queue;
  std::deque<grpc::GenericStub> stubs;
  std::vector<size_t> idle;
};

} // namespace

std::unique_ptr<Client> connectGrpc(const Target &target) {
  auto client = std::make_unique<GrpcClient>(target);
  return client->open() ? std::move(client) : nullptr;
}

} // namespace sinter::bench
