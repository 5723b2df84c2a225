// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// graph.map and graph.cast.
#include "compiler/evaluate/core/Operations.h"

#include "compiler/evaluate/core/Walk.h"
#include "dialects/Support/Check.h"

#include <cmath>
#include <limits>

namespace sinter::evaluate {
namespace {

// The operands are first widened to one storage type T and addressed by
// strides; `apply` takes an array of them.
template <typename T, typename R, typename Apply>
void mapInto(const std::vector<std::vector<T>> &data,
             const std::vector<Ints> &strides, const Shape &shape,
             std::vector<R> &out, Apply apply) {
  constexpr size_t most = 3;
  SINTER_CHECK(data.size() <= most,
               "no scalar operation has over three operands");
  Shape lines = shape; // every axis but the last
  int64_t length = 1;
  if (!lines.empty()) {
    length = lines.back();
    lines.pop_back();
  }
  if (length == 0)
    return;
  forEachIndex(lines, [&](const Shape &at, int64_t line) {
    const T *from[most] = {};
    int64_t step[most] = {};
    for (size_t i = 0; i < data.size(); ++i) {
      from[i] = data[i].data() + offsetOf(at, strides[i]);
      step[i] = strides[i].empty() ? 0 : strides[i].back();
    }
    for (int64_t x = 0; x < length; ++x) {
      T operands[most] = {};
      for (size_t i = 0; i < data.size(); ++i)
        operands[i] = from[i][x * step[i]];
      out[line * length + x] = static_cast<R>(apply(operands));
    }
  });
}

template <typename T> std::vector<T> widened(const Value &value) {
  std::vector<T> out;
  std::visit([&](const auto &data) { out.assign(data.begin(), data.end()); },
             value.data);
  return out;
}

bool hasStorage(const Value &value, size_t index) {
  return value.data.index() == index;
}

} // namespace

int64_t toInteger(double x, ElementKind kind) {
  double truncated = std::trunc(x);
  int width = static_cast<int>(bitWidth(kind)) - (isUnsigned(kind) ? 0 : 1);
  double above = std::ldexp(1.0, width), lowest = isUnsigned(kind) ? 0 : -above;
  if (!(truncated >= lowest))
    return isUnsigned(kind)
               ? 0
               : std::numeric_limits<int64_t>::min() >> (63 - width);
  if (truncated >= above)
    return static_cast<int64_t>(~uint64_t(0) >> (64 - width));
  return kind == ElementKind::U64 && truncated >= 9223372036854775808.0
             ? static_cast<int64_t>(static_cast<uint64_t>(truncated))
             : static_cast<int64_t>(truncated);
}

Value map(scalar::Kind kind, const std::vector<const Value *> &operands,
          ElementKind result, Mode mode, Fault &fault) {
  Shape shape = operands[0]->shape;
  for (const Value *operand : operands)
    shape = broadcastShape(shape, operand->shape);
  std::vector<Ints> strides;
  for (const Value *operand : operands)
    strides.push_back(broadcastStrides(operand->shape, shape));

  // The last operand has the element type that is computed in: a select's
  // condition comes first.
  const Value &typed = *operands.back();
  Value out = makeValue(result, shape, mode);
  auto run = [&](auto zero, auto apply) {
    using T = decltype(zero);
    std::vector<std::vector<T>> data;
    for (const Value *operand : operands)
      data.push_back(widened<T>(*operand));
    std::visit([&](auto &to) { mapInto<T>(data, strides, shape, to, apply); },
               out.data);
  };
  if (hasStorage(typed, 0)) {
    bool isUnsignedKind = isUnsigned(typed.kind), divided = false;
    unsigned bits = bitWidth(typed.kind);
    run(int64_t(0), [&](const int64_t *v) {
      return scalar::evaluateInteger(kind, v, isUnsignedKind, bits, divided);
    });
    if (divided)
      fault.set("integer division by zero");
  } else if (hasStorage(typed, 1)) {
    run(0.0f, [&](const float *v) { return scalar::evaluateFloat32(kind, v); });
  } else {
    run(0.0, [&](const double *v) { return scalar::evaluateFloat(kind, v); });
  }
  return out;
}

Value cast(const Value &input, ElementKind to, Mode mode) {
  Value out = makeValue(to, input.shape, mode);
  bool unsignedSource = input.kind == ElementKind::U64;
  auto convert = [&](auto x, auto zero) {
    using From = decltype(x);
    using To = decltype(zero);
    if constexpr (std::is_same_v<To, int64_t>) {
      if (to == ElementKind::Bool)
        return To(x != 0);
      if constexpr (std::is_same_v<From, int64_t>)
        return x;
      else
        return toInteger(x, to);
    } else if constexpr (std::is_same_v<From, int64_t>) {
      return unsignedSource ? static_cast<To>(static_cast<uint64_t>(x))
                            : static_cast<To>(x);
    } else {
      return static_cast<To>(x);
    }
  };
  std::visit(
      [&](const auto &in, auto &result) {
        using To = typename std::decay_t<decltype(result)>::value_type;
        for (size_t i = 0; i < in.size(); ++i)
          result[i] = convert(in[i], To(0));
      },
      input.data, out.data);
  // A float32 source that becomes f16 or bf16 is rounded by `settle`; a double
  // one in declared mode must not be rounded twice.
  if (mode == Mode::Declared && input.kind == ElementKind::F64 &&
      (to == ElementKind::F16 || to == ElementKind::BF16)) {
    const std::vector<double> &in = input.as<double>();
    std::vector<float> &result = out.as<float>();
    for (size_t i = 0; i < in.size(); ++i)
      result[i] = static_cast<float>(to == ElementKind::F16
                                         ? decodeHalf(encodeHalf(in[i]))
                                         : decodeBrain(encodeBrain(in[i])));
  }
  return out;
}

} // namespace sinter::evaluate
