// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// "parameters" objects: names with a bool, number or string each. What we do
// not know is still read to its end, so that what passes is JSON throughout.
#ifndef SINTER_SERVE_PROTOCOL_JSONPARAMETERS_H
#define SINTER_SERVE_PROTOCOL_JSONPARAMETERS_H

#include "runtime/serve/protocol/JsonData.h"

#include <functional>

namespace sinter::serve {

struct JsonParameter {
  enum Kind { truth, natural, real, text } kind = real;
  std::string_view name; ///< name and string live as long as the document
  bool boolean = false;
  uint64_t number = 0; ///< natural
  std::string_view string;

  Status get(const std::string &where, bool &out) const;
  Status get(const std::string &where, uint64_t &out) const;
  Status get(const std::string &where, std::string &out) const;
};

using ParameterVisitor = std::function<Status(const JsonParameter &)>;

/// Calls visit for each member.
Status readParameters(simdjson::ondemand::value value, const std::string &where,
                      const ParameterVisitor &visit);
/// Whether this key of a set came before in an object: readers could disagree
/// on which of two counts. seen starts as 0.
bool seenBefore(std::string_view key,
                std::initializer_list<std::string_view> keys, uint32_t &seen);
/// Reads a value of no interest.
Status skipJson(simdjson::ondemand::value value, const std::string &where,
                uint32_t depth);

/// Calls visit(key, value) for each member of an object.
template <typename Visit>
Status readMembers(simdjson::ondemand::value value, const std::string &where,
                   Visit visit) {
  simdjson::ondemand::object object;
  if (value.get_object().get(object))
    return Status(Code::invalid,
                  where + ": expected an object, found " + shown(value));
  for (auto item : object) {
    simdjson::ondemand::field field;
    std::string_view key;
    if (simdjson::error_code code = std::move(item).get(field))
      return jsonFault(where, code);
    if (simdjson::error_code code = field.unescaped_key().get(key))
      return jsonFault(where, code);
    if (Status status = visit(key, field.value()); !status.ok())
      return status;
  }
  return {};
}

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTOCOL_JSONPARAMETERS_H
