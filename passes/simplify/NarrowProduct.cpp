// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sum of bytes first, then what the zero points owe, then the scales.
#include "passes/simplify/NarrowProduct.h"

#include <cstring>

using namespace mlir;
using namespace sinter::graph;

namespace sinter::simplify {
namespace {

constexpr int64_t kWord = 4; // bytes that are multiplied at a time

/// Of the weight that an expression is made of.
std::string nameOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (std::optional<ConstantData> data = readConstant(value))
      return data->name;
    if (op->getNumOperands() == 0)
      break;
    value = op->getOperand(0);
  }
  return "constant";
}

class Narrowing {
public:
  Narrowing(OpBuilder &builder, Operation *product, const Constants &constants)
      : builder(builder), constants(constants), op(product),
        conv(dyn_cast<ConvOp>(product)), matmul(dyn_cast<MatMulOp>(product)),
        location(product->getLoc()), i32(builder.getI32Type()) {}

  bool run() {
    if (!readOperands() || !chooseBytes())
      return false;
    builder.setInsertionPoint(op);
    if (!makeLeft())
      return false;
    Value sum = product(makeRight(bytes, outputs), makeBias());
    if (shift != 0) {
      std::vector<int64_t> ones(bytes.size() / size_t(outputs), 1);
      Value rows = product(makeRight(ones, 1), {});
      sum = map(Kind::k_sub,
                {sum, map(Kind::k_mul, {rows, scalar(i32, double(shift))})});
    }
    sum = addCorrections(sum);
    op->getResult(0).replaceAllUsesWith(left.scale ? scaled(sum) : sum);
    op->erase();
    return true;
  }

private:
  //===--------------------------------------------------------------------===//
  // What is there
  //===--------------------------------------------------------------------===//

  bool readOperands() {
    if (matmul && (matmul.getTransposeA() || rankOf(matmul.getB()) != 2))
      return false;
    if (conv && conv.getChannelsLast())
      return false;
    auto constant = cast<RankedTensorType>(op->getOperand(1).getType());
    if (!constant.hasStaticShape())
      return false;
    outputAxis = conv || matmul.getTransposeB() ? 0 : 1;
    auto a = quantisedOf(op->getOperand(0));
    if (!a)
      return false;
    auto b = quantisedConstantOf(constants, op->getOperand(1), outputAxis);
    if (!b || bool(a->scale) != !b->scale.empty())
      return false;
    Type result = elementType(op->getResult(0));
    if (a->scale ? !result.isF32() : result != i32)
      return false;
    left = *a;
    right = std::move(*b);
    type = right.integers.type;
    name = nameOf(op->getOperand(1));
    outputs = type.getDimSize(outputAxis);
    if (outputs == 0 || right.numbers.empty())
      return false;
    if (left.zero)
      zero = constants.numberOf(left.zero);
    else
      zero = 0;
    if (!isZeroByte())
      return false;
    if (conv && conv.getBias() && !left.scale)
      return constants.integersOf(conv.getBias()).has_value();
    return true;
  }

  // A zero point is of the type of its bytes: what is padded is filled with it.
  bool isZeroByte() const {
    Type byte = elementType(left.bytes);
    double least = byte.isUnsignedInteger() ? 0 : -128;
    if (zero)
      return *zero >= least && *zero <= least + 255;
    auto wide = left.zero.getDefiningOp<CastOp>();
    return wide && elementType(wide.getInput()) == byte;
  }

  int64_t rankOf(Value value) const {
    return cast<RankedTensorType>(value.getType()).getRank();
  }

  // Signed bytes, which with `shift` taken off are the numbers.
  bool chooseBytes() {
    auto [least, most] =
        std::minmax_element(right.numbers.begin(), right.numbers.end());
    if (*most - *least > 255)
      return false;
    for (int64_t sum : columnSums(true))
      largest = std::max(largest, 255 * sum);
    if (left.scale && largest > INT32_MAX) // floats hold more
      return false;
    shift = *least >= -128 && *most <= 127 ? 0 : 127 - *most;
    bytes = right.numbers;
    for (int64_t &number : bytes)
      number += shift;
    int64_t groups = conv ? conv.getGroup() : 1;
    depth = conv ? type.getDimSize(1) : type.getDimSize(1 - outputAxis);
    bool isDepthwise = conv && groups > 1 && depth == 1 && outputs == groups;
    padding = groups == 1 ? (kWord - depth % kWord) % kWord : 0;
    if (groups > 1 && (shift != 0 || (depth % kWord != 0 && !isDepthwise)))
      return false;
    return true;
  }

