// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The acceptor runs on the first thread and hands sockets around. When file
// descriptors run out it pauses instead of spinning; past the connection limit
// a client gets a 503 that was written long ago.
#include "runtime/serve/http/Session.h"

#include "runtime/serve/engine/Urgency.h"
#include "runtime/serve/http/ResponseHead.h"
#include "runtime/serve/protect/TlsContext.h"
#include "runtime/serve/protect/Descriptors.h"
#include "runtime/serve/protect/LocalSocket.h"

#include <arpa/inet.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <mutex>
#include <unistd.h>

namespace sinter::serve {

const std::string &IoThread::httpDate() {
  int64_t second = int64_t(time(nullptr));
  if (second != dateSecond) {
    dateSecond = second;
    date = serve::httpDate(second);
  }
  return date;
}

void IoThread::watch() {
  if (sweeping)
    return;
  sweeping = true;
  timer.expires_after(std::chrono::milliseconds(200));
  timer.async_wait([this](ErrorCode error) {
    sweeping = false;
    if (error)
      return;
    TimePoint now = Clock::now();
    // A session may leave the set while it is looked at.
    std::vector<SessionBase *> late;
    for (SessionBase *session : sessions)
      if (session->deadline <= now)
        late.push_back(session);
    for (SessionBase *session : late)
      if (sessions.count(session))
        session->expire();
    if (!sessions.empty())
      watch();
  });
}

namespace {

constexpr int backlog = 1024;
constexpr auto drainGap = std::chrono::milliseconds(100);

using Generic = asio::generic::stream_protocol;
using Acceptor =
    asio::basic_socket_acceptor<Generic, asio::io_context::executor_type>;

Status cannot(const std::string &address, const std::string &what,
              const ErrorCode &error) {
  return {Code::invalid,
          "listen on " + address + ": " + what + ": " + error.message()};
}

Status resolve(const ListenOptions &options, Generic::endpoint &endpoint) {
  const std::string &address = options.address;
  if (address.compare(0, 5, "unix:") == 0) {
    sockaddr_un local;
    if (Status bad = localAddress(address.substr(5), local); !bad.ok())
      return {bad.code, "listen on " + address + ": " + bad.message};
    endpoint = asio::local::stream_protocol::endpoint(local.sun_path);
    return {};
  }
  ErrorCode error;
  asio::ip::address ip = asio::ip::make_address(
      address == "localhost" ? "127.0.0.1" : address, error);
  if (error)
    return {Code::invalid,
            "listen on '" + address +
                "': expected an IP address, localhost or unix:PATH"};
  endpoint = asio::ip::tcp::endpoint(ip, options.port);
  return {};
}

std::string clientOf(const Generic::endpoint &endpoint) {
  char text[INET6_ADDRSTRLEN] = "";
  const auto *address = static_cast<const sockaddr *>(endpoint.data());
  if (address->sa_family == AF_INET)
    inet_ntop(AF_INET,
              &reinterpret_cast<const sockaddr_in *>(address)->sin_addr, text,
              sizeof text);
  else if (address->sa_family == AF_INET6)
    inet_ntop(AF_INET6,
              &reinterpret_cast<const sockaddr_in6 *>(address)->sin6_addr, text,
              sizeof text);
  return *text ? text : "unix";
}

class Listener final : public HttpListener {
public:
  ~Listener() override { stop(); }

