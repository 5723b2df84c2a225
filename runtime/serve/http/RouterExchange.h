// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A request on its way through the router. Inside this folder only.
#ifndef SINTER_SERVE_HTTP_ROUTEREXCHANGE_H
#define SINTER_SERVE_HTTP_ROUTEREXCHANGE_H

#include "runtime/serve/http/Router.h"

#include <algorithm>

namespace sinter::serve {

struct Router::Exchange {
  HttpRequest request;
  HttpAnswer answer;
  Segments path;
  std::string model, version, verb;

  void fail(const Status &status) { answer(errorResponse(status)); }
  void json(std::string text) {
    HttpResponse response;
    response.text = std::move(text);
    answer(std::move(response));
  }
  /// 200 without a body, or 503.
  void health(bool good, const char *otherwise) {
    good ? json("") : fail({Code::unavailable, otherwise, 1000});
  }
};

template <class Entry>
void Router::keepVisible(Exchange &exchange, std::vector<Entry> &entries) {
  if (!services.authorize)
    return;
  auto isHidden = [&](const Entry &entry) {
    return !ask(exchange, Permission::observe, entry.name).ok();
  };
  entries.erase(std::remove_if(entries.begin(), entries.end(), isHidden),
                entries.end());
}

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_ROUTEREXCHANGE_H
