// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Four bits lie in a byte each and eight bits of float in a half: a constant of
// them mostly becomes floats at once, and what a model computes in them is
// little. Rounding to a float of few bits is arithmetic in f32:
//
//   e = max(exponent of x, the least one)
//   q = 2^(e - bits of the mantissa),  y = round(x / q) * q
#include "compiler/import/SmallTypes.h"
#include "compiler/import/Compose.h"
#include "compiler/import/Values.h"
#include "dialects/Support/Check.h"
#include "dialects/graph/ConstantData.h"
#include "dialects/graph/GraphDialect.h"

using namespace mlir;

namespace sinter::importer {

Type wideTypeOf(Type element) {
  if (auto real = dyn_cast<FloatType>(element))
    return real.getWidth() < 16 ? Type(Float16Type::get(element.getContext()))
                                : Type();
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer || integer.getWidth() == 1 || integer.getWidth() >= 8)
    return {};
  return IntegerType::get(element.getContext(), 8, integer.getSignedness());
}

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

static Value bitCast(NodeImport &node, Value x, Type to) {
  if (!x)
    return {};
  Dims dims = sym::dimsOf(cast<RankedTensorType>(x.getType()));
  Operation *op =
      externCall(node, "bit_cast", x, {}, {}, {sym::tensorOf(dims, to)});
  return op ? op->getResult(0) : Value();
}

static double largestOf(const llvm::fltSemantics &kind) {
  return APFloat::getLargest(kind).convertToDouble();
}

/// In f32, rounded to the numbers of `kind`, as if it had no largest one.
static Value onGrid(NodeImport &node, Value x, const llvm::fltSemantics &kind) {
  OpBuilder &builder = node.model.builder;
  Type f32 = builder.getF32Type(),
       u32 = builder.getIntegerType(32, /*isSigned=*/false);
  int mantissa = int(APFloat::semanticsPrecision(kind)) - 1;
  auto number = [&](double value) { return node.scalar(value, u32); };
  Value exponent = node.map(
      "bit_and", {node.map("shift_right", {bitCast(node, x, u32), number(23)}),
                  number(255)});
  exponent = node.map(
      "max", {exponent, number(127 + APFloat::semanticsMinExponent(kind))});
  Value unit = bitCast(
      node,
      node.map("shift_left",
               {node.map("sub", {exponent, number(mantissa)}), number(23)}),
      f32);
  return node.map("mul",
                  {node.map("round", {node.map("div", {x, unit})}), unit});
}

static Value roundedFloat(NodeImport &node, Value value, FloatType element,
                          bool saturate) {
  Type f32 = node.model.builder.getF32Type();
  const llvm::fltSemantics &kind = element.getFloatSemantics();
  auto number = [&](double value) { return node.scalar(value, f32); };
  Value y = onGrid(node, node.cast(value, f32), kind);
  double last = largestOf(kind), above = last, below = -last;
  bool hasInfinity = APFloat::semanticsHasInf(kind);
  if (!saturate && element.getWidth() == 8) {
    above = hasInfinity ? std::numeric_limits<double>::infinity()
                        : std::numeric_limits<double>::quiet_NaN();
    below = -above;
  }
  y = node.map("select",
               {node.map("greater", {y, number(last)}), number(above), y});
  y = node.map("select",
               {node.map("less", {y, number(-last)}), number(below), y});
  if (!APFloat::semanticsHasSignedRepr(kind) ||
      isa<Float8E4M3FNUZType>(element) || isa<Float8E5M2FNUZType>(element))
    y = node.map("add", {y, number(0)}); // they know no -0
  return y;
}

Value roundedTo(NodeImport &node, Value value, Type element, bool saturate) {
  if (auto real = dyn_cast<FloatType>(element))
    return roundedFloat(node, value, real, saturate);
  // The low bits; those of a signed type count from minus half of them on.
  Type wide = wideTypeOf(element);
  int64_t half = int64_t(1) << (element.getIntOrFloatBitWidth() - 1);
  auto number = [&](int64_t n) { return node.scalar(double(n), wide); };
  Value y = node.map("bit_and", {node.cast(value, wide), number(2 * half - 1)});
  if (element.isUnsignedInteger())
    return y;
  return node.map("sub",
                  {node.map("bit_xor", {y, number(half)}), number(half)});
}

//===----------------------------------------------------------------------===//
// Widening
//===----------------------------------------------------------------------===//

static RankedTensorType widened(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  Type wide = tensor ? wideTypeOf(tensor.getElementType()) : Type();
  return wide ? RankedTensorType::get(tensor.getShape(), wide,
                                      tensor.getEncoding())
              : RankedTensorType();
}

