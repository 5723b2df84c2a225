// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layer normalisation in the form that exporters write it:
//
//   d = x - mean(x)                   mean over the last axes
//   n = d / sqrt(mean(d * d) + e)     also as d * reciprocal(sqrt(..))
//
// and RMS normalisation, the same with d = x. The factor and the term that
// follow join in a second step, when they broadcast against the normalised
// axes. Softmax is exp(x - max(x)) / sum(exp(x - max(x))).
#include "passes/simplify/Matching.h"
#include "passes/simplify/Passes.h"

#include "dialects/graph/Broadcast.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace sinter::graph;
using namespace sinter::simplify;

namespace sinter {
#define GEN_PASS_DEF_RECOGNIZENORMALIZATION
#include "passes/simplify/Passes.h.inc"
namespace {

int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

/// The reduction of this kind over the last axes that defines `value`.
ReduceOp rowReduction(Value value, StringRef kind) {
  auto reduce = value ? value.getDefiningOp<ReduceOp>() : ReduceOp();
  if (!reduce || reduce.getKind() != kind || !reduce.getKeepDims() ||
      reduce.getAxes().empty())
    return {};
  SmallVector<int64_t> axes(reduce.getAxes());
  llvm::sort(axes);
  int64_t rank = rankOf(reduce.getInput());
  for (auto [i, axis] : llvm::enumerate(axes))
    if (axis !=
        rank - static_cast<int64_t>(axes.size()) + static_cast<int64_t>(i))
      return {};
  return reduce;
}

bool isSquareOf(Value value, Value x) {
  if (MapOp power = mapOf(value, Kind::k_pow))
    return operand(power, 0) == x && isExactly(operand(power, 1), 2);
  MapOp product = mapOf(value, Kind::k_mul);
  return product && operand(product, 0) == x && operand(product, 1) == x;
}

struct Deviation {
  ReduceOp meanSquare;
  double epsilon;
};

/// sqrt(mean(d * d) + epsilon).
std::optional<Deviation> deviationOf(Value value, Value d) {
  Value sum;
  if (MapOp root = mapOf(value, Kind::k_sqrt))
    sum = operand(root, 0);
  else if (MapOp power = mapOf(value, Kind::k_pow);
           power && isExactly(operand(power, 1), 0.5))
    sum = operand(power, 0);
  MapOp added = mapOf(sum, Kind::k_add);
  for (unsigned i : {0u, 1u}) {
    std::optional<double> epsilon =
        added ? readUniform(operand(added, i)) : std::nullopt;
    ReduceOp mean =
        epsilon ? rowReduction(operand(added, 1 - i), "mean") : ReduceOp();
    if (mean && isSquareOf(mean.getInput(), d))
      return Deviation{mean, *epsilon};
  }
  return std::nullopt;
}

/// The deviation of d that `map` divides d by; sets d.
std::optional<Deviation> quotientOf(MapOp map, Value &d) {
  if (map.getScalarKind() == Kind::k_div) {
    d = operand(map, 0);
    return deviationOf(operand(map, 1), d);
  }
  if (map.getScalarKind() != Kind::k_mul)
    return std::nullopt;
  for (unsigned i : {0u, 1u}) {
    d = operand(map, 1 - i);
    Value inverse = operand(map, i);
    if (MapOp reciprocal = mapOf(inverse, Kind::k_reciprocal))
      return deviationOf(operand(reciprocal, 0), d);
    if (MapOp quotient = mapOf(inverse, Kind::k_div);
        quotient && isExactly(operand(quotient, 0), 1))
      if (auto deviation = deviationOf(operand(quotient, 1), d))
        return deviation;
  }
  return std::nullopt;
}

/// x when `d` is x - mean(x) over the same axes as `reduce`.
Value centered(Value d, ReduceOp reduce) {
  MapOp difference = mapOf(d, Kind::k_sub);
  ReduceOp mean =
      difference ? rowReduction(operand(difference, 1), "mean") : ReduceOp();
  bool matches = mean && mean.getInput() == operand(difference, 0) &&
                 mean.getAxes().size() == reduce.getAxes().size();
  return matches ? operand(difference, 0) : Value();
}

NormalizeOp makeNormalize(PatternRewriter &rewriter, Location location, Value x,
                          Value scale, Value bias, int64_t axis, double epsilon,
                          bool rms) {
  return NormalizeOp::create(rewriter, location, TypeRange{x.getType()}, x,
                             scale, bias, axis, APFloat(epsilon), rms, false);
}

struct NameNormalization : OpRewritePattern<MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    Value d;
    std::optional<Deviation> deviation = quotientOf(map, d);
    if (!deviation || d.getType() != map.getResult().getType() ||
        !isa<FloatType>(elementType(d)))
      return rewriter.notifyMatchFailure(map, "divides by no deviation");
    int64_t axis = rankOf(d) -
                   static_cast<int64_t>(deviation->meanSquare.getAxes().size());
    Value x = centered(d, deviation->meanSquare);
    NormalizeOp norm = makeNormalize(rewriter, map.getLoc(), x ? x : d, Value(),
                                     Value(), axis, deviation->epsilon, !x);
    rewriter.replaceOp(map, norm.getResults());
    return success();
  }
};

