// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A decimal text has one nearest value in each type. simdjson gives the nearest
// double; rounding that again to float is wrong where the double lies exactly
// between two floats and the text does not: those rare texts are read again.
#include "runtime/serve/protocol/JsonData.h"

#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/protocol/JsonWriter.h"
#include "sinter/sinter.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace sinter::serve {

using simdjson::ondemand::json_type;

Status jsonFault(const std::string &where, simdjson::error_code code) {
  return {Code::invalid, where + ": " + simdjson::error_message(code) +
                             "; expected well-formed JSON"};
}

std::string shown(simdjson::ondemand::value &value) {
  json_type type;
  if (value.type().get(type))
    return "something that is no JSON";
  switch (type) {
  case json_type::array:
    return "an array";
  case json_type::object:
    return "an object";
  case json_type::string:
    return "a string";
  case json_type::null:
    return "null";
  case json_type::number:
  case json_type::boolean:
    break;
  }
  std::string_view token = value.raw_json_token();
  token = token.substr(0, token.find_first_of(" \t\r\n"));
  return std::string(token.substr(0, 40));
}

namespace {

float nearestFloat(double value, std::string_view token) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  // Halfway between two normal floats, or where floats are subnormal.
  bool doubtful =
      (bits & 0x1FFFFFFF) == 0x10000000 ||
      (value != 0 && std::fabs(value) < std::numeric_limits<float>::min());
  float result = float(value);
  if (doubtful)
    std::from_chars(token.data(), token.data() + token.size(), result);
  return result;
}

