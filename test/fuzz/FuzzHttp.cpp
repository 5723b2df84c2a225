// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the framing of a request over HTTP: its first byte says in what pieces
// the rest arrives. It ends with a request, with a reason and its status, or in
// the wish for more; a body is never over its limit, packed or not.
#include "runtime/serve/http/Coding.h"
#include "runtime/serve/http/RequestParser.h"
#include "runtime/serve/http/Target.h"

#include <cstdlib>

using namespace sinter::serve;

namespace {

using Step = RequestParser::Step;

// Bytes as a connection gives them.
struct Arriving {
  std::string_view rest;
  size_t piece;
  std::string pending;
  bool more() {
    std::string_view part = rest.substr(0, piece);
    rest.remove_prefix(part.size());
    pending += part;
    return !part.empty();
  }
};

void checkRefusal(const RequestParser &parser) {
  if (parser.status < 400 || parser.status > 599 || parser.reason.empty())
    std::abort();
}

std::shared_ptr<Body> readBody(RequestParser &parser, Arriving &bytes,
                               const HttpLimits &limits) {
  std::shared_ptr<Body> body = Body::create(0);
  if (parser.chunked()) {
    parser.setBody(body, limits.bodyBytes);
    Step step = parser.readChunks(bytes.pending);
    while (step == Step::more && bytes.more())
      step = parser.readChunks(bytes.pending);
    if (step == Step::refused)
      checkRefusal(parser);
    if (step != Step::done)
      return nullptr;
  } else {
    while (bytes.pending.size() < parser.length() && bytes.more())
      ;
    if (bytes.pending.size() < parser.length() ||
        !body->append(bytes.pending.data(), parser.length()))
      return nullptr;
  }
  if (body->size() > limits.bodyBytes)
    std::abort();
  return body;
}

void useWords(const RequestParser &parser, const HttpRequest &request) {
  if (auto parts = splitTarget(request.target))
    for (const std::string &part : *parts)
      if (part.empty())
        std::abort();
  if (auto timeout = parseTimeout(request.timeout);
      timeout && timeout->count() < 0)
    std::abort();
  parseLength(request.inferLength);
  acceptedCoding(parser.acceptEncoding);
}

// What we pack, others must unpack: here, we.
void packAgain(const Body &body, uint64_t limit) {
  for (Coding coding : {Coding::gzip, Coding::deflate}) {
    HttpResponse response;
    response.text = body.text();
    if (!pack(coding, response))
      continue;
    Status status;
    auto packed = Body::copyOf(response.text);
    auto again = unpack(coding, *packed, limit, status);
    if (!again || again->text() != body.text())
      std::abort();
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size)
    return 0;
  HttpLimits limits;
  limits.headerBytes = 2048;
  limits.bodyBytes = 8192;
  Arriving bytes{{reinterpret_cast<const char *>(data + 1), size - 1},
                 size_t(data[0]) + 1,
                 {}};
  RequestParser parser(limits);
  Step step = Step::more;
  while (step == Step::more && bytes.more())
    step = parser.readHeader(bytes.pending);
  if (step == Step::refused)
    checkRefusal(parser);
  if (step != Step::header)
    return 0;
  HttpRequest request;
  if (!parser.takeHeader(request)) {
    checkRefusal(parser);
    return 0;
  }
  useWords(parser, request);
  std::shared_ptr<Body> body = readBody(parser, bytes, limits);
  if (!body)
    return 0;
  Status status = unpackBody(parser.contentEncoding, limits.bodyBytes, body);
  if (status.ok() == !status.message.empty() || !body ||
      body->size() > limits.bodyBytes)
    std::abort();
  packAgain(*body, limits.bodyBytes);
  return 0;
}
