// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Strict: what is odd here is a mistake or an attack.
#include "runtime/serve/http/Target.h"

#include <charconv>

namespace sinter::serve {
namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::string> decode(std::string_view segment) {
  std::string text;
  for (size_t i = 0; i < segment.size(); ++i) {
    char c = segment[i];
    if (c == '%') {
      int high = i + 2 < segment.size() ? hexDigit(segment[i + 1]) : -1;
      int low = high < 0 ? -1 : hexDigit(segment[i + 2]);
      if (low < 0)
        return std::nullopt;
      c = char(high * 16 + low);
      i += 2;
    }
    if (uint8_t(c) < 0x20 || c == 0x7f)
      return std::nullopt;
    text += c;
  }
  return text;
}

} // namespace

std::optional<std::vector<std::string>> splitTarget(std::string_view target) {
  target = target.substr(0, target.find('?'));
  if (target.substr(0, 7) == "http://") // the absolute form, as to a proxy
    target = target.find('/', 7) == std::string_view::npos
                 ? "/"
                 : target.substr(target.find('/', 7));
  if (target.empty() || target[0] != '/')
    return std::nullopt;
  target.remove_prefix(1);
  if (!target.empty() && target.back() == '/')
    target.remove_suffix(1);
  std::vector<std::string> segments;
  while (!target.empty()) {
    std::string_view part = target.substr(0, target.find('/'));
    target.remove_prefix(std::min(target.size(), part.size() + 1));
    std::optional<std::string> segment = decode(part);
    if (!segment || segment->empty())
      return std::nullopt;
    segments.push_back(std::move(*segment));
  }
  return segments;
}

std::optional<std::chrono::microseconds> parseTimeout(std::string_view text) {
  double number = 0, scale = 1e6;
  auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = text.substr(size_t(end - text.data()));
  if (unit == "ms")
    scale = 1e3;
  else if (unit == "us")
    scale = 1;
  else if (unit == "m")
    scale = 60e6;
  else if (!unit.empty() && unit != "s")
    return std::nullopt;
  if (code != std::errc() || !(number >= 0) || number * scale > 2.6e12)
    return std::nullopt;
  return std::chrono::microseconds(int64_t(number * scale));
}

std::optional<size_t> parseLength(std::string_view text) {
  size_t length = 0;
  auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), length);
  if (code != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return length;
}

} // namespace sinter::serve
