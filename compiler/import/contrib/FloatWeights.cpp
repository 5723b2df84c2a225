// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with weights in floats of eight and of four bits, whose blocks have
// scales. Bytes that stand for floats become them by a table.
#include "compiler/import/contrib/Blocks.h"
#include "compiler/import/contrib/Contrib.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// Codes of `type` in bytes as f32.
Name decoded(NodeImport &node, Composer &c, const Name &codes, FloatType type) {
  int64_t count = int64_t(1) << type.getWidth();
  SmallVector<double> values;
  for (int64_t code = 0; code < count; ++code) {
    APFloat value(type.getFloatSemantics(), APInt(type.getWidth(), code));
    bool losesInfo;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    values.push_back(value.convertToDouble());
  }
  Name table = c.reals({count}, values, node.model.builder.getF32Type());
  return c.op("Gather", {table, c.castTo(codes, onnx::DataType::Int32)},
              With().integer("axis", 0));
}

/// The product with w [N, K] in f32, and the bias in an input.
LogicalResult finish(NodeImport &node, Composer &c, const Name &a,
                     const Name &w, size_t bias) {
  Type f32 = node.model.builder.getF32Type();
  Name y = c.op("MatMul", {c.cast(a, f32), c.transpose(w, {1, 0})});
  if (node.input(bias))
    y = c.add(y, c.cast(c.input(bias), f32));
  return c.set(0, c.cast(y, node.type(0).getElementType()));
}

bool areMatrices(NodeImport &node, size_t weights, size_t scales,
                 int64_t block) {
  if (node.rank(weights) == 2 && node.rank(scales) == 2 && block >= 1)
    return true;
  (void)node.fault(
      ErrorCode::S001,
      "weights and scales have ranks " + Twine(node.rank(weights)) + " and " +
          Twine(node.rank(scales)) + ", block_size is " + Twine(block),
      "two matrices, and blocks of 1 or more");
  return false;
}

LogicalResult importFloat8(NodeImport &node) {
  Composer c(node);
  Type f32 = node.model.builder.getF32Type();
  int64_t block = node.integer("block_size");
  if (!areMatrices(node, 1, 2, block))
    return failure();
  Name a = c.input(0);
  if (node.input(3)) { // rounded as the weights are
    Name scale = c.reshape(c.input(3), {});
    Name q =
        c.castTo(c.div(c.cast(a, f32), scale), onnx::DataType::Float8E4M3FN);
    a = c.mul(c.cast(q, f32), scale);
  }
  Name w = scaleBlocks(node, c, c.input(1), c.input(2), {}, 1, block, f32);
  return finish(node, c, a, w, 4);
}

LogicalResult importFloat4(NodeImport &node) {
  Composer c(node);
  MLIRContext *context = &node.model.context;
  Type f32 = node.model.builder.getF32Type();
  int64_t block = node.integer("block_size");
  if (!areMatrices(node, 1, 2, block))
    return failure();
  Name w = decoded(node, c, unpackBits(node, c, c.input(1), 4),
                   Float4E2M1FNType::get(context));
  Name scale = decoded(node, c, c.input(2), Float8E4M3FNType::get(context));
  scale = c.mul(scale, c.reshape(c.input(3), {}));
  return finish(node, c, c.input(0),
                scaleBlocks(node, c, w, scale, {}, 1, block, f32), 5);
}

} // namespace

void addFloatWeights(OpTable &table) {
  addRows(table, "com.microsoft",
          {{"MatMulBlockQuantizedFp8Weight", importFloat8},
           {"MatMulBlockQuantizedFp4Weight", importFloat4}});
}

} // namespace sinter::importer
