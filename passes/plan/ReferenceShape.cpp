// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A value for each symbol, from what is declared about it.

#include "passes/plan/ReferenceShape.h"

using namespace mlir;

namespace sinter {

static int64_t referenceValue(exec::SymbolOp symbol, exec::ProgramOp program) {
  int64_t value = 128;
  if (!symbol.getLikely().empty()) {
    value = symbol.getLikely()[0];
  } else if (symbol.getInput()) {
    auto type = cast<RankedTensorType>(
        cast<TypeAttr>(program.getInputTypes()[*symbol.getInput()]).getValue());
    if (*symbol.getAxis() == 0)
      value = 1;
    else if (type.getRank() >= 4)
      value = 320;
  } else {
    value = symbol.getMax();
  }
  int64_t divisor = symbol.getDivisor();
  value = (value + divisor - 1) / divisor * divisor;
  return std::clamp<int64_t>(value, symbol.getMin(), symbol.getMax());
}

ReferenceShape::ReferenceShape(exec::ProgramOp program) {
  for (auto symbol : program.getOps<exec::SymbolOp>())
    values[symbol.getName()] = referenceValue(symbol, program);
}

int64_t ReferenceShape::valueOf(StringRef symbol) const {
  auto it = values.find(symbol);
  return it == values.end() ? 1 : it->second;
}

std::optional<int64_t> ReferenceShape::evaluate(sym::DimAttr dim) const {
  return sym::evaluate(dim, [&](StringRef name) -> std::optional<int64_t> {
    return valueOf(name);
  });
}

} // namespace sinter
