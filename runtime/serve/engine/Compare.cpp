// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Compare.h"

#include "sinter/sinter.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace sinter::serve {
namespace {

double half(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  double value = exponent == 31
                     ? (mantissa ? std::numeric_limits<double>::quiet_NaN()
                                 : std::numeric_limits<double>::infinity())
                 : exponent == 0 ? std::ldexp(mantissa, -24)
                                 : std::ldexp(1024 + mantissa, exponent - 25);
  return bits >> 15 ? -value : value;
}

double brain(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

template <typename T> T read(const std::byte *at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Calls visit(index, value) for every element until it returns false.
template <typename Visit> bool eachElement(const Tensor &t, Visit visit) {
  auto walk = [&](auto sample, auto convert) {
    using T = decltype(sample);
    for (uint64_t i = 0, n = t.bytes / sizeof(T); i < n; ++i)
      if (!visit(i, double(convert(read<T>(t.data + i * sizeof(T))))))
        return false;
    return true;
  };
  auto same = [](auto value) { return value; };
  switch (t.dtype) {
  case SINTER_F32:
    return walk(float(), same);
  case SINTER_F64:
    return walk(double(), same);
  case SINTER_F16:
    return walk(uint16_t(), half);
  case SINTER_BF16:
    return walk(uint16_t(), brain);
  case SINTER_I8:
    return walk(int8_t(), same);
  case SINTER_U8:
  case SINTER_BOOL:
    return walk(uint8_t(), same);
  case SINTER_I16:
    return walk(int16_t(), same);
  case SINTER_U16:
    return walk(uint16_t(), same);
  case SINTER_I32:
    return walk(int32_t(), same);
  case SINTER_U32:
    return walk(uint32_t(), same);
  case SINTER_I64:
    return walk(int64_t(), same);
  case SINTER_U64:
    return walk(uint64_t(), same);
  default:
    return true;
  }
}

bool isFloat(uint8_t dtype) {
  return dtype == SINTER_F32 || dtype == SINTER_F64 || dtype == SINTER_F16 ||
         dtype == SINTER_BF16;
}

} // namespace

std::string compareTensors(const Tensor &found, const Tensor &expected,
                           double tolerance) {
  std::string what = "output '" + expected.name + "'";
  if (found.dtype != expected.dtype || found.dims != expected.dims ||
      (found.bytes != expected.bytes && expected.dtype != SINTER_STRING))
    return what + " has another shape or datatype than expected";
  if (!isFloat(expected.dtype))
    return found.bytes != expected.bytes ||
                   std::memcmp(found.data, expected.data, found.bytes)
               ? what + " differs"
               : "";
  std::vector<double> wanted;
  double largest = 0, worst = 0;
  eachElement(expected, [&](uint64_t, double value) {
    wanted.push_back(value);
    largest =
        std::isfinite(value) ? std::max(largest, std::fabs(value)) : largest;
    return true;
  });
  bool special = eachElement(found, [&](uint64_t i, double value) {
    if (!std::isfinite(value) || !std::isfinite(wanted[i]))
      return value == wanted[i] || (std::isnan(value) && std::isnan(wanted[i]));
    worst = std::max(worst, std::fabs(value - wanted[i]));
    return true;
  });
  if (!special)
    return what + " is NaN or infinite where it is expected to be finite, or "
                  "the other way round";
  double error = largest > 0 ? worst / largest : worst;
  if (error <= tolerance)
    return "";
  return what + " is off by " + std::to_string(error) +
         " of its largest magnitude; allowed is " + std::to_string(tolerance);
}

bool hasNan(const Tensor &tensor) {
  return isFloat(tensor.dtype) && !eachElement(tensor, [](uint64_t, double v) {
           return !std::isnan(v);
         });
}

bool elementsWithin(const Tensor &tensor, bool finite, bool ranged, double min,
                    double max, uint64_t &index, double &value) {
  return eachElement(tensor, [&](uint64_t i, double v) {
    index = i;
    value = v;
    return !(finite && !std::isfinite(v)) &&
           !(ranged && !(v >= min && v <= max));
  });
}

} // namespace sinter::serve
