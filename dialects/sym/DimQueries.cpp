// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Questions to a finished form: its value, its symbols, the interval it lies
// in. None of them builds another form.

#include "dialects/sym/Facts.h"
#include "dialects/sym/Saturating.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace sinter::sym {

std::optional<int64_t>
evaluate(DimAttr dim,
         llvm::function_ref<std::optional<int64_t>(StringRef)> symbol) {
  if (dim.getKind() == DimKind::Constant)
    return dim.getValue();
  if (dim.getKind() == DimKind::Symbol)
    return symbol(dim.getName());
  SmallVector<int64_t> values;
  for (DimAttr operand : dim.getOperands()) {
    std::optional<int64_t> value = evaluate(operand, symbol);
    if (!value)
      return std::nullopt;
    values.push_back(*value);
  }
  int64_t result = dim.getValue();
  switch (dim.getKind()) {
  case DimKind::Constant:
  case DimKind::Symbol:
    return std::nullopt;
  case DimKind::Sum:
    for (int64_t value : values)
      if (llvm::AddOverflow(result, value, result))
        return std::nullopt;
    return result;
  case DimKind::Product:
    for (int64_t value : values)
      if (llvm::MulOverflow(result, value, result))
        return std::nullopt;
    return result;
  case DimKind::FloorDiv:
    return floorDivide(values[0], values[1]);
  case DimKind::Min:
    return *llvm::min_element(values);
  case DimKind::Max:
    return *llvm::max_element(values);
  }
  return std::nullopt;
}

static void collectSymbols(DimAttr dim, SmallVectorImpl<StringRef> &names) {
  if (dim.getKind() == DimKind::Symbol &&
      !llvm::is_contained(names, dim.getName().getValue()))
    names.push_back(dim.getName().getValue());
  for (DimAttr operand : dim.getOperands())
    collectSymbols(operand, names);
}

void forEachSymbol(DimAttr dim, llvm::function_ref<void(StringRef)> visit) {
  SmallVector<StringRef> names;
  collectSymbols(dim, names);
  for (StringRef name : names)
    visit(name);
}

static Range multiply(Range a, Range b) {
  int64_t corners[] = {saturatingMul(a.min, b.min), saturatingMul(a.min, b.max),
                       saturatingMul(a.max, b.min),
                       saturatingMul(a.max, b.max)};
  return {*llvm::min_element(corners), *llvm::max_element(corners)};
}

static Range divide(Range a, Range b) {
  if (b.min <= 0)
    return {std::numeric_limits<int64_t>::min(),
            std::numeric_limits<int64_t>::max()};
  int64_t corners[] = {floorDivide(a.min, b.min), floorDivide(a.min, b.max),
                       floorDivide(a.max, b.min), floorDivide(a.max, b.max)};
  return {*llvm::min_element(corners), *llvm::max_element(corners)};
}

static Range rangeOfParts(DimAttr dim,
                          llvm::function_ref<Range(StringRef)> symbol,
                          llvm::function_ref<int64_t(DimAttr)> atLeast) {
  Range result = rangeOf(dim.getOperands()[0], symbol, atLeast);
  for (DimAttr operand : dim.getOperands().drop_front()) {
    Range next = rangeOf(operand, symbol, atLeast);
    if (dim.getKind() == DimKind::Sum)
      result = {saturatingAdd(result.min, next.min),
                saturatingAdd(result.max, next.max)};
    else if (dim.getKind() == DimKind::Product)
      result = multiply(result, next);
    else if (dim.getKind() == DimKind::FloorDiv)
      result = divide(result, next);
    else if (dim.getKind() == DimKind::Min)
      result = {std::min(result.min, next.min), std::min(result.max, next.max)};
    else
      result = {std::max(result.min, next.min), std::max(result.max, next.max)};
  }
  if (dim.getKind() == DimKind::Sum)
    return {saturatingAdd(result.min, dim.getValue()),
            saturatingAdd(result.max, dim.getValue())};
  if (dim.getKind() == DimKind::Product)
    return multiply(result, {dim.getValue(), dim.getValue()});
  return result;
}

Range rangeOf(DimAttr dim, llvm::function_ref<Range(StringRef)> symbol,
              llvm::function_ref<int64_t(DimAttr)> atLeast) {
  if (dim.getKind() == DimKind::Constant)
    return {dim.getValue(), dim.getValue()};
  Range result = dim.getKind() == DimKind::Symbol
                     ? symbol(dim.getName())
                     : rangeOfParts(dim, symbol, atLeast);
  if (atLeast)
    result.min = std::max(result.min, atLeast(dim));
  return result;
}

Range rangeOf(DimAttr dim, llvm::function_ref<Range(StringRef)> symbol) {
  return rangeOf(dim, symbol, nullptr);
}

void Facts::know(DimAttr dim) {
  Affine affine = affineOf(dim);
  if (!affine.base)
    return;
  int64_t bound = -floorDivide(affine.offset, affine.factor);
  auto [known, isNew] = least.try_emplace(affine.base, bound);
  if (!isNew)
    known->second = std::max(known->second, bound);
}

int64_t Facts::atLeast(DimAttr dim) const {
  Affine affine = affineOf(dim);
  auto known = least.find(affine.base);
  if (known == least.end())
    return std::numeric_limits<int64_t>::min();
  return saturatingAdd(saturatingMul(known->second, affine.factor),
                       affine.offset);
}

} // namespace sinter::sym
