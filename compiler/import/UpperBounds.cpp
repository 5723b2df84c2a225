// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ratios stay few: a product of two minima has all products, and more than four
// are not kept, which only makes a bound larger.
#include "compiler/import/UpperBounds.h"

#include "compiler/import/NodeImport.h"
#include "compiler/import/Values.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;

namespace sinter::importer {
namespace {

using Ratio = UpperBound::Ratio;
using Bounds = std::vector<UpperBound>;
constexpr int64_t kMostElements = 32;
constexpr size_t kMostRatios = 4;

UpperBound exactly(ModelImporter &model, DimAttr over, DimAttr under) {
  UpperBound bound;
  if (model.rangeOf(over).min < 0 || model.rangeOf(under).min < 0)
    return bound;
  bound.most.push_back({over, under});
  bound.isExact = bound.isTight = true;
  return bound;
}

UpperBound ofInteger(ModelImporter &model, DimAttr value) {
  UpperBound bound = exactly(model, value, model.dim(1));
  bound.known = value;
  return bound;
}

/// A constant as a ratio of integers; rounded up where it is none.
UpperBound ofNumber(ModelImporter &model, double value) {
  if (!(value >= 0) || value > double(int64_t(1) << 31))
    return {};
  for (int64_t under = 1; under <= 64; ++under) {
    double over = std::round(value * double(under));
    if (float(over / double(under)) == float(value))
      return exactly(model, model.dim(int64_t(over)), model.dim(under));
  }
  UpperBound bound = exactly(model, model.dim(int64_t(std::ceil(value * 4096))),
                             model.dim(4096));
  bound.isExact = bound.isTight = false;
  return bound;
}

void combine(UpperBound &result, const UpperBound &a, const UpperBound &b,
             llvm::function_ref<Ratio(const Ratio &, const Ratio &)> with) {
  for (const Ratio &x : a.most)
    for (const Ratio &y : b.most)
      if (result.most.size() < kMostRatios)
        result.most.push_back(with(x, y));
  bool isWhole = a.most.size() * b.most.size() <= kMostRatios;
  result.isExact = a.isExact && b.isExact;
  result.isTight = isWhole && a.isTight && b.isTight;
}

UpperBound times(const UpperBound &a, const UpperBound &b) {
  UpperBound result;
  combine(result, a, b, [](const Ratio &x, const Ratio &y) {
    return Ratio{x.over * y.over, x.under * y.under};
  });
  return result;
}

UpperBound plus(const UpperBound &a, const UpperBound &b) {
  UpperBound result;
  combine(result, a, b, [](const Ratio &x, const Ratio &y) {
    return Ratio{x.over * y.under + y.over * x.under, x.under * y.under};
  });
  return result;
}

/// Of a value that is rounded: 1 / value.
UpperBound inverse(const UpperBound &a) {
  UpperBound result;
  if (!a.isExact || a.most.size() != 1)
    return result;
  result.most.push_back({a.most[0].under, a.most[0].over});
  result.isExact = result.isTight = true;
  return result;
}

UpperBound least(ModelImporter &model, const UpperBound &a,
                 const UpperBound &b) {
  if (a.known && b.known)
    return ofInteger(model, model.minOf(a.known, b.known));
  UpperBound result;
  for (const UpperBound *from : {&a, &b})
    for (const Ratio &ratio : from->most)
      if (result.most.size() < kMostRatios)
        result.most.push_back(ratio);
  result.isTight =
      a.isTight && b.isTight && a.most.size() + b.most.size() <= kMostRatios;
  return result;
}

UpperBound largest(ModelImporter &model, const UpperBound &a,
                   const UpperBound &b) {
  if (a.known && b.known)
    return ofInteger(model, model.maxOf(a.known, b.known));
  UpperBound result;
  combine(result, a, b, [&](const Ratio &x, const Ratio &y) {
    return Ratio{model.maxOf(x.over * y.under, y.over * x.under),
                 x.under * y.under};
  });
  result.isExact = false;
  return result;
}

UpperBound binary(ModelImporter &model, StringRef op, const UpperBound &a,
                  const UpperBound &b) {
  if (op == "Mul")
    return times(a, b);
  if (op == "Div")
    return times(a, inverse(b));
  if (op == "Add")
    return plus(a, b);
  if (op == "Min")
    return least(model, a, b);
  if (op == "Max")
    return largest(model, a, b);
  return {};
}

UpperBound unary(ModelImporter &model, StringRef op, const UpperBound &a) {
  if (op == "Reciprocal")
    return inverse(a);
  if (op != "Ceil" && op != "Round")
    return a;
  UpperBound result = plus(a, exactly(model, model.dim(1), model.dim(1)));
  result.isExact = false;
  return result;
}

/// The elements at constant places of a vector.
Bounds picked(const Bounds &from, ArrayRef<DimAttr> places) {
  Bounds result;
  for (DimAttr place : places) {
    std::optional<int64_t> at = sym::asConstant(place);
    if (at && *at < 0)
      *at += int64_t(from.size());
    bool isInside = at && *at >= 0 && *at < int64_t(from.size());
    result.push_back(isInside ? from[size_t(*at)] : UpperBound());
  }
  return result;
}

/// Whether two elements are equal, where it is known.
UpperBound areEqual(ModelImporter &model, const UpperBound &a,
                    const UpperBound &b) {
  if (!a.known || !b.known)
    return {};
  sym::Range gap = model.rangeOf(a.known - b.known);
  if (gap.min > 0 || gap.max < 0 || (gap.min == 0 && gap.max == 0))
    return ofInteger(model, model.dim(gap.min == 0 && gap.max == 0));
  return {};
}

/// What torch writes for expand(-1, n): Where(Equal(sizes, -1), 1, sizes).
UpperBound chosen(ModelImporter &model, const UpperBound &isFirst,
                  const UpperBound &first, const UpperBound &second) {
  std::optional<int64_t> choice =
      isFirst.known ? sym::asConstant(isFirst.known) : std::nullopt;
  if (!choice)
    return largest(model, first, second);
  return *choice ? first : second;
}

/// Of an operator that computes each element from those at its place.
Bounds elementwise(NodeImport &node,
                   llvm::function_ref<UpperBound(ArrayRef<UpperBound>)> with) {
  std::vector<Bounds> operands;
  size_t count = 1;
  for (size_t i = 0; i < node.inputCount(); ++i) {
    operands.push_back(boundsOf(node.model, *node.input(i)));
    if (operands.back().empty() || node.rank(i) > 1)
      return {};
    count = std::max(count, operands.back().size());
  }
  Bounds result;
  for (size_t at = 0; at < count; ++at) {
    SmallVector<UpperBound, 3> elements;
    for (const Bounds &operand : operands) {
      if (operand.size() != count && operand.size() != 1)
        return {};
      elements.push_back(operand[at % operand.size()]);
    }
    result.push_back(with(elements));
  }
  return result;
}

/// Bounds of the first result; empty where the operator is not followed.
Bounds follow(NodeImport &node, StringRef op) {
  ModelImporter &model = node.model;
  if (op == "Equal")
    return elementwise(node, [&](ArrayRef<UpperBound> e) {
      return areEqual(model, e[0], e[1]);
    });
  if (op == "Where")
    return elementwise(node, [&](ArrayRef<UpperBound> e) {
      return chosen(model, e[0], e[1], e[2]);
    });
  Bounds first = boundsOf(model, *node.input(0));
  bool isRow = node.rank(0) <= 1;
  if (op == "Concat" && isRow) {
    for (size_t i = 1; i < node.inputCount(); ++i)
      llvm::append_range(first, boundsOf(model, *node.input(i)));
    return first;
  }
  if (first.empty())
    return {};
  if (op == "Gather" && isRow)
    return node.input(1)->known ? picked(first, *node.input(1)->known)
                                : Bounds();
  if (op == "ReduceMin" || op == "ReduceMax") {
    for (size_t i = 1; i < first.size(); ++i)
      first[0] =
          binary(model, op == "ReduceMin" ? "Min" : "Max", first[0], first[i]);
    first.resize(1);
    return first;
  }
  if (op == "Mul" || op == "Div" || op == "Add" || op == "Min" || op == "Max") {
    if (node.inputCount() != 2)
      return {};
    Bounds second = boundsOf(model, *node.input(1));
    if (second.size() != first.size() && second.size() != 1 &&
        first.size() != 1)
      return {};
    Bounds result;
    for (size_t i = 0; i < std::max(first.size(), second.size()); ++i)
      if (!second.empty())
        result.push_back(binary(model, op, first[i % first.size()],
                                second[i % second.size()]));
    return result;
  }
  for (UpperBound &bound : first)
    bound = unary(model, op, bound);
  return first;
}

bool isFollowed(StringRef op) {
  return llvm::StringSwitch<bool>(op)
      .Cases({"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze"}, true)
      .Cases({"Floor", "Ceil", "Round", "Reciprocal", "Concat"}, true)
      .Cases({"Gather", "ReduceMin", "ReduceMax"}, true)
      .Cases({"Mul", "Div", "Add", "Min", "Max", "Equal", "Where"}, true)
      .Default(false);
}

constexpr StringLiteral kAttribute = "graph.most";

/// For each element whether it is exact and tight, and its ratios.
ArrayAttr write(Builder &builder, const Bounds &bounds) {
  SmallVector<Attribute> elements;
  for (const UpperBound &bound : bounds) {
    SmallVector<Attribute> fields = {builder.getBoolAttr(bound.isExact),
                                     builder.getBoolAttr(bound.isTight)};
    if (bound.known)
      fields.push_back(bound.known);
    for (const Ratio &ratio : bound.most)
      if (!bound.known)
        fields.append({ratio.over, ratio.under});
    elements.push_back(builder.getArrayAttr(fields));
  }
  return builder.getArrayAttr(elements);
}

Bounds read(ModelImporter &model, ArrayAttr elements) {
  Bounds bounds;
  for (Attribute element : elements) {
    ArrayRef<Attribute> fields = cast<ArrayAttr>(element).getValue();
    UpperBound bound;
    if (fields.size() == 3) {
      bounds.push_back(ofInteger(model, cast<DimAttr>(fields[2])));
      continue;
    }
    bound.isExact = cast<BoolAttr>(fields[0]).getValue();
    bound.isTight = cast<BoolAttr>(fields[1]).getValue();
    for (size_t i = 2; i + 1 < fields.size(); i += 2)
      bound.most.push_back(
          {cast<DimAttr>(fields[i]), cast<DimAttr>(fields[i + 1])});
    bounds.push_back(bound);
  }
  return bounds;
}

ArrayAttr writtenOn(Value value) {
  Operation *op = value ? value.getDefiningOp() : nullptr;
  return op && op->getResult(0) == value
             ? op->getAttrOfType<ArrayAttr>(kAttribute)
             : ArrayAttr();
}

} // namespace

std::vector<UpperBound> boundsOf(ModelImporter &model,
                                 const TensorValue &value) {
  Bounds result;
  if (value.parts || !hasAtMost(value.type, kMostElements))
    return result;
  if (value.known) {
    for (DimAttr known : *value.known)
      result.push_back(ofInteger(model, known));
  } else if (value.fractions) {
    for (DimAttr over : value.fractions->numerators)
      result.push_back(
          exactly(model, over, model.dim(value.fractions->divisor)));
  } else if (value.isConstant && isa<FloatType>(value.type.getElementType())) {
    for (int64_t i = 0; i < value.type.getNumElements(); ++i)
      result.push_back(ofNumber(
          model,
          realAt(value.type.getElementType(), value.bytes, i).value_or(-1)));
  } else if (ArrayAttr written = writtenOn(value.value)) {
    result = read(model, written);
  } else {
    result.resize(size_t(value.type.getNumElements()));
  }
  return result;
}

DimAttr mostOf(ModelImporter &model, const UpperBound &bound) {
  DimAttr least;
  for (const Ratio &ratio : bound.most) {
    bool isWhole = sym::isConstant(ratio.under, 1);
    DimAttr most =
        isWhole
            ? ratio.over
            : sym::floorDiv(ratio.over, model.maxOf(ratio.under, model.dim(1)));
    // Floats round: an integer below may become one above.
    most = isWhole && bound.known ? most : most + 1;
    least = least ? model.minOf(least, most) : most;
  }
  return least;
}

void followBounds(NodeImport &node) {
  StringRef op(node.node.op.data(), node.node.op.size());
  TensorValue *result = node.result(0);
  if (!isFollowed(op) || !result || result->known || result->isConstant ||
      result->isPoisoned || result->parts || result->fractions ||
      !hasAtMost(result->type, kMostElements) || node.inputCount() == 0)
    return;
  for (size_t i = 0; i < node.inputCount(); ++i)
    if (TensorValue *input = node.input(i); !input || input->parts)
      return;
  Bounds bounds = follow(node, op);
  if (int64_t(bounds.size()) != result->type.getNumElements() ||
      llvm::none_of(bounds, [](const UpperBound &bound) {
        return bound.known || !bound.most.empty();
      }))
    return;
  if (Operation *op = result->value ? result->value.getDefiningOp() : nullptr)
    op->setAttr(kAttribute, write(node.model.builder, bounds));
}

} // namespace sinter::importer
