// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A constant factor or term per channel behind a convolution costs nothing in
// its filter and bias; likewise a factor per column behind a matrix product.
// The producer must have no other reader, filter and bias must be constants. A
// constant that varies along any other axis is not touched.
#include "passes/simplify/Matching.h"
#include "passes/simplify/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace sinter::graph;
using namespace sinter::simplify;

namespace sinter {
#define GEN_PASS_DEF_FOLDSCALE
#include "passes/simplify/Passes.h.inc"
namespace {

/// The constant as one number for each of `count` channels on axis `fromEnd`
/// (1: the last) of the result; nullopt when it varies elsewhere.
std::optional<std::vector<double>>
perChannel(Value constant, int64_t fromEnd, int64_t count, int64_t resultRank) {
  auto type = dyn_cast<RankedTensorType>(constant.getType());
  if (!type || !type.hasStaticShape() || type.getRank() > resultRank)
    return std::nullopt;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    int64_t extent = type.getDimSize(axis);
    if (extent != 1 && (type.getRank() - axis != fromEnd || extent != count))
      return std::nullopt;
  }
  auto numbers = readFloats(constant, count);
  if (numbers && numbers->size() == 1)
    numbers->assign(static_cast<size_t>(count), numbers->front());
  return numbers;
}

struct Change {
  std::vector<double> factor, term; // y * factor + term
};

/// What `map` does to the value `product`, channel by channel.
std::optional<Change> changeOf(MapOp map, Value product, int64_t fromEnd,
                               int64_t count) {
  if (map.getOperands_().size() != 2 ||
      map.getResult().getType() != product.getType())
    return std::nullopt;
  bool isFirst = operand(map, 0) == product;
  int64_t rank = cast<RankedTensorType>(product.getType()).getRank();
  auto numbers =
      perChannel(operand(map, isFirst ? 1 : 0), fromEnd, count, rank);
  if (!numbers)
    return std::nullopt;
  size_t n = static_cast<size_t>(count);
  std::vector<double> zeros(n, 0.0), ones(n, 1.0), minus(n, -1.0),
      negated = *numbers;
  for (double &x : negated)
    x = -x;
  switch (map.getScalarKind()) {
  case Kind::k_mul:
    return Change{*numbers, zeros};
  case Kind::k_add:
    return Change{ones, *numbers};
  case Kind::k_sub:
    return isFirst ? Change{ones, negated} : Change{minus, *numbers};
  case Kind::k_div:
    if (!isFirst || llvm::is_contained(*numbers, 0.0))
      return std::nullopt;
    for (double &x : *numbers)
      x = 1 / x;
    return Change{*numbers, zeros};
  default:
    return std::nullopt;
  }
}

bool isScaling(const Change &change) {
  return llvm::any_of(change.factor, [](double x) { return x != 1; });
}

LogicalResult foldIntoConv(ConvOp conv, MapOp map, PatternRewriter &rewriter) {
  auto filterType = cast<RankedTensorType>(conv.getFilter().getType());
  int64_t channels = filterType.getDimSize(0);
  int64_t rank = cast<RankedTensorType>(conv.getResult().getType()).getRank();
  auto change = changeOf(map, conv.getResult(),
                         conv.getChannelsLast() ? 1 : rank - 1, channels);
  if (!change)
    return rewriter.notifyMatchFailure(map, "no constant per channel");
  std::vector<double> bias(static_cast<size_t>(channels), 0.0);
  if (conv.getBias()) {
    auto old = readFloats(conv.getBias());
    if (!old)
      return rewriter.notifyMatchFailure(map, "the bias is no constant");
    bias = *old;
  }
  for (size_t c = 0; c < bias.size(); ++c)
    bias[c] = bias[c] * change->factor[c] + change->term[c];
  Value filter = conv.getFilter();
  std::string name = "filter";
  if (isScaling(*change)) {
    auto numbers = readFloats(filter);
    if (!numbers || numbers->empty())
      return rewriter.notifyMatchFailure(map, "the filter is no constant");
    size_t perChannel = numbers->size() / bias.size();
    for (size_t i = 0; i < numbers->size(); ++i)
      (*numbers)[i] *= change->factor[i / perChannel];
    name = readConstant(filter)->name;
    rewriter.setInsertionPoint(map);
    filter = makeFloats(rewriter, conv.getLoc(), filterType, *numbers,
                        name + ".scaled", "scale(" + name + ")");
  }
  rewriter.setInsertionPoint(map);
  auto biasType =
      RankedTensorType::get({channels}, filterType.getElementType());
  Value newBias = makeFloats(rewriter, conv.getLoc(), biasType, bias,
                             name + ".bias", "scale_bias(" + name + ")");
  rewriter.replaceOpWithNewOp<ConvOp>(
      map, TypeRange{map.getResult().getType()},
      ValueRange{conv.getInput(), filter, newBias}, conv->getAttrs());
  return success();
}

LogicalResult foldIntoMatMul(MatMulOp product, MapOp map,
                             PatternRewriter &rewriter) {
  auto type = cast<RankedTensorType>(product.getB().getType());
  if (type.getRank() != 2 || !type.hasStaticShape())
    return rewriter.notifyMatchFailure(map, "the right-hand side is no matrix");
  bool transposed = product.getTransposeB();
  int64_t columns = type.getDimSize(transposed ? 0 : 1);
  auto change = changeOf(map, product.getResult(), 1, columns);
  if (!change || !isScaling(*change) ||
      llvm::any_of(change->term, [](double x) { return x != 0; }))
    return rewriter.notifyMatchFailure(map, "no constant factor per column");
  auto numbers = readFloats(product.getB());
  if (!numbers)
    return rewriter.notifyMatchFailure(map,
                                       "the right-hand side is no constant");
  int64_t depth = type.getDimSize(transposed ? 1 : 0);
  for (int64_t i = 0; i < static_cast<int64_t>(numbers->size()); ++i)
    (*numbers)[i] *= change->factor[transposed ? i / depth : i % columns];
  std::string name = readConstant(product.getB())->name;
  rewriter.setInsertionPoint(map);
  Value scaled = makeFloats(rewriter, product.getLoc(), type, *numbers,
                            name + ".scaled", "scale(" + name + ")");
  rewriter.replaceOpWithNewOp<MatMulOp>(
      map, TypeRange{map.getResult().getType()},
      ValueRange{product.getA(), scaled}, product->getAttrs());
  return success();
}

struct FoldMap : OpRewritePattern<MapOp> {
  FoldMap(MLIRContext *context, Pass::Statistic &folded)
      : OpRewritePattern(context), folded(folded) {}

  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    for (Value value : map.getOperands_()) {
      Operation *producer = value.getDefiningOp();
      if (!producer || !producer->hasOneUse())
        continue;
      LogicalResult done = failure();
      if (auto conv = dyn_cast<ConvOp>(producer))
        done = foldIntoConv(conv, map, rewriter);
      else if (auto product = dyn_cast<MatMulOp>(producer))
        done = foldIntoMatMul(product, map, rewriter);
      if (succeeded(done)) {
        ++folded;
        return success();
      }
    }
    return rewriter.notifyMatchFailure(map,
                                       "follows no product that takes it in");
  }

private:
  Pass::Statistic &folded;
};

struct FoldScale : impl::FoldScaleBase<FoldScale> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldMap>(&getContext(), folded);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace sinter
