// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Texts.h"

#include "sinter/sinter.h"

#include <cstring>

namespace sinter::serve {

// The text at *at, which moves behind it; false when the bytes end before.
static bool readText(const std::byte *wire, size_t bytes, size_t &at,
                     sinter_text &text) {
  uint32_t length;
  if (bytes - at < sizeof length)
    return false;
  std::memcpy(&length, wire + at, sizeof length);
  at += sizeof length;
  if (bytes - at < length)
    return false;
  text.data = reinterpret_cast<const char *>(wire + at);
  text.bytes = length;
  at += length;
  return true;
}

std::optional<uint64_t> countTexts(const std::byte *wire, size_t bytes) {
  uint64_t count = 0;
  sinter_text text;
  for (size_t at = 0; at < bytes; ++count)
    if (!readText(wire, bytes, at, text))
      return std::nullopt;
  return count;
}

void appendRecords(const Tensor &wire, uint64_t first, uint64_t count,
                   std::vector<std::byte> &records) {
  size_t at = 0, to = records.size();
  sinter_text text;
  for (uint64_t i = 0; i < first; ++i)
    if (!readText(wire.data, wire.bytes, at, text))
      return;
  records.resize(to + count * sizeof text);
  for (uint64_t i = 0; i < count; ++i, to += sizeof text) {
    if (!readText(wire.data, wire.bytes, at, text))
      text = {nullptr, 0};
    std::memcpy(records.data() + to, &text, sizeof text);
  }
}

bool setWire(const std::byte *records, uint64_t count, uint64_t limit,
             Tensor &to) {
  auto textAt = [&](uint64_t i) {
    sinter_text text;
    std::memcpy(&text, records + i * sizeof text, sizeof text);
    return text;
  };
  uint64_t total = 0;
  for (uint64_t i = 0; i < count; ++i) {
    total += sizeof(uint32_t) + textAt(i).bytes; // each below 2^31
    if (total > limit)
      return false;
  }
  auto memory = std::make_shared<std::vector<std::byte>>();
  memory->reserve(total);
  for (uint64_t i = 0; i < count; ++i) {
    sinter_text text = textAt(i);
    uint32_t length = uint32_t(text.bytes);
    auto head = reinterpret_cast<const std::byte *>(&length);
    auto body = reinterpret_cast<const std::byte *>(text.data);
    memory->insert(memory->end(), head, head + sizeof length);
    if (length)
      memory->insert(memory->end(), body, body + length);
  }
  to.data = memory->data();
  to.bytes = memory->size();
  to.owner = memory;
  return true;
}

void repeatTexts(const Tensor &sample, uint64_t count, Tensor &to) {
  std::vector<std::byte> records;
  uint64_t have = countTexts(sample.data, sample.bytes).value_or(0);
  appendRecords(sample, 0, have, records);
  records.resize(count * sizeof(sinter_text));
  for (uint64_t i = have; have && i < count; ++i)
    std::memcpy(records.data() + i * sizeof(sinter_text),
                records.data() + (i - have) * sizeof(sinter_text),
                sizeof(sinter_text));
  setWire(records.data(), count, UINT64_MAX, to);
}

} // namespace sinter::serve