/// Round to odd, then to 8 bits of significand: one rounding in effect.
uint16_t nearestBf16(double value) {
  float f = float(value);
  if (std::fabs(double(f)) > std::fabs(value))
    f = std::nextafter(f, 0.0f);
  uint32_t bits;
  std::memcpy(&bits, &f, sizeof bits);
  bits |= double(f) != value;
  return uint16_t((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

class DataReader {
public:
  DataReader(Tensor &tensor, const InferLimits &limits)
      : tensor(tensor), limits(limits) {}

  Status read(simdjson::ondemand::value value, size_t jsonBytes) {
    json_type type;
    if (simdjson::error_code code = value.type().get(type))
      return jsonFault(where(), code);
    if (type != json_type::array)
      return fault("expected an array, found " + shown(value));
    std::optional<uint64_t> elements = elementCount(tensor.dims);
    size_t width = elementBytes(tensor.dtype);
    // Each element takes a digit and a comma.
    if (!elements || *elements > jsonBytes)
      return fault("holds fewer elements than its shape says");
    if (*elements * width > limits.tensorBytes)
      return fault("the tensor has " + std::to_string(*elements * width) +
                   " bytes, over the limit of " +
                   std::to_string(limits.tensorBytes));
    bytes.resize(*elements * width);
    if (Status status = array(value.get_array(), 0); !status.ok())
      return status;
    auto owner = std::make_shared<std::string>(std::move(bytes));
    tensor.data = reinterpret_cast<const std::byte *>(owner->data());
    tensor.bytes = owner->size();
    tensor.owner = std::move(owner);
    return {};
  }

private:
  std::string where() const { return "data of input '" + tensor.name + "'"; }
  Status fault(const std::string &what) const {
    return {Code::invalid, where() + ": " + what};
  }
  Status wrongCount(size_t axis, uint64_t expected) const {
    return fault("dimension " + std::to_string(axis) + " expects " +
                 std::to_string(expected) +
                 " elements, and the data has another number of them");
  }

  Status array(simdjson::simdjson_result<simdjson::ondemand::array> result,
               size_t axis) {
    simdjson::ondemand::array values;
    if (simdjson::error_code code = std::move(result).get(values))
      return jsonFault(where(), code);
    uint64_t found = 0,
             rows = axis < tensor.dims.size() ? uint64_t(tensor.dims[axis]) : 1,
             flat = 1;
    for (size_t i = axis; i < tensor.dims.size(); ++i)
      flat *= uint64_t(tensor.dims[i]);
    uint64_t expected = flat;
    bool nested = false;
    for (auto item : values) {
      simdjson::ondemand::value value;
      json_type type;
      if (simdjson::error_code code = item.get(value))
        return jsonFault(where(), code);
      if (simdjson::error_code code = value.type().get(type))
        return noValue(value, code);
      if (!found) {
        nested = type == json_type::array;
        expected = nested ? rows : flat;
      }
      if (++found > expected)
        return wrongCount(axis, expected);
      if (nested != (type == json_type::array))
        return fault("mixes arrays and values in dimension " +
                     std::to_string(axis));
      if (nested && axis + 1 >= tensor.dims.size())
        return fault("is nested deeper than its shape, which has " +
                     std::to_string(tensor.dims.size()) + " dimensions");
      Status status =
          nested ? array(value.get_array(), axis + 1) : element(value);
      if (!status.ok())
        return status;
    }
    return found == expected ? Status() : wrongCount(axis, expected);
  }

  // Where no value begins: what Python and JavaScript write for a NaN.
  Status noValue(simdjson::ondemand::value &value, simdjson::error_code code) {
    std::string_view token = value.raw_json_token();
    token = token.substr(0, token.find_first_of(" \t\r\n,]"));
    for (const char *name : {"NaN", "nan", "Infinity", "inf"})
      if (isReal() && token == name)
        return fault("found " + std::string(name) +
                     ", which JSON has no number for; NaN and infinities are "
                     "sent as binary_data");
    return jsonFault(where(), code);
  }

  template <typename T> void put(T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
    at += sizeof value;
  }

  Status wrongType(simdjson::ondemand::value &value,
                   simdjson::error_code code) {
    if (code != simdjson::INCORRECT_TYPE && code != simdjson::NUMBER_ERROR &&
        code != simdjson::NUMBER_OUT_OF_RANGE)
      return jsonFault(where(), code);
    return fault(
        "expected " + std::string(dataTypeName(tensor.dtype)) + ", found " +
        shown(value) +
        (isReal() ? "; NaN and infinities are sent as binary_data" : ""));
  }
  bool isReal() const {
    return tensor.dtype == SINTER_F32 || tensor.dtype == SINTER_F64 ||
           tensor.dtype == SINTER_F16 || tensor.dtype == SINTER_BF16;
  }
  Status outOfRange(simdjson::ondemand::value &, std::string_view token) {
    token = token.substr(0, token.find_first_of(" \t\r\n"));
    return fault(std::string(token.substr(0, 40)) +
                 " is outside the range of " +
                 std::string(dataTypeName(tensor.dtype)));
  }

  template <typename T> Status integer(simdjson::ondemand::value &value) {
    std::string_view token = value.raw_json_token();
    using Wide = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
    Wide wide;
    if (simdjson::error_code code = value.get<Wide>().get(wide))
      return wrongType(value, code);
    if (wide < Wide(std::numeric_limits<T>::min()) ||
        wide > Wide(std::numeric_limits<T>::max()))
      return outOfRange(value, token);
    put(T(wide));
    return {};
  }

  Status real(simdjson::ondemand::value &value) {
    std::string_view token = value.raw_json_token();
    double wide;
    if (simdjson::error_code code = value.get_double().get(wide))
      return wrongType(value, code);
    if (tensor.dtype == SINTER_F64) {
      put(wide);
      return {};
    }
    bool fits = true;
    if (tensor.dtype == SINTER_F32) {
      float narrow = nearestFloat(wide, token);
      fits = std::isfinite(narrow);
      put(narrow);
    } else if (tensor.dtype == SINTER_F16) {
      _Float16 narrow = _Float16(wide);
      fits = std::isfinite(float(narrow));
      put(narrow);
    } else {
      uint16_t narrow = nearestBf16(wide);
      fits = (narrow & 0x7F80) != 0x7F80;
      put(narrow);
    }
    return fits ? Status() : outOfRange(value, token);
  }

  Status boolean(simdjson::ondemand::value &value) {
    bool truth = false;
    if (simdjson::error_code code = value.get_bool().get(truth))
      return wrongType(value, code);
    put(uint8_t(truth));
    return {};
  }

  Status text(simdjson::ondemand::value &value) {
    std::string_view characters;
    if (simdjson::error_code code = value.get_string().get(characters))
      return wrongType(value, code);
    if (bytes.size() + 4 + characters.size() > limits.tensorBytes)
      return fault("has over " + std::to_string(limits.tensorBytes) +
                   " bytes, the limit of a tensor");
    uint32_t length = uint32_t(characters.size());
    bytes.append(reinterpret_cast<const char *>(&length), sizeof length);
    bytes.append(characters);
    return {};
  }

  Status element(simdjson::ondemand::value &value) {
    switch (tensor.dtype) {
    case SINTER_F32:
    case SINTER_F64:
    case SINTER_F16:
    case SINTER_BF16:
      return real(value);
    case SINTER_I64:
      return integer<int64_t>(value);
    case SINTER_I32:
      return integer<int32_t>(value);
    case SINTER_I16:
      return integer<int16_t>(value);
    case SINTER_I8:
      return integer<int8_t>(value);
    case SINTER_U64:
      return integer<uint64_t>(value);
    case SINTER_U32:
      return integer<uint32_t>(value);
    case SINTER_U16:
      return integer<uint16_t>(value);
    case SINTER_U8:
      return integer<uint8_t>(value);
    case SINTER_BOOL:
      return boolean(value);
    default:
      return text(value);
    }
  }

  Tensor &tensor;
  const InferLimits &limits;
  std::string bytes;
  size_t at = 0;
};

} // namespace

Status readJsonData(simdjson::ondemand::value value, size_t jsonBytes,
                    const InferLimits &limits, Tensor &tensor) {
  return DataReader(tensor, limits).read(value, jsonBytes);
}

} // namespace sinter::serve
