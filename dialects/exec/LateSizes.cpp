// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which symbols are late, and what bounds them.

#include "dialects/exec/LateSizes.h"

using namespace mlir;

namespace sinter::exec {

LateSizes::LateSizes(ProgramOp program) {
  for (auto symbol : program.getOps<SymbolOp>()) {
    all[symbol.getName()] = symbol;
    if (!symbol.getInput())
      late[symbol.getName()] = symbol;
  }
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

namespace {

using sym::DimAttr;

/// Between which a size lies, over symbols that are known before the run.
struct Ends {
  DimAttr low, high;
  bool isSigned; // may be negative
};

DimAttr magnitude(const Ends &e) { return sym::maxDim(e.high, e.low * -1); }

Ends times(Ends a, Ends b) {
  if (!a.isSigned && !b.isSigned)
    return {a.low * b.low, a.high * b.high, false};
  if (a.isSigned && b.isSigned)
    return {magnitude(a) * magnitude(b) * -1, magnitude(a) * magnitude(b),
            true};
  if (a.isSigned)
    std::swap(a, b);
  DimAttr zero = sym::constantDim(a.low.getContext(), 0);
  return {a.high * sym::minDim(zero, b.low), a.high * sym::maxDim(zero, b.high),
          true};
}

class Bounding {
public:
  Bounding(const LateSizes &late, LateSizes::Most most)
      : late(late), most(most) {}
  Ends endsOf(DimAttr dim);

private:
  Ends ofSymbol(DimAttr dim);
  Ends ofList(DimAttr dim);

  const LateSizes &late;
  LateSizes::Most most;
  llvm::StringMap<DimAttr> highs; // of symbols
};

/// A bound names symbols that were read before it, some of them many times
/// over: each is bounded once.
Ends Bounding::ofSymbol(DimAttr dim) {
  MLIRContext *context = dim.getContext();
  SymbolOp symbol = late.find(dim.getName());
  DimAttr low = sym::constantDim(context, symbol.getMin());
  bool isNew =
      highs.try_emplace(dim.getName(), sym::constantDim(context, most(symbol)))
          .second;
  if (DimAttr bound = late.boundOf(dim.getName()); isNew && bound)
    highs[dim.getName()] = endsOf(bound).high;
  return {low, highs[dim.getName()], symbol.getMin() < 0};
}

/// Of a sum, a product, a minimum or a maximum.
Ends Bounding::ofList(DimAttr dim) {
  sym::DimKind kind = dim.getKind();
  Ends ends = endsOf(dim.getOperands()[0]);
  for (DimAttr operand : dim.getOperands().drop_front()) {
    Ends next = endsOf(operand);
    bool isSigned = ends.isSigned || next.isSigned;
    if (kind == sym::DimKind::Product)
      ends = times(ends, next);
    else if (kind == sym::DimKind::Sum)
      ends = {ends.low + next.low, ends.high + next.high, isSigned};
    else if (kind == sym::DimKind::Min)
      ends = {sym::minDim(ends.low, next.low),
              sym::minDim(ends.high, next.high), isSigned};
    else
      ends = {sym::maxDim(ends.low, next.low),
              sym::maxDim(ends.high, next.high),
              ends.isSigned && next.isSigned};
  }
  if (kind == sym::DimKind::Sum)
    return {ends.low + dim.getValue(), ends.high + dim.getValue(),
            ends.isSigned || dim.getValue() < 0};
  if (kind != sym::DimKind::Product)
    return ends;
  if (dim.getValue() >= 0)
    return {ends.low * dim.getValue(), ends.high * dim.getValue(),
            ends.isSigned};
  return {ends.high * dim.getValue(), ends.low * dim.getValue(), true};
}

Ends Bounding::endsOf(DimAttr dim) {
  if (!late.isLate(dim))
    return {dim, dim, late.rangeOf(dim).min < 0};
  if (dim.getKind() == sym::DimKind::Symbol)
    return ofSymbol(dim);
  if (dim.getKind() != sym::DimKind::FloorDiv)
    return ofList(dim);
  Ends over = endsOf(dim.getOperands()[0]);
  DimAttr under = dim.getOperands()[1];
  if (!late.isLate(under) && late.rangeOf(under).min >= 0)
    return {sym::floorDiv(over.low, under), sym::floorDiv(over.high, under),
            over.isSigned};
  return {magnitude(over) * -1, magnitude(over), true};
}

} // namespace

sym::Range LateSizes::rangeOf(DimAttr dim) const {
  return sym::rangeOf(dim, [&](StringRef name) -> sym::Range {
    SymbolOp symbol = all.lookup(name);
    if (!symbol)
      return {0, int64_t(1) << 31};
    return {int64_t(symbol.getMin()), int64_t(symbol.getMax())};
  });
}

DimAttr LateSizes::bound(DimAttr dim, Most most) const {
  return Bounding(*this, most).endsOf(dim).high;
}

DimAttr LateSizes::bound(DimAttr dim) const {
  return bound(dim, [](SymbolOp symbol) { return int64_t(symbol.getMax()); });
}

} // namespace sinter::exec
