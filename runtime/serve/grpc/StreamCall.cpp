// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A stream keeps a row of turns, one for each request in the order they came.
// The first turn is written when it is answered, and only one write is ever
// under way. A fault of one request travels in-band and the stream goes on,
// unless the client asked for a status by the header triton_grpc_error.
#include "runtime/serve/grpc/Encode.h"
#include "runtime/serve/grpc/InferCall.h"

#include <deque>

namespace sinter::serve {
namespace {

struct Turn {
  Wanted wanted;
  bool isAnswered = false;
  Status status;
  inference::ModelStreamInferResponse message;
  Cancellation cancellation;
};

class StreamCall : public StreamReactor,
                   public Streams::Member,
                   public std::enable_shared_from_this<StreamCall> {
public:
  StreamCall(Engine &engine, const GrpcOptions &options, Streams &streams,
             grpc::CallbackServerContext &context)
      : engine(engine), options(options), streams(streams), context(context) {
    auto found = context.client_metadata().find("triton_grpc_error");
    wantsStatus =
        found != context.client_metadata().end() && found->second == "true";
  }

  void start() {
    self = shared_from_this();
    {
      std::lock_guard<std::mutex> guard(lock);
      readNext();
    }
    streams.add(self);
  }

  void drain() override {
    std::lock_guard<std::mutex> guard(lock);
    isDraining = true;
    proceed();
  }

  void OnReadDone(bool ok) override {
    if (ok)
      return take();
    std::lock_guard<std::mutex> guard(lock);
    isReading = false;
    isInputOver = true;
    proceed();
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard<std::mutex> guard(lock);
    isWriting = false;
    turns.pop_front();
    if (ok)
      readNext();
    proceed();
  }

  void OnCancel() override {
    std::deque<std::shared_ptr<Turn>> left;
    {
      std::lock_guard<std::mutex> guard(lock);
      isCancelled = true;
      left = turns;
      proceed();
    }
    for (const auto &turn : left)
      turn->cancellation.cancel();
  }

  void OnDone() override {
    streams.remove(this);
    for (const auto &turn : turns) // nobody waits for these any more
      turn->cancellation.cancel();
    self.reset();
  }

private:
  // The next request, unless enough are under way. Called with the lock.
  void readNext() {
    if (isReading || isInputOver || isFinished || isCancelled || isDraining ||
        turns.size() >= size_t(options.maxStreamRequests))
      return;
    isReading = true;
    incoming = std::make_shared<inference::ModelInferRequest>();
    StartRead(incoming.get());
  }

  void take() {
    std::shared_ptr<StreamCall> hold = shared_from_this();
    auto turn = std::make_shared<Turn>();
    std::shared_ptr<inference::ModelInferRequest> message;
    {
      std::lock_guard<std::mutex> guard(lock);
      isReading = false;
      if (isFinished)
        return; // its status is on the way
      message = std::move(incoming);
      turns.push_back(turn);
      readNext();
    }
    Request request;
    Status status =
        readRequest(engine, options, context, message, request, turn->wanted);
    if (!status.ok()) {
      Response refused;
      refused.status = std::move(status);
      return answer(turn, std::move(refused));
    }
    request.done = [hold, turn](Response &&response) {
      hold->answer(turn, std::move(response));
    };
    turn->cancellation.arrived(engine.submit(std::move(request)));
  }

  void answer(const std::shared_ptr<Turn> &turn, Response &&response) {
    inference::ModelInferResponse &out =
        *turn->message.mutable_infer_response();
    if (response.status.ok())
      response.status =
          encodeResponse(response, turn->wanted.id, turn->wanted.wishes,
                         turn->wanted.isBatched, options.sharedMemory, out);
    if (!response.status.ok()) {
      out.Clear();
      out.set_id(turn->wanted.id);
      turn->message.set_error_message(response.status.message);
    }
    // One answer a request: each is the last.
    (*out.mutable_parameters())["triton_final_response"].set_bool_param(true);
    // Metadata is the stream's; an answer has nothing but its message.
    if (!response.traceparent.empty())
      (*out.mutable_parameters())["traceparent"].set_string_param(
          response.traceparent);
    turn->status = std::move(response.status);
    std::lock_guard<std::mutex> guard(lock);
    turn->isAnswered = true;
    proceed();
  }

  // Writes the next answer or ends the stream. Called with the lock.
  void proceed() {
    if (isFinished || isWriting)
      return;
    if (isCancelled)
      return finish(
          grpc::Status(grpc::StatusCode::CANCELLED, "the client left"));
    if (turns.empty()) {
      if (isInputOver)
        finish(grpc::Status::OK);
      else if (isDraining)
        finish(grpc::Status(grpc::StatusCode::UNAVAILABLE,
                            "the server is shutting down; every request that "
                            "it has read is answered"));
      return;
    }
    Turn &first = *turns.front();
    if (!first.isAnswered)
      return;
    if (wantsStatus && !first.status.ok())
      return finish(toGrpc(first.status));
    isWriting = true;
    StartWrite(&first.message);
  }

  void finish(const grpc::Status &status) {
    isFinished = true;
    Finish(status);
  }

  Engine &engine;
  const GrpcOptions &options;
  Streams &streams;
  grpc::CallbackServerContext &context;
  bool wantsStatus = false;
  std::mutex lock; // all below
  bool isReading = false, isWriting = false, isInputOver = false;
  bool isCancelled = false, isFinished = false, isDraining = false;
  std::shared_ptr<inference::ModelInferRequest> incoming;
  std::deque<std::shared_ptr<Turn>> turns;
  std::shared_ptr<StreamCall> self;
};

} // namespace

void Streams::add(const std::shared_ptr<Member> &stream) {
  {
    std::lock_guard<std::mutex> guard(lock);
    open[stream.get()] = stream;
    if (!isDraining)
      return;
  }
  stream->drain();
}

void Streams::remove(Member *stream) {
  std::lock_guard<std::mutex> guard(lock);
  open.erase(stream);
}

bool Streams::isEmpty() {
  std::lock_guard<std::mutex> guard(lock);
  return open.empty();
}

void Streams::drain() {
  std::vector<std::shared_ptr<Member>> all;
  {
    std::lock_guard<std::mutex> guard(lock);
    isDraining = true;
    for (const auto &[member, stream] : open)
      if (std::shared_ptr<Member> alive = stream.lock())
        all.push_back(std::move(alive));
  }
  // Outside of the lock: a stream that ends takes itself out.
  for (const auto &stream : all)
    stream->drain();
}

StreamReactor *startStream(Engine &engine, const GrpcOptions &options,
                           Streams &streams,
                           grpc::CallbackServerContext &context) {
  auto call = std::make_shared<StreamCall>(engine, options, streams, context);
  call->start();
  return call.get();
}

} // namespace sinter::serve
