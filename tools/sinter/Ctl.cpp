// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter ctl`: one request to the admin port of a running server, and what
// came of it as lines for people or, with --json, as the server said it.
#include "tools/sinter/Commands.h"

#include "tools/sinter/HttpRequest.h"
#include "tools/sinter/Json.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <map>

using namespace sinter;
namespace json = llvm::json;

namespace {

struct Call {
  std::string method, path, body;
};

struct Verb {
  const char *name;
  size_t words; // behind the name
  const char *usage;
  Call (*call)(llvm::ArrayRef<std::string> words);
};

} // namespace

static std::string modelPath(llvm::StringRef model) {
  return "/v2/models/" + percentEncoded(model);
}

static Call label(llvm::StringRef model, llvm::StringRef name,
                  llvm::StringRef version) {
  json::Object body{{"version", version.str()}};
  return {"PUT", modelPath(model) + "/labels/" + percentEncoded(name),
          llvm::formatv("{0}", json::Value(std::move(body))).str()};
}

static Call repository(llvm::StringRef model, const char *action) {
  return {"POST",
          "/v2/repository/models/" + percentEncoded(model) + "/" + action, ""};
}

static bool isPercent(llvm::StringRef text) {
  double percent;
  return !text.getAsDouble(percent) && percent >= 0 && percent <= 100;
}

// The version that gets a share of the traffic; 0 percent ends it.
static Call traffic(std::string kind, llvm::ArrayRef<std::string> words) {
  double percent = 0; // callOf has looked
  llvm::StringRef(words[2]).getAsDouble(percent);
  json::Object body{{kind, percent == 0 ? "" : words[1]},
                    {kind + "_percent", percent}};
  return {"POST", modelPath(words[0]) + "/traffic",
          llvm::formatv("{0}", json::Value(std::move(body))).str()};
}

static llvm::ArrayRef<Verb> verbs() {
  using Words = llvm::ArrayRef<std::string>;
  static const Verb table[] = {
      {"list", 0, "list",
       [](Words) { return Call{"POST", "/v2/repository/index", ""}; }},
      {"load", 1, "load MODEL",
       [](Words w) { return repository(w[0], "load"); }},
      {"unload", 1, "unload MODEL",
       [](Words w) { return repository(w[0], "unload"); }},
      {"label", 3, "label MODEL LABEL VERSION",
       [](Words w) { return label(w[0], w[1], w[2]); }},
      {"unlabel", 2, "unlabel MODEL LABEL",
       [](Words w) {
         return Call{"DELETE",
                     modelPath(w[0]) + "/labels/" + percentEncoded(w[1]), ""};
       }},
      {"promote", 2, "promote MODEL VERSION (label it `stable`)",
       [](Words w) { return label(w[0], "stable", w[1]); }},
      {"rollback", 1, "rollback MODEL (`stable` as it was before)",
       [](Words w) { return Call{"POST", modelPath(w[0]) + "/rollback", ""}; }},
      {"canary", 3, "canary MODEL VERSION PERCENT",
       [](Words w) { return traffic("canary", w); }},
      {"shadow", 3, "shadow MODEL VERSION PERCENT",
       [](Words w) { return traffic("shadow", w); }},
      {"drain", 0, "drain (end the server as SIGTERM does)",
       [](Words) { return Call{"POST", "/v2/admin/drain", ""}; }},
  };
  return table;
}

static llvm::Expected<Call> callOf(llvm::ArrayRef<std::string> words) {
  std::string known;
  for (const Verb &verb : verbs()) {
    if (!words.empty() && words[0] == verb.name &&
        words.size() == verb.words + 1) {
      bool splits = words[0] == "canary" || words[0] == "shadow";
      if (splits && !isPercent(words[3]))
        return userError(ErrorCode::U006, "found '" + words[3] + "' percent",
                         "expected a number from 0 to 100; 0 ends it");
      return verb.call(words.drop_front());
    }
    known += std::string(known.empty() ? "" : "; ") + verb.usage;
  }
  std::string found;
  for (const std::string &word : words)
    found += (found.empty() ? "" : " ") + word;
  return userError(ErrorCode::U006, "found '" + found + "'",
                   "expected one of: " + known);
}