  //===--------------------------------------------------------------------===//
  // Operands
  //===--------------------------------------------------------------------===//

  Value map(Kind kind, ValueRange operands) {
    return makeMap(builder, location, kind, operands);
  }
  Value scalar(Type element, double number) {
    return makeScalar(builder, location, element, number);
  }
  Value converted(Value value, Type element) {
    if (elementType(value) == element)
      return value;
    auto from = cast<RankedTensorType>(value.getType());
    return CastOp::create(builder, location,
                          sym::tensorOf(sym::dimsOf(from), element), value);
  }

  // Unsigned bytes, with the padding of a convolution and whole words.
  bool makeLeft() {
    Type u8 = builder.getIntegerType(8, /*isSigned=*/false);
    Value a = left.bytes;
    if (elementType(a) != u8) {
      Type i16 = builder.getI16Type();
      a = converted(map(Kind::k_add, {converted(a, i16), scalar(i16, 128)}),
                    u8);
      if (zero)
        zero = *zero + 128;
      else
        left.zero =
            map(Kind::k_add, {converted(left.zero, i32), scalar(i32, 128)});
    }
    pads = conv ? llvm::to_vector(conv.getPads()) : SmallVector<int64_t>();
    bool isPadded = llvm::any_of(pads, [](int64_t pad) { return pad != 0; });
    bool padsHere = isPadded && zero != 0;
    if (padding || padsHere) {
      if (!zero && rankOf(left.zero) != 0)
        return false;
      Value fill = zero ? scalar(u8, *zero) : converted(left.zero, u8);
      a = padded(a, padsHere, fill);
    }
    input = a;
    return true;
  }

  Value padded(Value a, bool padsHere, Value fill) {
    int64_t rank = rankOf(a);
    SmallVector<int64_t> low(rank, 0), high(rank, 0);
    high[conv ? 1 : rank - 1] = padding;
    size_t spatial = pads.size() / 2;
    for (size_t i = 0; padsHere && i < spatial; ++i) {
      low[i + 2] = std::exchange(pads[i], 0);
      high[i + 2] = std::exchange(pads[i + spatial], 0);
    }
    MLIRContext *context = builder.getContext();
    auto dims = [&](ArrayRef<int64_t> values) {
      sym::Dims result;
      for (int64_t value : values)
        result.push_back(sym::constantDim(context, value));
      return sym::DimsAttr::get(context, result);
    };
    return PadOp::create(builder, location, a, fill,
                         builder.getStringAttr("constant"), dims(low),
                         dims(high));
  }

  // `numbers`, of `count` outputs, with zeros up to whole words of depth.
  Value makeRight(ArrayRef<int64_t> numbers, int64_t count) {
    SmallVector<int64_t> shape(type.getShape());
    shape[outputAxis] = count;
    int64_t depthAxis = conv ? 1 : 1 - outputAxis;
    shape[depthAxis] += padding;
    int64_t inner = 1;
    for (size_t i = depthAxis + 1; i < shape.size(); ++i)
      inner *= shape[i];
    std::vector<char> data;
    size_t run = size_t(depth * inner);
    for (size_t at = 0; at < numbers.size(); at += run) {
      for (size_t i = at; i < at + run; ++i)
        data.push_back(char(numbers[i]));
      data.insert(data.end(), size_t(padding * inner), 0);
    }
    return makeConstant(
        builder, location, RankedTensorType::get(shape, builder.getI8Type()),
        std::move(data), name + ".bytes", "narrow(" + name + ")");
  }

  Value product(Value b, Value bias) {
    if (matmul)
      return MatMulOp::create(builder, location, input, b, false,
                              matmul.getTransposeB());
    return ConvOp::create(builder, location, input, b, bias, conv.getStrides(),
                          pads, conv.getDilations(), uint64_t(conv.getGroup()),
                          false);
  }

  //===--------------------------------------------------------------------===//
  // Behind the sum
  //===--------------------------------------------------------------------===//

  // Of the constant's numbers, or of their magnitudes, for each output.
  std::vector<int64_t> columnSums(bool ofMagnitudes = false) const {
    std::vector<int64_t> sums(size_t(outputs), 0);
    int64_t inner = 1;
    for (int64_t i = outputAxis + 1; i < type.getRank(); ++i)
      inner *= type.getDimSize(i);
    for (size_t i = 0; i < right.numbers.size(); ++i)
      sums[i / size_t(inner) % size_t(outputs)] +=
          ofMagnitudes ? std::abs(right.numbers[i]) : right.numbers[i];
    return sums;
  }

