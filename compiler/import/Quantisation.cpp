// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linear quantisation as arithmetic on elements: integers are exact in i16 and
// i32, and rounding is to even as ONNX says. Passes recognise the forms later.
//
//   quantize(x)   = saturate(round(x / scale) + zero)
//   dequantize(q) = (q - zero) * scale
#include "compiler/import/Compose.h"
#include "compiler/import/Values.h"

using namespace mlir;

namespace sinter::importer {
namespace {

Dims dimsOf(Value value) {
  return sym::dimsOf(cast<RankedTensorType>(value.getType()));
}
Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

/// A scale or zero point where it belongs: one value, one along an axis, or one
/// for each block of an axis.
Value spread(NodeImport &node, size_t i) {
  Value parameter = node.value(i);
  Dims d = node.dims(i), x = node.dims(0);
  if (d.empty() || (d.size() == 1 && sym::isConstant(d[0], 1)))
    return node.reshape(parameter, {});
  int64_t axis = node.integer("axis", 1), block = node.integer("block_size", 0);
  std::optional<int64_t> at = node.axis(axis, x.size());
  if (!at)
    return {};
  DimAttr one = node.model.dim(1);
  if (block <= 0) {
    if (d.size() != 1 ||
        !node.requireEqual(d[0], x[*at], "the scales and the axis"))
      return {};
    Dims column(x.size() - *at, one);
    column[0] = d[0];
    return node.reshape(parameter, column);
  }
  if (d.size() != x.size())
    return {};
  Dims split = d, wide = d, merged = d;
  split.insert(split.begin() + *at + 1, one);
  wide.insert(wide.begin() + *at + 1, node.model.dim(block));
  merged[*at] = d[*at] * block;
  Value repeated = node.reshape(
      node.broadcast(node.reshape(parameter, split), wide), merged);
  Dims starts(d.size(), node.model.dim(0));
  return node.slice(repeated, starts, x, SmallVector<int64_t>(d.size(), 1));
}

/// Ends of an integer type.
std::pair<double, double> rangeOf(Type type) {
  unsigned bits = type.getIntOrFloatBitWidth();
  if (type.isUnsignedInteger())
    return {0, double((uint64_t(1) << bits) - 1)};
  return {-double(uint64_t(1) << (bits - 1)),
          double((uint64_t(1) << (bits - 1)) - 1)};
}

/// `value` rounded, shifted by `zero` (or null) and saturated to `target`.
Value saturated(NodeImport &node, Value value, Value zero, Type target) {
  if (!value)
    return {};
  Type real = elementOf(value);
  Value result = node.map("round", {value});
  if (zero)
    result = node.map("add", {result, node.cast(zero, real)});
  auto [low, high] = rangeOf(target);
  result = node.map("clip",
                    {result, node.scalar(low, real), node.scalar(high, real)});
  return node.cast(result, target);
}

LogicalResult importQuantize(NodeImport &node) {
  Type target = node.model.builder.getIntegerType(8, /*isSigned=*/false);
  if (int64_t wanted = node.integer("output_dtype"))
    target = typeOf(node.model.context, onnx::DataType(wanted));
  if (node.input(2))
    target = node.type(2).getElementType();
  if (!target)
    return node.fault(ErrorCode::I013,
                      "quantises to a type without arithmetic");
  Type real = node.model.builder.getF32Type();
  Value scale = node.cast(spread(node, 1), real);
  Value scaled = node.map("div", {node.cast(node.value(0), real), scale});
  if (isa<FloatType>(target))
    return node.set(
        0, node.cast(scaled, target, node.integer("saturate", 1) != 0));
  return node.set(0,
                  saturated(node, scaled,
                            node.input(2) ? spread(node, 2) : Value(), target));
}

LogicalResult importDequantize(NodeImport &node) {
  Type element = node.type(0).getElementType(),
       real = node.type(1).getElementType();
  if (int64_t wanted = node.integer("output_dtype"))
    real = typeOf(node.model.context, onnx::DataType(wanted));
  Value x = node.value(0), scale = spread(node, 1);
  if (!real || !scale)
    return node.fault(ErrorCode::S001, "the scale does not fit the input");
  Type f32 = node.model.builder.getF32Type(),
       i32 = node.model.builder.getI32Type();
  if (node.input(2)) {
    Type exact = isa<FloatType>(element) ? f32 : i32;
    x = node.map("sub",
                 {node.cast(x, exact), node.cast(spread(node, 2), exact)});
  }
  Value product = node.map("mul", {node.cast(x, f32), node.cast(scale, f32)});
  return node.set(0, node.cast(product, real));
}

LogicalResult importDynamicQuantize(NodeImport &node) {
  Type f32 = node.model.builder.getF32Type();
  Type u8 = node.model.builder.getIntegerType(8, /*isSigned=*/false);
  SmallVector<int64_t> axes;
  for (int64_t i = 0; i < node.rank(0); ++i)
    axes.push_back(i);
  Value x = node.value(0), zero = node.scalar(0, f32);
  Value high = node.map("max", {node.reduce("max", x, axes, false), zero});
  Value low = node.map("min", {node.reduce("min", x, axes, false), zero});
  Value scale =
      node.map("div", {node.map("sub", {high, low}), node.scalar(255, f32)});
  Value start =
      saturated(node, node.map("div", {node.map("neg", {low}), scale}), {}, u8);
  if (!start || failed(node.set(1, scale)) || failed(node.set(2, start)))
    return failure();
  return node.set(0, saturated(node, node.map("div", {x, scale}), start, u8));
}

/// What the operands of a product are exact in without their zero points: i16
/// for bytes, whose products are summed in i32.
Type centredType(NodeImport &node, size_t a, size_t b) {
  auto isByte = [&](size_t i) {
    auto type = dyn_cast<IntegerType>(node.type(i).getElementType());
    return type && type.getWidth() <= 8;
  };
  OpBuilder &builder = node.model.builder;
  return isByte(a) && isByte(b) ? builder.getI16Type() : builder.getI32Type();
}

/// An operand in `exact`, its zero point taken off.
Value centred(NodeImport &node, size_t i, size_t zeroAt, Type exact,
              bool isFilter) {
  Value x = node.cast(node.value(i), exact);
  if (!node.input(zeroAt))
    return x;
  Value zero = node.cast(node.value(zeroAt), exact);
  Dims d = node.dims(zeroAt);
  if (isFilter && d.size() == 1 && !sym::isConstant(d[0], 1)) {
    Dims column(node.rank(i), node.model.dim(1)); // of each filter
    column[0] = d[0];
    zero = node.reshape(zero, column);
  }
  return node.map("sub", {x, zero});
}

/// A zero point of each row of a matrix: [M] as [M, 1].
Value rowCentred(NodeImport &node, size_t i, size_t zeroAt, Type exact) {
  if (!node.input(zeroAt) || node.rank(zeroAt) != 1 || node.rank(i) < 2)
    return centred(node, i, zeroAt, exact, false);
  Value zero = node.reshape(node.cast(node.value(zeroAt), exact),
                            {node.dims(zeroAt)[0], node.model.dim(1)});
  return node.map("sub", {node.cast(node.value(i), exact), zero});
}

/// The product of matrices i and j, whose zero points are k and l.
Value centredProduct(NodeImport &node, size_t i, size_t j, size_t k, size_t l) {
  Type exact = centredType(node, i, j);
  return matrixProduct(node, rowCentred(node, i, k, exact),
                       centred(node, j, l, exact, false));
}

/// The same for a picture and a filter.
Value centredConvolution(NodeImport &node, size_t i, size_t j, size_t k,
                         size_t l, Value bias) {
  Type exact = centredType(node, i, j);
  return convolution(node, centred(node, i, k, exact, false),
                     centred(node, j, l, exact, true), bias, j);
}

LogicalResult importMatMulInteger(NodeImport &node) {
  return node.set(0, centredProduct(node, 0, 1, 2, 3));
}

LogicalResult importConvInteger(NodeImport &node) {
  return node.set(0, centredConvolution(node, 0, 1, 2, 3, {}));
}

/// The sum of products in i32 as the quantised result.
LogicalResult setRequantised(NodeImport &node, Value sum, Value scale,
                             size_t scaleAt) {
  Type f32 = node.model.builder.getF32Type();
  Value factor = node.map("div", {scale, node.cast(node.value(scaleAt), f32)});
  Value scaled = node.map("mul", {node.cast(sum, f32), factor});
  return node.set(0, saturated(node, scaled, node.value(scaleAt + 1),
                               node.type(scaleAt + 1).getElementType()));
}

LogicalResult importQLinearMatMul(NodeImport &node) {
  Type f32 = node.model.builder.getF32Type();
  Value a = node.cast(node.value(1), f32), b = node.cast(node.value(4), f32);
  if (node.rank(1) == 1 && !sym::isConstant(node.dims(1)[0], 1))
    a = node.reshape(a, {node.dims(1)[0], node.model.dim(1)});
  Value sum = centredProduct(node, 0, 3, 2, 5);
  return setRequantised(node, sum, node.map("mul", {a, b}), 6);
}

LogicalResult importQLinearConv(NodeImport &node) {
  Type f32 = node.model.builder.getF32Type();
  Value sum = centredConvolution(node, 0, 3, 2, 5, node.value(8));
  Value filter = node.cast(node.value(4), f32);
  if (!sum)
    return failure();
  if (node.rank(4) == 1 && !sym::isConstant(node.dims(4)[0], 1)) {
    Dims column(dimsOf(sum).size() - 1, node.model.dim(1));
    column[0] = node.dims(4)[0];
    filter = node.reshape(filter, column);
  }
  return setRequantised(
      node, sum, node.map("mul", {node.cast(node.value(1), f32), filter}), 6);
}

} // namespace

void addQuantisation(OpTable &table) {
  table["QuantizeLinear"] = importQuantize;
  table["DequantizeLinear"] = importDequantize;
  table["DynamicQuantizeLinear"] = importDynamicQuantize;
  table["MatMulInteger"] = importMatMulInteger;
  table["ConvInteger"] = importConvInteger;
  table["QLinearMatMul"] = importQLinearMatMul;
  table["QLinearConv"] = importQLinearConv;
}

} // namespace sinter::importer
