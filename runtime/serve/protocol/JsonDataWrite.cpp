// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The other direction: elements as JSON, each the shortest text that reads back
// to the same double. Not to the same float: who reads 0.1 as a double would
// hold another number than the tensor does.
#include "runtime/serve/protocol/JsonData.h"

#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/protocol/JsonWriter.h"
#include "sinter/sinter.h"

#include <cmath>
#include <cstring>

namespace sinter::serve {
namespace {

Status unwritable(const Tensor &tensor, size_t index, const char *what) {
  return {Code::invalid,
          "output '" + tensor.name + "' holds " + what + " at element " +
              std::to_string(index) +
              ", which JSON cannot hold: ask for it with binary_data true"};
}

float widen(uint16_t bf16) {
  uint32_t bits = uint32_t(bf16) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <typename T, typename Convert>
Status writeAll(const Tensor &tensor, JsonWriter &json, Convert convert) {
  for (size_t i = 0; i < tensor.bytes / sizeof(T); ++i) {
    T element;
    std::memcpy(&element, tensor.data + i * sizeof(T), sizeof element);
    auto value = convert(element);
    if constexpr (std::is_floating_point_v<decltype(value)>)
      if (!std::isfinite(value))
        return unwritable(tensor, i, std::isnan(value) ? "NaN" : "an infinity");
    if constexpr (std::is_same_v<decltype(value), bool>)
      json.boolean(value);
    else if constexpr (std::is_floating_point_v<decltype(value)>)
      json.number(double(value));
    else
      json.number(value);
  }
  return {};
}

template <typename T>
Status writePlain(const Tensor &tensor, JsonWriter &json) {
  return writeAll<T>(tensor, json, [](T value) { return value; });
}

Status writeTexts(const Tensor &tensor, JsonWriter &json) {
  size_t index = 0;
  for (size_t at = 0; at < tensor.bytes; ++index) {
    uint32_t length = 0;
    if (tensor.bytes - at < sizeof length)
      return {Code::internal,
              "output '" + tensor.name + "' ends inside a length"};
    std::memcpy(&length, tensor.data + at, sizeof length);
    at += sizeof length;
    if (tensor.bytes - at < length)
      return {Code::internal,
              "output '" + tensor.name + "' ends inside an element"};
    std::string_view text(reinterpret_cast<const char *>(tensor.data + at),
                          length);
    if (!simdjson::validate_utf8(text.data(), text.size()))
      return unwritable(tensor, index, "bytes that are no UTF-8");
    json.string(text);
    at += length;
  }
  return {};
}

Status writeElements(const Tensor &tensor, JsonWriter &json) {
  switch (tensor.dtype) {
  case SINTER_F32:
    return writePlain<float>(tensor, json);
  case SINTER_F64:
    return writePlain<double>(tensor, json);
  case SINTER_F16:
    return writeAll<_Float16>(tensor, json,
                              [](_Float16 value) { return float(value); });
  case SINTER_BF16:
    return writeAll<uint16_t>(tensor, json, widen);
  case SINTER_I64:
    return writePlain<int64_t>(tensor, json);
  case SINTER_I32:
    return writePlain<int32_t>(tensor, json);
  case SINTER_I16:
    return writePlain<int16_t>(tensor, json);
  case SINTER_I8:
    return writePlain<int8_t>(tensor, json);
  case SINTER_U64:
    return writePlain<uint64_t>(tensor, json);
  case SINTER_U32:
    return writePlain<uint32_t>(tensor, json);
  case SINTER_U16:
    return writePlain<uint16_t>(tensor, json);
  case SINTER_U8:
    return writePlain<uint8_t>(tensor, json);
  case SINTER_BOOL:
    return writeAll<uint8_t>(tensor, json,
                             [](uint8_t value) { return value != 0; });
  default:
    return writeTexts(tensor, json);
  }
}

} // namespace

Status writeJsonData(const Tensor &tensor, std::string &text) {
  JsonWriter json;
  json.text = std::move(text);
  json.open('[');
  Status status = writeElements(tensor, json);
  json.close(']');
  text = std::move(json.text);
  return status;
}

} // namespace sinter::serve