/// Whether `value` varies only along the axes that `norm` normalises.
bool isPerElement(Value value, NormalizeOp norm) {
  sym::Dims dims = sym::dimsOf(cast<RankedTensorType>(value.getType()));
  sym::Dims row =
      sym::dimsOf(cast<RankedTensorType>(norm.getInput().getType()));
  if (dims.size() > row.size())
    return false;
  size_t missing = row.size() - dims.size();
  for (size_t i = 0; i < dims.size(); ++i) {
    bool normalised = i + missing >= norm.getAxis();
    if (!sym::isConstant(dims[i], 1) &&
        (!normalised || dims[i] != row[i + missing]))
      return false;
  }
  return true;
}

/// norm * s and norm + b, with s and b constants.
struct AbsorbScale : OpRewritePattern<MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    bool isMul = map.getScalarKind() == Kind::k_mul,
         isAdd = map.getScalarKind() == Kind::k_add;
    if (!isMul && !isAdd)
      return rewriter.notifyMatchFailure(map, "neither scales nor shifts");
    for (unsigned i : {0u, 1u}) {
      auto norm = operand(map, i).getDefiningOp<NormalizeOp>();
      Value other = operand(map, 1 - i);
      if (!norm || !norm->hasOneUse() || norm.getWithStatistics() ||
          norm.getBias() || (isMul && norm.getScale()) ||
          !other.getDefiningOp<ConstantOp>() || !isPerElement(other, norm))
        continue;
      NormalizeOp joined = makeNormalize(
          rewriter, norm.getLoc(), norm.getInput(),
          isMul ? other : norm.getScale(), isAdd ? other : Value(),
          norm.getAxis(), norm.getEpsilon().convertToDouble(), norm.getRms());
      rewriter.replaceOp(map, joined.getResults());
      return success();
    }
    return rewriter.notifyMatchFailure(map, "follows no normalisation");
  }
};

struct NameSoftmax : OpRewritePattern<MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    if (map.getScalarKind() != Kind::k_div)
      return rewriter.notifyMatchFailure(map, "is no quotient");
    MapOp exp = mapOf(operand(map, 0), Kind::k_exp);
    auto sum = operand(map, 1).getDefiningOp<ReduceOp>();
    if (!exp || !sum || sum.getInput() != exp.getResult() ||
        sum.getKind() != "sum" || !sum.getKeepDims() ||
        sum.getAxes().size() != 1)
      return rewriter.notifyMatchFailure(map, "is no exponential over its sum");
    // Only the shifted form: the other overflows where softmax does not.
    MapOp difference = mapOf(operand(exp, 0), Kind::k_sub);
    auto top = difference ? operand(difference, 1).getDefiningOp<ReduceOp>()
                          : ReduceOp();
    if (!top || top.getInput() != operand(difference, 0) ||
        top.getKind() != "max" || !top.getKeepDims() ||
        top.getAxes() != sum.getAxes())
      return rewriter.notifyMatchFailure(
          map, "the exponent is not taken from its maximum");
    rewriter.replaceOpWithNewOp<SoftmaxOp>(map, top.getInput(),
                                           sum.getAxes()[0], false);
    return success();
  }
};

struct RecognizeNormalization
    : impl::RecognizeNormalizationBase<RecognizeNormalization> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<NameNormalization, AbsorbScale, NameSoftmax>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace sinter
