// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Broadcasts operands whose contents are few and known, element by element.
//
// A fraction stands for the float that the model computes, so it is followed
// only while float arithmetic rounds nothing: factors are small multiples of
// powers of two. One division by any number may come last: it is rounded
// correctly, and so never crosses an integer that floor or ceil would see.
#include "compiler/import/KnownContents.h"

#include "compiler/import/Values.h"
#include "dialects/graph/Broadcast.h"
#include <cmath>

using namespace mlir;

namespace sinter::importer {
namespace {

/// Row-major index of an operand for index `i` of the broadcast result.
size_t broadcastIndex(size_t i, ArrayRef<int64_t> result,
                      ArrayRef<int64_t> operand) {
  size_t index = 0, stride = 1;
  for (size_t axis = 0; axis < result.size(); ++axis) {
    size_t position = i % result[result.size() - 1 - axis];
    i /= result[result.size() - 1 - axis];
    if (axis >= operand.size())
      continue;
    int64_t extent = operand[operand.size() - 1 - axis];
    index += (extent == 1 ? 0 : position) * stride;
    stride *= extent;
  }
  return index;
}

/// Shape of the result of known operands; empty when one is unknown or too
/// large.
std::optional<Dims> knownShape(ArrayRef<TensorValue *> inputs) {
  Dims dims;
  for (TensorValue *input : inputs) {
    if (!input->known)
      return std::nullopt;
    std::optional<Dims> wide =
        graph::broadcastDims(dims, sym::dimsOf(input->type));
    if (!wide)
      return std::nullopt;
    dims = *wide;
  }
  int64_t count = 1;
  for (DimAttr dim : dims)
    count *= *sym::asConstant(dim);
  return count <= 4096 ? std::optional(dims) : std::nullopt;
}

/// Contents have to fit the element type, or they would wrap at run time.
bool fits(ModelImporter &model, Type element, DimAttr value) {
  std::optional<int64_t> constant = sym::asConstant(value);
  if (isa<FloatType>(element))
    return !constant || std::abs(*constant) < (1 << 24);
  unsigned bits = element.getIntOrFloatBitWidth();
  if (!constant)
    return bits >= 32;
  if (element.isUnsignedInteger() || bits == 1)
    return *constant >= 0 && (bits >= 63 || *constant < (int64_t(1) << bits));
  return bits == 64 || (*constant >= -(int64_t(1) << (bits - 1)) &&
                        *constant < (int64_t(1) << (bits - 1)));
}

} // namespace

bool foldKnown(NodeImport &node, ArrayRef<TensorValue *> inputs, Type element,
               FoldElement compute) {
  std::optional<Dims> shape = knownShape(inputs);
  if (!shape)
    return false;
  RankedTensorType type = sym::tensorOf(*shape, element);
  Dims contents;
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    SmallVector<DimAttr, 3> elements;
    for (TensorValue *input : inputs)
      elements.push_back((*input->known)[broadcastIndex(
          i, type.getShape(), input->type.getShape())]);
    std::optional<DimAttr> result = compute(elements);
    if (!result || !fits(node.model, element, *result))
      return false;
    contents.push_back(*result);
  }
  (void)node.setKnown(0, contents, type);
  return true;
}

DimAttr truncatedDiv(ModelImporter &model, DimAttr a, DimAttr b) {
  sym::Range range = model.rangeOf(a);
  if (range.min >= 0)
    return sym::floorDiv(a, b);
  if (range.max <= 0)
    return sym::floorDiv(a * -1, b) * -1;
  DimAttr zero = model.dim(0);
  return sym::floorDiv(sym::maxDim(a, zero), b) -
         sym::floorDiv(sym::maxDim(a * -1, zero), b);
}

