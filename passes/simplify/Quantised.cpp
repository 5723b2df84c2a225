// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads quantised operands; nothing is changed here.
#include "passes/simplify/Quantised.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"
#include <cstring>

using namespace mlir;
using namespace sinter::graph;

namespace sinter::simplify {
namespace {

// The evaluator holds an integer in eight bytes, and some of each element.
constexpr int64_t kMostElements = int64_t(1) << 26;
constexpr size_t kMostValues = 64; // of an expression

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

bool isByte(Type element) {
  return element.isSignlessInteger(8) || element.isUnsignedInteger(8);
}

bool isOneElement(Value value) {
  RankedTensorType type = typeOf(value);
  return type.hasStaticShape() && type.getNumElements() == 1;
}

template <typename T>
std::vector<int64_t> widened(const std::vector<char> &bytes) {
  std::vector<int64_t> numbers(bytes.size() / sizeof(T));
  for (size_t i = 0; i < numbers.size(); ++i) {
    T element;
    std::memcpy(&element, bytes.data() + i * sizeof(T), sizeof(T));
    numbers[i] = element;
  }
  return numbers;
}

/// x of a cast.
Value beforeCast(Value value) {
  auto cast = value.getDefiningOp<CastOp>();
  return cast ? cast.getInput() : Value();
}

/// The bytes of which `value` has every number: not as bools, nor as bytes of
/// the other sign.
Value widenedBytes(Value value) {
  Value bytes = beforeCast(value);
  auto wide = dyn_cast<IntegerType>(elementType(value));
  return bytes && isByte(elementType(bytes)) && wide && !wide.isUnsigned() &&
                 wide.getWidth() >= 16
             ? bytes
             : Value();
}

/// x - zero, x bytes.
std::optional<Quantised> centredOf(Value value) {
  Value zero;
  if (MapOp sub = mapOf(value, Kind::k_sub)) {
    zero = operand(sub, 1);
    value = operand(sub, 0);
    if (!isOneElement(zero) || value.getType() != sub.getResult().getType())
      return std::nullopt;
  }
  Value bytes = widenedBytes(value);
  if (!bytes)
    return std::nullopt;
  return Quantised{bytes, zero, {}};
}

/// integers * scale, in f32.
std::optional<std::pair<Value, Value>> realOf(Value value) {
  MapOp product = mapOf(value, Kind::k_mul);
  if (!product || !elementType(value).isF32() ||
      operand(product, 0).getType() != value.getType())
    return std::nullopt;
  Value integers = beforeCast(operand(product, 0));
  if (!integers || !isa<IntegerType>(elementType(integers)))
    return std::nullopt;
  return std::pair(integers, operand(product, 1));
}

} // namespace

std::optional<std::vector<int64_t>> integersOf(const ConstantTensor &tensor) {
  auto element = dyn_cast<IntegerType>(tensor.type.getElementType());
  if (!element)
    return std::nullopt;
  bool isUnsigned = element.isUnsigned();
  switch (element.getWidth()) {
  case 8:
    return isUnsigned ? widened<uint8_t>(tensor.bytes)
                      : widened<int8_t>(tensor.bytes);
  case 16:
    return isUnsigned ? widened<uint16_t>(tensor.bytes)
                      : widened<int16_t>(tensor.bytes);
  case 32:
    return isUnsigned ? widened<uint32_t>(tensor.bytes)
                      : widened<int32_t>(tensor.bytes);
  case 64:
    return widened<int64_t>(tensor.bytes);
  default:
    return std::nullopt;
  }
}

/// What `value` is made of, itself first; nullopt where that is no expression
/// over constants, or no small one.
static std::optional<llvm::SetVector<Value>> expressionOf(Value value) {
  llvm::SetVector<Value> values;
  values.insert(value);
  for (size_t i = 0; i < values.size(); ++i) {
    Operation *op = values[i].getDefiningOp();
    RankedTensorType type = typeOf(values[i]);
    if (!op || !type.hasStaticShape() ||
        type.getNumElements() > kMostElements || i >= kMostValues)
      return std::nullopt;
    if (op->hasTrait<OpTrait::ConstantLike>())
      continue;
    if (!isa<MapOp, CastOp, ReshapeOp, TransposeOp, BroadcastOp, SliceOp>(op))
      return std::nullopt;
    values.insert(op->operand_begin(), op->operand_end());
  }
  return values;
}

std::optional<ConstantTensor> Constants::valueOf(Value value) const {
  auto expression = expressionOf(value);
  if (!expression)
    return std::nullopt;
  llvm::DenseMap<Value, ConstantTensor> known;
  SmallVector<Value> open{value};
  while (!open.empty()) {
    Value next = open.back();
    Operation *op = next.getDefiningOp();
    if (std::optional<ConstantData> data = readConstant(next)) {
      known[next] = {data->type, data->expanded()};
    } else if (op->getNumOperands() == 0) {
      return std::nullopt;
    } else if (auto missing = llvm::find_if_not(
                   op->getOperands(),
                   [&](Value operand) { return known.contains(operand); });
               missing != op->operand_end()) {
      open.push_back(*missing);
      continue;
    } else {
      std::vector<ConstantTensor> operands;
      for (Value operand : op->getOperands())
        operands.push_back(known[operand]);
      auto results = evaluator.evaluate(op, operands);
      if (!results || results->size() != 1)
        return std::nullopt;
      known[next] = std::move(results->front());
    }
    open.pop_back();
  }
  return std::move(known[value]);
}

std::optional<std::vector<int64_t>> Constants::integersOf(Value value) const {
  std::optional<ConstantTensor> tensor = valueOf(value);
  return tensor ? simplify::integersOf(*tensor) : std::nullopt;
}

std::optional<std::vector<double>> Constants::floatsOf(Value value) const {
  std::optional<ConstantTensor> tensor = valueOf(value);
  if (!tensor || !tensor->type.getElementType().isF32())
    return std::nullopt;
  std::vector<double> numbers(tensor->bytes.size() / sizeof(float));
  for (size_t i = 0; i < numbers.size(); ++i) {
    float element;
    std::memcpy(&element, tensor->bytes.data() + i * sizeof(float),
                sizeof(float));
    numbers[i] = element;
  }
  return numbers;
}

std::optional<double> Constants::numberOf(Value value) const {
  std::vector<double> numbers;
  if (auto floats = floatsOf(value))
    numbers = *floats;
  else if (auto integers = integersOf(value))
    numbers.assign(integers->begin(), integers->end());
  if (numbers.empty() || !llvm::all_equal(numbers))
    return std::nullopt;
  return numbers.front();
}

std::optional<Quantised> quantisedOf(Value value) {
  if (isa<IntegerType>(elementType(value)))
    return centredOf(value);
  auto real = realOf(value);
  if (!real || !isOneElement(real->second))
    return std::nullopt;
  std::optional<Quantised> result = centredOf(real->first);
  // Bytes without a zero point.
  if (!result && isByte(elementType(real->first)))
    result = Quantised{real->first, {}, {}};
  if (result)
    result->scale = real->second;
  return result;
}

std::optional<QuantisedConstant>
quantisedConstantOf(const Constants &constants, Value value, int64_t axis) {
  // What turns integers turns scales.
  SmallVector<Operation *> turns;
  Value source = value, scale;
  while (auto turn = source.getDefiningOp<TransposeOp>()) {
    turns.push_back(turn);
    source = turn.getInput();
  }
  if (isa<FloatType>(elementType(source))) {
    auto real = realOf(source);
    if (!real)
      return std::nullopt;
    std::tie(source, scale) = *real;
  }
  auto turned = [&](Value of) {
    std::optional<ConstantTensor> tensor = constants.valueOf(of);
    bool isScalar = tensor && tensor->type.getNumElements() == 1;
    for (size_t i = turns.size(); tensor && !isScalar && i-- > 0;) {
      auto results = constants.evaluator.evaluate(turns[i], {*tensor});
      tensor = results ? std::optional(results->front()) : std::nullopt;
    }
    return tensor;
  };
  QuantisedConstant result;
  std::optional<ConstantTensor> integers = turned(source);
  std::optional<std::vector<int64_t>> numbers =
      integers ? integersOf(*integers) : std::nullopt;
  if (!numbers || integers->type.getShape() != typeOf(value).getShape())
    return std::nullopt;
  result.integers = std::move(*integers);
  result.numbers = std::move(*numbers);
  if (!scale)
    return result;
  std::optional<ConstantTensor> factors = turned(scale);
  if (!factors || !factors->type.getElementType().isF32())
    return std::nullopt;
  // The output's axis alone may vary.
  int64_t rank = typeOf(value).getRank(), own = factors->type.getRank();
  for (int64_t i = 0; i < own; ++i)
    if (factors->type.getDimSize(i) != 1 && rank - own + i != axis)
      return std::nullopt;
  for (size_t i = 0; i + sizeof(float) <= factors->bytes.size();
       i += sizeof(float)) {
    float number;
    std::memcpy(&number, factors->bytes.data() + i, sizeof(float));
    result.scale.push_back(number);
  }
  return result;
}

} // namespace sinter::simplify
