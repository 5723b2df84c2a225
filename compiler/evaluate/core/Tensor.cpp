// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element types: conversion between a buffer of bytes and the three storages.
#include "compiler/evaluate/core/Tensor.h"

#include "dialects/Support/Check.h"

#include <cmath>
#include <cstring>

namespace sinter::evaluate {
namespace {

struct Info {
  const char *name;
  unsigned bits;
  bool isFloat, isUnsigned;
};

const Info infos[] = {{"bool", 8, false, true},  {"i8", 8, false, false},
                      {"u8", 8, false, true},    {"i16", 16, false, false},
                      {"u16", 16, false, true},  {"i32", 32, false, false},
                      {"u32", 32, false, true},  {"i64", 64, false, false},
                      {"u64", 64, false, true},  {"f16", 16, true, false},
                      {"bf16", 16, true, false}, {"f32", 32, true, false},
                      {"f64", 64, true, false}};

const Info &infoOf(ElementKind kind) {
  return infos[static_cast<unsigned>(kind)];
}

bool inDouble(ElementKind kind, Mode mode) {
  return kind == ElementKind::F64 || (mode == Mode::Double && isFloat(kind));
}

template <typename Stored, typename To>
void readAs(const char *bytes, std::vector<To> &out) {
  for (size_t i = 0; i < out.size(); ++i) {
    Stored element;
    std::memcpy(&element, bytes + i * sizeof(Stored), sizeof(Stored));
    out[i] = static_cast<To>(element);
  }
}

template <typename Stored, typename From>
void writeAs(const std::vector<From> &in, std::vector<char> &bytes) {
  bytes.resize(in.size() * sizeof(Stored));
  for (size_t i = 0; i < in.size(); ++i) {
    Stored element = static_cast<Stored>(in[i]);
    std::memcpy(bytes.data() + i * sizeof(Stored), &element, sizeof(Stored));
  }
}

template <typename To>
void readFloats(ElementKind kind, const char *bytes, std::vector<To> &out) {
  if (kind == ElementKind::F32)
    return readAs<float>(bytes, out);
  if (kind == ElementKind::F64)
    return readAs<double>(bytes, out);
  std::vector<uint16_t> raw(out.size());
  readAs<uint16_t>(bytes, raw);
  for (size_t i = 0; i < raw.size(); ++i)
    out[i] = static_cast<To>(kind == ElementKind::F16 ? decodeHalf(raw[i])
                                                      : decodeBrain(raw[i]));
}

void readIntegers(ElementKind kind, const char *bytes,
                  std::vector<int64_t> &out) {
  switch (kind) {
  case ElementKind::Bool:
    readAs<uint8_t>(bytes, out);
    for (int64_t &x : out)
      x = x != 0;
    return;
  case ElementKind::I8:
    return readAs<int8_t>(bytes, out);
  case ElementKind::U8:
    return readAs<uint8_t>(bytes, out);
  case ElementKind::I16:
    return readAs<int16_t>(bytes, out);
  case ElementKind::U16:
    return readAs<uint16_t>(bytes, out);
  case ElementKind::I32:
    return readAs<int32_t>(bytes, out);
  case ElementKind::U32:
    return readAs<uint32_t>(bytes, out);
  case ElementKind::I64:
  case ElementKind::U64:
    return readAs<int64_t>(bytes, out);
  default:
    SINTER_UNREACHABLE("an integer kind");
  }
}

void writeIntegers(ElementKind kind, const std::vector<int64_t> &in,
                   std::vector<char> &bytes) {
  switch (byteWidth(kind)) {
  case 1:
    return writeAs<uint8_t>(in, bytes);
  case 2:
    return writeAs<uint16_t>(in, bytes);
  case 4:
    return writeAs<uint32_t>(in, bytes);
  default:
    return writeAs<uint64_t>(in, bytes);
  }
}

int64_t wrapInteger(ElementKind kind, int64_t x) {
  switch (kind) {
  case ElementKind::Bool:
    return x != 0;
  case ElementKind::I8:
    return static_cast<int8_t>(x);
  case ElementKind::U8:
    return static_cast<uint8_t>(x);
  case ElementKind::I16:
    return static_cast<int16_t>(x);
  case ElementKind::U16:
    return static_cast<uint16_t>(x);
  case ElementKind::I32:
    return static_cast<int32_t>(x);
  case ElementKind::U32:
    return static_cast<uint32_t>(x);
  default:
    return x;
  }
}

constexpr double largestHalf = 65504.0;
constexpr double largestBrain = 3.38953138925153547590e38;

} // namespace

bool isFloat(ElementKind kind) { return infoOf(kind).isFloat; }
bool isUnsigned(ElementKind kind) { return infoOf(kind).isUnsigned; }
unsigned bitWidth(ElementKind kind) { return infoOf(kind).bits; }
size_t byteWidth(ElementKind kind) { return infoOf(kind).bits / 8; }
const char *nameOf(ElementKind kind) { return infoOf(kind).name; }

int64_t elementCount(const Shape &shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

std::string toString(const Shape &shape) {
  if (shape.empty())
    return "scalar";
  std::string text;
  for (int64_t extent : shape)
    text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text;
}

Value makeValue(ElementKind kind, Shape shape, Mode mode) {
  Value value{kind, std::move(shape), {}};
  size_t count = static_cast<size_t>(value.count());
  if (!isFloat(kind))
    value.data = std::vector<int64_t>(count);
  else if (inDouble(kind, mode))
    value.data = std::vector<double>(count);
  else
    value.data = std::vector<float>(count);
  return value;
}

Value makeLike(const Value &like, Shape shape) {
  Value value{like.kind, std::move(shape), {}};
  size_t count = static_cast<size_t>(value.count());
  std::visit(
      [&](const auto &data) {
        value.data = std::decay_t<decltype(data)>(count);
      },
      like.data);
  return value;
}

void settle(Value &value, Mode mode) {
  if (!isFloat(value.kind)) {
    for (int64_t &x : value.as<int64_t>())
      x = wrapInteger(value.kind, x);
    return;
  }
  if (mode == Mode::Double ||
      (value.kind != ElementKind::F16 && value.kind != ElementKind::BF16))
    return;
  bool half = value.kind == ElementKind::F16;
  for (float &x : value.as<float>())
    x = static_cast<float>(half ? roundToFormat(x, 11, -14, largestHalf)
                                : roundToFormat(x, 8, -126, largestBrain));
}

Value fromBytes(ElementKind kind, Shape shape, const char *bytes, Mode mode) {
  Value value = makeValue(kind, std::move(shape), mode);
  if (!isFloat(kind))
    readIntegers(kind, bytes, value.as<int64_t>());
  else if (inDouble(kind, mode))
    readFloats(kind, bytes, value.as<double>());
  else
    readFloats(kind, bytes, value.as<float>());
  return value;
}

Tensor toTensor(const Value &value) {
  Tensor tensor{value.kind, value.shape, {}};
  if (!isFloat(value.kind)) {
    writeIntegers(value.kind, value.as<int64_t>(), tensor.bytes);
    return tensor;
  }
  if (const auto *doubles = std::get_if<std::vector<double>>(&value.data)) {
    tensor.kind = ElementKind::F64;
    writeAs<double>(*doubles, tensor.bytes);
    return tensor;
  }
  const std::vector<float> &floats = value.as<float>();
  if (value.kind == ElementKind::F32) {
    writeAs<float>(floats, tensor.bytes);
    return tensor;
  }
  std::vector<uint16_t> raw(floats.size());
  for (size_t i = 0; i < raw.size(); ++i)
    raw[i] = value.kind == ElementKind::F16 ? encodeHalf(floats[i])
                                            : encodeBrain(floats[i]);
  writeAs<uint16_t>(raw, tensor.bytes);
  return tensor;
}

double roundToFormat(double x, int precision, int minExponent, double largest) {
  if (x == 0 || !std::isfinite(x))
    return x;
  int exponent;
  std::frexp(x, &exponent); // |x| in [2^(exponent-1), 2^exponent)
  int lowestBit = std::max(exponent - precision, minExponent - (precision - 1));
  double rounded =
      std::ldexp(std::nearbyint(std::ldexp(x, -lowestBit)), lowestBit);
  return std::fabs(rounded) > largest ? std::copysign(HUGE_VAL, x) : rounded;
}

uint16_t encodeHalf(double x) {
  uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  if (std::isnan(x))
    return sign | 0x7e00;
  double r = std::fabs(roundToFormat(x, 11, -14, largestHalf));
  if (std::isinf(r))
    return sign | 0x7c00;
  // Below 2^-14 the significand counts units of 2^-24, and the formula is the
  // same: a full significand carries into the exponent field.
  int exponent = 0;
  std::frexp(r, &exponent);
  int field =
      r == 0 ? 0 : std::max(exponent - 1 + 14, 0); // biased exponent - 1
  return sign |
         static_cast<uint16_t>((field << 10) +
                               static_cast<int>(std::ldexp(r, 24 - field)));
}

double decodeHalf(uint16_t bits) {
  int field = (bits >> 10) & 31, fraction = bits & 1023;
  double magnitude = field == 31  ? (fraction ? NAN : HUGE_VAL)
                     : field == 0 ? std::ldexp(fraction, -24)
                                  : std::ldexp(1024 + fraction, field - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

uint16_t encodeBrain(double x) {
  float rounded = static_cast<float>(roundToFormat(x, 8, -126, largestBrain));
  uint32_t bits;
  std::memcpy(&bits, &rounded, sizeof(bits));
  return static_cast<uint16_t>(std::isnan(x) ? 0x7fc0 | (bits >> 16)
                                             : bits >> 16);
}

double decodeBrain(uint16_t bits) {
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

} // namespace sinter::evaluate
