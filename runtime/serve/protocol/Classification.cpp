// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Equal scores keep the order of their indices, NaN comes last: the answer is
// one, whatever the machine sorts like. Scores have six digits behind the
// point, as Triton writes them.
#include "runtime/serve/protocol/Classification.h"

#include "runtime/serve/engine/DataType.h"
#include "sinter/sinter.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace sinter::serve {
namespace {

template <typename T> T load(const std::byte *data, size_t index) {
  T value;
  std::memcpy(&value, data + index * sizeof(T), sizeof value);
  return value;
}

float loadBf16(const std::byte *data, size_t index) {
  uint32_t bits = uint32_t(load<uint16_t>(data, index)) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <typename T> bool isNan(T value) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isnan(value);
  return false;
}

template <typename T>
void appendText(std::string &out, T score, uint32_t index) {
  std::string text = std::to_string(score) + ":" + std::to_string(index);
  uint32_t length = uint32_t(text.size());
  out.append(reinterpret_cast<const char *>(&length), sizeof length);
  out.append(text);
}

template <typename T, typename Load>
void bestOfRows(const Tensor &scores, uint64_t rows, uint64_t width, uint32_t k,
                Load at, std::string &out) {
  std::vector<uint32_t> order(width);
  std::vector<T> row(width);
  for (uint64_t r = 0; r < rows; ++r) {
    for (uint64_t i = 0; i < width; ++i)
      row[i] = T(at(scores.data, r * width + i));
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + k, order.end(),
                      [&](uint32_t a, uint32_t b) {
                        if (isNan(row[a]) != isNan(row[b]))
                          return isNan(row[b]);
                        return row[a] > row[b] || (!(row[a] < row[b]) && a < b);
                      });
    for (uint32_t i = 0; i < k; ++i)
      appendText(out, row[order[i]], order[i]);
  }
}

bool dispatch(const Tensor &scores, uint64_t rows, uint64_t width, uint32_t k,
              std::string &out) {
#define SINTER_ROW(DTYPE, SCORE, LOAD)                                         \
  case DTYPE:                                                                  \
    bestOfRows<SCORE>(scores, rows, width, k, LOAD, out);                      \
    return true;
  switch (scores.dtype) {
    SINTER_ROW(SINTER_F32, float, load<float>)
    SINTER_ROW(SINTER_F64, double, load<double>)
    SINTER_ROW(SINTER_F16, float, load<_Float16>)
    SINTER_ROW(SINTER_BF16, float, loadBf16)
    SINTER_ROW(SINTER_I64, int64_t, load<int64_t>)
    SINTER_ROW(SINTER_I32, int32_t, load<int32_t>)
    SINTER_ROW(SINTER_I16, int32_t, load<int16_t>)
    SINTER_ROW(SINTER_I8, int32_t, load<int8_t>)
    SINTER_ROW(SINTER_U64, uint64_t, load<uint64_t>)
    SINTER_ROW(SINTER_U32, uint32_t, load<uint32_t>)
    SINTER_ROW(SINTER_U16, uint32_t, load<uint16_t>)
    SINTER_ROW(SINTER_U8, uint32_t, load<uint8_t>)
  default:
    return false;
  }
#undef SINTER_ROW
}

} // namespace

Status classify(const Tensor &scores, uint32_t k, bool batched, Tensor &best) {
  std::string where = "output '" + scores.name + "'";
  uint64_t elements = elementCount(scores.dims).value_or(0);
  uint64_t rows =
      batched && !scores.dims.empty() ? uint64_t(scores.dims[0]) : 1;
  uint64_t width = rows ? elements / rows : 0;
  if (width > UINT32_MAX ||
      elements * elementBytes(scores.dtype) != scores.bytes)
    return {Code::invalid,
            where + ": cannot be classified, its shape does not fit"};
  k = uint32_t(std::min<uint64_t>(k, width));
  auto texts = std::make_shared<std::string>();
  if (!dispatch(scores, rows, width, k, *texts))
    return {Code::invalid, where + ": classification needs numbers, found " +
                               std::string(dataTypeName(scores.dtype))};
  best.name = scores.name;
  best.dtype = SINTER_STRING;
  best.dims = batched ? std::vector<int64_t>{int64_t(rows), k}
                      : std::vector<int64_t>{k};
  best.data = reinterpret_cast<const std::byte *>(texts->data());
  best.bytes = texts->size();
  best.owner = std::move(texts);
  return {};
}

} // namespace sinter::serve
