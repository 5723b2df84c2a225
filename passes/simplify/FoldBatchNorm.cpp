// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inference batch normalisation is y = x * s + t with one s and t a channel:
// s = scale / sqrt(variance + epsilon), t = bias - mean * s. Behind a
// convolution whose filter is constant and whose result nothing else reads,
// both go into filter and bias; the sums are made in float64, so the only
// rounding is the last one. Anywhere else y is written as two graph.map
// operations, whose per-channel constants the constant folder computes.
#include "passes/simplify/Matching.h"
#include "passes/simplify/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace sinter::graph;
using namespace sinter::simplify;

namespace sinter {
#define GEN_PASS_DEF_FOLDBATCHNORM
#include "passes/simplify/Passes.h.inc"
namespace {

struct Affine {
  std::vector<double> scale, shift; // one each a channel
};

std::optional<Affine> affineOf(BatchNormOp op) {
  auto scale = readFloats(op.getScale()), bias = readFloats(op.getBias());
  auto mean = readFloats(op.getMean()), variance = readFloats(op.getVariance());
  if (!scale || !bias || !mean || !variance)
    return std::nullopt;
  Affine affine{*scale, *bias};
  double epsilon = op.getEpsilon().convertToDouble();
  for (size_t c = 0; c < scale->size(); ++c) {
    affine.scale[c] /= std::sqrt((*variance)[c] + epsilon);
    affine.shift[c] -= (*mean)[c] * affine.scale[c];
  }
  return affine;
}

/// The filter is runs of elements that work for the same channel of the result.
int64_t runLength(RankedTensorType filter, bool transposed) {
  int64_t length = 1;
  for (int64_t axis = transposed ? 2 : 1; axis < filter.getRank(); ++axis)
    length *= filter.getDimSize(axis);
  return length;
}

int64_t channelOfRun(ConvOp, RankedTensorType, int64_t run) { return run; }

int64_t channelOfRun(ConvTransposeOp op, RankedTensorType filter, int64_t run) {
  int64_t perGroup = filter.getDimSize(1);
  int64_t inGroup = filter.getDimSize(0) / static_cast<int64_t>(op.getGroup());
  return run / perGroup / inGroup * perGroup + run % perGroup;
}

template <typename Conv>
void scaleRuns(Conv conv, std::vector<double> &filter, const Affine &affine) {
  auto type = cast<RankedTensorType>(conv.getFilter().getType());
  size_t length =
      static_cast<size_t>(runLength(type, isa<ConvTransposeOp>(*conv)));
  for (size_t run = 0; run * length < filter.size(); ++run) {
    double factor =
        affine.scale[channelOfRun(conv, type, static_cast<int64_t>(run))];
    for (size_t i = run * length; i < (run + 1) * length; ++i)
      filter[i] *= factor;
  }
}

template <typename Conv>
LogicalResult scaleFilter(Conv conv, const Affine &affine, BatchNormOp norm,
                          PatternRewriter &rewriter) {
  if (!conv->hasOneUse() || conv.getChannelsLast() != norm.getChannelsLast())
    return failure();
  auto filter = readFloats(conv.getFilter());
  std::vector<double> bias(affine.scale.size(), 0.0);
  if (conv.getBias()) {
    auto old = readFloats(conv.getBias());
    if (!old)
      return failure();
    bias = *old;
  }
  if (!filter || filter->empty() || bias.size() != affine.scale.size())
    return failure();
  scaleRuns(conv, *filter, affine);
  for (size_t c = 0; c < bias.size(); ++c)
    bias[c] = bias[c] * affine.scale[c] + affine.shift[c];

  std::string source = readConstant(conv.getFilter())->name;
  std::string by = readConstant(norm.getScale())->name;
  auto type = cast<RankedTensorType>(conv.getFilter().getType());
  auto biasType = RankedTensorType::get({static_cast<int64_t>(bias.size())},
                                        type.getElementType());
  rewriter.setInsertionPoint(norm);
  Value newFilter =
      makeFloats(rewriter, conv.getLoc(), type, *filter, source + ".normalized",
                 "batch_norm_filter(" + source + ", " + by + ")");
  Value newBias =
      makeFloats(rewriter, conv.getLoc(), biasType, bias, source + ".shift",
                 "batch_norm_bias(" + source + ", " + by + ")");
  rewriter.replaceOpWithNewOp<Conv>(
      norm, TypeRange{norm.getResult().getType()},
      ValueRange{conv.getInput(), newFilter, newBias}, conv->getAttrs());
  return success();
}

/// A per-channel vector in the shape that broadcasts along the channels. Its
/// extent may have another name than the input's channels (a check makes them
/// equal): the input's is taken, so that the result keeps its type.
Value alongChannels(BatchNormOp op, Value vector, OpBuilder &builder) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  int64_t axis =
      op.getChannelsLast() || type.getRank() < 2 ? type.getRank() - 1 : 1;
  auto vectorType = cast<RankedTensorType>(vector.getType());
  sym::DimAttr one = sym::constantDim(op.getContext(), 1);
  bool hasChannels = type.getRank() > 1 || op.getChannelsLast();
  sym::Dims dims{hasChannels ? sym::dimsOf(type)[static_cast<size_t>(axis)]
                             : one};
  dims.append(static_cast<size_t>(type.getRank() - 1 - axis), one);
  RankedTensorType shaped = sym::tensorOf(dims, vectorType.getElementType());
  if (shaped == vectorType)
    return vector;
  return ReshapeOp::create(builder, op.getLoc(), shaped, vector);
}

struct FoldNorm : OpRewritePattern<BatchNormOp> {
  FoldNorm(MLIRContext *context, Pass::Statistic &scaled)
      : OpRewritePattern(context), scaled(scaled) {}