static void append(std::vector<char> &bytes, Type wide, double value) {
  if (isa<IntegerType>(wide)) {
    bytes.push_back(char(int64_t(value)));
    return;
  }
  APFloat half(value);
  bool losesInfo;
  half.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven, &losesInfo);
  uint64_t bits = half.bitcastToAPInt().getZExtValue();
  bytes.push_back(char(bits));
  bytes.push_back(char(bits >> 8));
}

/// The numbers of a constant, from its attribute or from the model's bytes.
static std::vector<char> widenedBytes(graph::ConstantOp constant, Type wide) {
  auto type = cast<RankedTensorType>(constant.getType());
  std::vector<char> bytes;
  if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue())) {
    for (Attribute element : dense.getValues<Attribute>()) {
      if (auto real = dyn_cast<FloatAttr>(element))
        append(bytes, wide, real.getValueAsDouble());
      else if (type.getElementType().isUnsignedInteger())
        append(bytes, wide,
               double(cast<IntegerAttr>(element).getValue().getZExtValue()));
      else
        append(bytes, wide,
               double(cast<IntegerAttr>(element).getValue().getSExtValue()));
    }
    return bytes;
  }
  auto key = cast<graph::WeightAttr>(constant.getValue()).getKey();
  auto *dialect =
      constant->getContext()->getLoadedDialect<graph::GraphDialect>();
  const graph::Weight *weight = dialect->getWeights().find(key);
  SINTER_CHECK(weight, "a weight that is not in the store");
  int64_t count = type.getNumElements();
  bytes.reserve(size_t(count) * bitsOf(wide) / 8);
  for (int64_t i = 0; i < count; ++i)
    append(bytes, wide, *realAt(type.getElementType(), weight->bytes, i));
  return bytes;
}

static void widenConstant(graph::ConstantOp constant, RankedTensorType type) {
  OpBuilder builder(constant);
  std::string key = "constant";
  if (auto weight = dyn_cast<graph::WeightAttr>(constant.getValue()))
    key = weight.getKey().str();
  Value wide = graph::makeConstant(
      builder, constant.getLoc(), type,
      widenedBytes(constant, type.getElementType()), key, "widen(" + key + ")");
  constant.getResult().replaceAllUsesWith(wide);
  constant.erase();
}

static void refuse(Diagnostics &faults, StringRef what, Attribute attributes,
                   Type type) {
  auto dictionary = dyn_cast_or_null<DictionaryAttr>(attributes);
  auto name =
      dictionary ? dictionary.getAs<StringAttr>("graph.name") : StringAttr();
  std::string held = onnx::typeName(
      int32_t(dataTypeOf(cast<RankedTensorType>(type).getElementType())));
  faults.add({ErrorCode::I013, "", "",
              (what + " '" + (name ? name.getValue() : "") +
               "' is a tensor of " + held)
                  .str(),
              "a type of whole bytes and no float of 8 bits",
              "put a Cast beside it inside the model"});
}

void widenSmallTypes(func::FuncOp main, Diagnostics &faults) {
  auto at = [](ArrayAttr list, unsigned i) {
    return list && i < list.size() ? list[i] : Attribute();
  };
  for (auto [i, type] : llvm::enumerate(main.getArgumentTypes()))
    if (widened(type))
      refuse(faults, "input", at(main.getArgAttrsAttr(), i), type);
  for (auto [i, type] : llvm::enumerate(main.getResultTypes()))
    if (widened(type))
      refuse(faults, "output", at(main.getResAttrsAttr(), i), type);
  SmallVector<graph::ConstantOp> constants;
  SmallVector<graph::CastOp> casts;
  main.walk([&](Operation *op) {
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          if (RankedTensorType type = widened(argument.getType()))
            argument.setType(type);
    if (auto constant = dyn_cast<graph::ConstantOp>(op)) {
      if (widened(constant.getType()))
        constants.push_back(constant);
      return;
    }
    for (Value result : op->getResults())
      if (RankedTensorType type = widened(result.getType()))
        result.setType(type);
    if (auto cast = dyn_cast<graph::CastOp>(op))
      casts.push_back(cast);
  });
  for (graph::ConstantOp constant : constants)
    widenConstant(constant, widened(constant.getType()));
  for (graph::CastOp cast : casts)
    if (cast.getInput().getType() == cast.getType()) {
      cast.getResult().replaceAllUsesWith(cast.getInput());
      cast.erase();
    }
}

} // namespace sinter::importer
