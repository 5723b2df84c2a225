// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rare and small: these go through simdjson's tree.
#include "runtime/serve/protocol/Control.h"

#include "runtime/serve/protocol/JsonWriter.h"

#include <simdjson.h>

namespace sinter::serve {
namespace {

namespace dom = simdjson::dom;

constexpr size_t maxBytes = 1 << 20, maxDepth = 32;

Status invalid(std::string text) { return {Code::invalid, std::move(text)}; }

/// Calls read(key, value) for each member.
template <typename Read>
Status members(std::string_view body, const char *what, Read read) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return {};
  if (body.size() > maxBytes)
    return invalid(std::string(what) + ": the body has over 1 MiB");
  dom::parser parser(maxBytes);
  dom::object object;
  if (parser.allocate(body.size() + simdjson::SIMDJSON_PADDING, maxDepth))
    return {Code::unavailable, std::string(what) + ": no memory", 1000};
  if (simdjson::error_code code =
          parser.parse(body.data(), body.size()).get(object))
    return invalid(std::string(what) + ": " + simdjson::error_message(code) +
                   "; expected a JSON object");
  for (dom::key_value_pair member : object)
    if (Status status = read(member.key, member.value); !status.ok())
      return status;
  return {};
}

template <typename T>
Status take(dom::element value, std::string_view key, const char *expected,
            T &out) {
  return value.get(out)
             ? invalid("'" + std::string(key) + "' must be " + expected)
             : Status();
}

Status takeText(dom::element value, std::string_view key, std::string &out) {
  std::string_view text;
  Status status = take(value, key, "a string", text);
  out = text;
  return status;
}

} // namespace

Status parseIndexRequest(std::string_view body, bool &readyOnly) {
  return members(
      body, "repository index", [&](std::string_view key, dom::element value) {
        return key == "ready" ? take(value, key, "true or false", readyOnly)
                              : Status();
      });
}

Status parseLoadRequest(std::string_view body) {
  return members(body, "load", [](std::string_view key, dom::element value) {
    dom::object parameters;
    if (key != "parameters")
      return Status();
    if (value.get(parameters))
      return invalid("'parameters' must be an object");
    for (dom::key_value_pair parameter : parameters)
      if (parameter.key == "config" || parameter.key.substr(0, 5) == "file:")
        return Status(
            Code::unsupported,
            "load: parameter '" + std::string(parameter.key) +
                "': models come from the repository only; put a bundle there");
    return Status();
  });
}

Status parseRegion(std::string_view body, SharedMemory::Region &region) {
  return members(
      body, "shared memory", [&](std::string_view key, dom::element value) {
        if (key == "key")
          return takeText(value, key, region.key);
        if (key == "offset")
          return take(value, key, "an integer from 0", region.offset);
        if (key == "byte_size")
          return take(value, key, "an integer from 1", region.bytes);
        return Status();
      });
}

std::string regionsJson(const std::vector<SharedMemory::Region> &regions) {
  JsonWriter json;
  json.open('[');
  for (const SharedMemory::Region &region : regions) {
    json.open('{')
        .key("name")
        .string(region.name)
        .key("key")
        .string(region.key);
    json.key("offset")
        .number(region.offset)
        .key("byte_size")
        .number(region.bytes)
        .close('}');
  }
  json.close(']');
  return std::move(json.text);
}

Status parseLabel(std::string_view body, std::string &version) {
  return members(body, "label", [&](std::string_view key, dom::element value) {
    return key == "version" && !value.is_null() ? takeText(value, key, version)
                                                : Status();
  });
}

Status parseLogSettings(std::string_view body, LogSettings &settings) {
  return members(
      body, "log settings", [&](std::string_view key, dom::element value) {
        if (key == "log_info")
          return take(value, key, "true or false", settings.info);
        if (key == "log_warning")
          return take(value, key, "true or false", settings.warning);
        if (key == "log_error")
          return take(value, key, "true or false", settings.error);
        if (key == "log_verbose_level")
          return take(value, key, "an integer from 0", settings.verbose);
        std::string text;
        if (key != "log_file" && key != "log_format")
          return invalid("log settings: unknown setting '" + std::string(key) +
                         "'");
        if (Status status = takeText(value, key, text); !status.ok())
          return status;
        if (text.empty() || (key == "log_format" && text == "default"))
          return Status();
        return Status(Code::unsupported,
                      "log settings: '" + std::string(key) +
                          "' is set in the server's configuration, not here");
      });
}

std::string logSettingsJson(const LogSettings &settings) {
  JsonWriter json;
  json.open('{')
      .key("log_file")
      .string("")
      .key("log_info")
      .boolean(settings.info);
  json.key("log_warning")
      .boolean(settings.warning)
      .key("log_error")
      .boolean(settings.error);
  json.key("log_verbose_level")
      .number(settings.verbose)
      .key("log_format")
      .string("default")
      .close('}');
  return std::move(json.text);
}

Status parseTraceSettings(std::string_view body, TraceChanges &changes) {
  auto add = [&](std::string_view key, dom::element value) {
    std::string text;
    int64_t number;
    if (!value.get(number))
      text = std::to_string(number);
    else if (Status status = takeText(value, key, text); !status.ok())
      return status;
    changes.emplace_back(key, std::move(text));
    return Status();
  };
  return members(body, "trace settings",
                 [&](std::string_view key, dom::element value) {
                   dom::array list;
                   if (value.is_null() || (!value.get(list) && !list.size())) {
                     changes.emplace_back(key, std::nullopt);
                     return Status();
                   }
                   if (value.get(list))
                     return add(key, value);
                   for (dom::element one : list)
                     if (Status status = add(key, one); !status.ok())
                       return status;
                   return Status();
                 });
}

std::string traceSettingsJson(const TraceValues &settings) {
  JsonWriter json;
  json.open('{');
  for (const auto &[key, value] : settings)
    if (key != "trace_level") // the only list
      json.key(key).string(value);
  json.key("trace_level").open('[');
  for (const auto &[key, value] : settings)
    if (key == "trace_level")
      json.string(value);
  json.close(']').close('}');
  return std::move(json.text);
}

LogControl::LogControl(std::function<void(const LogSettings &)> apply)
    : apply(std::move(apply)) {
  this->apply(settings);
}

LogSettings LogControl::get() const {
  std::lock_guard<std::mutex> lock(mutex);
  return settings;
}

void LogControl::set(const LogSettings &changed) {
  std::lock_guard<std::mutex> lock(mutex);
  settings = changed;
  apply(settings);
}

} // namespace sinter::serve