namespace {

using Fractions = TensorValue::Fractions;
constexpr int64_t largestFactor = 256; // of sizes below 2^16: exact in f32

std::optional<Fractions> fractionsOf(ModelImporter &model,
                                     const TensorValue &value) {
  if (value.known)
    return Fractions{*value.known, 1, true};
  auto element = value.type.getElementType();
  if (!value.isConstant || value.type.getNumElements() > 64 ||
      !isa<FloatType>(element))
    return value.fractions;
  for (int64_t divisor = 1; divisor <= 65536; divisor *= 2) {
    Fractions result{{}, divisor, true};
    for (int64_t i = 0; i < value.type.getNumElements(); ++i) {
      double number = *realAt(element, value.bytes, i) * double(divisor);
      if (std::abs(number) > 1 << 20 || number != std::floor(number))
        break;
      result.numerators.push_back(model.dim(int64_t(number)));
    }
    if (int64_t(result.numerators.size()) == value.type.getNumElements())
      return result;
  }
  return std::nullopt;
}

bool isPowerOfTwo(int64_t value) { return (value & (value - 1)) == 0; }

/// a op b, element by element; `wide` becomes the shape.
std::optional<Fractions> combine(NodeImport &node, StringRef op, Fractions a,
                                 Fractions b, Dims &wide) {
  TensorValue left = *node.input(0), right = *node.input(1);
  left.known = a.numerators;
  right.known = b.numerators;
  std::optional<Dims> shape = knownShape({&left, &right});
  if (!shape || !a.isExact || !b.isExact)
    return std::nullopt;
  wide = *shape;
  RankedTensorType type = sym::tensorOf(wide, node.type(0).getElementType());
  Fractions result{{}, a.divisor * b.divisor, true};
  std::optional<int64_t> by = sym::asConstant(b.numerators.front());
  if (op == "Div") {
    if (!by || *by <= 0 || !llvm::all_equal(b.numerators))
      return std::nullopt;
    result.divisor = a.divisor * *by;
    result.isExact = isPowerOfTwo(*by);
  }
  if (result.divisor > int64_t(1) << 32)
    return std::nullopt;
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    DimAttr x = a.numerators[broadcastIndex(i, type.getShape(),
                                            left.type.getShape())],
            y = b.numerators[broadcastIndex(i, type.getShape(),
                                            right.type.getShape())];
    std::optional<int64_t> p = sym::asConstant(x), q = sym::asConstant(y);
    if (op == "Mul" && ((!p && !q) || std::abs(p.value_or(0)) > largestFactor ||
                        std::abs(q.value_or(0)) > largestFactor))
      return std::nullopt;
    result.numerators.push_back(op == "Mul"   ? x * y
                                : op == "Div" ? x * b.divisor
                                : op == "Add" ? x * b.divisor + y * a.divisor
                                              : x * b.divisor - y * a.divisor);
  }
  return result;
}

/// floor, ceil or what is left of a cast, over 1.
Fractions rounded(ModelImporter &model, StringRef op, const Fractions &a) {
  Fractions result{{}, 1, true};
  DimAttr divisor = model.dim(a.divisor);
  for (DimAttr numerator : a.numerators)
    result.numerators.push_back(
        op == "Floor"  ? sym::floorDiv(numerator, divisor)
        : op == "Ceil" ? sym::ceilDiv(numerator, divisor)
                       : truncatedDiv(model, numerator, divisor));
  return result;
}

/// Of a constant there is nothing to follow.
std::optional<Fractions> follow(NodeImport &node, StringRef op, Type element,
                                Dims &shape) {
  bool isBinary = op == "Add" || op == "Sub" || op == "Mul" || op == "Div";
  if (!isBinary && op != "Floor" && op != "Ceil" && op != "Cast")
    return std::nullopt;
  shape = node.dims(0);
  bool isConstant = true;
  Fractions operands[2];
  for (size_t i = 0; i < (isBinary ? 2 : 1); ++i) {
    TensorValue *input = node.input(i);
    std::optional<Fractions> found = fractionsOf(node.model, *input);
    if (!found || found->numerators.empty() ||
        !isa<FloatType>(input->type.getElementType()))
      return std::nullopt;
    isConstant &= input->isConstant;
    operands[i] = *found;
  }
  if (isConstant || element.isInteger(1))
    return std::nullopt;
  if (isBinary)
    return combine(node, op, operands[0], operands[1], shape);
  return op == "Cast" && isa<FloatType>(element)
             ? operands[0]
             : rounded(node.model, op, operands[0]);
}

} // namespace

LogicalResult setFollowed(NodeImport &node, StringRef op, Type element,
                          llvm::function_ref<Value()> build) {
  Dims shape;
  std::optional<Fractions> found = follow(node, op, element, shape);
  if (found) {
    DimAttr divisor = node.model.dim(found->divisor);
    bool isIntegral = llvm::all_of(found->numerators, [&](DimAttr numerator) {
      return sym::isConstant(sym::mod(numerator, divisor), 0);
    });
    Dims contents;
    for (DimAttr numerator : found->numerators)
      contents.push_back(sym::floorDiv(numerator, divisor));
    if (isIntegral && llvm::all_of(contents, [&](DimAttr content) {
          return fits(node.model, element, content);
        }))
      return node.setKnown(0, contents, sym::tensorOf(shape, element));
  }
  if (failed(node.set(0, build())))
    return failure();
  if (found && isa<FloatType>(element) && node.result(0))
    node.result(0)->fractions = std::move(found);
  return success();
}

} // namespace sinter::importer