  Value integers(ArrayRef<int64_t> numbers, ArrayRef<int64_t> shape) {
    std::vector<char> data(numbers.size() * sizeof(int32_t));
    for (size_t i = 0; i < numbers.size(); ++i) {
      int32_t number = int32_t(numbers[i]); // sums wrap
      std::memcpy(data.data() + i * sizeof number, &number, sizeof number);
    }
    return makeConstant(builder, location, RankedTensorType::get(shape, i32),
                        std::move(data), name + ".sums", "sums(" + name + ")");
  }

  // [outputs], as it broadcasts to the result.
  SmallVector<int64_t> columnShape() const {
    SmallVector<int64_t> shape{outputs};
    if (conv)
      shape.append(size_t(type.getRank()) - 2, 1);
    return shape;
  }

  // The bias of a convolution in units of the sum, and a zero point known here.
  Value makeBias() {
    if (!conv)
      return {};
    std::vector<int64_t> numbers(size_t(outputs), 0);
    if (zero && *zero != 0) {
      numbers = columnSums();
      for (int64_t &number : numbers)
        number *= -int64_t(*zero);
    }
    if (conv.getBias()) {
      auto bias =
          left.scale ? quantisedBias() : constants.integersOf(conv.getBias());
      hasRealBias = !bias;
      for (size_t i = 0; bias && i < numbers.size(); ++i)
        numbers[i] += (*bias)[i];
    }
    if (llvm::all_of(numbers, [](int64_t number) { return number == 0; }))
      return {};
    return integers(numbers, {outputs});
  }

  // A bias whose scale is that of the sum.
  std::optional<std::vector<int64_t>> quantisedBias() {
    auto scale = constants.numberOf(left.scale);
    auto bias = quantisedConstantOf(constants, conv.getBias(), 0);
    if (!scale || !bias || bias->scale.empty())
      return std::nullopt;
    for (size_t i = 0; i < size_t(outputs); ++i) {
      double wanted = *scale * right.scale[right.scale.size() > 1 ? i : 0],
             found = bias->scale[bias->scale.size() > 1 ? i : 0];
      if (std::fabs(wanted - found) > 1e-6 * std::fabs(wanted) ||
          std::abs(bias->numbers[i]) > INT32_MAX - largest)
        return std::nullopt;
    }
    return bias->numbers;
  }

  Value addCorrections(Value sum) {
    if (zero && (conv || *zero == 0))
      return sum;
    std::vector<int64_t> sums = columnSums();
    if (zero)
      for (int64_t &number : sums)
        number *= int64_t(*zero);
    Value owed = integers(sums, columnShape());
    if (!zero)
      owed = map(Kind::k_mul, {converted(left.zero, i32), owed});
    return map(Kind::k_sub, {sum, owed});
  }

  Value scaled(Value sum) {
    Type f32 = builder.getF32Type();
    std::vector<double> numbers = right.scale;
    SmallVector<int64_t> shape = columnShape();
    if (numbers.size() == 1)
      shape.clear();
    Value factor =
        makeFloats(builder, location, RankedTensorType::get(shape, f32),
                   numbers, name + ".scale", "scale(" + name + ")");
    factor = map(Kind::k_mul, {factor, left.scale});
    Value result = map(Kind::k_mul, {converted(sum, f32), factor});
    if (!hasRealBias)
      return result;
    sym::Dims column;
    for (int64_t extent : columnShape())
      column.push_back(sym::constantDim(builder.getContext(), extent));
    Value bias = ReshapeOp::create(builder, location,
                                   sym::tensorOf(column, f32), conv.getBias());
    return map(Kind::k_add, {result, bias});
  }

  OpBuilder &builder;
  const Constants &constants;
  Operation *op;
  ConvOp conv;
  MatMulOp matmul;
  Location location;
  Type i32;

  Quantised left;
  QuantisedConstant right;
  std::string name;
  RankedTensorType type;      // of the right operand
  std::optional<double> zero; // of the left one, where it is known
  std::vector<int64_t> bytes;
  int64_t largest = 0; // magnitude of a sum
  int64_t outputAxis = 0, outputs = 0, depth = 0, shift = 0, padding = 0;
  bool hasRealBias = false;
  Value input;
  SmallVector<int64_t> pads;
};

} // namespace

bool narrowProduct(OpBuilder &builder, Operation *product,
                   const Constants &constants) {
  return Narrowing(builder, product, constants).run();
}

} // namespace sinter::simplify
