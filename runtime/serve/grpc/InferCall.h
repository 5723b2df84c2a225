// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One ModelInfer, and one ModelStreamInfer with many requests under way. Both
// own themselves until gRPC says it is done with them and the engine has
// answered; when the client leaves, what it asked for leaves the engine.
#ifndef SINTER_SERVE_GRPC_INFERCALL_H
#define SINTER_SERVE_GRPC_INFERCALL_H

#include "runtime/serve/engine/Engine.h"
#include "runtime/serve/grpc/Call.h"
#include "runtime/serve/grpc/Decode.h"
#include "runtime/serve/grpc/GrpcServer.h"
#include "runtime/serve/grpc/Inference.grpc.pb.h"

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace sinter::serve {

/// A value of the call's metadata; empty when it is not there.
std::string metadataOf(const grpc::ServerContext &context, const char *name);

/// Whether the caller may do this. client: the address, or the caller's name.
Status mayCall(const GrpcOptions &options, const grpc::ServerContext &context,
               Permission permission, const std::string &model,
               std::string &client);

/// What must be kept of a request until it is answered.
struct Wanted {
  std::string id;
  std::vector<OutputWish> wishes;
  bool isBatched = false; ///< looked up only for a classification
};

/// The message as a request, with who calls, until when, and the trace it is
/// part of; done stays empty.
Status readRequest(const Engine &engine, const GrpcOptions &options,
                   const grpc::ServerContext &context,
                   const SharedMessage &message, Request &out, Wanted &wanted);

/// The ticket of a request that may be answered, or cancelled, at any moment,
/// also before submit() has returned it.
class Cancellation {
public:
  void arrived(std::shared_ptr<Ticket> ticket);
  void cancel();

private:
  std::mutex lock;
  std::shared_ptr<Ticket> ticket;
  bool isCancelled = false;
};

/// Keeps answers back for a moment before the listener closes. gRPC tells its
/// clients to go (GOAWAY) and from then on drops the calls that still come:
/// with their answers in hand, clients would send the next call into that gap.
class AnswerHold {
public:
  /// Now, or at release().
  void run(std::function<void()> answer);
  void begin();
  void release();
  /// Around each call that is to be waited for.
  void enter() { ++calls; }
  void leave() { --calls; }
  bool isEmpty() const { return calls == 0; }

private:
  std::atomic<int> calls{0};
  std::mutex lock;
  bool isHolding = false;
  std::vector<std::function<void()>> waiting;
};

void startInfer(Engine &engine, const GrpcOptions &options, AnswerHold &hold,
                Call &call, inference::ModelInferRequest &message,
                inference::ModelInferResponse &answer);

/// The streams that are open. One whose client says nothing would hold the
/// shutdown to its deadline: from drain() on no stream is read any further, and
/// each ends when what was read is answered.
class Streams {
public:
  class Member {
  public:
    virtual ~Member() = default;
    virtual void drain() = 0;
  };
  void add(const std::shared_ptr<Member> &stream);
  void remove(Member *stream);
  void drain();
  bool isEmpty();

private:
  std::mutex lock;
  bool isDraining = false;
  std::map<Member *, std::weak_ptr<Member>> open;
};

struct StreamService {
  Engine &engine;
  const GrpcOptions &options;
  Streams &streams;
  inference::GRPCInferenceService::AsyncService &async;
};

/// The next ModelStreamInfer, whenever it comes, and those after it. Answers
/// come in the order of the requests. At most maxStreamRequests are under way:
/// then the stream is not read, and the client waits.
void awaitStream(const StreamService &service, Loop &loop);

} // namespace sinter::serve

#endif // SINTER_SERVE_GRPC_INFERCALL_H
