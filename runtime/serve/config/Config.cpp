// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/config/Config.h"

#include "runtime/serve/config/Schema.h"
#include "runtime/serve/config/Toml.h"
#include "runtime/serve/config/TomlText.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace sinter::serve {
namespace {

const std::string modelPrefix = "models.", inputPrefix = "inputs.";

template <typename Row>
const Row *findRow(const std::vector<Row> &rows, const std::string &key) {
  for (const Row &row : rows)
    if (key == row.key)
      return &row;
  return nullptr;
}

std::vector<std::string> allKeys() {
  std::vector<std::string> keys;
  for (const auto &row : serverKeys())
    keys.push_back(row.key);
  for (const auto &row : modelKeys())
    keys.push_back(row.key);
  return keys;
}

// What a key is about: the server and all models, one model, one input.
struct Place {
  std::string model, input, key;
  bool ofModel = false, ofInput = false;
};

// "models.ocr.v4.max-batch", "models.ocr.inputs.x.0.finite", "inputs.x.0.max":
// a name may hold dots, a key behind a name does not.
Place placeOf(const std::string &key) {
  Place place;
  std::string rest = key;
  size_t dot = key.rfind('.');
  place.ofModel = key.rfind(modelPrefix, 0) == 0 && dot >= modelPrefix.size();
  if (place.ofModel) {
    place.model = key.substr(modelPrefix.size(), dot - modelPrefix.size());
    rest = key.substr(dot + 1);
    if (size_t at = place.model.find("." + inputPrefix);
        at != std::string::npos) {
      rest = place.model.substr(at + 1) + "." + rest;
      place.model.resize(at);
    }
  }
  dot = rest.rfind('.');
  place.ofInput = rest.rfind(inputPrefix, 0) == 0 && dot >= inputPrefix.size();
  if (place.ofInput) {
    place.input = rest.substr(inputPrefix.size(), dot - inputPrefix.size());
    rest = rest.substr(dot + 1);
  }
  place.key = rest;
  return place;
}

Status unknownKey(const std::string &key, const std::string &origin) {
  std::string near = nearestKey(key, allKeys());
  return {Code::invalid,
          origin + ": unknown key '" + key + "'" +
              (near.empty() ? "; see --help" : "; did you mean " + near + "?")};
}

template <typename Target>
Status apply(const KeyRow<Target> &row, const std::string &key,
             const ConfigValue &value, Target &target) {
  ParsedValue parsed;
  Status status = parseValue(row.kind, row.choices, value.text, parsed);
  if (!status.ok())
    return {Code::invalid, value.origin + ": " + key + ": " + status.message};
  if (row.kind == KeyKind::file && !value.text.empty() &&
      access(value.text.c_str(), R_OK))
    return {Code::invalid,
            value.origin + ": " + key + ": cannot read '" + value.text + "'"};
  row.put(target, parsed);
  return {};
}

// ---- The file

Status scalarText(const toml::node &node, const std::string &where,
                  std::string &text) {
  std::ostringstream out;
  if (const auto *value = node.as_string())
    out << value->get();
  else if (const auto *number = node.as_integer())
    out << number->get();
  else if (const auto *real = node.as_floating_point()) {
    char digits[32]; // as many as tell it from its neighbours
    auto end = std::to_chars(digits, std::end(digits), real->get()).ptr;
    out.write(digits, end - digits);
  } else if (const auto *flag = node.as_boolean())
    out << (flag->get() ? "true" : "false");
  else
    return {Code::invalid,
            where + ": expected a text, a number, true or false"};
  text = out.str();
  return {};
}

Status flatten(const toml::table &table, const std::string &prefix,
               const std::string &file, ConfigValues &out) {
  for (const auto &[name, node] : table) {
    std::string key = prefix + std::string(name.str());
    std::string where = file + ":" + std::to_string(node.source().begin.line);
    if (const toml::table *inner = node.as_table()) {
      if (Status status = flatten(*inner, key + ".", file, out); !status.ok())
        return status;
      continue;
    }
    std::string text;
    if (const toml::array *list = node.as_array()) {
      for (const toml::node &element : *list) {
        std::string one;
        if (Status status = scalarText(element, where, one); !status.ok())
          return status;
        text += (text.empty() ? "" : ",") + one;
      }
    } else if (Status status = scalarText(node, where + ": " + key, text);
               !status.ok()) {
      return status;
    }
    out[key] = {text, where};
  }
  return {};
}

// No exception leaves this function.
Status readFile(const std::string &path, ConfigValues &out) {
  std::string text;
  if (Status status = readTomlText(path, text); !status.ok())
    return status;
  try {
    return flatten(toml::parse(text, path), "", path, out);
  } catch (const toml::parse_error &error) {
    std::string line = std::to_string(error.source().begin.line);
    return {Code::invalid,
            path + ":" + line + ": " + std::string(error.description())};
  } catch (const std::exception &error) {
    return {Code::invalid, path + ": " + error.what()};
  }
}

// ---- The environment

std::string variableOf(const std::string &key) {
  std::string name = "SINTER_";
  for (char c : key)
    name += c == '.' || c == '-' ? '_' : char(std::toupper(c));
  return name;
}

void overlay(const ConfigValues &upper, ConfigValues &lower) {
  for (const auto &[key, value] : upper)
    lower[key] = value;
}

Status collect(const CommandLine &line, const Environment &environment,
               ConfigValues &values) {
  for (const auto &row : serverKeys())
    values[row.key] = {row.preset, "default"};
  for (const auto &row : modelKeys())
    values[row.key] = {row.preset, "default"};
  std::string file = line.configFile;
  if (const char *named = environment("SINTER_CONFIG"); file.empty() && named)
    file = named;
  if (!file.empty()) {
    ConfigValues inFile;
    if (Status status = readFile(file, inFile); !status.ok())
      return status;
    overlay(inFile, values);
  }
  for (const std::string &key : allKeys())
    if (const char *text = environment(variableOf(key).c_str()))
      values[key] = {text, variableOf(key)};
  overlay(line.values, values);
  return {};
}

ModelOptions &modelNamed(ServerConfig &config, const std::string &name) {
  for (ModelOptions &model : config.models)
    if (model.name == name)
      return model;
  config.models.push_back(config.defaults); // the defaults are complete by now
  config.models.back().name = name;
  return config.models.back();
}

Status applyToInput(const Place &place, const std::string &key,
                    const ConfigValue &value, ModelOptions &options) {
  const auto *row = findRow(inputKeys(), place.key);
  if (!row) {
    std::vector<std::string> keys;
    for (const auto &each : inputKeys())
      keys.push_back(each.key);
    std::string near = nearestKey(place.key, keys);
    return {Code::invalid,
            value.origin + ": unknown key '" + key + "'; an input has " +
                "shapes, finite, min and max" +
                (near.empty() ? "" : "; did you mean " + near + "?")};
  }
  auto &rules = options.inputRules;
  auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto &r) {
    return r.input == place.input;
  });
  if (rule == rules.end()) {
    rules.emplace_back();
    rule = std::prev(rules.end());
    rule->input = place.input;
  }
  rule->own |= place.ofModel;
  return apply(*row, key, value, *rule);
}

