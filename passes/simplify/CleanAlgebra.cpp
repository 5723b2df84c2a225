// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations that change nothing, and pairs that undo each other. Every rewrite
// here keeps each element as it is (but for the sign of a zero in x + 0), so
// none needs a tolerance. A value whose type would change is left alone: x * 1
// may still broadcast x.
#include "passes/simplify/Matching.h"
#include "passes/simplify/Passes.h"

#include "dialects/graph/Broadcast.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace sinter::graph;
using namespace sinter::simplify;

namespace sinter {
#define GEN_PASS_DEF_CLEANALGEBRA
#include "passes/simplify/Passes.h.inc"
namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The operand that `map` returns unchanged, or null.
Value unchangedOperand(MapOp map) {
  switch (map.getScalarKind()) {
  case Kind::k_add:
    return otherOperand(map, [](Value v) { return isExactly(v, 0); });
  case Kind::k_mul:
    return otherOperand(map, [](Value v) { return isExactly(v, 1); });
  case Kind::k_sub:
    return isExactly(operand(map, 1), 0) ? operand(map, 0) : Value();
  case Kind::k_div:
  case Kind::k_pow:
    return isExactly(operand(map, 1), 1) ? operand(map, 0) : Value();
  case Kind::k_relu:
    return mapOf(operand(map, 0), Kind::k_relu) ? operand(map, 0) : Value();
  case Kind::k_neg:
    if (MapOp inner = mapOf(operand(map, 0), Kind::k_neg))
      return operand(inner, 0);
    return {};
  default:
    return {};
  }
}

struct DropIdentityMap : OpRewritePattern<MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    Value same = unchangedOperand(map);
    if (!same)
      return rewriter.notifyMatchFailure(map, "changes its operands");
    return replaceIfSameType(rewriter, map, same);
  }
};

/// Powers that have a cheaper and more exact form.
struct SimplifyPower : OpRewritePattern<MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    if (map.getScalarKind() != Kind::k_pow ||
        !isa<FloatType>(elementType(map.getResult())))
      return rewriter.notifyMatchFailure(map, "is no power of floats");
    Value base = operand(map, 0), exponent = operand(map, 1);
    if (base.getType() != map.getResult().getType())
      return rewriter.notifyMatchFailure(map, "broadcasts its base");
    if (isExactly(exponent, 2)) {
      rewriter.replaceOp(
          map, makeMap(rewriter, map.getLoc(), Kind::k_mul, {base, base}));
      return success();
    }
    if (isExactly(exponent, 0.5)) {
      rewriter.replaceOp(map,
                         makeMap(rewriter, map.getLoc(), Kind::k_sqrt, base));
      return success();
    }
    return rewriter.notifyMatchFailure(map,
                                       "the exponent is neither 2 nor 1/2");
  }
};

/// x / 2^n is x * 2^-n, bit for bit, and takes a tenth of the time.
struct DivideByPower : OpRewritePattern<MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    if (map.getScalarKind() != Kind::k_div ||
        !elementType(map.getResult()).isF32())
      return rewriter.notifyMatchFailure(map, "is no quotient of floats");
    std::optional<double> divisor = readUniform(operand(map, 1));
    int exponent = 0;
    if (!divisor || std::fabs(std::frexp(*divisor, &exponent)) != 0.5 ||
        std::abs(exponent) > 64)
      return rewriter.notifyMatchFailure(map, "divides by no power of two");
    if (operand(map, 0).getType() != map.getResult().getType())
      return rewriter.notifyMatchFailure(map, "broadcasts what it divides");
    Value factor =
        makeScalar(rewriter, map.getLoc(), rewriter.getF32Type(), 1 / *divisor);
    rewriter.replaceOp(map, makeMap(rewriter, map.getLoc(), Kind::k_mul,
                                    {operand(map, 0), factor}));
    return success();
  }
};

