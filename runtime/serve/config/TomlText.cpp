// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/config/TomlText.h"

#include <cstdint>
#include <fstream>
#include <string_view>

namespace sinter::serve {
namespace {

constexpr size_t mostBytes = 1 << 20, mostDots = 100;

// The length of the character that the text begins with; 0 when it is none.
size_t characterBytes(std::string_view text) {
  auto byte = [&](size_t i) {
    return i < text.size() ? uint8_t(text[i]) : uint8_t(0);
  };
  uint8_t first = byte(0);
  if (first < 0x80)
    return 1;
  size_t count = first < 0xc2   ? 0
                 : first < 0xe0 ? 2
                 : first < 0xf0 ? 3
                 : first < 0xf5 ? 4
                                : 0;
  for (size_t i = 1; i < count; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  // Longer than it need be, half of a pair, or past the last character.
  bool isWrong =
      (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
      (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f);
  return isWrong ? 0 : count;
}

bool isControl(char c) {
  return (uint8_t(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
         c == 0x7f;
}

Status checkText(const std::string &path, std::string_view text) {
  size_t line = 1, dots = 0;
  auto fault = [&](const std::string &what) {
    return Status(Code::invalid,
                  path + ":" + std::to_string(line) + ": " + what);
  };
  for (size_t at = 0; at < text.size();) {
    size_t bytes = characterBytes(text.substr(at));
    if (!bytes)
      return fault("byte " + std::to_string(uint8_t(text[at])) +
                   " is no UTF-8 here; a TOML file is text in UTF-8");
    if (isControl(text[at]))
      return fault("control character " + std::to_string(uint8_t(text[at])) +
                   "; TOML allows none but tabs and line ends");
    if (text[at] == '\n')
      ++line, dots = 0;
    if (text[at] == '.' && ++dots > mostDots)
      return fault("more than " + std::to_string(mostDots) +
                   " dots; no key is nested that deep");
    at += bytes;
  }
  return {};
}

} // namespace

Status readTomlText(const std::string &path, std::string &out) {
  std::ifstream file(path, std::ios::binary);
  out.clear();
  for (char part[4096]; file && out.size() <= mostBytes;) {
    file.read(part, sizeof part);
    out.append(part, size_t(file.gcount()));
  }
  if (!file.eof() && out.size() <= mostBytes)
    return {Code::invalid, path + ": cannot be read"};
  if (out.size() > mostBytes)
    return {Code::invalid, path + ": is larger than " +
                               std::to_string(mostBytes) +
                               " bytes, and so no configuration"};
  return checkText(path, out);
}

} // namespace sinter::serve
