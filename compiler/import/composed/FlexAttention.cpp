// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// FlexAttention: attention with a graph between the scores and the softmax and
// one behind it. Both are written out where they stand.
#include "compiler/import/Composer.h"
#include "compiler/import/Subgraph.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// What the graph of an attribute makes of `x`; `x` when there is none.
Name modified(NodeImport &node, Composer &c, const char *attribute,
              const Name &x) {
  const onnx::Attribute *given = node.attribute(attribute);
  TensorValue *value = c.tensor(x);
  if (!given || !value)
    return x;
  const onnx::Graph &body = given->graphs[0];
  if (body.inputs.size() != 1 || body.outputs.size() != 1) {
    (void)c.fault(ErrorCode::I006,
                  Twine(attribute) + " takes " + Twine(body.inputs.size()) +
                      " values and has " + Twine(body.outputs.size()) +
                      " outputs",
                  "one of each");
    return {};
  }
  Scope scope;
  scope.prefix = node.scope.prefix + node.name() + "/" + attribute + "/";
  scope.values[StringRef(body.inputs[0].name.data(),
                         body.inputs[0].name.size())] = *value;
  std::optional<SmallVector<TensorValue *>> results =
      importSubgraph(node, scope, body);
  if (!results || (*results)[0]->parts || (*results)[0]->type != value->type) {
    if (results)
      (void)c.fault(ErrorCode::S001,
                    Twine(attribute) + " does not keep the type of its input");
    return {};
  }
  return c.keep(*(*results)[0]);
}

/// Heads of keys or values beside every head of queries.
Name repeated(Composer &c, const Name &x, int64_t times) {
  Dims dims = c.dimsOf(x);
  if (dims.size() != 4 || times == 1)
    return x;
  Dims wide = {dims[0], dims[1], sym::constantDim(dims[0].getContext(), times),
               dims[2], dims[3]};
  return c.reshape(c.op("Expand", {c.unsqueeze(x, {2}), c.dims(wide)}),
                   {dims[0], dims[1] * times, dims[2], dims[3]});
}

LogicalResult importFlexAttention(NodeImport &node) {
  Composer c(node);
  for (size_t i = 0; i < 3; ++i)
    if (!node.requireRank(i, 4))
      return failure();
  Dims q = node.dims(0);
  std::optional<int64_t> heads = sym::asConstant(q[1]),
                         shared = sym::asConstant(node.dims(1)[1]),
                         size = sym::asConstant(q[3]);
  if (!heads || !shared || !size || *shared < 1 || *heads % *shared)
    return c.fault(ErrorCode::S001,
                   "queries have " + sym::toString(q[1]) + " heads of " +
                       sym::toString(q[3]) + ", keys have " +
                       sym::toString(node.dims(1)[1]),
                   "known numbers, the first a multiple of the last");
  Builder &builder = node.model.builder;
  Type element = node.type(0).getElementType(),
       inner = element.isF64() ? Type(element) : Type(builder.getF32Type());
  if (int64_t given = node.integer("softmax_precision"))
    inner = node.model.elementType(onnx::DataType(given));
  if (!isa_and_nonnull<FloatType>(inner))
    return c.fault(ErrorCode::I005, "softmax_precision is no type of floats");
  double scale = node.attribute("scale") ? node.real("scale")
                 : *size                 ? 1 / std::sqrt(double(*size))
                                         : 1;
  Name k = repeated(c, c.input(1), *heads / *shared),
       v = repeated(c, c.input(2), *heads / *shared);
  Name scores = c.op("MatMul", {c.input(0), c.transpose(k, {0, 1, 3, 2})});
  scores = c.cast(c.mul(scores, c.scalar(scale, element)), inner);
  scores = modified(node, c, "score_mod", scores);
  Name sure = c.op("Softmax", {scores}, With().integer("axis", 3));
  sure = c.cast(modified(node, c, "prob_mod", sure), element);
  return c.set(0, c.op("MatMul", {sure, v}));
}

} // namespace

void addFlexAttention(OpTable &table) {
  table["ai.onnx.preview.FlexAttention"] = importFlexAttention;
}

} // namespace sinter::importer
