// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Symbols of the model and what their ranges prove. An unknown dimension may be
// anything from 0 to 2^31; facts from ranges turn most clamps of Slice and Pad
// into plain arithmetic.
#include "compiler/import/ModelImporter.h"

using namespace mlir;

namespace sinter::importer {

DimAttr ModelImporter::symbolNamed(StringRef name) {
  auto [it, isNew] = symbols.try_emplace(
      StringAttr::get(&context, name), Symbol{0, int64_t(1) << 31, {}, {}, {}});
  if (isNew)
    for (const ImportOptions::DimRange &range : options.dims)
      if (range.symbol == name) {
        it->second.min = range.min;
        it->second.max = range.max;
      }
  if (it->second.min == it->second.max)
    return dim(it->second.min);
  return sym::symbolDim(&context, name);
}

DimAttr ModelImporter::symbolOfInput(StringRef input, StringRef name) {
  std::string symbol = branchInputs->symbolFor(input, name);
  DimAttr first = symbolNamed(name);
  if (symbol == name)
    return first;
  const Symbol &base = symbols[StringAttr::get(&context, name)];
  symbols.try_emplace(StringAttr::get(&context, symbol),
                      Symbol{base.min, base.max, {}, {}, base.likely});
  return symbolNamed(symbol);
}

DimAttr ModelImporter::freshSymbol(StringRef hint, int64_t min, int64_t max) {
  std::string name = hint.str();
  for (unsigned suffix = 2; symbols.contains(StringAttr::get(&context, name));
       ++suffix)
    name = hint.str() + "_" + std::to_string(suffix);
  // A size that depends on data may be given a bound, which the run checks.
  for (const ImportOptions::DimRange &range : options.dims)
    if (range.symbol == name && range.max > min) {
      max = std::min(max, range.max);
      min = range.min < max ? std::max(min, range.min) : min;
    }
  symbols[StringAttr::get(&context, name)] =
      Symbol{min, max, {}, {}, {}, /*isFresh=*/true};
  return sym::symbolDim(&context, name);
}

sym::Range ModelImporter::rangeOf(DimAttr dim) const {
  auto symbol = [&](StringRef name) {
    auto it = symbols.find(StringAttr::get(&context, name));
    return it == symbols.end() ? sym::Range{INT64_MIN, INT64_MAX}
                               : sym::Range{it->second.min, it->second.max};
  };
  auto atLeast = [&](DimAttr part) { return extents.atLeast(part); };
  return extents.empty() ? sym::rangeOf(dim, symbol)
                         : sym::rangeOf(dim, symbol, atLeast);
}

bool ModelImporter::isProvedLessEqual(DimAttr a, DimAttr b) const {
  return rangeOf(b - a).min >= 0;
}

DimAttr ModelImporter::minOf(DimAttr a, DimAttr b) const {
  if (isProvedLessEqual(a, b))
    return a;
  return isProvedLessEqual(b, a) ? b : sym::minDim(a, b);
}

DimAttr ModelImporter::maxOf(DimAttr a, DimAttr b) const {
  if (isProvedLessEqual(a, b))
    return b;
  return isProvedLessEqual(b, a) ? a : sym::maxDim(a, b);
}

} // namespace sinter::importer
