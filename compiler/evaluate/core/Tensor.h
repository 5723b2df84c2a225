// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors of the reference evaluator. At the border (files, callers) a tensor
// is bytes of its element type. Inside, there are three kinds of storage only:
// int64 for every integer and bool, float for f16/bf16/f32, double for f64 and,
// in `Double` mode, for every float type. An operation computes in the storage
// type and ends with `settle`, which rounds to the declared element type. So
// each operation is written once, for three C++ types, and sees no element
// type.

#ifndef SINTER_COMPILER_EVALUATE_CORE_TENSOR_H
#define SINTER_COMPILER_EVALUATE_CORE_TENSOR_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace sinter::evaluate {

enum class ElementKind : uint8_t {
  Bool,
  I8,
  U8,
  I16,
  U16,
  I32,
  U32,
  I64,
  U64,
  F16,
  BF16,
  F32,
  F64
};

/// The two readings of a model's arithmetic. Declared: every value is rounded
/// to its type, sums run in float32 in index order. Double: float64 to the end.
enum class Mode : uint8_t { Declared, Double };

using Shape = std::vector<int64_t>;

bool isFloat(ElementKind kind);
bool isUnsigned(ElementKind kind);
unsigned bitWidth(ElementKind kind);
/// Bytes of one element in a tensor's buffer; a bool is one byte.
size_t byteWidth(ElementKind kind);
/// "f32", "i64", "bool": for messages.
const char *nameOf(ElementKind kind);

int64_t elementCount(const Shape &shape);
/// "2x3x4"; "scalar" for rank 0.
std::string toString(const Shape &shape);

/// A tensor at the border: little-endian elements in row-major order.
struct Tensor {
  ElementKind kind = ElementKind::F32;
  Shape shape;
  std::vector<char> bytes;
};

/// The first thing that went wrong because of data (an index outside its axis,
/// an integer division by zero). Empty message: nothing.
struct Fault {
  std::string message;
  explicit operator bool() const { return !message.empty(); }
  void set(std::string text) {
    if (message.empty())
      message = std::move(text);
  }
};

/// A tensor inside the evaluator.
struct Value {
  ElementKind kind = ElementKind::F32;
  Shape shape;
  std::variant<std::vector<int64_t>, std::vector<float>, std::vector<double>>
      data;

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t count() const { return elementCount(shape); }
  template <typename T> const std::vector<T> &as() const {
    return std::get<std::vector<T>>(data);
  }
  template <typename T> std::vector<T> &as() {
    return std::get<std::vector<T>>(data);
  }
};

/// Zeros of the given kind, in the storage that `mode` asks for.
Value makeValue(ElementKind kind, Shape shape, Mode mode);
/// Zeros with kind and storage of `like`.
Value makeLike(const Value &like, Shape shape);
/// Rounds every element to the declared type: integers wrap, f16 and bf16 round
/// to nearest even. Nothing to do for floats in double storage of Double mode.
void settle(Value &value, Mode mode);

/// `bytes` holds elements of `kind` (tightly packed, at least count of them).
Value fromBytes(ElementKind kind, Shape shape, const char *bytes, Mode mode);
/// Double storage comes out as f64, whatever the declared kind.
Tensor toTensor(const Value &value);

/// Integer elements; only for integer or bool values.
inline const std::vector<int64_t> &integers(const Value &value) {
  return value.as<int64_t>();
}

/// Nearest value (ties to even) with `precision` significant bits, exponents
/// from `minExponent`, infinity above `largest`.
double roundToFormat(double x, int precision, int minExponent, double largest);
uint16_t encodeHalf(double x);
double decodeHalf(uint16_t bits);
uint16_t encodeBrain(double x);
double decodeBrain(uint16_t bits);

} // namespace sinter::evaluate

#endif // SINTER_COMPILER_EVALUATE_CORE_TENSOR_H
