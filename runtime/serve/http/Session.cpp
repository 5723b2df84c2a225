// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One connection as a chain of steps:
//
//   handshake -> idle -> header -> body -> handling -> writing -> idle ...
//                                                             `-> lingering ->
//                                                             closed
//
// While a request is handled a read is under way, too: it finds a client that
// left, and keeps what a pipelining client sent ahead.
#include "runtime/serve/http/RequestParser.h"

#include "runtime/serve/http/Outgoing.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

namespace sinter::serve {
namespace {

using std::chrono::seconds;

constexpr size_t readBytes = 8192;

// Memory that a body may claim by its length alone. Past it twice of what has
// come: who announces much and sends nothing keeps nobody out.
constexpr uint64_t trustedBytes = 256 << 10;

template <typename Stream>
constexpr bool isTls = !std::is_same_v<Stream, Socket>;

template <typename Stream>
class Session final : public SessionBase,
                      public std::enable_shared_from_this<Session<Stream>> {
public:
  template <typename... Args>
  Session(std::shared_ptr<ListenerCore> core, std::shared_ptr<IoThread> thread,
          std::string client, std::shared_ptr<asio::ssl::context> tls,
          Args &&...args)
      : core(std::move(core)), thread(std::move(thread)), tls(std::move(tls)),
        client(std::move(client)), stream(std::forward<Args>(args)...) {
    this->core->connections += 1;
    this->thread->sessions.insert(this);
  }
  ~Session() override { close(); }

  /// The engine may drop the last answer, and this with it, on a thread of its
  /// own; what is not closed yet must be closed on ours.
  static void destroy(Session *session) {
    std::unique_ptr<Session> owned(session);
    if (session->step == Step::closed)
      return;
    std::shared_ptr<IoThread> thread = session->thread;
    asio::dispatch(thread->context, [owned = std::move(owned)] {});
  }

  void start() override {
    deadline = Clock::now() + core->limits.header;
    thread->watch();
    if constexpr (isTls<Stream>)
      stream.async_handshake(
          asio::ssl::stream_base::server,
          [self = this->shared_from_this()](ErrorCode error) {
            self->onHandshake(error);
          });
    else
      becomeIdle();
  }

  void expire() override {
    if (step == Step::header || step == Step::body)
      return refuse(408, "request: its bytes came too slowly");
    if (step != Step::handling)
      close();
  }

  void closeIfIdle() override {
    if (step != Step::handshake && (step != Step::idle || !pending.empty()))
      return;
    // What lies in the socket unread may be a request.
    ErrorCode ignored;
    if (step == Step::handshake || !lowest().available(ignored))
      close();
  }

  void close() override {
    if (step == Step::closed)
      return;
    bool handling = step == Step::handling;
    step = Step::closed; // first: a cancel may answer at once
    deadline = TimePoint::max();
    core->connections -= 1;
    thread->sessions.erase(this);
    if (handling) {
      core->active -= 1;
      if (std::shared_ptr<Ticket> left = std::move(ticket))
        left->cancel();
    }
    release();
    ErrorCode ignored;
    lowest().close(ignored);
  }

private:
  // clang-format off
  enum class Step { handshake, idle, header, body, handling, writing, lingering, closed };
  // clang-format on

  auto &lowest() { return stream.lowest_layer(); }

  void onHandshake(ErrorCode error) {
    if (error || step == Step::closed)
      return close();
    if constexpr (isTls<Stream>)
      certificate = certificateSubject(stream.native_handle());
    becomeIdle();
  }

  void becomeIdle() {
    // A connection that was just taken may have its request on the way.
    if (core->draining && pending.empty() && sequence)
      return close();
    step = Step::idle;
    deadline = Clock::now() + core->limits.idle;
    parser.reset();
    advance();
  }

  /// Reads into pending, whatever comes.
  void read() {
    if (reading || step == Step::closed ||
        pending.size() > core->limits.headerBytes + readBytes)
      return;
    reading = true;
    if (!scratch)
      scratch.reset(new char[readBytes]);
    stream.async_read_some(
        asio::buffer(scratch.get(), readBytes),
        [self = this->shared_from_this()](ErrorCode error, size_t bytes) {
          self->onRead(error, bytes);
        });
  }

  void onRead(ErrorCode error, size_t bytes) {
    reading = false;
    if (step == Step::closed)
      return;
    if (error) {
      // An answer that is on its way out may still arrive.
      gone = true;
      return step == Step::writing ? void() : close();
    }
    core->bytesIn += bytes;
    if (step == Step::lingering)
      return read();
    pending.append(scratch.get(), bytes);
    advance();
  }

  void advance() {
    if (step == Step::idle) {
      size_t lines = 0;
      while (pending.compare(lines, 2, "\r\n") == 0)
        lines += 2;
      pending.erase(0, lines);
      if (!pending.empty() && pending != "\r") {
        step = Step::header;
        deadline = Clock::now() + core->limits.header;
        parser.emplace(core->limits);
      }
    }
    if (step == Step::header)
      return take(parser->readHeader(pending));
    if (step == Step::body)
      return parser->chunked() ? take(parser->readChunks(pending)) : fillBody();
    read();
  }

  void take(RequestParser::Step taken) {
    switch (taken) {
    case RequestParser::Step::header:
      return onHeader();
    case RequestParser::Step::done:
      return onBody();
    case RequestParser::Step::refused:
      return refuse(parser->status, parser->reason);
    case RequestParser::Step::more:
      break;
    }
    if (step == Step::body) {
      if (!grew(body->size()))
        return;
      deadline = bodyDeadline();
    }
    read();
  }

  void onHeader() {
    request = {};
    started = Clock::now();
    if (!parser->takeHeader(request))
      return refuse(parser->status, parser->reason);
    keepAlive = parser->keepAlive();
    echo = {acceptedCoding(parser->acceptEncoding),
            request.method == HttpMethod::head, request.requestId,
            request.trace};
    uint64_t length = parser->length();
    if (!grew(std::min(length, trustedBytes)))
      return;
    body = Body::create(parser->chunked() ? readBytes : length);
    if (!body)
      return refuse(503, "request: no memory for a body of " +
                             std::to_string(length) + " bytes");
    if (parser->chunked())
      parser->setBody(body, core->limits.bodyBytes);
    else if (!length)
      return onBody();
    step = Step::body;
    deadline = bodyDeadline();
    if (parser->expectsContinue() && pending.empty())
      return sendContinue();
    advance();
  }

  void sendContinue() {
    static const std::string line = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(
        stream, asio::buffer(line),
        [self = this->shared_from_this()](ErrorCode error, size_t) {
          if (self->step == Step::body)
            error ? self->close() : self->advance();
        });
  }

  TimePoint bodyDeadline() const {
    return started + core->limits.body + seconds(body->size() >> 20);
  }

  /// Counts memory of this request; false when it was refused.
  bool grew(uint64_t bytes) {
    if (core->reserve(bytes, reserved))
      return true;
    refuse(503, "request: the bodies of all requests together would pass " +
                    std::to_string(core->limits.bodiesBytes) + " bytes");
    return false;
  }

  void release() {
    core->bodyBytes -= reserved;
    reserved = 0;
    body.reset();
    request = {};
    outgoing.clear();
  }

  /// A body of known length is read to where it stays.
  void fillBody() {
    size_t have =
        std::min<size_t>(pending.size(), parser->length() - body->size());
    body->append(pending.data(), have);
    pending.erase(0, have);
    if (body->size() == parser->length())
      return onBody();
    if (reading)
      return; // what that read brings comes first
    if (!grew(std::min<uint64_t>(
            parser->length(),
            std::max<uint64_t>(trustedBytes, 2 * body->size()))))
      return;
    reading = true;
    stream.async_read_some(asio::buffer(body->data() + body->size(),
                                        parser->length() - body->size()),
                           [self = this->shared_from_this(),
                            into = body](ErrorCode error, size_t bytes) {
                             self->onBodyRead(error, bytes, *into);
                           });
  }

  void onBodyRead(ErrorCode error, size_t bytes, Body &into) {
    reading = false;
    if (step != Step::body)
      return step == Step::lingering && !error ? read() : void();
    if (error)
      return close();
    core->bytesIn += bytes;
    into.commit(bytes);
    deadline = bodyDeadline();
    fillBody();
  }

  void onBody() {
    request.received = Clock::now();
    if (!grew(body->size()))
      return;
    Status status =
        unpackBody(parser->contentEncoding, core->limits.bodyBytes, body);
    if (!status.ok())
      return refuse(httpStatus(status.code), status.message);
    if (!grew(body->size()))
      return;
    request.body = std::move(body);
    request.client = client;
    request.certificate = certificate;
    hand();
  }

  void hand() {
    step = Step::handling;
    deadline = TimePoint::max();
    core->requests += 1;
    core->active += 1;
    uint64_t number = ++sequence;
    auto answer = [self = this->shared_from_this(),
                   number](HttpResponse &&answered) {
      if (self->core->stopped)
        return;
      self->thread->mailbox.put(
          [self, number, moved = std::move(answered)]() mutable {
            self->respond(number, std::move(moved));
          });
    };
    std::shared_ptr<Ticket> handled =
        core->handler->handle(std::move(request), std::move(answer));
    if (step == Step::handling && sequence == number) {
      ticket = std::move(handled);
      read();
    }
  }

  void respond(uint64_t number, HttpResponse &&answered) {
    if (step != Step::handling || number != sequence)
      return;
    core->active -= 1;
    ticket.reset();
    write(std::move(answered));
  }

  /// Answers what no handler saw; the connection's framing is lost after that.
  void refuse(unsigned status, const std::string &reason) {
    keepAlive = false;
    linger = true;
    write(refusal(status, reason));
  }

  void write(HttpResponse &&answered) {
    uint32_t most = core->limits.requestsPerConnection;
    if (core->draining || (most && sequence >= most))
      keepAlive = false;
    outgoing.prepare(std::move(answered), echo, keepAlive, thread->httpDate());
    echo = {};
    step = Step::writing;
    deadline =
        Clock::now() + core->limits.write + seconds(outgoing.bodyBytes() >> 20);
    asio::async_write(
        stream, outgoing.buffers(),
        [self = this->shared_from_this()](ErrorCode error, size_t sent) {
          self->onWritten(error, sent);
        });
  }

  void onWritten(ErrorCode error, size_t sent) {
    if (step == Step::closed)
      return;
    core->bytesOut += sent;
    release();
    if (error || gone)
      return close();
    if (keepAlive)
      return becomeIdle();
    if (!linger)
      return close();
    // Closing now would reset the connection, and the answer with it, while the
    // client still sends: let it finish, for a while.
    step = Step::lingering;
    deadline = Clock::now() + seconds(2);
    pending.clear();
    ErrorCode ignored;
    lowest().shutdown(asio::socket_base::shutdown_send, ignored);
    read();
  }

  std::shared_ptr<ListenerCore> core;
  std::shared_ptr<IoThread> thread;
  std::shared_ptr<asio::ssl::context> tls; // before the stream that uses it
  std::string client, certificate;
  Stream stream;
  Step step = Step::handshake;
  bool reading = false, gone = false, keepAlive = true, linger = false;
  std::unique_ptr<char[]> scratch;
  std::string pending;
  std::optional<RequestParser> parser;
  std::shared_ptr<Body> body;
  uint64_t reserved = 0, sequence = 0;
  TimePoint started;
  HttpRequest request;
  Echo echo;
  std::shared_ptr<Ticket> ticket;
  Outgoing outgoing;
};

} // namespace

std::shared_ptr<SessionBase> makeSession(std::shared_ptr<ListenerCore> core,
                                         std::shared_ptr<IoThread> thread,
                                         Socket socket, std::string client) {
  using Plain = Session<Socket>;
  return std::shared_ptr<Plain>(new Plain(std::move(core), std::move(thread),
                                          std::move(client), nullptr,
                                          std::move(socket)),
                                &Plain::destroy);
}

std::shared_ptr<SessionBase>
makeTlsSession(std::shared_ptr<ListenerCore> core,
               std::shared_ptr<IoThread> thread, Socket socket,
               std::string client, std::shared_ptr<asio::ssl::context> tls) {
  using Secure = Session<asio::ssl::stream<Socket>>;
  return std::shared_ptr<Secure>(new Secure(std::move(core), std::move(thread),
                                            std::move(client), tls,
                                            std::move(socket), *tls),
                                 &Secure::destroy);
}

} // namespace sinter::serve
