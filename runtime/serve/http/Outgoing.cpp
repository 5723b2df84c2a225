// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See the header.
#include "runtime/serve/http/Outgoing.h"

#include "runtime/serve/protocol/JsonWriter.h"

namespace sinter::serve {

size_t Outgoing::bodyBytes() const {
  size_t bytes = response.text.size();
  for (const Piece &piece : response.blobs)
    bytes += piece.bytes;
  return bytes;
}

void Outgoing::prepare(HttpResponse &&answer, const Echo &echo, bool keepAlive,
                       const std::string &date) {
  response = std::move(answer);
  Coding coding = echo.accept;
  if (coding == Coding::unknown || response.status != 200 || echo.head ||
      !bodyBytes())
    coding = Coding::identity;
  if (coding != Coding::identity && !pack(coding, response))
    coding = Coding::identity;
  HeadFields fields{response,       coding,     bodyBytes(), keepAlive,
                    echo.requestId, echo.trace, date};
  writeHead(fields, headText);
  pieces.clear();
  pieces.push_back(boost::asio::buffer(headText));
  if (echo.head)
    return;
  if (!response.text.empty())
    pieces.push_back(boost::asio::buffer(response.text));
  for (const Piece &piece : response.blobs)
    pieces.push_back({piece.data, piece.bytes});
}

void Outgoing::clear() {
  pieces.clear();
  response = {};
}

HttpResponse refusal(unsigned status, const std::string &reason) {
  HttpResponse refused;
  refused.status = status;
  refused.text = errorJson(reason);
  if (status == 503)
    refused.headers.emplace_back("Retry-After", "1");
  return refused;
}

} // namespace sinter::serve
