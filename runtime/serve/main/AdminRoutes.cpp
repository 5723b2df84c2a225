// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/main/AdminRoutes.h"

#include <csignal>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace sinter::serve {
namespace {

using Json = nlohmann::json;

HttpResponse answerJson(const Json &json) {
  HttpResponse response;
  response.text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

Status wrong(const std::string &key, const char *expected) {
  return {Code::invalid, "traffic: '" + key + "' must be " + expected};
}

// Fills what the body names and leaves the rest as it is.
Status readSplit(std::string_view body, TrafficSplit &split) {
  Json json = Json::parse(body, nullptr, false);
  if (!json.is_object())
    return {Code::invalid,
            "traffic: the body is no JSON object; expected canary, "
            "canary_percent, shadow, shadow_percent"};
  for (const auto &[key, value] : json.items()) {
    bool isShare = key == "canary_percent" || key == "shadow_percent";
    if (!isShare && key != "canary" && key != "shadow")
      return {Code::invalid, "traffic: unknown key '" + key.substr(0, 100) +
                                 "'; expected canary, canary_percent, shadow, "
                                 "shadow_percent"};
    if (isShare) {
      if (!value.is_number() || value.get<double>() < 0 ||
          value.get<double>() > 100)
        return wrong(key, "a number from 0 to 100");
      (key[0] == 'c' ? split.canaryPercent : split.shadowPercent) =
          value.get<double>();
    } else {
      if (!value.is_string())
        return wrong(key, "a text: a version, a label, or empty for none");
      (key[0] == 'c' ? split.canary : split.shadow) = value.get<std::string>();
    }
  }
  return {};
}

// "/v2/models/M/WHAT" -> M, WHAT; names with other characters than plain ones
// are escaped in a target and are not looked for here.
bool splitTarget(std::string_view target, std::string &model,
                 std::string &what) {
  constexpr std::string_view prefix = "/v2/models/";
  target = target.substr(0, target.find('?'));
  if (target.substr(0, prefix.size()) != prefix)
    return false;
  target.remove_prefix(prefix.size());
  size_t slash = target.find('/');
  if (slash == std::string_view::npos)
    return false;
  model = target.substr(0, slash);
  what = target.substr(slash + 1);
  return what == "rollback" || what == "traffic";
}

} // namespace

Status AdminRoutes::split(const std::string &model,
                          std::string_view body) const {
  TrafficSplit wanted = engine.traffic(model).value_or(TrafficSplit());
  Status status = readSplit(body, wanted);
  return status.ok() ? engine.setTraffic(model, wanted) : status;
}

HttpResponse AdminRoutes::act(const HttpRequest &request,
                              const std::string &model,
                              const std::string &what) const {
  HttpRequest caller = request;
  bool isLook = what == "traffic" && request.method == HttpMethod::get;
  if (Status status = authorize(caller, model); !status.ok()) {
    if (!isLook)
      audit(caller.client, what + " " + model, status);
    return errorResponse(status);
  }
  if (isLook) {
    TrafficSplit now = engine.traffic(model).value_or(TrafficSplit());
    return answerJson({{"canary", now.canary},
                       {"canary_percent", now.canaryPercent},
                       {"shadow", now.shadow},
                       {"shadow_percent", now.shadowPercent}});
  }
  Status status = what == "rollback" ? engine.rollback(model)
                                     : split(model, request.body->text());
  audit(caller.client, what + " " + model, status);
  return status.ok() ? answerJson(Json::object()) : errorResponse(status);
}

bool AdminRoutes::operator()(const HttpRequest &request,
                             std::string_view target,
                             const HttpAnswer &answer) const {
  std::string model, what;
  if (splitTarget(target, model, what) &&
      (request.method == HttpMethod::post ||
       (what == "traffic" && request.method == HttpMethod::get))) {
    answer(act(request, model, what));
    return true;
  }
  if (target != "/v2/admin/drain" || request.method != HttpMethod::post)
    return false;
  HttpRequest caller = request;
  Status status = authorize(caller, "");
  audit(caller.client, "drain", status);
  answer(status.ok() ? answerJson(Json::object()) : errorResponse(status));
  if (status.ok())
    kill(getpid(), SIGTERM); // the same way down as from outside
  return true;
}

} // namespace sinter::serve
