// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic works on an unpacked polynomial (monomial -> coefficient) and
// packs the result back into an attribute. The laws that matter for shapes:
//
//   (c*q + r) floordiv c           ==  q + r floordiv c
//   (x floordiv a + k) floordiv b  ==  (x + k*a) floordiv (a*b)
//   (B*S*384) floordiv (B*S)       ==  384          (exact polynomial division)
//   x mod y                        ==  x - y * (x floordiv y)

#include "dialects/sym/Facts.h"
#include "dialects/sym/Saturating.h"
#include "llvm/ADT/STLExtras.h"
#include <map>
#include <numeric>

using namespace mlir;

namespace sinter::sym {
namespace {

int compare(DimAttr a, DimAttr b) {
  if (a == b)
    return 0;
  if (a.getKind() != b.getKind())
    return a.getKind() < b.getKind() ? -1 : 1;
  if (a.getKind() == DimKind::Symbol)
    return a.getName().getValue().compare(b.getName().getValue());
  ArrayRef<DimAttr> x = a.getOperands(), y = b.getOperands();
  if (x.size() != y.size())
    return x.size() < y.size() ? -1 : 1;
  for (auto [p, q] : llvm::zip(x, y))
    if (int order = compare(p, q))
      return order;
  return a.getValue() < b.getValue() ? -1 : a.getValue() > b.getValue();
}

using Monomial = SmallVector<DimAttr, 4>;

/// Higher degree first, so that the first term leads in a division.
struct MonomialOrder {
  bool operator()(const Monomial &a, const Monomial &b) const {
    if (a.size() != b.size())
      return a.size() > b.size();
    for (auto [x, y] : llvm::zip(a, b))
      if (int order = compare(x, y))
        return order < 0;
    return false;
  }
};

using Polynomial = std::map<Monomial, int64_t, MonomialOrder>;

DimAttr make(MLIRContext *context, DimKind kind, int64_t value,
             ArrayRef<DimAttr> operands) {
  return DimAttr::get(context, kind, value, StringAttr(), operands);
}

void addTerm(Polynomial &polynomial, const Monomial &monomial, int64_t factor) {
  if (factor == 0)
    return;
  auto [it, isNew] = polynomial.try_emplace(monomial, factor);
  if (isNew)
    return;
  it->second = saturatingAdd(it->second, factor);
  if (it->second == 0)
    polynomial.erase(it);
}

void addTermOf(Polynomial &polynomial, DimAttr term) {
  if (term.getKind() == DimKind::Product)
    addTerm(polynomial, Monomial(term.getOperands()), term.getValue());
  else
    addTerm(polynomial, Monomial{term}, 1);
}

Polynomial unpack(DimAttr dim) {
  Polynomial polynomial;
  if (dim.getKind() == DimKind::Constant) {
    addTerm(polynomial, {}, dim.getValue());
  } else if (dim.getKind() == DimKind::Sum) {
    addTerm(polynomial, {}, dim.getValue());
    for (DimAttr term : dim.getOperands())
      addTermOf(polynomial, term);
  } else {
    addTermOf(polynomial, dim);
  }
  return polynomial;
}

DimAttr pack(MLIRContext *context, const Polynomial &polynomial) {
  int64_t constant = 0;
  Dims terms;
  for (const auto &[monomial, factor] : polynomial) {
    if (monomial.empty())
      constant = factor;
    else if (monomial.size() == 1 && factor == 1)
      terms.push_back(monomial[0]);
    else
      terms.push_back(make(context, DimKind::Product, factor, monomial));
  }
  if (terms.empty())
    return constantDim(context, constant);
  if (terms.size() == 1 && constant == 0)
    return terms[0];
  return make(context, DimKind::Sum, constant, terms);
}

/// Removes `divisor` from `monomial` as a multiset; false when not contained.
bool divideMonomial(const Monomial &monomial, const Monomial &divisor,
                    Monomial &quotient) {
  quotient = monomial;
  for (DimAttr atom : divisor) {
    auto *it = llvm::find(quotient, atom);
    if (it == quotient.end())
      return false;
    quotient.erase(it);
  }
  return true;
}

/// Exact division, or nullopt. Bounded: each step removes the leading term.
std::optional<Polynomial> divideExactly(Polynomial rest, const Polynomial &by) {
  Polynomial quotient;
  for (unsigned step = 0; !rest.empty(); ++step) {
    const auto &[leadMonomial, leadFactor] = *by.begin();
    const auto &[monomial, factor] = *rest.begin();
    Monomial part;
    if (step == 64 || factor % leadFactor != 0 ||
        !divideMonomial(monomial, leadMonomial, part))
      return std::nullopt;
    int64_t partFactor = factor / leadFactor;
    addTerm(quotient, part, partFactor);
    for (const auto &[m, f] : by) {
      Monomial removed(m);
      removed.append(part);
      llvm::sort(removed,
                 [](DimAttr a, DimAttr b) { return compare(a, b) < 0; });
      addTerm(rest, removed, saturatingMul(-partFactor, f));
    }
  }
  return quotient;
}

/// Splits `value` into a multiple of `divisor` and the rest, term by term.
void splitMultiples(const Polynomial &value, int64_t divisor,
                    Polynomial &quotient, Polynomial &rest) {
  for (const auto &[monomial, factor] : value) {
    int64_t whole = floorDivide(factor, divisor);
    if (monomial.empty()) {
      addTerm(quotient, monomial, whole);
      addTerm(rest, monomial, factor - whole * divisor);
    } else if (factor % divisor == 0) {
      addTerm(quotient, monomial, factor / divisor);
    } else {
      addTerm(rest, monomial, factor);
    }
  }
}

/// floordiv by a positive constant, as far as it simplifies.
DimAttr floorDivConstant(MLIRContext *context, DimAttr a, int64_t divisor) {
  Polynomial quotient, rest;
  splitMultiples(unpack(a), divisor, quotient, rest);
  DimAttr whole = pack(context, quotient), part = pack(context, rest);
  if (std::optional<int64_t> constant = asConstant(part))
    return whole + floorDivide(*constant, divisor);
  int64_t common = divisor, offset = 0;
  for (const auto &[monomial, factor] : rest)
    if (!monomial.empty())
      common = std::gcd(common, factor);
    else
      offset = factor;
  if (common > 1) {
    addTerm(rest, {}, -offset);
    Polynomial reduced;
    for (const auto &[monomial, factor] : rest)
      addTerm(reduced, monomial, factor / common);
    addTerm(reduced, {}, floorDivide(offset, common));
    return whole + floorDiv(pack(context, reduced), divisor / common);
  }
  // (x floordiv a + k) floordiv b, with one unit-factor floordiv in the rest.
  addTerm(rest, {}, -offset);
  if (rest.size() == 1 && rest.begin()->second == 1 &&
      rest.begin()->first.size() == 1) {
    DimAttr inner = rest.begin()->first[0];
    std::optional<int64_t> by;
    if (inner.getKind() == DimKind::FloorDiv &&
        (by = asConstant(inner.getOperands()[1])) && *by > 0)
      return whole +
             floorDiv(inner.getOperands()[0] + saturatingMul(offset, *by),
                      saturatingMul(*by, divisor));
  }
  return whole + make(context, DimKind::FloorDiv, 0,
                      {part, constantDim(context, divisor)});
}

DimAttr extremum(DimKind kind, DimAttr a, DimAttr b) {
  Dims operands;
  for (DimAttr side : {a, b}) {
    ArrayRef<DimAttr> parts = side;
    if (side.getKind() == kind)
      parts = side.getOperands();
    for (DimAttr part : parts) {
      // Of two operands at a known distance only one can ever win.
      DimAttr *rival = llvm::find_if(operands, [&](DimAttr other) {
        return asConstant(part - other).has_value();
      });
      if (rival == operands.end())
        operands.push_back(part);
      else if ((*asConstant(part - *rival) < 0) == (kind == DimKind::Min))
        *rival = part;
    }
  }
  llvm::sort(operands, [](DimAttr x, DimAttr y) { return compare(x, y) < 0; });
  if (operands.size() == 1)
    return operands[0];
  return make(a.getContext(), kind, 0, operands);
}

} // namespace

DimAttr constantDim(MLIRContext *context, int64_t value) {
  return make(context, DimKind::Constant, value, {});
}

DimAttr symbolDim(MLIRContext *context, StringRef name) {
  return DimAttr::get(context, DimKind::Symbol, 0,
                      StringAttr::get(context, name), ArrayRef<DimAttr>());
}

DimAttr operator+(DimAttr a, DimAttr b) {
  Polynomial sum = unpack(a);
  for (const auto &[monomial, factor] : unpack(b))
    addTerm(sum, monomial, factor);
  return pack(a.getContext(), sum);
}

DimAttr operator-(DimAttr a, DimAttr b) { return a + b * -1; }

DimAttr operator*(DimAttr a, DimAttr b) {
  Polynomial result, right = unpack(b);
  for (const auto &[x, f] : unpack(a))
    for (const auto &[y, g] : right) {
      Monomial monomial(x);
      monomial.append(y);
      llvm::sort(monomial,
                 [](DimAttr p, DimAttr q) { return compare(p, q) < 0; });
      addTerm(result, monomial, saturatingMul(f, g));
    }
  return pack(a.getContext(), result);
}

DimAttr operator+(DimAttr a, int64_t b) {
  return a + constantDim(a.getContext(), b);
}
DimAttr operator-(DimAttr a, int64_t b) {
  return a - constantDim(a.getContext(), b);
}
DimAttr operator*(DimAttr a, int64_t b) {
  return a * constantDim(a.getContext(), b);
}

Affine affineOf(DimAttr dim) {
  Polynomial base = unpack(dim);
  Affine result{DimAttr(), 0, 0};
  if (auto constant = base.find(Monomial()); constant != base.end()) {
    result.offset = constant->second;
    base.erase(constant);
  }
  for (const auto &[monomial, factor] : base)
    result.factor = std::gcd(result.factor, factor);
  if (result.factor == 0)
    return result;
  for (auto &[monomial, factor] : base)
    factor /= result.factor;
  result.base = pack(dim.getContext(), base);
  return result;
}

DimAttr floorDiv(DimAttr a, DimAttr b) {
  MLIRContext *context = a.getContext();
  if (isConstant(b, 0))
    return b;
  if (std::optional<Polynomial> exact = divideExactly(unpack(a), unpack(b)))
    return pack(context, *exact);
  if (std::optional<int64_t> divisor = asConstant(b); divisor && *divisor > 0)
    return floorDivConstant(context, a, *divisor);
  return make(context, DimKind::FloorDiv, 0, {a, b});
}

DimAttr floorDiv(DimAttr a, int64_t b) {
  return floorDiv(a, constantDim(a.getContext(), b));
}

DimAttr ceilDiv(DimAttr a, DimAttr b) {
  if (std::optional<int64_t> divisor = asConstant(b); divisor && *divisor > 0)
    return floorDiv(a + (*divisor - 1), b);
  return floorDiv(a * -1, b) * -1;
}
DimAttr ceilDiv(DimAttr a, int64_t b) {
  return ceilDiv(a, constantDim(a.getContext(), b));
}

DimAttr mod(DimAttr a, DimAttr b) { return a - b * floorDiv(a, b); }

DimAttr minDim(DimAttr a, DimAttr b) { return extremum(DimKind::Min, a, b); }
DimAttr maxDim(DimAttr a, DimAttr b) { return extremum(DimKind::Max, a, b); }

std::optional<int64_t> asConstant(DimAttr dim) {
  if (dim.getKind() == DimKind::Constant)
    return dim.getValue();
  return std::nullopt;
}

bool isConstant(DimAttr dim, int64_t value) {
  return dim.getKind() == DimKind::Constant && dim.getValue() == value;
}

DimAttr product(MLIRContext *context, ArrayRef<DimAttr> dims) {
  DimAttr result = constantDim(context, 1);
  for (DimAttr dim : dims)
    result = result * dim;
  return result;
}

DimAttr substitute(DimAttr dim,
                   llvm::function_ref<DimAttr(StringRef)> replace) {
  if (dim.getKind() == DimKind::Constant)
    return dim;
  if (dim.getKind() == DimKind::Symbol) {
    DimAttr result = replace(dim.getName());
    return result ? result : dim;
  }
  Dims operands;
  for (DimAttr operand : dim.getOperands())
    operands.push_back(substitute(operand, replace));
  if (dim.getKind() == DimKind::FloorDiv)
    return floorDiv(operands[0], operands[1]);
  DimAttr result = operands[0];
  for (DimAttr operand : ArrayRef<DimAttr>(operands).drop_front()) {
    if (dim.getKind() == DimKind::Sum)
      result = result + operand;
    else if (dim.getKind() == DimKind::Product)
      result = result * operand;
    else
      result = extremum(dim.getKind(), result, operand);
  }
  if (dim.getKind() == DimKind::Sum)
    return result + dim.getValue();
  if (dim.getKind() == DimKind::Product)
    return result * dim.getValue();
  return result;
}

} // namespace sinter::sym
