// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layer normalisation may hand out its mean and 1/sqrt(variance + epsilon), as
// training graphs want them. A kernel that writes rows has no place for them:
// statistics that nobody reads are dropped, and those that are read make the
// normalisation what it is, a few reductions and elementwise operations.
#include "passes/simplify/Matching.h"
#include "passes/simplify/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace sinter::graph;
using namespace sinter::simplify;

namespace sinter {
#define GEN_PASS_DEF_EXPANDSTATISTICS
#include "passes/simplify/Passes.h.inc"
namespace {

struct DropStatistics : OpRewritePattern<NormalizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(NormalizeOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getWithStatistics())
      return rewriter.notifyMatchFailure(op, "has no statistics");
    Value result = op.getResult(0), mean = op.getResult(1),
          inverse = op.getResult(2);
    if (!mean.use_empty() || !inverse.use_empty())
      return rewriter.notifyMatchFailure(op, "its statistics are read");
    auto plain =
        NormalizeOp::create(rewriter, op.getLoc(), TypeRange{result.getType()},
                            op.getInput(), op.getScale(), op.getBias(),
                            op.getAxis(), op.getEpsilon(), op.getRms(), false);
    rewriter.replaceOp(op, {plain.getResult(0), Value(), Value()});
    return success();
  }
};

struct ExpandRead : OpRewritePattern<NormalizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(NormalizeOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getWithStatistics() ||
        (op.getResult(1).use_empty() && op.getResult(2).use_empty()))
      return rewriter.notifyMatchFailure(op, "its statistics are not read");
    Location location = op.getLoc();
    Type element = elementType(op.getInput()), f32 = rewriter.getF32Type();
    // Statistics are float32 whatever the input is.
    Value x = converted(rewriter, location, op.getInput(), f32);
    int64_t rank = cast<RankedTensorType>(x.getType()).getRank();
    SmallVector<int64_t> axes;
    for (int64_t axis = static_cast<int64_t>(op.getAxis()); axis < rank; ++axis)
      axes.push_back(axis);
    auto meanOf = [&](Value value) -> Value {
      return ReduceOp::create(rewriter, location, value, "mean", axes, true);
    };
    auto map = [&](Kind kind, ValueRange operands) {
      return makeMap(rewriter, location, kind, operands);
    };
    Value mean = meanOf(x);
    if (op.getRms())
      mean = map(Kind::k_sub, {mean, mean});
    Value difference = map(Kind::k_sub, {x, mean});
    Value variance = meanOf(map(Kind::k_mul, {difference, difference}));
    Value epsilon =
        makeScalar(rewriter, location, f32, op.getEpsilon().convertToDouble());
    Value inverse =
        map(Kind::k_reciprocal,
            map(Kind::k_sqrt, map(Kind::k_add, {variance, epsilon})));
    Value result = converted(rewriter, location,
                             map(Kind::k_mul, {difference, inverse}), element);
    if (op.getScale())
      result = map(Kind::k_mul, {result, op.getScale()});
    if (op.getBias())
      result = map(Kind::k_add, {result, op.getBias()});
    rewriter.replaceOp(op, {result, mean, inverse});
    return success();
  }

private:
  static Value converted(OpBuilder &builder, Location location, Value value,
                         Type element) {
    auto type = cast<RankedTensorType>(value.getType());
    if (type.getElementType() == element)
      return value;
    return CastOp::create(builder, location,
                          sym::tensorOf(sym::dimsOf(type), element), value);
  }
};

struct ExpandStatistics : impl::ExpandStatisticsBase<ExpandStatistics> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DropStatistics, ExpandRead>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace sinter
