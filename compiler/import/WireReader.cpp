// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Varints are at most ten bytes; groups (deprecated since 2008) are refused.
#include "compiler/import/WireReader.h"

namespace sinter::onnx {

bool WireReader::varint(uint64_t &value) {
  value = 0;
  for (unsigned i = 0; i < 10 && i < rest.size(); ++i) {
    uint8_t byte = static_cast<uint8_t>(rest[i]);
    value |= uint64_t(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      rest.remove_prefix(i + 1);
      return true;
    }
  }
  return fail();
}

bool WireReader::take(uint64_t count, std::string_view &bytes) {
  if (count > rest.size())
    return fail();
  bytes = rest.substr(0, count);
  rest.remove_prefix(count);
  return true;
}

bool WireReader::next(Field &field) {
  if (rest.empty())
    return false;
  uint64_t tag, length;
  if (!varint(tag))
    return false;
  field.number = static_cast<uint32_t>(tag >> 3);
  field.number64 = 0;
  if (field.number == 0 || tag >> 32 != 0)
    return fail();
  const char *start = rest.data();
  switch (tag & 7) {
  case 0:
    field.type = WireType::Varint;
    if (!varint(field.number64))
      return false;
    field.bytes = std::string_view(start, rest.data() - start);
    return true;
  case 1:
    field.type = WireType::Fixed64;
    if (!take(8, field.bytes))
      return false;
    std::memcpy(&field.number64, field.bytes.data(), 8);
    return true;
  case 2:
    field.type = WireType::Bytes;
    return varint(length) && take(length, field.bytes);
  case 5: {
    field.type = WireType::Fixed32;
    if (!take(4, field.bytes))
      return false;
    uint32_t bits;
    std::memcpy(&bits, field.bytes.data(), 4);
    field.number64 = bits;
    return true;
  }
  default:
    return fail();
  }
}

bool integersOf(const Field &field, std::vector<int64_t> &out) {
  if (field.type == WireType::Varint) {
    out.push_back(field.asInt());
    return true;
  }
  WireReader packed(field.bytes);
  uint64_t value;
  while (!packed.atEnd() && packed.varint(value))
    out.push_back(static_cast<int64_t>(value));
  return field.type == WireType::Bytes && !packed.failed();
}

bool realsOf(const Field &field, std::vector<float> &out) {
  if (field.type == WireType::Fixed32) {
    out.push_back(field.asFloat());
    return true;
  }
  size_t count = field.bytes.size() / 4, start = out.size();
  out.resize(start + count);
  if (count)
    std::memcpy(out.data() + start, field.bytes.data(), count * 4);
  return field.type == WireType::Bytes && field.bytes.size() % 4 == 0;
}

} // namespace sinter::onnx
