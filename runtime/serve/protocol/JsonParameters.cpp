// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small, and apart from the request so that each fits a page.
#include "runtime/serve/protocol/JsonParameters.h"

namespace sinter::serve {

using simdjson::ondemand::json_type;

namespace {

Status wrong(const std::string &where, std::string_view name,
             const char *expected) {
  return {Code::invalid, where + ": parameter '" + std::string(name) +
                             "' must be " + expected};
}

Status skipNumber(simdjson::ondemand::value &value, const std::string &where) {
  double number; // integers of any size, too
  simdjson::error_code code = value.get_double().get(number);
  return code ? jsonFault(where, code) : Status();
}

Status readOne(simdjson::ondemand::value &value, const std::string &where,
               JsonParameter &parameter) {
  json_type type;
  simdjson::error_code code = value.type().get(type);
  if (code)
    return jsonFault(where, code);
  switch (type) {
  case json_type::boolean:
    parameter.kind = JsonParameter::truth;
    code = value.get_bool().get(parameter.boolean);
    break;
  case json_type::string:
    parameter.kind = JsonParameter::text;
    code = value.get_string().get(parameter.string);
    break;
  case json_type::number:
    if (!value.get_uint64().get(parameter.number)) {
      parameter.kind = JsonParameter::natural;
      return {};
    }
    parameter.kind = JsonParameter::real;
    return skipNumber(value, where);
  case json_type::array:
  case json_type::object:
  case json_type::null:
    return wrong(where, parameter.name, "true, false, a number or a string");
  }
  return code ? jsonFault(where, code) : Status();
}

} // namespace

Status JsonParameter::get(const std::string &where, bool &out) const {
  if (kind != truth)
    return wrong(where, name, "true or false");
  out = boolean;
  return {};
}

Status JsonParameter::get(const std::string &where, uint64_t &out) const {
  if (kind != natural)
    return wrong(where, name, "an integer from 0 to 2^64 - 1");
  out = number;
  return {};
}

Status JsonParameter::get(const std::string &where, std::string &out) const {
  if (kind != text)
    return wrong(where, name, "a string");
  out = string;
  return {};
}

Status readParameters(simdjson::ondemand::value value, const std::string &where,
                      const ParameterVisitor &visit) {
  json_type type;
  if (simdjson::error_code code = value.type().get(type))
    return jsonFault(where, code);
  if (type != json_type::object)
    return {Code::invalid,
            where + ": 'parameters' must be an object, found " + shown(value)};
  simdjson::ondemand::object object;
  if (simdjson::error_code code = value.get_object().get(object))
    return jsonFault(where, code);
  for (auto item : object) {
    simdjson::ondemand::field field;
    JsonParameter parameter;
    if (simdjson::error_code code = std::move(item).get(field))
      return jsonFault(where, code);
    if (simdjson::error_code code = field.unescaped_key().get(parameter.name))
      return jsonFault(where, code);
    if (Status status = readOne(field.value(), where, parameter); !status.ok())
      return status;
    if (Status status = visit(parameter); !status.ok())
      return status;
  }
  return {};
}

bool seenBefore(std::string_view key,
                std::initializer_list<std::string_view> keys, uint32_t &seen) {
  uint32_t bit = 1;
  for (std::string_view known : keys) {
    if (known == key) {
      bool before = seen & bit;
      seen |= bit;
      return before;
    }
    bit *= 2;
  }
  return false;
}

Status skipJson(simdjson::ondemand::value value, const std::string &where,
                uint32_t depth) {
  json_type type;
  simdjson::error_code code = value.type().get(type);
  if (code)
    return jsonFault(where, code);
  if (!depth)
    return {Code::invalid, where + ": JSON is nested too deep"};
  switch (type) {
  case json_type::boolean: {
    bool truth;
    code = value.get_bool().get(truth);
    break;
  }
  case json_type::string: {
    std::string_view text;
    code = value.get_string().get(text);
    break;
  }
  case json_type::number:
    return skipNumber(value, where);
  case json_type::null: {
    bool null = false;
    code = value.is_null().get(null);
    if (!code && !null)
      code = simdjson::N_ATOM_ERROR;
    break;
  }
  case json_type::array:
    for (auto item : value.get_array()) {
      simdjson::ondemand::value inner;
      if ((code = item.get(inner)))
        return jsonFault(where, code);
      if (Status status = skipJson(inner, where, depth - 1); !status.ok())
        return status;
    }
    break;
  case json_type::object:
    for (auto item : value.get_object()) {
      simdjson::ondemand::field field;
      std::string_view name;
      if ((code = std::move(item).get(field)) ||
          (code = field.unescaped_key().get(name)))
        return jsonFault(where, code);
      if (Status status = skipJson(field.value(), where, depth - 1);
          !status.ok())
        return status;
    }
    break;
  }
  return code ? jsonFault(where, code) : Status();
}

} // namespace sinter::serve
