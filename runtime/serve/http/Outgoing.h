// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An answer on its way out: compressed when asked for, its head in front, all
// of it as buffers that point to where the bytes lie. Inside this folder only.
#ifndef SINTER_SERVE_HTTP_OUTGOING_H
#define SINTER_SERVE_HTTP_OUTGOING_H

#include "runtime/serve/http/ResponseHead.h"

#include <boost/asio/buffer.hpp>

namespace sinter::serve {

/// What of a request its answer depends on.
struct Echo {
  Coding accept = Coding::identity;
  bool head = false; ///< HEAD: the answer has no body
  std::string requestId;
  TraceContext trace;
};

class Outgoing {
public:
  void prepare(HttpResponse &&answer, const Echo &echo, bool keepAlive,
               const std::string &date);
  const std::vector<boost::asio::const_buffer> &buffers() const {
    return pieces;
  }
  size_t bodyBytes() const;
  /// Lets go of what it points to.
  void clear();

private:
  HttpResponse response;
  std::string headText;
  std::vector<boost::asio::const_buffer> pieces;
};

/// An answer to what no handler saw.
HttpResponse refusal(unsigned status, const std::string &reason);

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_OUTGOING_H