  LogicalResult matchAndRewrite(BatchNormOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<Affine> affine = affineOf(op);
    Operation *producer = op.getInput().getDefiningOp();
    if (affine && producer && isa<ConvOp, ConvTransposeOp>(producer)) {
      auto conv = dyn_cast<ConvOp>(producer);
      LogicalResult done = conv ? scaleFilter(conv, *affine, op, rewriter)
                                : scaleFilter(cast<ConvTransposeOp>(producer),
                                              *affine, op, rewriter);
      if (succeeded(done)) {
        ++scaled;
        return success();
      }
    }
    auto [scale, shift] =
        affine ? constants(op, *affine, rewriter) : computed(op, rewriter);
    Value product =
        makeMap(rewriter, op.getLoc(), Kind::k_mul,
                {op.getInput(), alongChannels(op, scale, rewriter)});
    rewriter.replaceOp(op,
                       makeMap(rewriter, op.getLoc(), Kind::k_add,
                               {product, alongChannels(op, shift, rewriter)}));
    return success();
  }

private:
  static std::pair<Value, Value> constants(BatchNormOp op, const Affine &affine,
                                           PatternRewriter &rewriter) {
    auto type = cast<RankedTensorType>(op.getScale().getType());
    std::string source = readConstant(op.getScale())->name;
    return {makeFloats(rewriter, op.getLoc(), type, affine.scale,
                       source + ".factor", "batch_norm_scale(" + source + ")"),
            makeFloats(rewriter, op.getLoc(), type, affine.shift,
                       source + ".shift", "batch_norm_shift(" + source + ")")};
  }
  static std::pair<Value, Value> computed(BatchNormOp op,
                                          PatternRewriter &rewriter) {
    Location location = op.getLoc();
    Value epsilon =
        makeScalar(rewriter, location, elementType(op.getVariance()),
                   op.getEpsilon().convertToDouble());
    Value sum =
        makeMap(rewriter, location, Kind::k_add, {op.getVariance(), epsilon});
    Value root = makeMap(rewriter, location, Kind::k_sqrt, sum);
    Value scale =
        makeMap(rewriter, location, Kind::k_div, {op.getScale(), root});
    Value moved =
        makeMap(rewriter, location, Kind::k_mul, {op.getMean(), scale});
    return {scale,
            makeMap(rewriter, location, Kind::k_sub, {op.getBias(), moved})};
  }

  Pass::Statistic &scaled;
};

struct FoldBatchNorm : impl::FoldBatchNormBase<FoldBatchNorm> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldNorm>(&getContext(), scaled);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace sinter
