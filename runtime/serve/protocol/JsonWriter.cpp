// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytes that are no UTF-8 become U+FFFD: only texts of ours come here
// unchecked, and a reply must stay JSON whatever a name holds.
#include "runtime/serve/protocol/JsonWriter.h"

#include <charconv>

namespace sinter::serve {
namespace {

/// The length of the UTF-8 sequence at the front; 0 when it is none.
size_t sequence(std::string_view s) {
  auto byte = [&](size_t i) { return uint8_t(s[i]); };
  uint8_t first = byte(0);
  size_t length = first < 0xC2   ? 0
                  : first < 0xE0 ? 2
                  : first < 0xF0 ? 3
                  : first < 0xF5 ? 4
                                 : 0;
  if (!length || s.size() < length)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80)
      return 0;
  // Overlong forms, surrogates, past U+10FFFF.
  uint8_t second = byte(1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
      (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
    return 0;
  return length;
}

template <typename T> void shortest(std::string &text, T value) {
  char buffer[40];
  char *end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  std::string_view digits(buffer, size_t(end - buffer));
  text += digits;
  if (digits.find_first_of(".e") == std::string_view::npos)
    text += ".0";
}

template <typename T> void whole(std::string &text, T value) {
  char buffer[24];
  text.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

} // namespace

void JsonWriter::quote(std::string_view value) {
  static const char hex[] = "0123456789abcdef";
  text += '"';
  for (size_t i = 0; i < value.size();) {
    uint8_t c = uint8_t(value[i]);
    if (c >= 0x80) {
      size_t length = sequence(value.substr(i));
      text +=
          length ? value.substr(i, length) : std::string_view("\xEF\xBF\xBD");
      i += length ? length : 1;
      continue;
    }
    ++i;
    if (c == '"' || c == '\\') {
      text += '\\';
      text += char(c);
    } else if (c < 0x20) {
      text += "\\u00";
      text += hex[c >> 4];
      text += hex[c & 15];
    } else {
      text += char(c);
    }
  }
  text += '"';
}

void JsonWriter::real(float value) { shortest(text, value); }
void JsonWriter::real(double value) { shortest(text, value); }
void JsonWriter::integer(int64_t value) { whole(text, value); }
void JsonWriter::natural(uint64_t value) { whole(text, value); }

std::string errorJson(std::string_view message) {
  JsonWriter json;
  json.open('{').key("error").string(message).close('}');
  return std::move(json.text);
}

} // namespace sinter::serve
