// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nests with a reduction. The order is the define's, on every machine:
//
// * contiguous last axis: 16 virtual lanes, lane l takes elements l, l + 16,
// ...
//   of each row; at the end lanes are combined pairwise;
// * otherwise: index order, with vectors along an axis of the output. Several
//   vectors side by side hide the latency of the chain.
//
// Short floats are accumulated in f32.

#include "codegen/cpu/NestEmitter.h"
#include "codegen/cpu/VectorMath.h"
#include "codegen/cpu/VectorShuffle.h"
#include "dialects/Support/Check.h"

using namespace mlir;
using sinter::scalar::Kind;

namespace sinter::cpu {
namespace {

constexpr unsigned kVirtualLanes = 16;
constexpr unsigned kChains = 4;

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

// Rows along the last axis.
void NestEmitter::reduceLanes(const Cursor &cursor) {
  unsigned last = plan.extents.size() - 1;
  Value extent = kb.dim(plan.extents[last]);
  Value whole = kb.mul(kb.div(extent, kb.c(kVirtualLanes)), kVirtualLanes);
  Value rest = kb.sub(extent, whole);
  Values sums = loopReduced(
      plan.parallel, last, cursor, identities(kVirtualLanes),
      [&](const Cursor &row, Values carried) {
        carried =
            kb.loop(kb.c(0), whole, kVirtualLanes, carried,
                    [&](Value i, ValueRange inner) {
                      return reduceStep(advance(row, last, i),
                                        Values(inner.begin(), inner.end()),
                                        last, kVirtualLanes, nullptr);
                    });
        if (KernelBuilder::constant(rest) == 0)
          return carried;
        // A loop of at most one step: a branch that yields values.
        return kb.loop(whole, extent, kVirtualLanes, carried,
                       [&](Value i, ValueRange inner) {
                         return reduceStep(advance(row, last, i),
                                           Values(inner.begin(), inner.end()),
                                           last, kVirtualLanes, rest);
                       });
      });
  for (unsigned i = 0; i < sums.size(); ++i)
    sums[i] = foldLanes(kb, sums[i],
                        [&](Value x, Value y) { return combine(i, x, y); });
  storeReduced(cursor, sums, -1, 1, nullptr);
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
  int64_t wide = lanes * kChains;
  Value whole = kb.mul(kb.div(extent, kb.c(wide)), wide);
  kb.loop(kb.c(0), whole, wide,
          [&](Value i) { column(i, kChains, lanes, nullptr); });
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
