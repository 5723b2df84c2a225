// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantised operators of com.microsoft, as dequantise, compute, quantise; where
// sums are of products of integers they stay in i32 and are exact.
#include "compiler/import/Composer.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// Inputs i, i + 1, i + 2 are data, scale and an optional zero point.
Name real(Composer &c, size_t i) {
  return c.op("DequantizeLinear", {c.input(i), c.input(i + 1), c.input(i + 2)});
}

/// Quantised with the scale in input i and the zero point in i + 1; without one
/// the type is that of the first operand.
LogicalResult setQuantised(NodeImport &node, Composer &c, const Name &x,
                           size_t i, size_t typeOf) {
  Name zero = c.input(i + 1);
  if (zero.empty())
    zero = c.cast(c.integer(0), node.type(typeOf).getElementType());
  return c.set(0, c.op("QuantizeLinear", {x, c.input(i), zero}));
}

LogicalResult importBinary(NodeImport &node) {
  Composer c(node);
  const char *op = node.node.op == "QLinearMul" ? "Mul" : "Add";
  return setQuantised(node, c, c.op(op, {real(c, 0), real(c, 3)}), 6, 0);
}

LogicalResult importUnary(NodeImport &node) {
  Composer c(node);
  Name x = real(c, 0);
  if (node.node.op == "QLinearSigmoid")
    x = c.op("Sigmoid", {x});
  else if (node.node.op == "QLinearLeakyRelu")
    x = c.op("LeakyRelu", {x}, With().real("alpha", node.real("alpha")));
  else
    x = c.op("ReduceMean", {x, c.ints(node.integers("axes"))},
             With().integer("keepdims", node.integer("keepdims", 1)));
  return setQuantised(node, c, x, 3, 0);
}

LogicalResult importSoftmax(NodeImport &node) {
  Composer c(node);
  Dims dims = node.dims(0);
  std::optional<int64_t> axis = node.axis(node.integer("axis"), dims.size());
  if (!axis)
    return failure();
  Name x = real(c, 0);
  if (node.integer("opset") >= 13) {
    x = c.op("Softmax", {x}, With().integer("axis", *axis));
  } else {
    ArrayRef<DimAttr> all = dims;
    x = c.reshape(x,
                  {sym::product(&node.model.context, all.take_front(*axis)),
                   sym::product(&node.model.context, all.drop_front(*axis))});
    x = c.reshape(c.op("Softmax", {x}, With().integer("axis", 1)), dims);
  }
  return setQuantised(node, c, x, 3, 0);
}

Name channelsMoved(Composer &c, const Name &x, bool toFront) {
  int64_t rank = c.dimsOf(x).size();
  SmallVector<int64_t> order;
  for (int64_t axis = 0; axis < rank; ++axis)
    order.push_back(axis);
  if (rank < 3)
    return x;
  if (toFront)
    std::rotate(order.begin() + 1, order.end() - 1, order.end());
  else
    std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return c.transpose(x, order);
}

LogicalResult importPool(NodeImport &node) {
  Composer c(node);
  bool isLast = node.integer("channels_last") != 0;
  Name x = real(c, 0);
  if (isLast)
    x = channelsMoved(c, x, true);
  With with;
  for (const char *name : {"auto_pad", "ceil_mode", "count_include_pad",
                           "kernel_shape", "pads", "strides"})
    with.same(node, name);
  x = node.node.op == "QLinearAveragePool" ? c.op("AveragePool", {x}, with)
                                           : c.op("GlobalAveragePool", {x});
  if (isLast)
    x = channelsMoved(c, x, false);
  return setQuantised(node, c, x, 3, 0);
}

LogicalResult importConcat(NodeImport &node) {
  Composer c(node);
  std::vector<Name> parts;
  if (node.inputCount() < 5 || (node.inputCount() - 2) % 3 != 0)
    return c.fault(ErrorCode::I006,
                   "has " + Twine(node.inputCount()) + " inputs",
                   "two, then three for each tensor");
  for (size_t i = 2; i < node.inputCount(); i += 3)
    parts.push_back(real(c, i));
  Name joined =
      c.op("Concat", parts, With().integer("axis", node.integer("axis")));
  return setQuantised(node, c, joined, 0, 1);
}