/// max(x, 0) is relu.
struct MakeRelu : OpRewritePattern<MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    Value x;
    if (map.getScalarKind() == Kind::k_max)
      x = otherOperand(map, [](Value v) { return isExactly(v, 0); });
    else if (map.getScalarKind() == Kind::k_clip &&
             isExactly(operand(map, 1), 0)) {
      std::optional<double> high = readUniform(operand(map, 2));
      if (high && *high >= 3.4e38)
        x = operand(map, 0);
    }
    if (!x || x.getType() != map.getResult().getType())
      return rewriter.notifyMatchFailure(map, "is no relu");
    rewriter.replaceOp(map, makeMap(rewriter, map.getLoc(), Kind::k_relu, x));
    return success();
  }
};

/// An elementwise user broadcasts by itself, so the copy before it is not
/// needed where the other operands already give the result its shape.
struct DropBroadcastOperand : OpRewritePattern<MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    sym::Dims target = sym::dimsOf(typeOf(map.getResult()));
    for (unsigned i = 0; i < map.getOperands_().size(); ++i) {
      auto broadcast = operand(map, i).getDefiningOp<BroadcastOp>();
      if (!broadcast)
        continue;
      std::optional<sym::Dims> dims = sym::dimsOf(typeOf(broadcast.getInput()));
      for (unsigned j = 0; j < map.getOperands_().size() && dims; ++j)
        if (j != i)
          dims = broadcastDims(*dims, sym::dimsOf(typeOf(operand(map, j))));
      if (!dims || *dims != target)
        continue;
      rewriter.modifyOpInPlace(
          map, [&] { map->setOperand(i, broadcast.getInput()); });
      return success();
    }
    return rewriter.notifyMatchFailure(map, "no operand is broadcast in vain");
  }
};

/// Casts, reshapes and broadcasts to the type that is there already.
template <typename Op> struct DropSameType : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    return replaceIfSameType(rewriter, op, op.getInput());
  }
};

/// reshape(reshape(x)) and broadcast(broadcast(x)).
template <typename Op> struct JoinPair : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().template getDefiningOp<Op>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "its input is of another kind");
    rewriter.replaceOpWithNewOp<Op>(op, op.getResult().getType(),
                                    inner.getInput());
    return success();
  }
};

/// Whether each value of `from` is a value of `to`.
bool widens(Type from, Type to) {
  auto a = dyn_cast<FloatType>(from), b = dyn_cast<FloatType>(to);
  if (a && b)
    return b.getFPMantissaWidth() >= a.getFPMantissaWidth() &&
           b.getWidth() > a.getWidth();
  if (!from.isInteger() || !to.isInteger())
    return false;
  unsigned extra = from.isUnsignedInteger() && !to.isUnsignedInteger() ? 1 : 0;
  bool losesSign =
      !from.isUnsignedInteger() && !from.isInteger(1) && to.isUnsignedInteger();
  return !losesSign &&
         to.getIntOrFloatBitWidth() >= from.getIntOrFloatBitWidth() + extra;
}

/// cast(cast(x)) where the first keeps every value.
struct JoinCasts : OpRewritePattern<CastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(CastOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<CastOp>();
    if (!inner ||
        !widens(elementType(inner.getInput()), elementType(op.getInput())))
      return rewriter.notifyMatchFailure(
          op, "its input is no cast that keeps all values");
    rewriter.replaceOpWithNewOp<CastOp>(op, op.getResult().getType(),
                                        inner.getInput(), op.getSaturate());
    return success();
  }
};

