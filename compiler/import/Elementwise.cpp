// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything that becomes graph.map or graph.cast. Arithmetic on known contents
// (shapes on their way to a Reshape) is done here and leaves no operation.
#include "compiler/import/NodeImport.h"
#include "compiler/import/Values.h"
#include "dialects/graph/Broadcast.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Fold = std::optional<DimAttr> (*)(ModelImporter &, DimAttr, DimAttr);

std::optional<DimAttr> foldDivide(ModelImporter &model, DimAttr a, DimAttr b) {
  if (sym::isConstant(b, 0))
    return std::nullopt;
  // Truncation is flooring when nothing is negative.
  if (model.rangeOf(a).min < 0 || model.rangeOf(b).min < 0)
    return sym::asConstant(a) && sym::asConstant(b)
               ? std::optional(
                     model.dim(*sym::asConstant(a) / *sym::asConstant(b)))
               : std::nullopt;
  return sym::floorDiv(a, b);
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

/// Folds over known contents; false when some element cannot be.
template <typename Compute>
bool foldKnown(NodeImport &node, ArrayRef<TensorValue *> inputs, Type element,
               Compute compute) {
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

bool isComparison(StringRef kind) {
  return scalar::rowOf(*scalar::kindOf(kind)).result == scalar::Result::Bool;
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
  if (failed(node.set(0, node.map(row->kind, {node.value(0), node.value(1)}))))
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
  return node.set(0, node.map(kind, {node.value(0)}));
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

LogicalResult importIsInf(NodeImport &node) {
  Value x = node.value(0);
  bool negative = node.integer("detect_negative"),
       positive = node.integer("detect_positive");
  Value result = node.map("is_inf", {x});
  Value zero = node.scalar(0, node.type(0).getElementType());
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
  return node.set(0, node.cast(node.value(0), element, saturate));
}

LogicalResult importCast(NodeImport &node) {
  int64_t to = node.integer("to");
  Type element = typeOf(node.model.context, onnx::DataType(to));
  if (!element)
    return node.fault(to == int64_t(onnx::DataType::String) ? ErrorCode::I013
                                                            : ErrorCode::I005,
                      "casts to " + onnx::typeName(int32_t(to)),
                      "a type of numbers or bool");
  return castTo(node, element);
}

LogicalResult importCastLike(NodeImport &node) {
  return castTo(node, node.type(1).getElementType());
}

} // namespace

void addElementwise(OpTable &table) {
  for (const Binary &row : binaries)
    table[row.op] = importBinary;
  for (StringRef op : {"Min", "Max", "Sum", "Mean"})
    table[op] = importVariadic;
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
  table["Pow"] = importPow;
  table["Mod"] = importMod;
  table["BitShift"] = importBitShift;
  table["IsInf"] = importIsInf;
  table["Where"] = importWhere;
  table["Cast"] = importCast;
  table["CastLike"] = importCastLike;
}

} // namespace sinter::importer
