// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nests with a reduction. The order is the define's, on every machine:
//
// * contiguous last axis: 16 virtual lanes, lane l takes elements l, l + 16,
// ...
//   of each row; at the end lanes are combined pairwise;
//   A greatest or least takes four such sets of lanes side by side;
// * otherwise: index order, with vectors along an axis of the output. Several
//   vectors side by side hide the latency of the chain.
//
// Short floats are accumulated in f32.

#include "codegen/cpu/NestEmitter.h"
#include "codegen/cpu/VectorMath.h"
#include "codegen/cpu/VectorShuffle.h"

using namespace mlir;
using sinter::scalar::Kind;

namespace sinter::cpu {
namespace {

constexpr unsigned kVirtualLanes = 16;
constexpr unsigned kChains = 4;

// Columns a pass over the rows takes where little is done to each: rows that
// are a page apart cost a page of the translation buffer each, and the lines
// next to a short piece are not fetched ahead. At most so many steps before the
// sum.
constexpr size_t kLightSteps = 4;

Type accumulated(Type type) {
  return isa<FloatType>(type) && type.getIntOrFloatBitWidth() == 16
             ? Float32Type::get(type.getContext())
             : type;
}

Type signless(Type type) {
  return isa<IntegerType>(type)
             ? IntegerType::get(type.getContext(), type.getIntOrFloatBitWidth())
             : type;
}

double floatIdentity(StringRef combine) {
  if (combine == "prod")
    return 1;
  if (combine == "sum")
    return 0;
  return combine == "max" ? -__builtin_inf() : __builtin_inf();
}

int64_t integerIdentity(StringRef combine, Type type) {
  unsigned bits = type.getIntOrFloatBitWidth();
  if (combine == "sum" || combine == "prod")
    return combine == "prod";
  if (bits == 1)
    return combine == "min";
  if (type.isUnsignedInteger())
    return combine == "max" ? 0 : -1;
  int64_t least = INT64_MIN >> (64 - bits);
  return combine == "max" ? least : ~least;
}

} // namespace

Values NestEmitter::identities(unsigned lanes) {
  Values result;
  for (auto [name, type] :
       llvm::zip(root.getCombine().getAsRange<StringAttr>(), valueTypes)) {
    Type element = accumulated(type);
    Vec zeros(kb, kb.zeros(signless(element), lanes));
    result.push_back(
        isa<FloatType>(element)
            ? zeros.number(floatIdentity(name.getValue())).value
            : zeros.integer(integerIdentity(name.getValue(), type)).value);
  }
  return result;
}

Value NestEmitter::combine(unsigned output, Value x, Value y) {
  StringRef name = cast<StringAttr>(root.getCombine()[output]).getValue();
  Type type = valueTypes[output];
  bool isBool = type.isInteger(1);
  Kind kind = name == "sum"    ? (isBool ? Kind::k_or : Kind::k_add)
              : name == "prod" ? (isBool ? Kind::k_and : Kind::k_mul)
              : name == "max"  ? (isBool ? Kind::k_or : Kind::k_max)
                               : (isBool ? Kind::k_and : Kind::k_min);
  return emitScalar(kb, kind, {x, y}, type.isUnsignedInteger());
}

Values NestEmitter::reduceStep(const Cursor &cursor, Values accumulators,
                               int axis, unsigned lanes, Value count) {
  Values loaded = loadInputs(cursor, axis, lanes, count);
  Values values = prologue(cursor, loaded, axis, lanes, count);
  Values none;
  if (count)
    none = identities(lanes);
  for (unsigned i = 0; i < values.size(); ++i) {
    Value value =
        emitCast(kb, values[i], valueTypes[i], accumulated(valueTypes[i]));
    if (count)
      value = arith::SelectOp::create(kb.b, kb.loc, kb.mask(lanes, count),
                                      value, none[i]);
    accumulators[i] = combine(i, accumulators[i], value);
  }
  return accumulators;
}

void NestEmitter::storeReduced(const Cursor &cursor, Values accumulators,
                               int axis, unsigned lanes, Value count) {
  for (unsigned i = 0; i < accumulators.size(); ++i)
    accumulators[i] = emitCast(kb, accumulators[i], accumulated(valueTypes[i]),
                               valueTypes[i]);
  store(cursor, accumulators, axis, lanes, count);
}

// A greatest or least is the same whatever the order: such rows are taken in
// several chains, or each element would wait for the one before it.
unsigned NestEmitter::chainsOfRow(Value extent) {
  bool anyOrder =
      llvm::all_of(root.getCombine().getAsRange<StringAttr>(), [](auto name) {
        return name.getValue() == "max" || name.getValue() == "min";
      });
  std::optional<int64_t> known = KernelBuilder::constant(extent);
  bool isLong = !known || *known >= int64_t(kVirtualLanes * kChains);
  return anyOrder && isLong ? kChains : 1;
}

// Rows along the last axis.
void NestEmitter::reduceLanes(const Cursor &cursor) {
  unsigned last = plan.extents.size() - 1;
  Value extent = kb.dim(plan.extents[last]);
  unsigned chains = chainsOfRow(extent);
  int64_t wide = int64_t(kVirtualLanes) * chains;
  Value inChains =
      chains == 1 ? kb.c(0) : kb.mul(kb.div(extent, kb.c(wide)), wide);
  Value whole = kb.mul(kb.div(extent, kb.c(kVirtualLanes)), kVirtualLanes);
  Value rest = kb.sub(extent, whole);
  Values init;
  for (unsigned chain = 0; chain < chains; ++chain)
    init.append(identities(kVirtualLanes));
  unsigned each = init.size() / chains;
  // One step of one chain: the values of the others pass by.
  auto step = [&](const Cursor &row, Value i, unsigned chain, ValueRange all,
                  Value count) {
    Values next(all.begin(), all.end()),
        mine(next.begin() + chain * each, next.begin() + (chain + 1) * each);
    Cursor at = advance(row, last, kb.add(i, int64_t(chain) * kVirtualLanes));
    mine = reduceStep(at, mine, last, kVirtualLanes, count);
    std::copy(mine.begin(), mine.end(), next.begin() + chain * each);
    return next;
  };
  Values sums =
      loopReduced(plan.parallel, last, cursor, init,
                  [&](const Cursor &row, Values carried) {
                    if (chains > 1)
                      carried =
                          kb.loop(kb.c(0), inChains, wide, carried,
                                  [&](Value i, ValueRange inner) {
                                    Values next(inner.begin(), inner.end());
                                    for (unsigned c = 0; c < chains; ++c)
                                      next = step(row, i, c, next, nullptr);
                                    return next;
                                  });
                    carried = kb.loop(inChains, whole, kVirtualLanes, carried,
                                      [&](Value i, ValueRange inner) {
                                        return step(row, i, 0, inner, nullptr);
                                      });
                    if (KernelBuilder::constant(rest) == 0)
                      return carried;
                    // A loop of at most one step: a branch that yields values.
                    return kb.loop(whole, extent, kVirtualLanes, carried,
                                   [&](Value i, ValueRange inner) {
                                     return step(row, i, 0, inner, rest);
                                   });
                  });
  for (unsigned i = 0; i < each; ++i) {
    for (unsigned chain = 1; chain < chains; ++chain)
      sums[i] = combine(i, sums[i], sums[chain * each + i]);
    sums[i] = foldLanes(kb, sums[i],
                        [&](Value x, Value y) { return combine(i, x, y); });
  }
  sums.resize(each);
  storeReduced(cursor, sums, -1, 1, nullptr);
}

// Vectors side by side in a wide piece of columns; 0 where pieces stay narrow.
unsigned NestEmitter::wideColumns() {
  bool isLight = valueTypes.size() == 1 &&
                 (root.getPrologue().empty() ||
                  llvm::range_size(root.getPrologue().front()) <= kLightSteps);
  return isLight ? kb.target.vec.registers / 2 : 0;
}

// Vectors along an axis of the output, every lane in index order.
void NestEmitter::reduceColumns(const Cursor &row) {
  int axis = plan.vectorAxis;
  Value extent = extentOf(axis, row);
  auto column = [&](Value first, unsigned vectors, unsigned lanes,
                    Value count) {
    Cursor at = advance(row, axis, first);
    Values init;
    for (unsigned v = 0; v < vectors; ++v)
      init.append(identities(lanes));
    unsigned each = init.size() / vectors;
    Values sums = loopReduced(
        plan.parallel, plan.extents.size(), at, init,
        [&](const Cursor &element, Values carried) {
          Values next;
          for (unsigned v = 0; v < vectors; ++v)
            next.append(reduceStep(advance(element, axis, kb.c(v * lanes)),
                                   Values(carried.begin() + v * each,
                                          carried.begin() + (v + 1) * each),
                                   axis, lanes, count));
          return next;
        });
    for (unsigned v = 0; v < vectors; ++v)
      storeReduced(
          advance(at, axis, kb.c(v * lanes)),
          Values(sums.begin() + v * each, sums.begin() + (v + 1) * each), axis,
          lanes, count);
  };
  Value whole = kb.c(0);
  for (unsigned vectors : {wideColumns(), kChains}) {
    int64_t wide = int64_t(lanes) * vectors;
    std::optional<int64_t> known = KernelBuilder::constant(extent);
    if (vectors == 0 || (known && *known < wide))
      continue;
    Value end = kb.mul(kb.div(extent, kb.c(wide)), wide);
    kb.loop(whole, end, wide,
            [&](Value i) { column(i, vectors, lanes, nullptr); });
    whole = end;
  }
  vectorLoop(kb.sub(extent, whole), lanes,
             [&](Value i, unsigned lanes, Value count) {
               column(kb.add(whole, i), 1, lanes, count);
             });
}

void NestEmitter::reduceOneByOne(const Cursor &cursor) {
  Values sums =
      loopReduced(plan.parallel, plan.extents.size(), cursor, identities(1),
                  [&](const Cursor &element, Values carried) {
                    return reduceStep(element, carried, -1, 1, nullptr);
                  });
  storeReduced(cursor, sums, -1, 1, nullptr);
}

void NestEmitter::emitReductions(const Cursor &cursor) {
  if (plan.hasVirtualLanes)
    return loopOuter(0, {}, cursor, [&](const Cursor &at) { reduceLanes(at); });
  if (plan.vectorAxis < 0)
    return reduceOneByOne(cursor);
  loopOuter(0, {plan.vectorAxis}, cursor,
            [&](const Cursor &at) { reduceColumns(at); });
}

} // namespace sinter::cpu
