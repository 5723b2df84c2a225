// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the admin port can do beyond the protocol:
//
//   POST /v2/models/M/rollback
//   GET and POST /v2/models/M/traffic   {"canary":"4","canary_percent":5,
//                                        "shadow":"5","shadow_percent":10}
//   POST /v2/admin/drain
#ifndef SINTER_SERVE_MAIN_ADMINROUTES_H
#define SINTER_SERVE_MAIN_ADMINROUTES_H

#include "runtime/serve/http/HttpMessage.h"

#include <string_view>

namespace sinter::serve {

class AdminRoutes {
public:
  using Audit =
      std::function<void(const std::string &client, const std::string &action,
                         const Status &outcome)>;
  /// Whether the caller may control a model; fills in the caller's name.
  using Authorize =
      std::function<Status(HttpRequest &request, const std::string &model)>;

  AdminRoutes(Engine &engine, Audit audit, Authorize authorize)
      : engine(engine), audit(std::move(audit)),
        authorize(std::move(authorize)) {}

  /// True when the target is one of these and was answered.
  bool operator()(const HttpRequest &request, std::string_view target,
                  const HttpAnswer &answer) const;

private:
  HttpResponse act(const HttpRequest &request, const std::string &model,
                   const std::string &what) const;
  Status split(const std::string &model, std::string_view body) const;

  Engine &engine;
  Audit audit;
  Authorize authorize;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_MAIN_ADMINROUTES_H