struct SimplifyTranspose : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> outer = op.getPermutation();
    if (llvm::equal(outer,
                    llvm::seq<int64_t>(0, static_cast<int64_t>(outer.size()))))
      return replaceIfSameType(rewriter, op, op.getInput());
    if (auto inner = op.getInput().getDefiningOp<TransposeOp>()) {
      SmallVector<int64_t> joined;
      for (int64_t axis : outer)
        joined.push_back(inner.getPermutation()[axis]);
      rewriter.replaceOpWithNewOp<TransposeOp>(op, inner.getInput(), joined);
      return success();
    }
    // Only axes of one element change their place: no element moves.
    sym::Dims dims = sym::dimsOf(typeOf(op.getInput()));
    SmallVector<int64_t> moved;
    for (int64_t axis : outer)
      if (!sym::isConstant(dims[axis], 1))
        moved.push_back(axis);
    if (!llvm::is_sorted(moved))
      return rewriter.notifyMatchFailure(op, "moves elements");
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getResult().getType(),
                                           op.getInput());
    return success();
  }
};

bool areZero(ArrayRef<sym::DimAttr> dims) {
  return llvm::all_of(dims,
                      [](sym::DimAttr dim) { return sym::isConstant(dim, 0); });
}

struct DropWholeSlice : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    bool steps =
        llvm::all_of(op.getSteps(), [](int64_t step) { return step == 1; });
    if (!steps || !areZero(op.getStarts().getDims()))
      return rewriter.notifyMatchFailure(op, "leaves elements out");
    return replaceIfSameType(rewriter, op, op.getInput());
  }
};

struct DropEmptyPad : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PadOp op,
                                PatternRewriter &rewriter) const override {
    if (!areZero(op.getLow().getDims()) || !areZero(op.getHigh().getDims()))
      return rewriter.notifyMatchFailure(op, "pads");
    return replaceIfSameType(rewriter, op, op.getInput());
  }
};

struct DropSingleConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getInputs().size() != 1)
      return rewriter.notifyMatchFailure(op, "joins several tensors");
    return replaceIfSameType(rewriter, op, op.getInputs()[0]);
  }
};

/// The greatest of a box is the greatest along one side of those along the
/// other: k * k elements a result become 2 k where windows overlap all the way.
struct SplitMaxPool : OpRewritePattern<PoolOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PoolOp op,
                                PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> kernel = op.getKernel();
    size_t rank = kernel.size();
    int64_t box = 1, sides = 0;
    for (int64_t extent : kernel)
      box *= extent, sides += extent;
    bool overlaps =
        llvm::all_of(op.getStrides(), [](int64_t step) { return step == 1; });
    if (op.getKind() != "max" || op.getWithIndices() || !overlaps ||
        box < 2 * sides)
      return rewriter.notifyMatchFailure(op, "would read no fewer elements");
    Value value = op.getInput();
    for (size_t axis = 0; axis < rank; ++axis) {
      SmallVector<int64_t> side(rank, 1), dilations(rank, 1), pads(2 * rank, 0);
      side[axis] = kernel[axis];
      dilations[axis] = op.getDilations()[axis];
      pads[axis] = op.getPads()[axis];
      pads[axis + rank] = op.getPads()[axis + rank];
      NamedAttrList attributes(op->getAttrDictionary());
      attributes.set("kernel", rewriter.getDenseI64ArrayAttr(side));
      attributes.set("dilations", rewriter.getDenseI64ArrayAttr(dilations));
      attributes.set("pads", rewriter.getDenseI64ArrayAttr(pads));
      value = PoolOp::create(rewriter, op.getLoc(), ValueRange{value},
                             attributes.getAttrs())
                  .getResult(0);
    }
    rewriter.replaceOp(op, value);
    return success();
  }
};

struct CleanAlgebra : impl::CleanAlgebraBase<CleanAlgebra> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DropIdentityMap, SimplifyPower, DivideByPower, MakeRelu,
                 DropBroadcastOperand, DropSameType<CastOp>,
                 DropSameType<ReshapeOp>, DropSameType<BroadcastOp>,
                 JoinPair<ReshapeOp>, JoinPair<BroadcastOp>, JoinCasts,
                 SimplifyTranspose, DropWholeSlice, DropEmptyPad,
                 DropSingleConcat, SplitMaxPool>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace sinter
