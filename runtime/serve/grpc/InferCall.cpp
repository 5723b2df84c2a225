// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/grpc/InferCall.h"

#include "runtime/serve/grpc/Encode.h"
#include "runtime/serve/protect/TlsFiles.h"

#include <grpc/grpc_security_constants.h>

namespace sinter::serve {
namespace {

void describeCaller(const grpc::ServerContext &context, Request &out) {
  out.received = Clock::now();
  out.trace.traceparent = metadataOf(context, "traceparent");
  out.trace.tracestate = metadataOf(context, "tracestate");
  auto deadline = context.deadline(); // of the wall clock
  if (deadline != std::chrono::system_clock::time_point::max())
    out.deadline = out.received + (deadline - std::chrono::system_clock::now());
}

class UnaryInfer : public CallHandler,
                   public std::enable_shared_from_this<UnaryInfer> {
public:
  UnaryInfer(const GrpcOptions &options, AnswerHold &held, Call &call,
             inference::ModelInferResponse &answer)
      : options(options), held(held), call(call), answer(answer) {}

  void start(Engine &engine, inference::ModelInferRequest &borrowed) {
    // gRPC's message goes with the call, the engine may still read tensors.
    auto message = std::make_shared<inference::ModelInferRequest>();
    message->Swap(&borrowed);
    Request request;
    Status status =
        readRequest(engine, options, call.context, message, request, wanted);
    if (!status.ok())
      return finish(status);
    request.done = [hold = shared_from_this()](Response &&response) {
      if (!response.traceparent.empty())
        hold->call.context.AddTrailingMetadata("traceparent",
                                               response.traceparent);
      hold->finish(hold->encode(response));
    };
    cancellation.arrived(engine.submit(std::move(request)));
  }

  void onCancel() override { cancellation.cancel(); }
  void onDone() override { held.leave(); }

private:
  Status encode(const Response &response) {
    if (!response.status.ok())
      return response.status;
    return encodeResponse(response, wanted.id, wanted.wishes, wanted.isBatched,
                          options.sharedMemory, answer);
  }

  void finish(const Status &status) {
    // Below 0 it says that another try brings nothing.
    if (status.code == Code::unavailable)
      call.context.AddTrailingMetadata(
          "grpc-retry-pushback-ms",
          status.retryAfterMs ? std::to_string(status.retryAfterMs) : "-1");
    held.run([&call = call, result = toGrpc(status)] { call.finish(result); });
  }

  const GrpcOptions &options;
  AnswerHold &held;
  Call &call; // alive until it was finished
  inference::ModelInferResponse &answer;
  Wanted wanted;
  Cancellation cancellation;
};

} // namespace

std::string metadataOf(const grpc::ServerContext &context, const char *name) {
  auto found = context.client_metadata().find(name);
  if (found == context.client_metadata().end())
    return "";
  return {found->second.data(), found->second.size()};
}

Status mayCall(const GrpcOptions &options, const grpc::ServerContext &context,
               Permission permission, const std::string &model,
               std::string &client) {
  client = context.peer();
  if (!options.authorize)
    return {};
  Credentials credentials;
  credentials.authorization = metadataOf(context, "authorization");
  credentials.apiKey = metadataOf(context, "x-api-key");
  auto peer = context.auth_context();
  if (peer && peer->IsPeerAuthenticated())
    for (const grpc::string_ref &pem :
         peer->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME))
      credentials.certificate = subjectOfPem({pem.data(), pem.size()});
  return options.authorize(credentials, permission, model, client);
}

Status readRequest(const Engine &engine, const GrpcOptions &options,
                   const grpc::ServerContext &context,
                   const SharedMessage &message, Request &out, Wanted &wanted) {
  wanted.id = message->id();
  describeCaller(context, out);
  Status status = mayCall(options, context, Permission::infer,
                          message->model_name(), out.client);
  if (status.ok())
    status = decodeRequest(message, options.sharedMemory, out, wanted.wishes);
  for (const OutputWish &wish : wanted.wishes)
    if (wish.classes && status.ok()) {
      auto model = engine.describe(out.model, out.version, status);
      wanted.isBatched = model && model->batchDim == 0;
    }
  return status;
}

void Cancellation::arrived(std::shared_ptr<Ticket> given) {
  std::unique_lock<std::mutex> guard(lock);
  ticket = std::move(given);
  if (!isCancelled)
    return;
  std::shared_ptr<Ticket> cancelled = std::move(ticket);
  guard.unlock();
  if (cancelled)
    cancelled->cancel();
}

void Cancellation::cancel() {
  std::unique_lock<std::mutex> guard(lock);
  isCancelled = true;
  std::shared_ptr<Ticket> cancelled = std::move(ticket);
  guard.unlock();
  if (cancelled)
    cancelled->cancel();
}

void AnswerHold::run(std::function<void()> answer) {
  {
    std::lock_guard<std::mutex> guard(lock);
    if (isHolding)
      return waiting.push_back(std::move(answer));
  }
  answer();
}

void AnswerHold::begin() {
  std::lock_guard<std::mutex> guard(lock);
  isHolding = true;
}

void AnswerHold::release() {
  std::vector<std::function<void()>> answers;
  {
    std::lock_guard<std::mutex> guard(lock);
    isHolding = false;
    answers.swap(waiting);
  }
  for (const auto &answer : answers)
    answer();
}

void startInfer(Engine &engine, const GrpcOptions &options, AnswerHold &hold,
                Call &call, inference::ModelInferRequest &message,
                inference::ModelInferResponse &answer) {
  hold.enter();
  auto handler = std::make_shared<UnaryInfer>(options, hold, call, answer);
  call.handleBy(handler);
  handler->start(engine, message);
}

} // namespace sinter::serve
