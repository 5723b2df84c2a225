// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names and sizes of the element types, as the Open Inference Protocol and
// Triton's model configuration write them.
#ifndef SINTER_SERVE_ENGINE_DATATYPE_H
#define SINTER_SERVE_ENGINE_DATATYPE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sinter::serve {

/// "FP32", ... or "" for a number that is no type.
std::string_view dataTypeName(uint8_t dtype);
/// "TYPE_FP32", ...; BYTES is TYPE_STRING there.
std::string_view configTypeName(uint8_t dtype);
/// SINTER_F32, ... or 0 for a name that is no type.
uint8_t dataTypeOf(std::string_view name);
/// Bytes of an element; 0 for BYTES, whose elements bring their own lengths.
size_t elementBytes(uint8_t dtype);
/// The product of the dimensions; nothing when one is negative or it overflows.
std::optional<uint64_t> elementCount(const std::vector<int64_t> &dims);

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_DATATYPE_H
