// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Broadcasts operands whose contents are few and known, element by element.
#include "compiler/import/KnownContents.h"

#include "dialects/graph/Broadcast.h"

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

} // namespace sinter::importer