LogicalResult importWhere(NodeImport &node) {
  Composer c(node);
  Name chosen = c.op("Where", {c.input(0), real(c, 1), real(c, 4)});
  return setQuantised(node, c, chosen, 7, 1);
}

/// The convolution of the standard; channels last is turned.
LogicalResult importConv(NodeImport &node) {
  Composer c(node);
  bool isLast = node.integer("channels_last") != 0;
  std::vector<Name> operands = c.inputs();
  if (isLast)
    operands[0] = channelsMoved(c, operands[0], true);
  With with;
  for (const char *name :
       {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"})
    with.same(node, name);
  Name result = c.op("QLinearConv", operands, with);
  return c.set(0, isLast ? channelsMoved(c, result, false) : result);
}

/// (A a_scale) (B b_scale) + bias, the sum of products in i32.
Name scaledProduct(NodeImport &node, Composer &c, const Name &a, const Name &b,
                   const Name &aScale, const Name &bScale, const Name &aZero,
                   const Name &bZero, const Name &bias) {
  Type f32 = node.model.builder.getF32Type();
  Name sum = c.op("MatMulInteger", {a, b, aZero, bZero});
  Name product =
      c.mul(c.cast(sum, f32), c.mul(c.cast(aScale, f32), c.cast(bScale, f32)));
  if (!bias.empty())
    product = c.add(product, c.cast(bias, f32));
  return product;
}

LogicalResult importDynamicMatMul(NodeImport &node) {
  Composer c(node);
  std::vector<Name> a = c.ops("DynamicQuantizeLinear", {c.input(0)}, 3);
  return c.set(0, scaledProduct(node, c, a[0], c.input(1), a[1], c.input(2),
                                a[2], c.input(3), c.input(4)));
}

LogicalResult importMatMulToFloat(NodeImport &node) {
  Composer c(node);
  Name product = scaledProduct(node, c, c.input(0), c.input(1), c.input(2),
                               c.input(3), c.input(4), c.input(5), c.input(6));
  return c.set(0, c.cast(product, node.type(2).getElementType()));
}

/// A and B are matrices; C is a bias in i32 of scale a_scale * b_scale.
LogicalResult importGemm(NodeImport &node) {
  Composer c(node);
  Type f32 = node.model.builder.getF32Type(),
       i32 = node.model.builder.getI32Type();
  Name a = c.input(0), b = c.input(3);
  if (node.integer("transA") != 0)
    a = c.transpose(a, {1, 0});
  if (node.integer("transB") != 0)
    b = c.transpose(b, {1, 0});
  Name sum = c.op("MatMulInteger", {a, b, c.input(2), c.input(5)});
  if (node.input(6))
    sum = c.add(c.cast(sum, i32), c.input(6));
  Name scale = c.mul(c.input(1), c.input(4));
  if (double alpha = node.real("alpha"); alpha != 1)
    scale = c.mul(scale, c.scalar(alpha, f32));
  Name product = c.mul(c.cast(sum, f32), scale);
  if (!node.input(7))
    return c.set(0, product);
  return setQuantised(node, c, product, 7, 0);
}

/// Weights [D, k, 4 H] of 8 bits: numbers [D, 4 H, words of k] of i8, and for
/// each column its scale, the sum of its numbers, each less its zero point, and
/// that zero point, as f32 [D, 4 H].
struct ByteWeights {
  Name numbers, scales, sums, zeros;
};

ByteWeights byteWeights(NodeImport &node, Composer &c, size_t data,
                        size_t scale) {
  Type f32 = node.model.builder.getF32Type();
  Name w = c.transpose(c.cast(c.input(data), f32), {0, 2, 1});
  Dims dims = c.dimsOf(w);
  if (dims.size() != 3)
    return {};
  auto columns = [&](Name of) { // one for a direction or one for a column
    if (c.dimsOf(of).size() == 1)
      of = c.unsqueeze(of, {1});
    return c.op("Expand", {of, c.dims({dims[0], dims[1]})});
  };
  ByteWeights result;
  result.scales = columns(c.cast(c.input(scale), f32));
  Name zeros = c.cast(c.input(scale + 1), f32);
  if (node.type(data).getElementType().isUnsignedInteger()) {
    w = c.sub(w, c.scalar(128, f32));
    zeros = c.sub(zeros, c.scalar(128, f32));
  }
  result.zeros = columns(zeros);
  Name sums =
      c.op("ReduceSum", {w, c.ints({2})}, With().integer("keepdims", 0));
  result.sums = c.sub(sums, c.mul(result.zeros, c.cast(c.dim(dims[2]), f32)));
  DimAttr none = node.model.dim(0);
  Name padding = c.dims(
      {none, none, none, none, none, sym::ceilDiv(dims[2], 4) * 4 - dims[2]});
  result.numbers =
      c.op("Pad", {c.cast(w, node.model.builder.getI8Type()), padding});
  return result;
}

/// Weights in 8 bits, and what they meet is rounded to 8 bits: the input as a
/// whole, h once a step. ONNX Runtime takes one scale for the rows of a batch
/// that a thread holds, so that its numbers depend on how many there are; here
/// a row of h has its own.
///
/// graph.recurrent takes the numbers, and in its bias, each for W and R: the
/// biases, then scales, sums and zero points of the columns. A product is
///
///     scale_x * scale * (sum(x * w) - zero_x * sum - zero * sum(x))
LogicalResult importLstm(NodeImport &node) {
  Composer c(node);
  for (size_t i : {1, 2})
    if (node.rank(i) != 3)
      return c.fault(ErrorCode::S001,
                     Twine(i == 1 ? "W" : "R") + " has rank " +
                         Twine(node.rank(i)),
                     "3, for directions, inputs and 4 * hidden_size");
  With with;
  for (const char *name : {"activation_alpha", "activation_beta", "activations",
                           "clip", "direction", "hidden_size", "input_forget"})
    with.same(node, name);
  ByteWeights w = byteWeights(node, c, 1, 8), r = byteWeights(node, c, 2, 10);
  Name bias = c.input(3);
  if (bias.empty())
    bias = c.op("Expand", {c.scalar(0, node.model.builder.getF32Type()),
                           c.dims({node.dims(1)[0], node.dims(1)[2] * 2})});
  Name all = c.op("Concat",
                  {bias, w.scales, r.scales, w.sums, r.sums, w.zeros, r.zeros},
                  With().integer("axis", 1));
  Value bytes[] = {c.value(w.numbers), c.value(r.numbers), c.value(all)};
  // The layer in floats checks the operands; then it takes the bytes.
  auto floats = [&](size_t data) {
    return c.transpose(c.cast(c.input(data), node.model.builder.getF32Type()),
                       {0, 2, 1});
  };
  std::vector<Name> results =
      c.ops("LSTM",
            {c.input(0), floats(1), floats(2), bias, c.input(4), c.input(5),
             c.input(6), c.input(7)},
            3, with);
  Value y = c.value(results[0]);
  if (auto layer = y ? y.getDefiningOp<graph::RecurrentOp>() : nullptr) {
    layer.getWeightsMutable().assign(bytes[0]);
    layer.getRecurrenceMutable().assign(bytes[1]);
    layer.getBiasMutable().assign(bytes[2]);
    layer.setQuantisedState(true);
  }
  for (size_t i = 0; i < 3; ++i)
    if (failed(c.set(i, results[i])))
      return failure();
  return success();
}

} // namespace

void addFusedQuantised(OpTable &table) {
  addRows(table, "com.microsoft",
          {{"QLinearAdd", importBinary},
           {"QLinearMul", importBinary},
           {"QLinearSigmoid", importUnary},
           {"QLinearLeakyRelu", importUnary},
           {"QLinearReduceMean", importUnary},
           {"QLinearSoftmax", importSoftmax},
           {"QLinearAveragePool", importPool},
           {"QLinearGlobalAveragePool", importPool},
           {"QLinearConcat", importConcat},
           {"QLinearWhere", importWhere},
           {"QLinearConv", importConv},
           {"QGemm", importGemm},
           {"DynamicQuantizeMatMul", importDynamicMatMul},
           {"MatMulIntegerToFloat", importMatMulToFloat},
           {"DynamicQuantizeLSTM", importLstm}});
}

} // namespace sinter::importer
