// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The thread that reads and writes gRPC's connections. gRPC's callback
// interface keeps at least two threads at the sockets, and each event passes
// from one to the other: five switches a request, beside the models that run.
// Here one thread owns a completion queue and all that happens to its calls;
// what other threads answer is put into its box, rung for once, and written
// there, so that nobody waits for a lock of gRPC's transport.
#ifndef SINTER_SERVE_GRPC_LOOP_H
#define SINTER_SERVE_GRPC_LOOP_H

#include "runtime/serve/engine/Request.h"

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace sinter::serve {

/// What a completion queue gives back.
class Event {
public:
  virtual void happen(bool ok) = 0;

protected:
  ~Event() = default;
};

template <typename Owner> class EventOf final : public Event {
public:
  EventOf(Owner &owner, void (Owner::*act)(bool)) : owner(owner), act(act) {}
  void happen(bool ok) override { (owner.*act)(ok); }

private:
  Owner &owner;
  void (Owner::*act)(bool);
};

/// A completion queue and its thread.
class Loop {
public:
  using Queue = grpc::ServerCompletionQueue;

  /// write: how long a client may take over an answer, beside its size.
  Loop(std::unique_ptr<Queue> queue, std::chrono::milliseconds write)
      : events(std::move(queue)), write(write) {}
  ~Loop() { stop(); }
  void start();
  /// After the server's shutdown: returns when the last call is over.
  void stop();
  Queue *queue() { return events.get(); }
  /// Runs the task on the loop's thread, at once when this is that thread. Only
  /// while a call of this loop is open.
  void post(std::function<void()> task);
  void enter() { ++calls; }
  void leave() { --calls; }
  /// On the loop's thread, around each write of an open call: one that the
  /// client does not take in time is cancelled.
  void writeBegins(grpc::ServerContext &call, size_t bytes);
  void writeEnds(grpc::ServerContext &call) { writes.erase(&call); }

private:
  void run();
  void deliver(bool ok);
  void look(bool);

  std::unique_ptr<Queue> events;
  std::thread thread;
  std::atomic<std::thread::id> self{};
  std::atomic<int> calls{0};
  std::mutex lock;
  std::vector<std::function<void()>> tasks;
  bool isRung = false;
  grpc::Alarm bell, clock;
  const std::chrono::milliseconds write;
  bool isLooking = false;
  std::unordered_map<grpc::ServerContext *, TimePoint> writes; // until when
  EventOf<Loop> delivery{*this, &Loop::deliver}, tick{*this, &Loop::look};
};

} // namespace sinter::serve

#endif // SINTER_SERVE_GRPC_LOOP_H
