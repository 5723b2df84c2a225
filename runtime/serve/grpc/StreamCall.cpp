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

using In = inference::ModelInferRequest;
using Out = inference::ModelStreamInferResponse;

/// The call as gRPC has it; one read and one write under way at most.
class StreamTransport final : public Call {
public:
  static void await(const StreamService &service, Loop &loop) {
    auto *call = new StreamTransport(service, loop);
    service.async.RequestModelStreamInfer(&call->context, &call->stream,
                                          loop.queue(), loop.queue(),
                                          &call->arrival);
  }
  void startRead(In *message) {
    expect();
    loop.post([this, message] { stream.Read(message, &readDone); });
  }
  void startWrite(const Out *message) {
    expect();
    loop.post([this, message] {
      loop.writeBegins(context, message->ByteSizeLong());
      stream.Write(*message, &writeDone);
    });
  }

private:
  StreamTransport(const StreamService &service, Loop &loop)
      : Call(loop), service(service) {}

  void arrive(bool ok);
  void read(bool ok) {
    handler->onRead(ok);
    leave();
  }
  void written(bool ok) {
    loop.writeEnds(context);
    handler->onWritten(ok);
    leave();
  }
  void sendStatus(const grpc::Status &status, Event *sent) override {
    stream.Finish(status, sent);
  }

  StreamService service;
  grpc::ServerAsyncReaderWriter<Out, In> stream{&context};
  EventOf<StreamTransport> arrival{*this, &StreamTransport::arrive},
      readDone{*this, &StreamTransport::read},
      writeDone{*this, &StreamTransport::written};
};

class StreamCall : public CallHandler,
                   public Streams::Member,
                   public std::enable_shared_from_this<StreamCall> {
public:
  StreamCall(const StreamService &service, StreamTransport &call)
      : engine(service.engine), options(service.options),
        streams(service.streams), call(call) {
    const auto &metadata = call.context.client_metadata();
    auto found = metadata.find("triton_grpc_error");
    wantsStatus = found != metadata.end() && found->second == "true";
  }

  void start() {
    {
      std::lock_guard<std::mutex> guard(lock);
      readNext();
    }
    streams.add(shared_from_this());
  }

  void drain() override {
    std::lock_guard<std::mutex> guard(lock);
    isDraining = true;
    proceed();
  }

  void onRead(bool ok) override {
    if (ok)
      return take();
    std::lock_guard<std::mutex> guard(lock);
    isReading = false;
    isInputOver = true;
    proceed();
  }

  void onWritten(bool ok) override {
    std::lock_guard<std::mutex> guard(lock);
    isWriting = false;
    turns.pop_front();
    if (ok)
      readNext();
    proceed();
  }

  void onCancel() override {
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

  void onDone() override {
    streams.remove(this);
    for (const auto &turn : turns) // nobody waits for these any more
      turn->cancellation.cancel();
  }

private:
  // The next request, unless enough are under way. Called with the lock.
  void readNext() {
    if (isReading || isInputOver || isFinished || isCancelled || isDraining ||
        turns.size() >= size_t(options.maxStreamRequests))
      return;
    isReading = true;
    incoming = std::make_shared<inference::ModelInferRequest>();
    call.startRead(incoming.get());
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
    Status status = readRequest(engine, options, call.context, message, request,
                                turn->wanted);
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
    call.startWrite(&first.message);
  }

  void finish(const grpc::Status &status) {
    isFinished = true;
    call.finish(status);
  }

  Engine &engine;
  const GrpcOptions &options;
  Streams &streams;
  StreamTransport &call; // alive until it was finished
  bool wantsStatus = false;
  std::mutex lock; // all below
  bool isReading = false, isWriting = false, isInputOver = false;
  bool isCancelled = false, isFinished = false, isDraining = false;
  std::shared_ptr<inference::ModelInferRequest> incoming;
  std::deque<std::shared_ptr<Turn>> turns;
};

void StreamTransport::arrive(bool ok) {
  if (!ok) { // the server goes down
    delete this;
    return;
  }
  begin();
  await(service, loop);
  auto made = std::make_shared<StreamCall>(service, *this);
  handleBy(made);
  made->start();
}

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

void awaitStream(const StreamService &service, Loop &loop) {
  StreamTransport::await(service, loop);
}

} // namespace sinter::serve
