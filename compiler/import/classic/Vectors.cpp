// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Regression with support vectors: a kernel between each row and each vector,
// then one product. Distances are summed as squares of differences: the
// binomial form would cancel digits.
#include "compiler/import/classic/Classes.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// K(row, vector) as [N, vectors]; an empty name after a fault.
Name kernelOf(NodeImport &node, Composer &c, const Name &x,
              const Name &vectors) {
  std::string kind = node.text("kernel_type");
  SmallVector<double> given = node.reals("kernel_params");
  Type f32 = node.model.builder.getF32Type();
  auto parameter = [&](size_t i) {
    return c.scalar(i < given.size() ? given[i] : 0, f32);
  };
  if (kind == "RBF") {
    Name away = c.sub(c.unsqueeze(x, {1}), vectors);
    Name square = c.op("ReduceSumSquare", {away, c.ints({2})},
                       With().integer("keepdims", 0));
    return c.op("Exp", {c.mul(c.op("Neg", {parameter(0)}), square)});
  }
  Name product = c.op("MatMul", {x, c.transpose(vectors, {1, 0})});
  if (kind == "LINEAR")
    return product;
  Name inner = c.add(c.mul(product, parameter(0)), parameter(1));
  if (kind == "POLY")
    return c.op("Pow", {inner, parameter(2)});
  if (kind == "SIGMOID")
    return c.op("Tanh", {inner});
  (void)c.fault(ErrorCode::I005, "kernel_type is '" + kind + "'",
                "LINEAR, POLY, RBF or SIGMOID");
  return {};
}

LogicalResult importRegressor(NodeImport &node) {
  Composer c(node);
  Type f32 = node.model.builder.getF32Type();
  Name x = c.cast(featureRows(node, c), f32);
  int64_t features = featuresOf(c, x), count = node.integer("n_supports");
  SmallVector<double> weights = node.reals("coefficients"),
                      vectors = node.reals("support_vectors"),
                      rho = node.reals("rho");
  if (features < 0)
    return failure();
  bool isLinear = count == 0; // the coefficients are the only vector
  int64_t wanted = isLinear ? features : count;
  if (count < 0 || int64_t(weights.size()) != wanted || rho.size() != 1 ||
      (!isLinear && (int64_t(vectors.size()) / count != features ||
                     int64_t(vectors.size()) % count != 0)))
    return c.fault(ErrorCode::I005,
                   "has " + Twine(weights.size()) + " coefficients, " +
                       Twine(vectors.size()) + " numbers of vectors and " +
                       Twine(rho.size()) + " rho for " + Twine(features) +
                       " features",
                   Twine(wanted) + " coefficients, one rho");
  if (node.text("post_transform") != "NONE")
    return c.fault(ErrorCode::I005,
                   "post_transform is '" + node.text("post_transform") + "'",
                   "NONE");
  Name y = isLinear ? kernelOf(node, c, x, c.reals({1, features}, weights, f32))
                    : c.op("MatMul",
                           {kernelOf(node, c, x,
                                     c.reals({count, features}, vectors, f32)),
                            c.reals({count, 1}, weights, f32)});
  y = c.add(y, c.scalar(rho[0], f32));
  if (node.integer("one_class")) {
    Name isInside = c.op("Greater", {y, c.scalar(0, f32)});
    y = c.op("Where", {isInside, c.scalar(1, f32), c.scalar(-1, f32)});
  }
  return c.set(0, y);
}

} // namespace

void addVectors(OpTable &table) {
  table["ai.onnx.ml.SVMRegressor"] = importRegressor;
}

} // namespace sinter::importer
