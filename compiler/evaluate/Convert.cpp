// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element types, bytes of constants, and the names of ONNX nodes.
#include "compiler/evaluate/Convert.h"

#include "dialects/graph/WeightStore.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <cstring>

using namespace mlir;

namespace sinter::evaluate {

std::optional<ElementKind> kindOf(Type element) {
  if (element.isF32())
    return ElementKind::F32;
  if (element.isF64())
    return ElementKind::F64;
  if (element.isF16())
    return ElementKind::F16;
  if (element.isBF16())
    return ElementKind::BF16;
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer)
    return std::nullopt;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return ElementKind::Bool;
  case 8:
    return isUnsigned ? ElementKind::U8 : ElementKind::I8;
  case 16:
    return isUnsigned ? ElementKind::U16 : ElementKind::I16;
  case 32:
    return isUnsigned ? ElementKind::U32 : ElementKind::I32;
  case 64:
    return isUnsigned ? ElementKind::U64 : ElementKind::I64;
  default:
    return std::nullopt;
  }
}

// MLIR packs i1 elements into bits; every other type lies as we want it.
static std::vector<char> bytesOf(DenseElementsAttr dense, ElementKind kind) {
  size_t count = static_cast<size_t>(dense.getNumElements());
  size_t width = byteWidth(kind);
  std::vector<char> bytes(count * width);
  if (kind == ElementKind::Bool) {
    size_t i = 0;
    for (bool element : dense.getValues<bool>())
      bytes[i++] = element;
    return bytes;
  }
  llvm::ArrayRef<char> raw = dense.getRawData();
  for (size_t i = 0; i < count; ++i)
    std::memcpy(bytes.data() + i * width,
                raw.data() + (dense.isSplat() ? 0 : i * width), width);
  return bytes;
}

std::optional<Tensor> constantTensor(graph::ConstantOp constant) {
  auto type = cast<RankedTensorType>(constant.getResult().getType());
  std::optional<ElementKind> kind = kindOf(type.getElementType());
  if (!kind || !type.hasStaticShape())
    return std::nullopt;
  Tensor tensor{
      *kind, Shape(type.getShape().begin(), type.getShape().end()), {}};
  if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue())) {
    tensor.bytes = bytesOf(dense, *kind);
    return tensor;
  }
  auto weight = dyn_cast<graph::WeightAttr>(constant.getValue());
  if (!weight)
    return std::nullopt;
  auto *dialect = cast<graph::GraphDialect>(constant->getDialect());
  const graph::Weight *found = dialect->getWeights().find(weight.getKey());
  size_t size =
      static_cast<size_t>(elementCount(tensor.shape)) * byteWidth(*kind);
  if (!found || found->bytes.size() < size)
    return std::nullopt;
  tensor.bytes.assign(found->bytes.begin(), found->bytes.begin() + size);
  return tensor;
}

static StringRef nameIn(Location location) {
  if (auto name = dyn_cast<NameLoc>(location))
    return name.getName();
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (StringRef name = nameIn(part); !name.empty())
        return name;
  return "";
}

std::string nodeOf(Location location) {
  StringRef name = nameIn(location);
  return name.empty() ? "an operation without a name"
                      : ("node '" + name + "'").str();
}

} // namespace sinter::evaluate
