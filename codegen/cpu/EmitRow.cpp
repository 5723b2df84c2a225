// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// softmax, log_softmax, layer_norm, rms_norm. A row is walked two or three
// times and stays in the first cache; the prologue is computed again each time,
// which is cheaper than a copy. Statistics are the define's order on every
// machine: 16 virtual lanes along a contiguous row; else index order, with
// vectors along an axis beside the row.
//
// softmax writes e^(x - max) to the output and scales it there, unless extras
// are still to be read: one of them may be the output's memory.

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/PlanWalker.h"
#include "codegen/cpu/RegionVectorizer.h"
#include "codegen/cpu/VectorMath.h"
#include "codegen/cpu/VectorShuffle.h"

using namespace mlir;
using sinter::scalar::Kind;

namespace sinter::cpu {
namespace {

constexpr unsigned kVirtualLanes = 16;
constexpr unsigned kChains = 4; // of a maximum, which knows no order

class RowEmitter : PlanWalker {
public:
  RowEmitter(KernelBuilder &kb, kernel::DefineOp define, kernel::RowOp root)
      : PlanWalker(kb, define, kernel::planOf(root),
                   kb.target.lanes(widestBits(root))),
        root(root) {
    valueType = root.getPrologue().empty()
                    ? plan.inputs[0].element
                    : root.getPrologue().front().back().getOperand(0).getType();
    compute = valueType.getIntOrFloatBitWidth() == 16 ? Type(kb.b.getF32Type())
                                                      : valueType;
  }

  void emit() {
    forEachItem([&](const Cursor &cursor) {
      if (isAlongRow()) {
        width = kVirtualLanes;
        return loopOuter(0, {}, cursor, [&](const Cursor &at) { row(at); });
      }
      if (plan.vectorAxis < 0) { // one row that is not contiguous
        width = 1;
        return row(cursor);
      }
      loopOuter(0, {plan.vectorAxis}, cursor, [&](const Cursor &at) {
        vectorLoop(extentOf(plan.vectorAxis, at), lanes,
                   [&](Value i, unsigned lanes, Value count) {
                     width = lanes;
                     beside = count;
                     row(advance(at, plan.vectorAxis, i));
                     beside = nullptr;
                   });
      });
    });
  }

private:
  bool isAlongRow() const { return plan.hasVirtualLanes; }
  int vectorAxis() const {
    return isAlongRow() ? int(plan.extents.size()) - 1
                        : (width == 1 ? -1 : plan.vectorAxis);
  }
  Vec number(double x) { return Vec(kb, kb.zeros(compute, width)).number(x); }
  Vec apply(Kind kind, ArrayRef<Vec> operands) {
    Values values;
    for (Vec operand : operands)
      values.push_back(operand.value);
    return Vec(kb, emitScalar(kb, kind, values, /*isUnsigned=*/false));
  }
  Vec masked(Vec value, Value count, double identity) {
    return count && isAlongRow()
               ? select(Vec(kb, kb.mask(width, count)), value, number(identity))
               : value;
  }

  /// Visits the row a vector at a time. `step(cursor, carried, count)`. With
  /// several carried `chains`, of one value each, the vectors take turns.
  using Visit = llvm::function_ref<Values(const Cursor &, Values, Value)>;
  Values walk(const Cursor &at, Values carried, Visit visit,
              unsigned chains = 1) {
    unsigned end = plan.extents.size();
    if (!isAlongRow())
      return loopReduced(plan.parallel, end, at, carried,
                         [&](const Cursor &element, Values inner) {
                           return visit(element, inner, beside);
                         });
    unsigned last = end - 1;
    Value extent = kb.dim(plan.extents[last]);
    Value whole = kb.mul(kb.div(extent, kb.c(width)), width);
    Value rest = kb.sub(extent, whole);
    auto along = [&](const Cursor &line, Value from, Value to, Values carried,
                     Value count) {
      return kb.loop(from, to, width, carried, [&](Value i, ValueRange inner) {
        Values next(inner.begin(), inner.end());
        if (chains == 1)
          return visit(advance(line, last, i), next, count);
        next[0] = visit(advance(line, last, i), {next[0]}, count)[0];
        return next;
      });
    };
    auto inTurns = [&](const Cursor &line, Value to, Values carried) {
      return kb.loop(kb.c(0), to, int64_t(width) * chains, carried,
                     [&](Value i, ValueRange inner) {
                       Values next(inner.begin(), inner.end());
                       for (unsigned c = 0; c < chains; ++c)
                         next[c] = visit(
                             advance(line, last, kb.add(i, int64_t(width) * c)),
                             {next[c]}, nullptr)[0];
                       return next;
                     });
    };
    Value turns = kb.c(0);
    if (chains > 1)
      turns = kb.mul(kb.div(whole, kb.c(width * chains)), width * chains);
    return loopReduced(plan.parallel, last, at, carried,
                       [&](const Cursor &line, Values inner) {
                         if (chains > 1)
                           inner = inTurns(line, turns, inner);
                         inner = along(line, turns, whole, inner, nullptr);
                         return KernelBuilder::constant(rest) == 0
                                    ? inner
                                    : along(line, whole, extent, inner, rest);
                       });
  }

