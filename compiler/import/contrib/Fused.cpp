// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What ONNX Runtime's optimiser writes into models that were saved after it ran
// (com.microsoft): fused activations, products, convolutions and norms. Each is
// taken apart again; our own passes fuse what suits the machine.
#include "compiler/import/Composer.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// The operator of the standard with the same name, operands and attributes.
LogicalResult importSame(NodeImport &node) {
  Composer c(node);
  With with;
  for (const onnx::AttributeRow &row : node.schema->attributes)
    if (const onnx::Attribute *found = node.attribute(row.name)) {
      with.list.push_back(*found);
      with.list.back().name = row.name; // the table's: it outlives them
      with.list.back().reference = {};
    }
  std::vector<Name> results =
      c.ops(StringRef(node.node.op.data(), node.node.op.size()), c.inputs(),
            node.node.outputs.size(), with);
  for (size_t i = 0; i < results.size(); ++i)
    if (failed(c.set(i, results[i])))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

Name sumOf(Composer &c, ArrayRef<size_t> inputs) {
  Name sum;
  for (size_t i : inputs)
    if (Name next = c.input(i); !next.empty())
      sum = sum.empty() ? next : c.add(sum, next);
  return sum;
}

LogicalResult importFastGelu(NodeImport &node) {
  Composer c(node);
  return c.set(
      0, c.op("Gelu", {sumOf(c, {0, 1})}, With().text("approximate", "tanh")));
}
LogicalResult importGelu(NodeImport &node) {
  Composer c(node);
  return c.set(0, c.op("Gelu", {sumOf(c, {0, 1})}));
}
LogicalResult importQuickGelu(NodeImport &node) {
  Composer c(node);
  Name x = c.input(0);
  Name scaled =
      c.mul(x, c.scalar(node.real("alpha"), c.type(x).getElementType()));
  return c.set(0, c.mul(x, c.op("Sigmoid", {scaled})));
}
LogicalResult importBiasSplitGelu(NodeImport &node) {
  Composer c(node);
  std::vector<Name> halves =
      c.ops("Split", {sumOf(c, {0, 1})}, 2,
            With().integer("axis", -1).integer("num_outputs", 2));
  return c.set(0, c.mul(halves[0], c.op("Gelu", {halves[1]})));
}
LogicalResult importBiasAdd(NodeImport &node) {
  Composer c(node);
  return c.set(0, sumOf(c, {0, 1, 2}));
}
LogicalResult importGemmFastGelu(NodeImport &node) {
  Composer c(node);
  Name product = c.op("MatMul", {c.input(0), c.input(1)});
  if (node.input(2))
    product = c.add(product, c.input(2));
  return c.set(0, c.op("Gelu", {product}, With().text("approximate", "tanh")));
}

/// The activation that fused products and convolutions name, with up to three
/// parameters in the order of its attributes.
Name activated(NodeImport &node, Composer &c, const Name &x,
               ArrayRef<double> parameters) {
  std::string kind = node.text("activation");
  auto parameter = [&](size_t i, double otherwise) {
    return i < parameters.size() ? parameters[i] : otherwise;
  };
  if (kind.empty())
    return x;
  if (kind == "Relu" || kind == "Tanh" || kind == "Sigmoid" ||
      kind == "Softplus" || kind == "HardSwish")
    return c.op(kind, {x});
  if (kind == "LeakyRelu")
    return c.op(kind, {x}, With().real("alpha", parameter(0, 0.01)));
  if (kind == "Elu")
    return c.op(kind, {x}, With().real("alpha", parameter(0, 1)));
  if (kind == "HardSigmoid")
    return c.op(kind, {x},
                With()
                    .real("alpha", parameter(0, 0.2))
                    .real("beta", parameter(1, 0.5)));
  RankedTensorType type = c.type(x);
  if (kind == "Clip" && type)
    return c.op(kind,
                {x, c.scalar(parameter(0, -3.4e38), type.getElementType()),
                 c.scalar(parameter(1, 3.4e38), type.getElementType())});
  (void)c.fault(ErrorCode::I005, "activation is '" + kind + "'",
                "Relu, Tanh, Sigmoid, Softplus, HardSwish, LeakyRelu, Elu, "
                "HardSigmoid or Clip");
  return {};
}

//===----------------------------------------------------------------------===//
// Products and convolutions
//===----------------------------------------------------------------------===//

SmallVector<double> activationParameters(NodeImport &node) {
  SmallVector<double> parameters;
  for (const char *name :
       {"activation_alpha", "activation_beta", "activation_gamma"})
    if (node.attribute(name))
      parameters.push_back(node.real(name));
  return parameters;
}

/// An operand with its batch axes or its last two swapped as asked.
Name turned(NodeImport &node, Composer &c, size_t i, const char *swap,
            const char *batch) {
  Name x = c.input(i);
  int64_t rank = node.rank(i);
  SmallVector<int64_t> order;
  for (int64_t axis = 0; axis < rank; ++axis)
    order.push_back(axis);
  if (rank >= 3 && node.integer(batch, 0) != 0)
    std::rotate(order.begin(), order.begin() + 1, order.end() - 1);
  if (rank >= 2 && node.integer(swap) != 0)
    std::swap(order[rank - 1], order[rank - 2]);
  return llvm::is_sorted(order) ? x : c.transpose(x, order);
}

LogicalResult importFusedMatMul(NodeImport &node) {
  Composer c(node);
  Name product = c.op("MatMul", {turned(node, c, 0, "transA", "transBatchA"),
                                 turned(node, c, 1, "transB", "transBatchB")});
  if (double alpha = node.real("alpha"); alpha != 1)
    product = c.mul(product, c.scalar(alpha, node.type(0).getElementType()));
  if (node.node.op == "FusedMatMulActivation")
    product = activated(node, c, product, activationParameters(node));
  return c.set(0, product);
}

LogicalResult importFusedGemm(NodeImport &node) {
  Composer c(node);
  With with;
  for (const char *name : {"alpha", "beta", "transA", "transB"})
    with.same(node, name);
  Name product = c.op("Gemm", c.inputs(), with);
  return c.set(0, activated(node, c, product, activationParameters(node)));
}

With windowAttributes(NodeImport &node) {
  With with;
  for (const char *name : {"auto_pad", "dilations", "group", "kernel_shape",
                           "pads", "strides", "ceil_mode", "count_include_pad"})
    with.same(node, name);
  return with;
}

LogicalResult importFusedConv(NodeImport &node) {
  Composer c(node);
  Name result = c.op("Conv", {c.input(0), c.input(1), c.input(2)},
                     windowAttributes(node));
  if (node.input(3))
    result = c.add(result, c.input(3));
  return c.set(0, activated(node, c, result, node.reals("activation_params")));
}

/// [N, spatial..., C] as [N, C, spatial...] or the other way round.
Name channelsMoved(Composer &c, const Name &x, bool toFront) {
  int64_t rank = c.dimsOf(x).size();
  SmallVector<int64_t> order{0};
  if (toFront)
    order.push_back(rank - 1);
  for (int64_t axis = toFront ? 1 : 2; axis < rank - toFront; ++axis)
    order.push_back(axis);
  if (!toFront)
    order.push_back(1);
  return rank < 3 ? x : c.transpose(x, order);
}

LogicalResult importNhwcConv(NodeImport &node) {
  Composer c(node);
  Name result = c.op("Conv",
                     {channelsMoved(c, c.input(0), true),
                      channelsMoved(c, c.input(1), true), c.input(2)},
                     windowAttributes(node));
  return c.set(0, channelsMoved(c, result, false));
}
/// Here only what flows is channels last, not the filter.
LogicalResult importNhwcFusedConv(NodeImport &node) {
  Composer c(node);
  Name result =
      c.op("Conv", {channelsMoved(c, c.input(0), true), c.input(1), c.input(2)},
           windowAttributes(node));
  result = channelsMoved(c, result, false);
  if (node.input(3))
    result = c.add(result, c.input(3));
  return c.set(0, activated(node, c, result, node.reals("activation_params")));
}
LogicalResult importNhwcMaxPool(NodeImport &node) {
  Composer c(node);
  Name result = c.op("MaxPool", {channelsMoved(c, c.input(0), true)},
                     windowAttributes(node));
  return c.set(0, channelsMoved(c, result, false));
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

LogicalResult importSkipNorm(NodeImport &node) {
  bool isSimple = node.node.op == "SkipSimplifiedLayerNormalization";
  Composer c(node);
  if (node.wants(1) || node.wants(2))
    return c.fault(ErrorCode::I004, "its mean or deviation is used",
                   "an inference model, which needs neither");
  Name sum = sumOf(c, {0, 1, isSimple ? size_t(3) : size_t(4)});
  With with;
  with.integer("axis", -1).real("epsilon", node.real("epsilon"));
  Name result = isSimple ? c.op("RMSNormalization", {sum, c.input(2)}, with)
                         : c.op("LayerNormalization",
                                {sum, c.input(2), c.input(3)}, with);
  if (failed(c.set(3, sum)))
    return failure();
  return c.set(0, result);
}

LogicalResult importSimplifiedNorm(NodeImport &node) {
  Composer c(node);
  With with;
  with.integer("axis", node.integer("axis"))
      .real("epsilon", node.real("epsilon"));
  if (node.wants(1))
    return c.fault(ErrorCode::I004, "its deviation is used",
                   "an inference model, which does not need it");
  Name x = c.cast(c.input(0), node.type(1).getElementType());
  return c.set(0, c.op("RMSNormalization", {x, c.input(1)}, with));
}

LogicalResult importGroupNorm(NodeImport &node) {
  bool isLast = node.integer("channels_last") != 0;
  Composer c(node);
  Name sum = c.input(0);
  Type element = node.type(0).getElementType();
  if (node.node.op == "SkipGroupNorm") {
    Name skip = c.input(3);
    if (node.rank(3) == 2 && node.rank(0) == 4)
      skip = c.unsqueeze(skip, isLast ? ArrayRef<int64_t>{1, 2}
                                      : ArrayRef<int64_t>{2, 3});
    sum = c.add(sum, skip);
    if (node.input(4)) {
      Name bias = c.input(4);
      for (int64_t i = 2; !isLast && i < node.rank(0); ++i)
        bias = c.unsqueeze(bias, {-1});
      sum = c.add(sum, bias);
    }
    if (failed(c.set(1, sum)))
      return failure();
  }
  Name x = isLast ? channelsMoved(c, sum, true) : sum;
  x = c.op("GroupNormalization",
           {x, c.cast(c.input(1), element), c.cast(c.input(2), element)},
           With()
               .integer("num_groups", node.integer("groups"))
               .real("epsilon", node.real("epsilon")));
  if (isLast)
    x = channelsMoved(c, x, false);
  if (node.integer("activation") != 0)
    x = c.mul(x, c.op("Sigmoid", {x}));
  return c.set(0, x);
}

LogicalResult importBiasSoftmax(NodeImport &node) {
  Composer c(node);
  Dims dims = node.dims(0);
  std::optional<int64_t> axis = node.axis(node.integer("axis"), dims.size());
  if (!axis)
    return failure();
  ArrayRef<DimAttr> all = dims;
  Dims matrix = {sym::product(&node.model.context, all.take_front(*axis)),
                 sym::product(&node.model.context, all.drop_front(*axis))};
  Name rows = c.reshape(c.add(c.input(0), c.input(1)), matrix);
  Name result = c.op("Softmax", {rows}, With().integer("axis", 1));
  return c.set(0, c.reshape(result, dims));
}

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

LogicalResult importExpandDims(NodeImport &node) {
  std::optional<SmallVector<int64_t>> axis = node.constantInts(1);
  if (!axis)
    return failure();
  Composer c(node);
  return c.set(0, c.unsqueeze(c.input(0), *axis));
}

LogicalResult importPad(NodeImport &node) {
  Composer c(node);
  Name pads = c.op("Reshape", {c.input(1), c.ints({-1})}); // may be [1, n]
  Name value = c.input(2);
  if (!value.empty())
    value = c.reshape(value, {});
  return c.set(
      0, c.op("Pad", {c.input(0), pads, value}, With().same(node, "mode")));
}

/// |a - b|^2 = |a|^2 - 2 ab + |b|^2 would lose the small ones: by differences.
LogicalResult importCDist(NodeImport &node) {
  Composer c(node);
  Name apart =
      c.sub(c.unsqueeze(c.input(0), {1}), c.unsqueeze(c.input(1), {0}));
  With with;
  with.integer("keepdims", 0);
  bool isSquare = node.text("metric") == "sqeuclidean";
  return c.set(0, c.op(isSquare ? "ReduceSumSquare" : "ReduceL2",
                       {apart, c.ints({2})}, with));
}

} // namespace

void addFused(OpTable &table) {
  addRows(table, "com.microsoft",
          {{"Trilu", importSame},
           {"Range", importSame},
           {"DequantizeLinear", importSame},
           {"QuantizeLinear", importSame},
           {"Gelu", importGelu},
           {"BiasGelu", importGelu},
           {"FastGelu", importFastGelu},
           {"QuickGelu", importQuickGelu},
           {"BiasSplitGelu", importBiasSplitGelu},
           {"BiasAdd", importBiasAdd},
           {"GemmFastGelu", importGemmFastGelu},
           {"FusedMatMul", importFusedMatMul},
           {"TransposeMatMul", importFusedMatMul},
           {"FusedMatMulActivation", importFusedMatMul},
           {"FusedGemm", importFusedGemm},
           {"FusedConv", importFusedConv},
           {"NhwcConv", importNhwcConv},
           {"NhwcFusedConv", importNhwcFusedConv},
           {"NhwcMaxPool", importNhwcMaxPool},
           {"SkipLayerNormalization", importSkipNorm},
           {"SkipSimplifiedLayerNormalization", importSkipNorm},
           {"GroupNorm", importGroupNorm},
           {"SkipGroupNorm", importGroupNorm},
           {"BiasSoftmax", importBiasSoftmax},
           {"ExpandDims", importExpandDims},
           {"Pad", importPad},
           {"CDist", importCDist}});
  table["SimplifiedLayerNormalization"] = importSimplifiedNorm;
}

} // namespace sinter::importer
