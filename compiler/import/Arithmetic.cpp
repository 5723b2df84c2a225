// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that combine tensors element by element. Arithmetic on known
// contents (shapes on their way to a Reshape) is done here and leaves no
// operation.
#include "compiler/import/KnownContents.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Fold = std::optional<DimAttr> (*)(ModelImporter &, DimAttr, DimAttr);

std::optional<DimAttr> foldDivide(ModelImporter &model, DimAttr a, DimAttr b) {
  if (sym::isConstant(b, 0))
    return std::nullopt;
  sym::Range by = model.rangeOf(b);
  if (by.max < 0)
    return truncatedDiv(model, a * -1, b * -1);
  return by.min < 0 ? std::nullopt : std::optional(truncatedDiv(model, a, b));
}

std::optional<DimAttr> foldCompare(ModelImporter &model, DimAttr a, DimAttr b,
                                   bool orEqual) {
  sym::Range difference = model.rangeOf(a - b);
  if (difference.max < 0 || (orEqual && difference.max <= 0))
    return model.dim(1);
  if (difference.min > 0 || (!orEqual && difference.min >= 0))
    return model.dim(0);
  return std::nullopt;
}

std::optional<DimAttr> foldEqual(ModelImporter &model, DimAttr a, DimAttr b) {
  sym::Range difference = model.rangeOf(a - b);
  if (a == b)
    return model.dim(1);
  if (difference.min > 0 || difference.max < 0)
    return model.dim(0);
  return std::nullopt;
}

struct Binary {
  StringRef op, kind;
  Fold fold;
};

const Binary binaries[] = {
    {"Add", "add",
     [](ModelImporter &, DimAttr a, DimAttr b) {
       return std::optional(a + b);
     }},
    {"Sub", "sub",
     [](ModelImporter &, DimAttr a, DimAttr b) {
       return std::optional(a - b);
     }},
    {"Mul", "mul",
     [](ModelImporter &, DimAttr a, DimAttr b) {
       return std::optional(a * b);
     }},
    {"Div", "div", foldDivide},
    {"Min", "min",
     [](ModelImporter &m, DimAttr a, DimAttr b) {
       return std::optional(m.minOf(a, b));
     }},
    {"Max", "max",
     [](ModelImporter &m, DimAttr a, DimAttr b) {
       return std::optional(m.maxOf(a, b));
     }},
    {"Equal", "equal", foldEqual},
    {"Less", "less",
     [](ModelImporter &m, DimAttr a, DimAttr b) {
       return foldCompare(m, a, b, false);
     }},
    {"LessOrEqual", "less_equal",
     [](ModelImporter &m, DimAttr a, DimAttr b) {
       return foldCompare(m, a, b, true);
     }},
    {"Greater", "greater",
     [](ModelImporter &m, DimAttr a, DimAttr b) {
       return foldCompare(m, b, a, false);
     }},
    {"GreaterOrEqual", "greater_equal",
     [](ModelImporter &m, DimAttr a, DimAttr b) {
       return foldCompare(m, b, a, true);
     }},
    {"And", "and",
     [](ModelImporter &, DimAttr a, DimAttr b) {
       return std::optional(a * b);
     }},
    {"Or", "or",
     [](ModelImporter &, DimAttr a, DimAttr b) {
       return std::optional(sym::maxDim(a, b));
     }},
    {"Xor", "xor", nullptr},
    {"BitwiseAnd", "bit_and", nullptr},
    {"BitwiseOr", "bit_or", nullptr},
    {"BitwiseXor", "bit_xor", nullptr},
    {"PRelu", "leaky_relu", nullptr},
};

bool isComparison(StringRef kind) {
  return scalar::rowOf(*scalar::kindOf(kind)).result == scalar::Result::Bool;
}

/// The scalar operation is of floats; whole numbers choose.
Value wholePRelu(NodeImport &node, Value x, Value slope) {
  Value isBelow =
      node.map("less", {x, node.scalar(0, node.type(0).getElementType())});
  return node.map("select", {isBelow, node.map("mul", {x, slope}), x});
}

