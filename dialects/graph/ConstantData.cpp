// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR packs i1 and keeps one element of a splat; the weight store keeps plain
// bytes. Both become one vector of bytes here.
#include "dialects/graph/ConstantData.h"

#include "dialects/Support/Check.h"
#include "dialects/graph/WeightStore.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APInt.h"
#include <algorithm>
#include <cstring>

using namespace mlir;

namespace sinter::graph {

static bool isBoolean(Type element) { return element.isInteger(1); }

size_t elementBytes(Type element) {
  return (element.getIntOrFloatBitWidth() + 7) / 8;
}

std::vector<char> ConstantData::expanded() const {
  if (!isSplat)
    return bytes;
  std::vector<char> all;
  all.reserve(bytes.size() * static_cast<size_t>(type.getNumElements()));
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    all.insert(all.end(), bytes.begin(), bytes.end());
  return all;
}

static std::vector<char> bytesOf(DenseElementsAttr dense) {
  if (!isBoolean(dense.getElementType())) {
    ArrayRef<char> raw = dense.getRawData();
    return std::vector<char>(raw.begin(), raw.end());
  }
  if (dense.isSplat())
    return {static_cast<char>(dense.getSplatValue<bool>())};
  std::vector<char> bytes;
  for (bool element : dense.getValues<bool>())
    bytes.push_back(element);
  return bytes;
}

std::optional<ConstantData> readConstant(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant)
    return std::nullopt;
  auto type = cast<RankedTensorType>(value.getType());
  if (!type.getElementType().isIntOrFloat())
    return std::nullopt;
  if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
    return ConstantData{type, dense.isSplat(), bytesOf(dense), "constant"};
  auto weight = dyn_cast<WeightAttr>(constant.getValue());
  if (!weight)
    return std::nullopt;
  auto *dialect = cast<GraphDialect>(constant->getDialect());
  const Weight *found = dialect->getWeights().find(weight.getKey());
  size_t size = static_cast<size_t>(type.getNumElements()) *
                elementBytes(type.getElementType());
  if (!found || found->bytes.size() < size)
    return std::nullopt;
  return ConstantData{
      type, false,
      std::vector<char>(found->bytes.begin(), found->bytes.begin() + size),
      weight.getKey().getValue().str()};
}

static double floatAt(FloatType type, const char *bytes) {
  uint64_t raw = 0;
  std::memcpy(&raw, bytes, type.getWidth() / 8);
  llvm::APFloat value(type.getFloatSemantics(),
                      llvm::APInt(type.getWidth(), raw));
  bool losesInfo;
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

static void appendFloat(FloatType type, double number,
                        std::vector<char> &bytes) {
  llvm::APFloat value(number);
  bool losesInfo;
  value.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven,
                &losesInfo);
  uint64_t raw = value.bitcastToAPInt().getZExtValue();
  const char *from = reinterpret_cast<const char *>(&raw);
  bytes.insert(bytes.end(), from, from + type.getWidth() / 8);
}

// A model has millions of floats: the usual types take the short way.
template <typename T>
static void widen(const ConstantData &data, std::vector<double> &numbers) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    T element;
    std::memcpy(&element,
                data.bytes.data() + (data.isSplat ? 0 : i * sizeof(T)),
                sizeof(T));
    numbers[i] = element;
  }
}

std::optional<std::vector<double>> readFloats(Value value, int64_t most) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  auto element =
      type ? dyn_cast<FloatType>(type.getElementType()) : FloatType();
  if (!element || !type.hasStaticShape() || type.getNumElements() > most ||
      element.getWidth() > 64 || element.getWidth() % 8)
    return std::nullopt;
  std::optional<ConstantData> data = readConstant(value);
  if (!data)
    return std::nullopt;
  std::vector<double> numbers(static_cast<size_t>(type.getNumElements()));
  if (element.isF32())
    widen<float>(*data, numbers);
  else if (element.isF64())
    widen<double>(*data, numbers);
  else
    for (size_t i = 0, width = element.getWidth() / 8; i < numbers.size(); ++i)
      numbers[i] = floatAt(element, data->bytes.data() +
                                        (data->isSplat ? 0 : i * width));
  return numbers;
}

static double numberAt(Type element, const char *bytes) {
  if (auto real = dyn_cast<FloatType>(element))
    return floatAt(real, bytes);
  uint64_t raw = 0;
  std::memcpy(&raw, bytes, elementBytes(element));
  if (isBoolean(element))
    return raw != 0;
  unsigned unused = 64 - element.getIntOrFloatBitWidth();
  if (element.isUnsignedInteger())
    return static_cast<double>(raw);
  return static_cast<double>(static_cast<int64_t>(raw << unused) >> unused);
}

std::optional<double> readUniform(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant || !isa<DenseElementsAttr>(constant.getValue()))
    return std::nullopt;
  std::optional<ConstantData> data = readConstant(value);
  if (!data || data->bytes.empty())
    return std::nullopt;
  size_t width = elementBytes(data->type.getElementType());
  for (size_t i = width; i < data->bytes.size(); ++i)
    if (data->bytes[i] != data->bytes[i - width])
      return std::nullopt;
  return numberAt(data->type.getElementType(), data->bytes.data());
}

static bool isUniform(const std::vector<char> &bytes, size_t width) {
  return !bytes.empty() &&
         std::equal(bytes.begin() + static_cast<ptrdiff_t>(width), bytes.end(),
                    bytes.begin());
}

Value makeConstant(OpBuilder &builder, Location location, RankedTensorType type,
                   std::vector<char> bytes, StringRef key, StringRef recipe) {
  Type element = type.getElementType();
  size_t width = elementBytes(element);
  SINTER_CHECK(bytes.size() ==
                   width * static_cast<size_t>(type.getNumElements()),
               "a constant with the wrong number of bytes");
  Attribute value;
  if (isUniform(bytes, width))
    bytes.resize(width);
  if (isBoolean(element) && bytes.size() <= largestDenseBytes) {
    SmallVector<bool> bools(bytes.begin(), bytes.end());
    value = DenseElementsAttr::get(type, bools);
  } else if (bytes.size() <= largestDenseBytes) {
    value = DenseElementsAttr::getFromRawBuffer(type, bytes);
  } else {
    auto *dialect = builder.getContext()->getLoadedDialect<GraphDialect>();
    std::string used =
        dialect->getWeights().addOwned(key, std::move(bytes), recipe);
    value = WeightAttr::get(builder.getContext(), builder.getStringAttr(used));
  }
  return ConstantOp::create(builder, location, type, value);
}

Value makeFloats(OpBuilder &builder, Location location, RankedTensorType type,
                 ArrayRef<double> numbers, StringRef key, StringRef recipe) {
  std::vector<char> bytes;
  if (type.getElementType().isF32()) {
    std::vector<float> rounded(numbers.begin(), numbers.end());
    const char *from = reinterpret_cast<const char *>(rounded.data());
    bytes.assign(from, from + rounded.size() * sizeof(float));
  } else {
    for (double number : numbers)
      appendFloat(cast<FloatType>(type.getElementType()), number, bytes);
  }
  return makeConstant(builder, location, type, std::move(bytes), key, recipe);
}

Value makeScalar(OpBuilder &builder, Location location, Type element,
                 double number) {
  auto type = RankedTensorType::get({}, element);
  Attribute value;
  if (isa<FloatType>(element))
    value = builder.getFloatAttr(element, number);
  else
    value = builder.getIntegerAttr(element, static_cast<int64_t>(number));
  return ConstantOp::create(builder, location, type,
                            DenseElementsAttr::get(type, value));
}

} // namespace sinter::graph