  Status open(const ListenOptions &options, HttpHandler &handler) {
    core = std::make_shared<ListenerCore>();
    core->limits = options.limits;
    core->handler = &handler;
    warn = options.warn;
    for (uint32_t i = 0; i < std::max(1u, options.threads); ++i)
      threads.push_back(std::make_shared<IoThread>());
    for (auto &thread : threads)
      if (Status status = thread->mailbox.open(); !status.ok())
        return status;
    if (options.tls)
      if (Status status = reloadTls(*options.tls); !status.ok())
        return status;
    Generic::endpoint endpoint;
    if (Status status = resolve(options, endpoint); !status.ok())
      return status;
    std::string where =
        options.address + " port " + std::to_string(options.port);
    acceptor = std::make_unique<Acceptor>(threads[0]->context);
    ErrorCode error;
    acceptor->open(endpoint.protocol(), error);
    if (error)
      return cannot(where, "socket", error);
    acceptor->set_option(asio::socket_base::reuse_address(true), error);
    acceptor->bind(endpoint, error);
    if (error)
      return cannot(where, "bind", error);
    acceptor->listen(backlog, error);
    if (error)
      return cannot(where, "listen", error);
    if (options.address.compare(0, 5, "unix:") == 0)
      path = options.address.substr(5);
    else
      boundPort = readPort(acceptor->local_endpoint(error));
    accept();
    run();
    return {};
  }

  uint16_t port() const override { return boundPort; }

  ListenerCounts counts() const override {
    return {core->connections, core->accepted, core->refused, core->requests,
            core->active,      core->bytesIn,  core->bytesOut};
  }

  Status reloadTls(const TlsOptions &options) override {
    Status status;
    std::shared_ptr<asio::ssl::context> made = makeTlsContext(options, status);
    if (made)
      std::atomic_store(&tls, made);
    return status;
  }

