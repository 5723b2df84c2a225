// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What changes each element by itself and becomes graph.map or graph.cast:
// functions of one operand, activations, choices, casts. Arithmetic.cpp has the
// operators of two operands.
#include "compiler/import/Compose.h"
#include "compiler/import/KnownContents.h"
#include "compiler/import/SmallTypes.h"
#include "compiler/import/Texts.h"
#include "compiler/import/Values.h"

using namespace mlir;

namespace sinter::importer {
namespace {

/// The first input, as float32 where its type is one that no kernel computes
/// in.
Value widened(NodeImport &node) {
  auto type = dyn_cast<FloatType>(node.type(0).getElementType());
  Value x = node.value(0);
  return type && type.getWidth() <= 8
             ? node.cast(x, node.model.builder.getF32Type())
             : x;
}

LogicalResult importUnary(NodeImport &node) {
  static const llvm::StringMap<StringRef> kinds = {{"Abs", "abs"},
                                                   {"Acos", "acos"},
                                                   {"Acosh", "acosh"},
                                                   {"Asin", "asin"},
                                                   {"Asinh", "asinh"},
                                                   {"Atan", "atan"},
                                                   {"Atanh", "atanh"},
                                                   {"BitwiseNot", "bit_not"},
                                                   {"Ceil", "ceil"},
                                                   {"Cos", "cos"},
                                                   {"Cosh", "cosh"},
                                                   {"Erf", "erf"},
                                                   {"Exp", "exp"},
                                                   {"Floor", "floor"},
                                                   {"HardSwish", "hard_swish"},
                                                   {"IsNaN", "is_nan"},
                                                   {"Log", "log"},
                                                   {"Mish", "mish"},
                                                   {"Neg", "neg"},
                                                   {"Not", "not"},
                                                   {"Reciprocal", "reciprocal"},
                                                   {"Relu", "relu"},
                                                   {"Round", "round"},
                                                   {"Sigmoid", "sigmoid"},
                                                   {"Sign", "sign"},
                                                   {"Sin", "sin"},
                                                   {"Sinh", "sinh"},
                                                   {"Softplus", "softplus"},
                                                   {"Softsign", "softsign"},
                                                   {"Sqrt", "sqrt"},
                                                   {"Tan", "tan"},
                                                   {"Tanh", "tanh"}};
  StringRef kind =
      kinds.lookup(StringRef(node.node.op.data(), node.node.op.size()));
  TensorValue *input = node.input(0);
  Type element = input->type.getElementType();
  bool isRounding = kind == "floor" || kind == "ceil" || kind == "round";
  bool isSimple = isRounding || kind == "neg" || kind == "not";
  if (isSimple && foldKnown(node, {input}, element,
                            [&](ArrayRef<DimAttr> e) -> std::optional<DimAttr> {
                              if (kind == "neg" && isa<FloatType>(element) &&
                                  node.model.rangeOf(e[0]).min <= 0 &&
                                  node.model.rangeOf(e[0]).max >= 0)
                                return std::nullopt; // -0.0 is no integer
                              return isRounding      ? e[0]
                                     : kind == "neg" ? e[0] * -1
                                                     : node.model.dim(1) - e[0];
                            }))
    return success();
  return setFollowed(node, StringRef(node.node.op.data(), node.node.op.size()),
                     element, [&] { return node.map(kind, {widened(node)}); });
}

/// Activations whose parameters are attributes: they become scalar operands.
struct Activation {
  StringRef op, kind;
  SmallVector<StringRef, 2> parameters;
};

LogicalResult importActivation(NodeImport &node) {
  static const Activation rows[] = {
      {"HardSigmoid", "hard_sigmoid", {"alpha", "beta"}},
      {"LeakyRelu", "leaky_relu", {"alpha"}},
      {"Elu", "elu", {"alpha"}},
      {"Selu", "selu", {"alpha", "gamma"}},
      {"Celu", "celu", {"alpha"}},
      {"ThresholdedRelu", "thresholded_relu", {"alpha"}},
      {"Shrink", "shrink", {"lambd", "bias"}}};
  StringRef op(node.node.op.data(), node.node.op.size());
  const Activation *row =
      llvm::find_if(rows, [&](const Activation &a) { return a.op == op; });
  SmallVector<Value> operands = {node.value(0)};
  for (StringRef parameter : row->parameters)
    operands.push_back(
        node.scalar(node.real(parameter), node.type(0).getElementType()));
  return node.set(0, node.map(row->kind, operands));
}

LogicalResult importClip(NodeImport &node) {
  Type element = node.type(0).getElementType();
  auto bound = [&](StringRef name, size_t position) {
    if (node.since() >= 11)
      return node.value(position);
    return node.attribute(name) ? node.scalar(node.real(name), element)
                                : Value();
  };
  Value low = bound("min", 1), high = bound("max", 2), value = node.value(0);
  for (Value limit : {low, high})
    if (limit && mlir::cast<RankedTensorType>(limit.getType()).getRank() != 0) {
      Value flat = node.reshape(limit, {});
      (limit == low ? low : high) = flat;
      if (!flat)
        return failure();
    }
  if (low && high)
    return node.set(0, node.map("clip", {value, low, high}));
  if (low)
    return node.set(0, node.map("max", {value, low}));
  if (high)
    return node.set(0, node.map("min", {value, high}));
  return node.setSame(0, *node.input(0));
}

LogicalResult importGelu(NodeImport &node) {
  bool isTanh = node.text("approximate") == "tanh";
  return node.set(0, node.map(isTanh ? "gelu_tanh" : "gelu", {node.value(0)}));
}

LogicalResult importSwish(NodeImport &node) {
  double alpha = node.real("alpha");
  Value x = node.value(0);
  if (alpha == 1)
    return node.set(0, node.map("silu", {x}));
  Value scaled =
      node.map("mul", {x, node.scalar(alpha, node.type(0).getElementType())});
  return node.set(0, node.map("mul", {x, node.map("sigmoid", {scaled})}));
}

LogicalResult importIsInf(NodeImport &node) {
  Value x = widened(node);
  bool negative = node.integer("detect_negative"),
       positive = node.integer("detect_positive");
  Value result = node.map("is_inf", {x});
  if (!result)
    return failure();
  Value zero =
      node.scalar(0, cast<RankedTensorType>(x.getType()).getElementType());
  if (!negative)
    result = node.map("and", {result, node.map("greater", {x, zero})});
  if (!positive)
    result = node.map("and", {result, node.map("less", {x, zero})});
  return node.set(0, result);
}

LogicalResult importWhere(NodeImport &node) {
  TensorValue *condition = node.input(0), *a = node.input(1),
              *b = node.input(2);
  if (foldKnown(node, {condition, a, b}, a->type.getElementType(),
                [&](ArrayRef<DimAttr> e) -> std::optional<DimAttr> {
                  std::optional<int64_t> choice = sym::asConstant(e[0]);
                  return choice ? std::optional(*choice ? e[1] : e[2])
                                : std::nullopt;
                }))
    return success();
  return node.set(
      0, node.map("select", {node.value(0), node.value(1), node.value(2)}));
}

LogicalResult castTo(NodeImport &node, Type element) {
  TensorValue *input = node.input(0);
  Type from = input->type.getElementType();
  if (isText(from) && isText(element))
    return node.setSame(0, *input);
  if (isText(from) || isText(element))
    return node.fault(ErrorCode::I013,
                      isText(from) ? "casts texts to numbers"
                                   : "casts numbers to texts",
                      "numbers and bools, or texts as they are",
                      "convert them before or behind the model: a run of "
                      "Sinter makes no new texts and reads none");
  bool saturate = node.integer("saturate", 1) != 0;
  if (foldKnown(node, {input}, element,
                [&](ArrayRef<DimAttr> e) -> std::optional<DimAttr> {
                  if (!element.isInteger(1))
                    return e[0];
                  sym::Range range = node.model.rangeOf(e[0]);
                  if (range.min > 0 || range.max < 0)
                    return node.model.dim(1);
                  return sym::isConstant(e[0], 0) ? std::optional(e[0])
                                                  : std::nullopt;
                }))
    return success();
  return setFollowed(node, "Cast", element, [&] {
    return node.cast(node.value(0), element, saturate);
  });
}

LogicalResult importCast(NodeImport &node) {
  int64_t to = node.integer("to");
  Type element = typeOf(node.model.context, onnx::DataType(to));
  if (!element)
    return node.fault(ErrorCode::I005,
                      "casts to " + onnx::typeName(int32_t(to)),
                      "a type of numbers or bool");
  return castTo(node, element);
}

LogicalResult importCastLike(NodeImport &node) {
  return castTo(node, node.type(1).getElementType());
}

/// The same bytes, read as another type of that width.
LogicalResult importBitCast(NodeImport &node) {
  int64_t to = node.integer("to");
  Type element = typeOf(node.model.context, onnx::DataType(to));
  Type from = node.type(0).getElementType();
  auto bits = [](Type type) {
    return std::max(type.getIntOrFloatBitWidth(), 8u);
  };
  if (!element || bits(element) != bits(from) || wideTypeOf(element) ||
      wideTypeOf(from))
    return node.fault(ErrorCode::I005,
                      "reads bits as " + onnx::typeName(int32_t(to)),
                      "a type of numbers or bool of the input's width");
  Operation *op = externCall(node, "bit_cast", node.value(0), {}, {},
                             {sym::tensorOf(node.dims(0), element)});
  return op ? node.set(0, op->getResult(0)) : failure();
}

} // namespace

void addElementwise(OpTable &table) {
  for (StringRef op :
       {"Abs",        "Acos",  "Acosh",   "Asin", "Asinh", "Atan", "Atanh",
        "BitwiseNot", "Ceil",  "Cos",     "Cosh", "Erf",   "Exp",  "Floor",
        "HardSwish",  "IsNaN", "Log",     "Mish", "Neg",   "Not",  "Reciprocal",
        "Relu",       "Round", "Sigmoid", "Sign", "Sin",   "Sinh", "Softplus",
        "Softsign",   "Sqrt",  "Tan",     "Tanh"})
    table[op] = importUnary;
  for (StringRef op : {"HardSigmoid", "LeakyRelu", "Elu", "Selu", "Celu",
                       "ThresholdedRelu", "Shrink"})
    table[op] = importActivation;
  table["Clip"] = importClip;
  table["Gelu"] = importGelu;
  table["Swish"] = importSwish;
  table["IsInf"] = importIsInf;
  table["Where"] = importWhere;
  table["BitCast"] = importBitCast;
  table["Cast"] = importCast;
  table["CastLike"] = importCastLike;
}

} // namespace sinter::importer
