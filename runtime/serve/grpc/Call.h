// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls of gRPC as objects of a loop: whom they are from and how they end.
#ifndef SINTER_SERVE_GRPC_CALL_H
#define SINTER_SERVE_GRPC_CALL_H

#include "runtime/serve/grpc/Loop.h"

namespace sinter::serve {

/// Who is told what becomes of a call, on its loop's thread.
class CallHandler {
public:
  virtual ~CallHandler() = default;
  virtual void onRead(bool) {}
  virtual void onWritten(bool) {}
  virtual void onCancel() {}
  virtual void onDone() {} ///< the last of all
};

/// One call under way; deletes itself when gRPC is done with it.
class Call {
public:
  virtual ~Call() = default;
  /// Once, from any thread; then the call may be gone.
  void finish(const grpc::Status &status);
  /// Set before the call's method returns.
  void handleBy(std::shared_ptr<CallHandler> with) {
    handler = std::move(with);
  }

  grpc::ServerContext context;

protected:
  explicit Call(Loop &loop) : loop(loop) { context.AsyncNotifyWhenDone(&over); }
  /// The call is there: its end and its status are still to come.
  void begin();
  /// One operation more is under way, from any thread.
  void expect() { ++pending; }
  void leave();
  virtual void sendStatus(const grpc::Status &status, Event *sent) = 0;
  virtual size_t bytesToSend() const { return 0; }

  Loop &loop;
  std::shared_ptr<CallHandler> handler;

private:
  void end(bool);
  void sent(bool) {
    loop.writeEnds(context);
    leave();
  }

  std::atomic<int> pending{2};
  EventOf<Call> over{*this, &Call::end}, finished{*this, &Call::sent};
};

/// How calls of a method are asked for, and what they do.
template <typename In, typename Out> struct UnaryMethod {
  std::function<void(grpc::ServerContext *, In *,
                     grpc::ServerAsyncResponseWriter<Out> *, Loop::Queue *,
                     void *)>
      ask;
  std::function<void(Call &, In &, Out &)> act;
};

template <typename In, typename Out> class UnaryCall final : public Call {
public:
  using Method = std::shared_ptr<const UnaryMethod<In, Out>>;
  /// The next call of the method, whenever it comes; after it the next one.
  static void await(const Method &method, Loop &loop) {
    auto *call = new UnaryCall(method, loop);
    method->ask(&call->context, &call->in, &call->writer, loop.queue(),
                &call->arrival);
  }

private:
  UnaryCall(const Method &method, Loop &loop) : Call(loop), method(method) {}

  void arrive(bool ok) {
    if (!ok) { // the server goes down
      delete this;
      return;
    }
    begin();
    await(method, loop);
    method->act(*this, in, out);
  }

  void sendStatus(const grpc::Status &status, Event *sent) override {
    if (status.ok())
      writer.Finish(out, status, sent);
    else
      writer.FinishWithError(status, sent);
  }
  size_t bytesToSend() const override { return out.ByteSizeLong(); }

  Method method;
  In in;
  Out out;
  grpc::ServerAsyncResponseWriter<Out> writer{&context};
  EventOf<UnaryCall> arrival{*this, &UnaryCall::arrive};
};

} // namespace sinter::serve

#endif // SINTER_SERVE_GRPC_CALL_H