  void drain(TimePoint until) override {
    core->draining = true;
    asio::post(threads[0]->context, [this] {
      ErrorCode ignored;
      acceptRest();
      acceptor->close(ignored);
      isClosed = true;
    });
    // Who is about to send the next request learns from its answer that it is
    // the last; who sends none for a while is not going to.
    TimePoint look = Clock::now() + drainGap;
    while ((!isClosed || *arriving || core->connections) &&
           Clock::now() < until) {
      if (Clock::now() >= look) {
        forEach([](SessionBase &session) { session.closeIfIdle(); });
        look = Clock::now() + drainGap;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  void stop() override {
    if (!core || core->stopped.exchange(true) || !threads[0]->thread.joinable())
      return;
    asio::post(threads[0]->context, [this] {
      ErrorCode ignored;
      if (acceptor)
        acceptor->close(ignored);
      if (retry)
        retry->cancel();
    });
    forEach([](SessionBase &session) { session.close(); });
    // Not context.stop(): what was cancelled has yet to be told so.
    for (auto &thread : threads)
      asio::post(thread->context, [thread = thread.get()] {
        thread->timer.cancel();
        thread->mailbox.close();
        thread->guard.reset();
      });
    for (auto &thread : threads)
      if (thread->thread.joinable())
        thread->thread.join();
    acceptor.reset();
    if (!path.empty())
      unlink(path.c_str());
  }

private:
  static uint16_t readPort(const Generic::endpoint &endpoint) {
    const auto *address = static_cast<const sockaddr *>(endpoint.data());
    if (address->sa_family == AF_INET6)
      return ntohs(reinterpret_cast<const sockaddr_in6 *>(address)->sin6_port);
    return ntohs(reinterpret_cast<const sockaddr_in *>(address)->sin_port);
  }

  void forEach(void (*act)(SessionBase &)) {
    for (auto &thread : threads)
      asio::post(thread->context, [thread, act] {
        std::vector<SessionBase *> all(thread->sessions.begin(),
                                       thread->sessions.end());
        for (SessionBase *session : all)
          if (thread->sessions.count(session))
            act(*session);
      });
  }

  void run() {
    for (auto &thread : threads)
      thread->thread = std::thread([thread] {
        runFirst(true);
        // Out of memory in a handler: its connection is dropped, the others go
        // on.
        for (bool ended = false; !ended;)
          try {
            thread->context.run();
            ended = true;
          } catch (const std::exception &) {
          }
      });
  }

  void accept() {
    std::shared_ptr<IoThread> thread = threads[next++ % threads.size()];
    acceptor->async_accept(thread->context, peer,
                           [this, thread](ErrorCode error, Socket socket) {
                             if (!error && !core->stopped)
                               take(thread, std::move(socket));
                             if (core->stopped || core->draining)
                               return;
                             if (error && !isOneConnectionsFault(error.value()))
                               return pause(error);
                             accept();
                           });
  }

  /// Clients that the kernel has let in already: closing would reset them.
  void acceptRest() {
    ErrorCode error;
    acceptor->non_blocking(true, error);
    for (int i = 0; i < backlog && !error; ++i) {
      const std::shared_ptr<IoThread> &thread =
          threads[next++ % threads.size()];
      Socket socket(thread->context);
      acceptor->accept(socket, peer, error);
      if (!error)
        take(thread, std::move(socket));
    }
  }

  void take(const std::shared_ptr<IoThread> &thread, Socket socket) {
    core->accepted += 1;
    if (core->connections >= core->limits.connections)
      return turnAway(std::move(socket));
    if (isReservedDescriptor(socket.native_handle())) {
      say("a connection was closed: the file descriptors are used up");
      return turnAway(std::move(socket));
    }
    ErrorCode ignored;
    socket.non_blocking(true, ignored);
    if (path.empty())
      socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    *arriving += 1;
    asio::post(thread->context, [core = core, arriving = arriving, thread,
                                 client = clientOf(peer),
                                 context = std::atomic_load(&tls),
                                 socket = std::move(socket)]() mutable {
      struct Arrived {
        ~Arrived() { waiting -= 1; }
        std::atomic<uint32_t> &waiting;
      } arrived{*arriving};
      if (core->stopped)
        return;
      std::shared_ptr<SessionBase> session =
          context
              ? makeTlsSession(core, thread, std::move(socket),
                               std::move(client), std::move(context))
              : makeSession(core, thread, std::move(socket), std::move(client));
      session->start();
    });
  }

  void turnAway(Socket socket) {
    static const std::string answer =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: "
        "application/json\r\nRetry-After: 1\r\n"
        "Connection: close\r\nContent-Length: 57\r\n\r\n"
        "{\"error\":\"server: too many connections; try again later\"}";
    core->refused += 1;
    ErrorCode ignored;
    socket.non_blocking(true, ignored);
    if (!std::atomic_load(&tls))
      socket.send(asio::buffer(answer), 0, ignored);
    socket.close(ignored);
  }

  void say(const std::string &text) {
    if (warn)
      warn(text);
  }

  /// Out of file descriptors or memory: the queue of the kernel holds the rest.
  void pause(const ErrorCode &error) {
    say("a connection waits: " + error.message());
    if (!retry)
      retry = std::make_unique<asio::steady_timer>(threads[0]->context);
    retry->expires_after(std::chrono::milliseconds(100));
    retry->async_wait([this](ErrorCode error) {
      if (!error && !core->stopped && !core->draining)
        accept();
    });
  }

  std::shared_ptr<ListenerCore> core;
  std::function<void(const std::string &)> warn;
  std::vector<std::shared_ptr<IoThread>> threads;
  std::unique_ptr<Acceptor> acceptor;
  std::shared_ptr<asio::ssl::context> tls;
  Generic::endpoint peer;
  std::string path;
  uint16_t boundPort = 0;
  size_t next = 0;
  std::atomic<bool> isClosed{false}; ///< the acceptor, for good
  /// Connections that were accepted and are not with their thread yet.
  std::shared_ptr<std::atomic<uint32_t>> arriving =
      std::make_shared<std::atomic<uint32_t>>(0);
  std::unique_ptr<asio::steady_timer> retry; ///< before the next accept
};

} // namespace

std::unique_ptr<HttpListener> HttpListener::start(const ListenOptions &options,
                                                  HttpHandler &handler,
                                                  Status &status) {
  auto listener = std::make_unique<Listener>();
  status = listener->open(options, handler);
  if (!status.ok())
    return nullptr;
  return listener;
}

} // namespace sinter::serve
