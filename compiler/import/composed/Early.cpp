// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators of ONNX's first days that never reached opset 7: converters from
// Core ML and Caffe wrote them into models that are still about.
#include "compiler/import/Composer.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

Name real(NodeImport &node, Composer &c, const char *attribute,
          double otherwise) {
  return c.scalar(node.real(attribute, otherwise),
                  node.type(0).getElementType());
}

LogicalResult importAffine(NodeImport &node) {
  Composer c(node);
  return c.set(0, c.add(c.mul(c.input(0), real(node, c, "alpha", 1)),
                        real(node, c, "beta", 0)));
}

LogicalResult importScale(NodeImport &node) {
  Composer c(node);
  return c.set(0, c.mul(c.input(0), real(node, c, "scale", 1)));
}

LogicalResult importScaledTanh(NodeImport &node) {
  Composer c(node);
  Name inner = c.mul(c.input(0), real(node, c, "beta", 1));
  return c.set(0, c.mul(c.op("Tanh", {inner}), real(node, c, "alpha", 1)));
}

LogicalResult importParametricSoftplus(NodeImport &node) {
  Composer c(node);
  Name inner = c.mul(c.input(0), real(node, c, "beta", 1));
  return c.set(0, c.mul(c.op("Softplus", {inner}), real(node, c, "alpha", 1)));
}

/// x * scale + bias[channel]
LogicalResult importImageScaler(NodeImport &node) {
  Composer c(node);
  if (!node.requireRank(0, 4))
    return failure();
  SmallVector<double> bias = node.reals("bias");
  int64_t count = int64_t(bias.size());
  if (!node.requireEqual(node.dims(0)[1], node.model.dim(count),
                         "the channels and the elements of 'bias'"))
    return failure();
  Type element = node.type(0).getElementType();
  return c.set(0, c.add(c.mul(c.input(0), real(node, c, "scale", 1)),
                        c.reals({count, 1, 1}, bias, element)));
}

/// border: what goes on the left, at the top, on the right, at the bottom; or
/// scale: the height and width that are left behind the first two.
LogicalResult importCrop(NodeImport &node) {
  Composer c(node);
  if (!node.requireRank(0, 4))
    return failure();
  SmallVector<int64_t> border = node.integers("border"),
                       scale = node.integers("scale");
  if (border.size() != 4 || (!scale.empty() && scale.size() != 2) ||
      llvm::any_of(border, [](int64_t x) { return x < 0; }) ||
      llvm::any_of(scale, [](int64_t x) { return x < 0; }))
    return c.fault(ErrorCode::I005, "has no four borders, or other than two "
                                    "extents");
  Dims x = node.dims(0);
  DimAttr top = node.model.dim(border[1]), left = node.model.dim(border[0]);
  DimAttr bottom = scale.empty() ? x[2] - border[3] : top + scale[0],
          right = scale.empty() ? x[3] - border[2] : left + scale[1];
  if (!node.requireAtMost(top, bottom, "the top border") ||
      !node.requireAtMost(bottom, x[2], "the bottom border") ||
      !node.requireAtMost(left, right, "the left border") ||
      !node.requireAtMost(right, x[3], "the right border"))
    return failure();
  return c.set(0, c.op("Slice", {c.input(0), c.dims({top, left}),
                                 c.dims({bottom, right}), c.ints({2, 3})}));
}

} // namespace

void addEarly(OpTable &table) {
  table["Affine"] = importAffine;
  table["Scale"] = importScale;
  table["ScaledTanh"] = importScaledTanh;
  table["ParametricSoftplus"] = importParametricSoftplus;
  table["ImageScaler"] = importImageScaler;
  table["Crop"] = importCrop;
}

} // namespace sinter::importer
