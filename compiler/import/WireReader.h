// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Protocol-buffer wire format over bytes that stay where they are (a mapped
// file): no copy, no 2 GB limit, no recursion. Whatever the bytes are, a reader
// never looks outside them; a malformed field ends the message with `failed`.
#ifndef SINTER_COMPILER_IMPORT_WIREREADER_H
#define SINTER_COMPILER_IMPORT_WIREREADER_H

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace sinter::onnx {

enum class WireType : uint8_t {
  Varint = 0,
  Fixed64 = 1,
  Bytes = 2,
  Fixed32 = 5
};

struct Field {
  uint32_t number;
  WireType type;
  uint64_t number64;      // Varint, Fixed64 and Fixed32 as bits
  std::string_view bytes; // Bytes: the payload; else: the encoded number

  int64_t asInt() const { return static_cast<int64_t>(number64); }
  float asFloat() const {
    uint32_t bits = static_cast<uint32_t>(number64);
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
};

class WireReader {
public:
  explicit WireReader(std::string_view bytes) : rest(bytes) {}

  // False at the end of the message and at the first malformed byte.
  bool next(Field &field);
  // One bare varint, as in packed arrays.
  bool varint(uint64_t &value);
  bool failed() const { return isFailed; }
  bool atEnd() const { return rest.empty(); }

private:
  bool fail() {
    isFailed = true;
    rest = {};
    return false;
  }
  bool take(uint64_t count, std::string_view &bytes);

  std::string_view rest;
  bool isFailed = false;
};

/// Numbers of a repeated field, packed or one at a time.
bool integersOf(const Field &field, std::vector<int64_t> &out);
bool realsOf(const Field &field, std::vector<float> &out);

} // namespace sinter::onnx

#endif // SINTER_COMPILER_IMPORT_WIREREADER_H
