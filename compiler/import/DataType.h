// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The types of elements that ONNX knows, under the numbers of the file format.
#ifndef SINTER_COMPILER_IMPORT_DATATYPE_H
#define SINTER_COMPILER_IMPORT_DATATYPE_H

#include <cstdint>

namespace sinter::onnx {

// TensorProto.DataType.
enum class DataType : int32_t {
  Undefined,
  Float,
  Uint8,
  Int8,
  Uint16,
  Int16,
  Int32,
  Int64,
  String,
  Bool,
  Float16,
  Double,
  Uint32,
  Uint64,
  Complex64,
  Complex128,
  BFloat16,
  Float8E4M3FN,
  Float8E4M3FNUZ,
  Float8E5M2,
  Float8E5M2FNUZ,
  Uint4,
  Int4,
  Float4E2M1,
  Float8E8M0,
  Uint2,
  Int2
};

} // namespace sinter::onnx

#endif // SINTER_COMPILER_IMPORT_DATATYPE_H
