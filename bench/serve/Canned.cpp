// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bench-canned: the floor under every latency here. It reads a request and
// sends bytes that were given, so what a client measures against it is the
// client, the kernel's loopback and nothing else.
//
//   bench-canned --port 9000 --answer FILE
//   bench-canned --port 9000 --answer FILE --grpc
//
// FILE holds a whole HTTP answer, or the message of a gRPC one.
#include "CLI/CLI.hpp"
#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <map>
#include <netinet/tcp.h>
#include <sstream>
#include <string>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// How many bytes of the buffer the first whole request takes; 0 = not whole
/// yet.
size_t requestLength(const std::string &text) {
  size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos)
    return 0;
  static const char name[] = "\r\ncontent-length:";
  size_t body = 0;
  for (size_t i = 0; i < end; ++i)
    if (strncasecmp(text.data() + i, name, sizeof name - 1) == 0)
      body = std::strtoull(text.data() + i + sizeof name - 1, nullptr, 10);
  return text.size() >= end + 4 + body ? end + 4 + body : 0;
}

void sendAll(int socket, const std::string &bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    ssize_t n =
        send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0)
      return;
    sent += size_t(n);
  }
}

int serveHttp(int port, const std::string &answer) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(uint16_t(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof address) ||
      listen(listener, 512)) {
    std::perror("bench-canned");
    return 5;
  }
  int poll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event = {EPOLLIN, {.fd = listener}};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  std::map<int, std::string> pending;
  char buffer[1 << 16];
  while (true) {
    epoll_event events[64];
    int count = epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < count; ++i) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event readable = {EPOLLIN, {.fd = client}};
        epoll_ctl(poll, EPOLL_CTL_ADD, client, &readable);
        continue;
      }
      ssize_t n = recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) {
        pending.erase(fd);
        close(fd);
        continue;
      }
      std::string &text = pending[fd];
      text.append(buffer, size_t(n));
      while (size_t length = requestLength(text)) {
        text.erase(0, length);
        sendAll(fd, answer);
      }
    }
  }
}

/// One call of any method: its message is read and dropped, the answer written.
struct Call {
  grpc::GenericServerContext context;
  grpc::GenericServerAsyncReaderWriter stream{&context};
  grpc::ByteBuffer message;
  enum { arriving, reading, writing } state = arriving;
};

int serveGrpc(int port, const std::string &answer) {
  grpc::AsyncGenericService service;
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(-1);
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port),
                           grpc::InsecureServerCredentials());
  builder.RegisterAsyncGenericService(&service);
  auto queue = builder.AddCompletionQueue();
  auto server = builder.BuildAndStart();
  if (!server)
    return 5;
  grpc::Slice slice(answer);
  grpc::ByteBuffer reply(&slice, 1);
  auto expect = [&] {
    auto *call = new Call;
    service.RequestCall(&call->context, &call->stream, queue.get(), queue.get(),
                        call);
  };
  expect();
  void *tag;
  bool ok;
  while (queue->Next(&tag, &ok)) {
    auto *call = static_cast<Call *>(tag);
    if (!ok || call->state == Call::writing) {
      delete call;
    } else if (call->state == Call::arriving) {
      expect();
      call->state = Call::reading;
      call->stream.Read(&call->message, call);
    } else {
      call->state = Call::writing;
      call->stream.WriteAndFinish(reply, grpc::WriteOptions(), grpc::Status::OK,
                                  call);
    }
  }
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Answers every request with the same bytes.");
  int port = 0;
  bool isGrpc = false;
  std::string path;
  app.add_option("--port", port, "port on 127.0.0.1")->required();
  app.add_option("--answer", path, "file with the answer")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_flag("--grpc", isGrpc, "gRPC instead of HTTP/1.1");
  CLI11_PARSE(app, argc, argv);
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return isGrpc ? serveGrpc(port, text.str()) : serveHttp(port, text.str());
}
