// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where several query heads share one head of keys and values, exporters repeat
// the keys: a broadcast and a reshape, which would copy the whole cache in each
// step of generation. The queries of those heads are rows of one product
// instead:
//
//   matmul [B, N r, m, k] x (repeat [B, N, k, n])
//   ==>
//   reshape (matmul (reshape [B, N, r m, k]) x [B, N, k, n])
//
// A number that the repeated side is multiplied by goes to the queries, of
// which there are fewer; so does one of a right-hand side whose left one has a
// factor as well: the scale of attention, which exporters split between both.
#include "passes/simplify/Matching.h"
#include "passes/simplify/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace sinter::graph;
using namespace sinter::simplify;

namespace sinter {
#define GEN_PASS_DEF_SHAREHEADS
#include "passes/simplify/Passes.h.inc"
namespace {

using sym::DimAttr;
using sym::Dims;

Dims dimsOf(Value value) {
  return sym::dimsOf(cast<RankedTensorType>(value.getType()));
}

/// What the right-hand side of a product is made of.
struct RightSide {
  Value source;             // behind everything below
  SmallVector<Value> scale; // uniform constants that it is multiplied by
  bool isTransposed = false;
};

/// x of x * constant, one number for all elements; null otherwise.
Value scaledBy(Value value, Value &number) {
  MapOp map = mapOf(value, Kind::k_mul);
  Value other = otherOperand(map, [&](Value v) {
    bool isNumber = readUniform(v).has_value();
    number = isNumber ? v : number;
    return isNumber;
  });
  return other && other.getType() == value.getType() ? other : Value();
}

RightSide peel(Value value) {
  RightSide side{value, {}, false};
  while (true) {
    Value number;
    if (Value inner = scaledBy(side.source, number)) {
      side.scale.push_back(number);
      side.source = inner;
      continue;
    }
    auto transpose = side.source.getDefiningOp<TransposeOp>();
    ArrayRef<int64_t> order =
        transpose ? transpose.getPermutation() : ArrayRef<int64_t>();
    if (order.size() != 4 || order[0] != 0 || order[1] != 1 || order[2] != 3)
      return side;
    side.isTransposed = !side.isTransposed;
    side.source = transpose.getInput();
  }
}

/// [B, N, s, t] of a value [B, N r, s, t] that holds each of its heads r times.
Value repeatedHeads(Value value) {
  auto joined = value.getDefiningOp<ReshapeOp>();
  auto wide =
      joined ? joined.getInput().getDefiningOp<BroadcastOp>() : BroadcastOp();
  if (!wide)
    return {};
  Dims to = dimsOf(value), five = dimsOf(wide), from = dimsOf(wide.getInput());
  if (to.size() != 4 || five.size() != 5 || from.size() != 5 ||
      sym::asConstant(from[2]) != 1)
    return {};
  for (size_t i : {0, 1, 3, 4})
    if (from[i] != five[i])
      return {};
  if (to[0] != five[0] || to[1] != five[1] * five[2] || to[2] != five[3] ||
      to[3] != five[4])
    return {};
  return wide.getInput();
}

struct ShareRows : OpRewritePattern<MatMulOp> {
  ShareRows(MLIRContext *context, Pass::Statistic &shared)
      : OpRewritePattern(context), shared(shared) {}

  LogicalResult matchAndRewrite(MatMulOp product,
                                PatternRewriter &rewriter) const override {
    RightSide side = peel(product.getB());
    Value heads = repeatedHeads(side.source), number;
    Dims a = dimsOf(product.getA()), out = dimsOf(product.getResult());
    bool isSplit = !side.scale.empty() && scaledBy(product.getA(), number);
    if (product.getTransposeA() || a.size() != 4 || (!heads && !isSplit))
      return rewriter.notifyMatchFailure(product, "repeats no head");
    Location location = product.getLoc();
    Value left = product.getA(), right = side.source;
    for (Value scale : side.scale)
      left = makeMap(rewriter, location, Kind::k_mul, {left, scale});
    if (heads) {
      Dims five = dimsOf(heads);
      if (a[0] != five[0] || a[1] != dimsOf(side.source)[1])
        return rewriter.notifyMatchFailure(product, "broadcasts its batch");
      left = reshape(rewriter, location, left,
                     {a[0], five[1], rowsOf(side.source) * a[2], a[3]});
      right = reshape(rewriter, location, heads,
                      {five[0], five[1], five[3], five[4]});
    }
    bool isTransposed = product.getTransposeB() != side.isTransposed;
    auto result =
        MatMulOp::create(rewriter, location, left, right, false, isTransposed);
    Value value = result;
    if (heads)
      value = reshape(rewriter, location, value, out);
    ++shared;
    return replaceIfSameType(rewriter, product, value);
  }

private:
  /// How often each head stands in `repeated`.
  static DimAttr rowsOf(Value repeated) {
    auto wide = repeated.getDefiningOp<ReshapeOp>()
                    .getInput()
                    .getDefiningOp<BroadcastOp>();
    return dimsOf(wide)[2];
  }
  static Value reshape(PatternRewriter &rewriter, Location location, Value x,
                       Dims dims) {
    return ReshapeOp::create(rewriter, location,
                             sym::tensorOf(dims, elementType(x)), x);
  }

  Pass::Statistic &shared;
};

struct ShareHeads : impl::ShareHeadsBase<ShareHeads> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ShareRows>(&getContext(), shared);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace sinter
