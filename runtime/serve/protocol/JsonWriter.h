// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes JSON into a string, front to back. Numbers are the shortest text that
// reads back to the same bits. Commas place themselves: a value wants one
// unless what stands before it opens something.
#ifndef SINTER_SERVE_PROTOCOL_JSONWRITER_H
#define SINTER_SERVE_PROTOCOL_JSONWRITER_H

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sinter::serve {

class JsonWriter {
public:
  JsonWriter &open(char bracket) {
    comma();
    text += bracket;
    return *this;
  }
  JsonWriter &close(char bracket) {
    text += bracket;
    return *this;
  }
  JsonWriter &key(std::string_view name) {
    comma();
    quote(name);
    text += ':';
    return *this;
  }
  JsonWriter &string(std::string_view value) {
    comma();
    quote(value);
    return *this;
  }
  JsonWriter &boolean(bool value) { return raw(value ? "true" : "false"); }
  template <typename T> JsonWriter &number(T value) {
    comma();
    if constexpr (std::is_floating_point_v<T>)
      real(value);
    else if constexpr (std::is_signed_v<T>)
      integer(int64_t(value));
    else
      natural(uint64_t(value));
    return *this;
  }
  template <typename T> JsonWriter &numbers(const std::vector<T> &values) {
    open('[');
    for (T value : values)
      number(value);
    return close(']');
  }
  JsonWriter &strings(const std::vector<std::string> &values) {
    open('[');
    for (const std::string &value : values)
      string(value);
    return close(']');
  }
  /// A value that is JSON already.
  JsonWriter &raw(std::string_view json) {
    comma();
    text += json;
    return *this;
  }

  std::string text;

private:
  void comma() {
    if (text.empty())
      return;
    char last = text.back();
    if (last != '{' && last != '[' && last != ':')
      text += ',';
  }
  void quote(std::string_view value);
  void real(float value);
  void real(double value);
  void integer(int64_t value);
  void natural(uint64_t value);
};

/// {"error": message}
std::string errorJson(std::string_view message);

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTOCOL_JSONWRITER_H