Status checkRules(const ModelOptions &options) {
  for (const ModelOptions::InputRule &rule : options.inputRules)
    if (rule.min > rule.max)
      return {Code::invalid,
              (options.name.empty() ? "" : modelPrefix + options.name + ".") +
                  inputPrefix + rule.input +
                  ": min is above max: nothing would be "
                  "allowed"};
  return {};
}

Status checkPorts(const ServerConfig &config) {
  const struct {
    const char *key;
    const ListenerConfig &where;
  } all[] = {{"http.port", config.http},
             {"grpc.port", config.grpc},
             {"admin.port", config.admin}};
  auto isAny = [](const std::string &address) {
    return address == "0.0.0.0" || address == "::";
  };
  for (const auto &one : all)
    for (const auto &other : all) {
      const ListenerConfig &a = one.where, &b = other.where;
      if (&one < &other && a.port > 0 && a.port == b.port &&
          (a.address == b.address || isAny(a.address) || isAny(b.address)))
        return {Code::invalid, std::string(one.key) + " and " + other.key +
                                   " are both " + std::to_string(a.port)};
    }
  return {};
}

Status checkTogether(const ServerConfig &config) {
  if (Status status = checkRules(config.defaults); !status.ok())
    return status;
  for (const ModelOptions &model : config.models)
    if (Status status = checkRules(model); !status.ok())
      return status;
  if (config.tlsCertificate.empty() != config.tlsKey.empty())
    return {Code::invalid,
            "tls.certificate and tls.key go together: one of them is missing"};
  if (config.tlsCertificate.empty() && !config.tlsClientCa.empty())
    return {Code::invalid, "tls.client-ca needs tls.certificate and tls.key"};
  if (config.watch && config.repository.empty())
    return {Code::invalid, "watch needs a repository"};
  auto listens = [](const ListenerConfig &one) {
    return one.port >= 0 || !one.socket.empty();
  };
  if (!listens(config.http) && !listens(config.grpc))
    return {Code::invalid,
            "http and grpc are both off: nothing would be served"};
  return checkPorts(config);
}

} // namespace

