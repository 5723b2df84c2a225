// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One table for both spellings.
#include "runtime/serve/engine/DataType.h"

#include "sinter/sinter.h"

namespace sinter::serve {
namespace {

struct Row {
  uint8_t dtype, bytes;
  std::string_view name, config;
};

constexpr Row rows[] = {
    {SINTER_F32, 4, "FP32", "TYPE_FP32"},
    {SINTER_I64, 8, "INT64", "TYPE_INT64"},
    {SINTER_I32, 4, "INT32", "TYPE_INT32"},
    {SINTER_STRING, 0, "BYTES", "TYPE_STRING"},
    {SINTER_BOOL, 1, "BOOL", "TYPE_BOOL"},
    {SINTER_U8, 1, "UINT8", "TYPE_UINT8"},
    {SINTER_I8, 1, "INT8", "TYPE_INT8"},
    {SINTER_U16, 2, "UINT16", "TYPE_UINT16"},
    {SINTER_I16, 2, "INT16", "TYPE_INT16"},
    {SINTER_U32, 4, "UINT32", "TYPE_UINT32"},
    {SINTER_U64, 8, "UINT64", "TYPE_UINT64"},
    {SINTER_F16, 2, "FP16", "TYPE_FP16"},
    {SINTER_BF16, 2, "BF16", "TYPE_BF16"},
    {SINTER_F64, 8, "FP64", "TYPE_FP64"},
};

const Row *find(uint8_t dtype) {
  for (const Row &row : rows)
    if (row.dtype == dtype)
      return &row;
  return nullptr;
}

} // namespace

std::string_view dataTypeName(uint8_t dtype) {
  const Row *row = find(dtype);
  return row ? row->name : std::string_view();
}

std::string_view configTypeName(uint8_t dtype) {
  const Row *row = find(dtype);
  return row ? row->config : std::string_view("TYPE_INVALID");
}

uint8_t dataTypeOf(std::string_view name) {
  for (const Row &row : rows)
    if (row.name == name)
      return row.dtype;
  return 0;
}

size_t elementBytes(uint8_t dtype) {
  const Row *row = find(dtype);
  return row ? row->bytes : 0;
}

std::optional<uint64_t> elementCount(const std::vector<int64_t> &dims) {
  uint64_t count = 1;
  bool empty = false;
  for (int64_t dim : dims) {
    if (dim < 0)
      return std::nullopt;
    empty |= dim == 0;
    if (dim && __builtin_mul_overflow(count, uint64_t(dim), &count))
      return std::nullopt;
  }
  return empty ? 0 : count;
}

} // namespace sinter::serve
