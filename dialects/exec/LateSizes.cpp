// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which symbols are late, and what bounds them.

#include "dialects/exec/LateSizes.h"

using namespace mlir;

namespace sinter::exec {

LateSizes::LateSizes(ProgramOp program) {
  for (auto symbol : program.getOps<SymbolOp>())
    if (!symbol.getInput())
      late[symbol.getName()] = symbol;
  program.walk([&](ReadOp read) {
    if (read.getInputElement())
      late.erase(read.getSymbol());
    else if (auto bound = read->getAttrOfType<sym::DimAttr>("exec.bound"))
      bounds[read.getSymbol()] = bound;
    if (read->hasAttr("exec.tight"))
      tight.insert(read.getSymbol());
  });
}

bool LateSizes::isLate(sym::DimAttr dim) const {
  bool found = false;
  sym::forEachSymbol(dim,
                     [&](StringRef name) { found |= late.contains(name); });
  return found;
}

sym::DimAttr LateSizes::bound(sym::DimAttr dim) const {
  // A bound may name symbols that were bound before: as deep as there are any.
  for (size_t depth = 0; depth <= late.size() && isLate(dim); ++depth)
    dim = sym::substitute(dim, [&](StringRef name) -> sym::DimAttr {
      SymbolOp symbol = find(name);
      if (!symbol)
        return {};
      if (sym::DimAttr bound = boundOf(name); bound && depth < late.size())
        return bound;
      return sym::constantDim(dim.getContext(), symbol.getMax());
    });
  return dim;
}

} // namespace sinter::exec