LogicalResult importBinary(NodeImport &node) {
  StringRef op(node.node.op.data(), node.node.op.size());
  const Binary *row =
      llvm::find_if(binaries, [&](const Binary &b) { return b.op == op; });
  TensorValue *a = node.input(0), *b = node.input(1);
  Type element = a->type.getElementType();
  if (row->fold) {
    Type result = isComparison(row->kind) ? Type(node.model.builder.getI1Type())
                                          : element;
    bool isReal = isa<FloatType>(element);
    if (foldKnown(node, {a, b}, result,
                  [&](ArrayRef<DimAttr> e) -> std::optional<DimAttr> {
                    if (op == "Div" && isReal &&
                        sym::mod(e[0], e[1]) != node.model.dim(0))
                      return std::nullopt;
                    return row->fold(node.model, e[0], e[1]);
                  }))
      return success();
  }
  if (failed(setFollowed(node, op, element, [&] {
        if (op == "PRelu" && !isa<FloatType>(element))
          return wholePRelu(node, node.value(0), node.value(1));
        return node.map(row->kind, {node.value(0), node.value(1)});
      })))
    return failure();
  bool isScalar =
      a->known && b->known && a->known->size() == 1 && b->known->size() == 1;
  if (op == "Equal" && isScalar && node.result(0))
    node.result(0)->equality.emplace((*a->known)[0], (*b->known)[0]);
  return success();
}

/// Min, Max, Sum, Mean: any number of operands, folded from the left.
LogicalResult importVariadic(NodeImport &node) {
  StringRef op(node.node.op.data(), node.node.op.size());
  StringRef kind = op == "Min" ? "min" : op == "Max" ? "max" : "add";
  if (node.inputCount() == 2 && op != "Sum" && op != "Mean")
    return importBinary(node);
  Value result = node.value(0);
  for (size_t i = 1; i < node.inputCount(); ++i)
    result = node.map(kind, {result, node.value(i)});
  if (op == "Mean" && result)
    result =
        node.map("div", {result, node.scalar(node.inputCount(),
                                             node.type(0).getElementType())});
  return node.set(0, result);
}

LogicalResult importPow(NodeImport &node) {
  // The exponent may have a type of its own; the base decides.
  Type element = node.type(0).getElementType(),
       other = node.type(1).getElementType();
  if (element == other || isa<FloatType>(element))
    return node.set(
        0, node.map("pow", {node.value(0), node.cast(node.value(1), element)}));
  Type wide = isa<FloatType>(other) ? other : element;
  Value power = node.map(
      "pow", {node.cast(node.value(0), wide), node.cast(node.value(1), wide)});
  return node.set(0, node.cast(power, element));
}

LogicalResult importMod(NodeImport &node) {
  bool isFmod = node.integer("fmod") != 0;
  if (!isFmod && foldKnown(node, {node.input(0), node.input(1)},
                           node.type(0).getElementType(),
                           [&](ArrayRef<DimAttr> e) -> std::optional<DimAttr> {
                             if (node.model.rangeOf(e[1]).min <= 0)
                               return std::nullopt;
                             return sym::mod(e[0], e[1]);
                           }))
    return success();
  return node.set(
      0, node.map(isFmod ? "fmod" : "mod", {node.value(0), node.value(1)}));
}

LogicalResult importBitShift(NodeImport &node) {
  std::string direction = node.text("direction");
  if (direction != "LEFT" && direction != "RIGHT")
    return node.fault(ErrorCode::I005, "direction is '" + direction + "'",
                      "LEFT or RIGHT");
  return node.set(0,
                  node.map(direction == "LEFT" ? "shift_left" : "shift_right",
                           {node.value(0), node.value(1)}));
}

} // namespace

void addArithmetic(OpTable &table) {
  for (const Binary &row : binaries)
    table[row.op] = importBinary;
  for (StringRef op : {"Min", "Max", "Sum", "Mean"})
    table[op] = importVariadic;
  table["Pow"] = importPow;
  table["Mod"] = importMod;
  table["BitShift"] = importBitShift;
}

} // namespace sinter::importer