// A load takes as long as the model is large, and other actions wait for it or
// load, too. What only looks or only signals is answered at once.
static HttpServer serverOf(const Arguments &arguments) {
  constexpr unsigned secondsToLook = 30, secondsToAct = 600;
  const std::string &verb = arguments.words[0];
  unsigned seconds = arguments.timeout                   ? arguments.timeout
                     : verb == "list" || verb == "drain" ? secondsToLook
                                                         : secondsToAct;
  const char *key = getenv("SINTER_API_KEY");
  return {arguments.admin, key ? key : "", seconds,
          std::chrono::steady_clock::now() + std::chrono::seconds(seconds)};
}

static llvm::Expected<HttpReply> send(const HttpServer &server,
                                      const Call &call) {
  return sendHttp(server, call.method, call.path, call.body);
}

// {"canary": VERSION, "canary_percent": ...}; null where it cannot be had.
static json::Value splitOfModel(const HttpServer &server,
                                const std::string &model) {
  auto reply = send(server, {"GET", modelPath(model) + "/traffic", ""});
  if (!reply) {
    llvm::consumeError(reply.takeError());
    return nullptr;
  }
  auto body = parseJson(reply->body);
  if (body)
    return std::move(*body);
  llvm::consumeError(body.takeError());
  return nullptr;
}

// "name  version  state  labels  reason", a line each; splits are like labels.
static void printIndex(const json::Array &index, const HttpServer &server) {
  std::map<std::string, json::Value> splits;
  auto splitOf = [&](const std::string &model) {
    auto it = splits.find(model);
    if (it == splits.end())
      it = splits.emplace(model, splitOfModel(server, model)).first;
    return it->second.getAsObject();
  };
  for (const json::Value &value : index) {
    const json::Object *row = value.getAsObject();
    if (!row)
      continue;
    auto text = [&](const char *key) {
      return row->getString(key).value_or("").str();
    };
    std::string labels;
    if (const json::Array *list = row->getArray("labels"))
      for (const json::Value &one : *list)
        labels +=
            (labels.empty() ? "" : ",") + one.getAsString().value_or("").str();
    for (const char *kind : {"canary", "shadow"})
      if (const json::Object *split = splitOf(text("name"));
          split && !text("version").empty() &&
          split->getString(kind) == text("version"))
        labels +=
            llvm::formatv(
                "{0}{1} {2}%", labels.empty() ? "" : ",", kind,
                split->getNumber(kind + std::string("_percent")).value_or(0))
                .str();
    llvm::outs() << llvm::formatv("{0,-24} {1,8} {2,-12} {3,-16} {4}",
                                  text("name"), text("version"), text("state"),
                                  labels, text("reason"))
                        .str()
                        .c_str()
                 << "\n";
  }
}

// What scripts tell apart by the exit code: a bundle that is no good (3), an
// action that does not fit what the server has or whose key may not do it (4),
// and a server or a machine that cannot do it now (5).
static llvm::Error refusal(const Arguments &arguments, int status,
                           const std::string &reason) {
  constexpr int unauthorized = 401, forbidden = 403, notFound = 404,
                unavailable = 503, notOffered = 501;
  bool isAnswer = status == unauthorized || status == forbidden ||
                  status == notFound || status == notOffered;
  std::string remedy = "the server has left everything as it was";
  if (status == unauthorized)
    remedy += "; SINTER_API_KEY holds the key";
  if (!isAnswer && arguments.words[0] == "load")
    return formattedError(
        ExitCode::Model, "ctl: error: the server refused the model: " + reason +
                             "\n  what was served is served; sinter ctl list "
                             "shows each version\n  [SINTER-R001] see "
                             "docs/error-codes.md");
  return userError(status == unavailable ? ErrorCode::O010 : ErrorCode::R001,
                   reason, remedy);
}

static llvm::Error control(const Arguments &arguments) {
  auto call = callOf(arguments.words);
  if (!call)
    return call.takeError();
  HttpServer server = serverOf(arguments);
  auto reply = send(server, *call);
  if (!reply)
    return reply.takeError();
  auto body = parseJson(reply->body);
  if (!body)
    llvm::consumeError(body.takeError());
  if (reply->status != 200) {
    std::string reason =
        "it answers with status " + std::to_string(reply->status);
    if (body && body->getAsObject())
      reason = body->getAsObject()->getString("error").value_or(reason).str();
    return refusal(arguments, int(reply->status), reason);
  }
  if (arguments.json || !body)
    llvm::outs() << reply->body << "\n";
  else if (const json::Array *index = body->getAsArray())
    printIndex(*index, server);
  else
    llvm::outs() << "done\n";
  return llvm::Error::success();
}

ExitCode sinter::runCtl(const Arguments &arguments) {
  return printError("ctl", control(arguments));
}
