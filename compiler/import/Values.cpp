// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element types and element values; everything goes through APInt and APFloat,
// so that fp8 and half need no code of their own.
#include "compiler/import/Values.h"

#include "compiler/import/Texts.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>
#include <cstring>

using namespace mlir;

namespace sinter::importer {

Type typeOf(MLIRContext &context, onnx::DataType type) {
  auto integer = [&](unsigned bits) {
    return Type(IntegerType::get(&context, bits));
  };
  auto natural = [&](unsigned bits) {
    return Type(IntegerType::get(&context, bits, IntegerType::Unsigned));
  };
  switch (type) {
  case onnx::DataType::Float:
    return Float32Type::get(&context);
  case onnx::DataType::Double:
    return Float64Type::get(&context);
  case onnx::DataType::Float16:
    return Float16Type::get(&context);
  case onnx::DataType::BFloat16:
    return BFloat16Type::get(&context);
  case onnx::DataType::Float8E4M3FN:
    return Float8E4M3FNType::get(&context);
  case onnx::DataType::Float8E4M3FNUZ:
    return Float8E4M3FNUZType::get(&context);
  case onnx::DataType::Float8E5M2:
    return Float8E5M2Type::get(&context);
  case onnx::DataType::Float8E5M2FNUZ:
    return Float8E5M2FNUZType::get(&context);
  case onnx::DataType::Float4E2M1:
    return Float4E2M1FNType::get(&context);
  case onnx::DataType::Bool:
    return integer(1);
  case onnx::DataType::Int2:
    return integer(2);
  case onnx::DataType::Int4:
    return integer(4);
  case onnx::DataType::Int8:
    return integer(8);
  case onnx::DataType::Int16:
    return integer(16);
  case onnx::DataType::Int32:
    return integer(32);
  case onnx::DataType::Int64:
    return integer(64);
  case onnx::DataType::String:
    return textType(context);
  case onnx::DataType::Uint2:
    return natural(2);
  case onnx::DataType::Uint4:
    return natural(4);
  case onnx::DataType::Uint8:
    return natural(8);
  case onnx::DataType::Uint16:
    return natural(16);
  case onnx::DataType::Uint32:
    return natural(32);
  case onnx::DataType::Uint64:
    return natural(64);
  default: // complex numbers, exponent-only floats, and what no ONNX
           // knows
    return {};
  }
}

bool hasAtMost(RankedTensorType type, int64_t most) {
  if (!type.hasStaticShape())
    return false;
  int64_t count = llvm::is_contained(type.getShape(), 0) ? 0 : 1;
  for (int64_t extent : type.getShape()) {
    if (count && extent > most / count)
      return false;
    count *= extent;
  }
  return true;
}

std::string beyondMemory(RankedTensorType type) {
  if (!type || !type.hasStaticShape() || hasAtMost(type, int64_t(1) << 47))
    return "";
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

onnx::DataType dataTypeOf(Type type) {
  for (int32_t i = 1; i <= int32_t(onnx::DataType::Int2); ++i)
    if (typeOf(*type.getContext(), onnx::DataType(i)) == type)
      return onnx::DataType(i);
  return onnx::DataType::Undefined;
}

unsigned bitsOf(Type element) {
  return element.isInteger(1) ? 8 : element.getIntOrFloatBitWidth();
}

static APInt bitsAt(Type element, ArrayRef<char> bytes, int64_t i) {
  unsigned bits = bitsOf(element);
  uint64_t value = 0;
  if (bits < 8) {
    value = uint8_t(bytes[i * bits / 8]) >> (i * bits % 8) & ((1u << bits) - 1);
  } else {
    std::memcpy(&value, bytes.data() + i * (bits / 8), bits / 8);
  }
  if (element.isInteger(1))
    return APInt(1, value != 0);
  return APInt(bits, value, /*isSigned=*/false, /*implicitTrunc=*/true);
}

Attribute elementAt(Type element, ArrayRef<char> bytes, int64_t i) {
  APInt bits = bitsAt(element, bytes, i);
  if (auto real = dyn_cast<FloatType>(element))
    return FloatAttr::get(real, APFloat(real.getFloatSemantics(), bits));
  return IntegerAttr::get(element, bits);
}

std::optional<double> realAt(Type element, ArrayRef<char> bytes, int64_t i) {
  APInt bits = bitsAt(element, bytes, i);
  if (auto real = dyn_cast<FloatType>(element)) {
    APFloat value(real.getFloatSemantics(), bits);
    bool losesInfo;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    return value.convertToDouble();
  }
  bool isSigned = !element.isUnsignedInteger() && !element.isInteger(1);
  return isSigned ? double(bits.getSExtValue()) : double(bits.getZExtValue());
}

std::optional<sym::Dims> knownContents(MLIRContext &context,
                                       RankedTensorType type,
                                       ArrayRef<char> bytes) {
  Type element = type.getElementType();
  int64_t count = type.getNumElements();
  if (count > 1024)
    return std::nullopt;
  sym::Dims contents;
  for (int64_t i = 0; i < count; ++i) {
    if (isa<FloatType>(element)) {
      double value = *realAt(element, bytes, i);
      // Minus zero is no integer, and the rest has to survive the way back.
      if (!(value > -16777216.0 && value < 16777216.0) ||
          value != int64_t(value) || (value == 0 && std::signbit(value)))
        return std::nullopt;
      contents.push_back(sym::constantDim(&context, int64_t(value)));
      continue;
    }
    APInt bits = bitsAt(element, bytes, i);
    bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
    if (isUnsigned && bits.getActiveBits() > 63)
      return std::nullopt;
    contents.push_back(
        sym::constantDim(&context, isUnsigned ? int64_t(bits.getZExtValue())
                                              : bits.getSExtValue()));
  }
  return contents;
}

std::optional<std::vector<char>> bytesOf(RankedTensorType type,
                                         ArrayRef<sym::DimAttr> contents) {
  Type element = type.getElementType();
  unsigned bits = bitsOf(element);
  std::vector<char> bytes((contents.size() * bits + 7) / 8);
  for (size_t i = 0; i < contents.size(); ++i) {
    std::optional<int64_t> constant = sym::asConstant(contents[i]);
    if (!constant)
      return std::nullopt;
    uint64_t value = *constant;
    if (auto real = dyn_cast<FloatType>(element)) {
      APFloat number(static_cast<double>(*constant));
      bool losesInfo;
      number.convert(real.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                     &losesInfo);
      value = number.bitcastToAPInt().getZExtValue();
    }
    if (bits < 8)
      bytes[i * bits / 8] |=
          char((value & ((1u << bits) - 1)) << (i * bits % 8));
    else
      std::memcpy(bytes.data() + i * (bits / 8), &value, bits / 8);
  }
  return bytes;
}

} // namespace sinter::importer