Status loadConfig(const CommandLine &line, const Environment &environment,
                  ServerConfig &out, ConfigValues &values) {
  values.clear();
  if (Status status = collect(line, environment, values); !status.ok())
    return status;
  ServerConfig config;
  Status status;
  for (const auto &[key, value] : values) {
    Place place = placeOf(key);
    if (place.ofModel)
      continue;
    if (place.ofInput)
      status = applyToInput(place, key, value, config.defaults);
    else if (const auto *row = findRow(serverKeys(), key))
      status = apply(*row, key, value, config);
    else if (const auto *shared = findRow(modelKeys(), key))
      status = apply(*shared, key, value, config.defaults);
    else
      status = unknownKey(key, value.origin);
    if (!status.ok())
      return status;
  }
  for (const auto &[key, value] : values) {
    Place place = placeOf(key);
    if (!place.ofModel)
      continue;
    ModelOptions &model = modelNamed(config, place.model);
    const auto *row = findRow(modelKeys(), place.key);
    status = place.ofInput ? applyToInput(place, key, value, model)
             : row ? apply(*row, key, value, model)
                   : unknownKey(place.key, value.origin + ": " + modelPrefix +
                                               place.model);
    if (!status.ok())
      return status;
  }
  if (status = checkTogether(config); status.ok())
    out = std::move(config);
  return status;
}

std::string explainConfig(const ConfigValues &values) {
  std::ostringstream page;
  for (const auto &[key, value] : values)
    page << key << " = " << (value.text.empty() ? "\"\"" : value.text) << "  ("
         << value.origin << ")\n";
  return page.str();
}

std::vector<std::string> needRestart(const ConfigValues &before,
                                     const ConfigValues &after) {
  ConfigValues all = before;
  overlay(after, all);
  std::vector<std::string> keys;
  for (const auto &[key, value] : all) {
    auto old = before.find(key), now = after.find(key);
    if (old != before.end() && now != after.end() &&
        old->second.text == now->second.text)
      continue;
    Place place = placeOf(key);
    const auto *row = findRow(serverKeys(), key);
    const auto *shared = findRow(modelKeys(), place.key);
    bool live = place.ofInput || (row && row->live) || (shared && shared->live);
    if (!live)
      keys.push_back(key);
  }
  return keys;
}

} // namespace sinter::serve