  Vec valueAt(const Cursor &at, Value count) {
    Values loaded = loadInputs(at, vectorAxis(), width, count);
    Value active = count ? kb.mask(width, count) : Value();
    Value value =
        emitRegion(kb, root.getPrologue(), loaded, width, nullptr, active)[0];
    return Vec(kb, emitCast(kb, value, valueType, compute));
  }

  /// One statistic of the row, the same in every lane of a row.
  Vec reduce(
      const Cursor &at, double identity, Kind combine,
      llvm::function_ref<Vec(const Cursor &, Vec acc, Value count)> step) {
    unsigned chains = isAlongRow() && combine == Kind::k_max ? kChains : 1;
    Values result = walk(
        at, Values(chains, number(identity).value),
        [&](const Cursor &element, Values carried, Value count) {
          return Values{step(element, Vec(kb, carried[0]), count).value};
        },
        chains);
    if (!isAlongRow())
      return Vec(kb, result[0]);
    for (unsigned c = 1; c < chains; ++c)
      result[0] =
          apply(combine, {Vec(kb, result[0]), Vec(kb, result[c])}).value;
    Value folded = foldLanes(kb, result[0], [&](Value x, Value y) {
      return apply(combine, {Vec(kb, x), Vec(kb, y)}).value;
    });
    return Vec(kb, shuffle(kb, folded, folded, SmallVector<int64_t>(width, 0)));
  }

  void write(const Cursor &at,
             llvm::function_ref<Vec(const Cursor &, Value count)> result) {
    walk(at, {}, [&](const Cursor &element, Values, Value count) {
      Value value =
          emitCast(kb, result(element, count).value, compute, valueType);
      finish(root.getEpilogue(), element, {value}, vectorAxis(), width, count);
      return Values{};
    });
  }

  Vec length() {
    sym::DimAttr count = sym::product(
        define.getContext(), ArrayRef(plan.extents).drop_front(plan.parallel));
    Value real = arith::SIToFPOp::create(kb.b, kb.loc, compute, kb.dim(count));
    return Vec(kb, kb.splat(real, width));
  }

  void row(const Cursor &at) {
    if (root.getKind() == "layer_norm" || root.getKind() == "rms_norm")
      return norm(at, root.getKind() == "layer_norm");
    softmax(at, root.getKind() == "log_softmax");
  }

  Vec expNegative(Vec x) {
    return x.bits() == 32 ? expNegative32(x) : apply(Kind::k_exp, {x});
  }

  void softmax(const Cursor &at, bool isLog) {
    Vec most = reduce(at, -__builtin_inf(), Kind::k_max,
                      [&](const Cursor &element, Vec acc, Value count) {
                        Vec x = masked(valueAt(element, count), count,
                                       -__builtin_inf());
                        return apply(Kind::k_max, {acc, x});
                      });
    bool keeps = !isLog && root.getEpilogue().empty() &&
                 plan.outputs[0].element == compute;
    Vec sum = reduce(at, 0, Kind::k_add,
                     [&](const Cursor &element, Vec acc, Value count) {
                       Vec e = expNegative(valueAt(element, count) - most);
                       if (keeps)
                         storeOutput(element, e, count);
                       return acc + masked(e, count, 0);
                     });
    if (isLog) {
      Vec shift = most + apply(Kind::k_log, {sum});
      return write(at, [&](const Cursor &element, Value count) {
        return valueAt(element, count) - shift;
      });
    }
    Vec scale = 1.0 / sum;
    write(at, [&](const Cursor &element, Value count) {
      Vec e = keeps ? loadOutput(element, count)
                    : expNegative(valueAt(element, count) - most);
      return e * scale;
    });
  }

  void storeOutput(const Cursor &at, Vec value, Value count) {
    sym::DimAttr stride = vectorAxis() < 0
                              ? sym::constantDim(define.getContext(), 1)
                              : plan.outputs[0].strides[vectorAxis()];
    kb.storeLanes(value.value, at.outputs[0], stride, count);
  }
  Vec loadOutput(const Cursor &at, Value count) {
    return Vec(kb, loadOperand(plan.outputs[0], at.outputs[0], vectorAxis(),
                               width, count));
  }

  void norm(const Cursor &at, bool centred) {
    Vec count = length();
    Vec mean = number(0);
    if (centred)
      mean = reduce(at, 0, Kind::k_add,
                    [&](const Cursor &element, Vec acc, Value count) {
                      return acc + masked(valueAt(element, count), count, 0);
                    }) /
             count;
    auto centredAt = [&](const Cursor &element, Value count) {
      Vec x = valueAt(element, count);
      return centred ? x - mean : x;
    };
    Vec squares = reduce(at, 0, Kind::k_add,
                         [&](const Cursor &element, Vec acc, Value count) {
                           Vec d = masked(centredAt(element, count), count, 0);
                           return fma(d, d, acc);
                         });
    double epsilon = root.getEpsilon().convertToDouble();
    Vec scale = 1.0 / sqrt(squares / count + epsilon);
    write(at, [&](const Cursor &element, Value count) {
      return centredAt(element, count) * scale;
    });
  }

  kernel::RowOp root;
  Type valueType, compute;
  unsigned width = 1;
  Value beside; // lanes of a vector beside the row, null: all
};

} // namespace

LogicalResult emitRow(KernelBuilder &kb, kernel::DefineOp define,
                      kernel::RowOp root) {
  RowEmitter(kb, define, root).emit();
  return success();
}

} // namespace sinter::cpu
