// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exporters write activations as the arithmetic of their formulas. One scalar
// operation has a better polynomial and one name in the fused kernel. Products
// are matched in any order and nesting: gelu comes as (x/2)*(1+erf),
// x*((1+erf)/2) and (x*(1+erf))/2, which is one product of three factors.
#include "passes/simplify/Matching.h"
#include "passes/simplify/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace sinter::graph;
using namespace sinter::simplify;

namespace sinter {
#define GEN_PASS_DEF_RECOGNIZEACTIVATIONS
#include "passes/simplify/Passes.h.inc"
namespace {

/// A product taken apart: the numbers multiplied into one, the rest as factors.
struct Product {
  double number = 1;
  SmallVector<Value> factors;
};

/// Looks through mul and div by numbers, at most a few levels deep. A factor
/// that is itself a product with another reader stays whole.
void collect(Value value, bool isRoot, int depth, Product &product) {
  auto map = value.getDefiningOp<MapOp>();
  bool looksInside = map && depth > 0 && (isRoot || map->hasOneUse());
  if (looksInside && map.getScalarKind() == Kind::k_mul) {
    for (Value operand : map.getOperands_()) {
      if (std::optional<double> number = readUniform(operand))
        product.number *= *number;
      else
        collect(operand, false, depth - 1, product);
    }
    return;
  }
  if (looksInside && map.getScalarKind() == Kind::k_div) {
    std::optional<double> number = readUniform(operand(map, 1));
    if (number && *number != 0) {
      product.number /= *number;
      return collect(operand(map, 0), false, depth - 1, product);
    }
  }
  product.factors.push_back(value);
}

Product productOf(Value value) {
  Product product;
  collect(value, /*isRoot=*/true, 4, product);
  return product;
}

bool isAbout(double found, double number) {
  return std::fabs(found - number) <= 1e-4 * std::fabs(number);
}

/// x when `value` is number * x, in any spelling.
Value scaledValue(Value value, double number) {
  Product product = productOf(value);
  return product.factors.size() == 1 && isAbout(product.number, number)
             ? product.factors[0]
             : Value();
}

bool isCube(Value value, Value x) {
  if (MapOp power = mapOf(value, Kind::k_pow))
    return operand(power, 0) == x && isExactly(operand(power, 1), 3);
  Product product = productOf(value);
  if (product.number != 1)
    return false;
  SmallVector<Value> factors;
  for (Value factor : product.factors) {
    MapOp square = mapOf(factor, Kind::k_pow);
    if (square && operand(square, 0) == x && isExactly(operand(square, 1), 2))
      factors.append(2, x);
    else
      factors.push_back(factor);
  }
  return factors.size() == 3 &&
         llvm::all_of(factors, [&](Value f) { return f == x; });
}

/// Whether `value` is x + 0.044715 x^3, or x * (1 + 0.044715 x^2).
bool isTanhInner(Value value, Value x) {
  if (MapOp sum = mapOf(value, Kind::k_add)) {
    Value other = otherOperand(sum, [&](Value v) { return v == x; });
    if (!other)
      return false;
    Product product = productOf(other);
    if (!isAbout(product.number, 0.044715))
      return false;
    if (product.factors.size() == 1)
      return isCube(product.factors[0], x);
    return product.factors.size() == 3 &&
           llvm::all_of(product.factors, [&](Value f) { return f == x; });
  }
  return false;
}

/// x when `value` is 1 + erf(x / sqrt 2).
Value erfArgument(Value value) {
  MapOp erf = mapOf(besideNumber(value, Kind::k_add, 1), Kind::k_erf);
  return erf ? scaledValue(operand(erf, 0), 0.70710678) : Value();
}

/// Whether `value` is 1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)).
bool isTanhPart(Value value, Value x) {
  MapOp tanh = mapOf(besideNumber(value, Kind::k_add, 1), Kind::k_tanh);
  Value inner = tanh ? scaledValue(operand(tanh, 0), 0.79788456) : Value();
  return inner && isTanhInner(inner, x);
}

/// x when `value` is clip(x / 6 + 1/2, 0, 1), as hard_sigmoid or spelt out; the
/// factor 6 may be taken out: then `scale` is 6.
Value hardSigmoidArgument(Value value, double &scale) {
  scale = 1;
  if (MapOp hard = mapOf(value, Kind::k_hard_sigmoid))
    return isNumber(operand(hard, 1), 1.0 / 6) &&
                   isNumber(operand(hard, 2), 0.5)
               ? operand(hard, 0)
               : Value();
  MapOp clip = mapOf(value, Kind::k_clip);
  if (!clip || !isExactly(operand(clip, 1), 0) ||
      !isNumber(operand(clip, 2), 6))
    return {};
  scale = 6;
  return besideNumber(operand(clip, 0), Kind::k_add, 3);
}

/// What the product of `x` and `other`, times `number`, is called.
std::optional<Kind> nameOfProduct(Value x, Value other, double number) {
  if (isAbout(number, 0.5)) {
    if (erfArgument(other) == x)
      return Kind::k_gelu;
    if (isTanhPart(other, x))
      return Kind::k_gelu_tanh;
  }
  double scale;
  if (hardSigmoidArgument(other, scale) == x && isAbout(number * scale, 1))
    return Kind::k_hard_swish;
  if (number != 1)
    return std::nullopt;
  if (MapOp sigmoid = mapOf(other, Kind::k_sigmoid);
      sigmoid && operand(sigmoid, 0) == x)
    return Kind::k_silu;
  MapOp tanh = mapOf(other, Kind::k_tanh);
  MapOp softplus = tanh ? mapOf(operand(tanh, 0), Kind::k_softplus) : MapOp();
  if (softplus && operand(softplus, 0) == x)
    return Kind::k_mish;
  return std::nullopt;
}

LogicalResult replaceBy(PatternRewriter &rewriter, MapOp map, Kind kind,
                        Value x) {
  if (x.getType() != map.getResult().getType())
    return rewriter.notifyMatchFailure(map, "the argument is broadcast");
  rewriter.replaceOp(map, makeMap(rewriter, map.getLoc(), kind, x));
  return success();
}

struct NameProduct : OpRewritePattern<MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    if (map.getScalarKind() != Kind::k_mul &&
        map.getScalarKind() != Kind::k_div)
      return rewriter.notifyMatchFailure(map, "is no product");
    Product product = productOf(map.getResult());
    if (product.factors.size() != 2)
      return rewriter.notifyMatchFailure(map, "is no product of two values");
    for (unsigned i : {0u, 1u}) {
      Value x = product.factors[i], other = product.factors[1 - i];
      if (std::optional<Kind> kind = nameOfProduct(x, other, product.number))
        return replaceBy(rewriter, map, *kind, x);
    }
    return rewriter.notifyMatchFailure(map, "is no activation");
  }
};

/// clip(x + 3, 0, 6) / 6 alone is hard_sigmoid with slope 1/6.
struct NameHardSigmoid : OpRewritePattern<MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    if (map.getScalarKind() != Kind::k_mul &&
        map.getScalarKind() != Kind::k_div)
      return rewriter.notifyMatchFailure(map, "is no product");
    Product product = productOf(map.getResult());
    double scale = 0;
    Value x = product.factors.size() == 1
                  ? hardSigmoidArgument(product.factors[0], scale)
                  : Value();
    if (!x || scale != 6 || !isAbout(product.number, 1.0 / 6) ||
        x.getType() != map.getResult().getType())
      return rewriter.notifyMatchFailure(map, "is no hard sigmoid");
    Value slope = makeScalar(rewriter, map.getLoc(), elementType(x), 1.0 / 6);
    Value offset = makeScalar(rewriter, map.getLoc(), elementType(x), 0.5);
    rewriter.replaceOp(map, makeMap(rewriter, map.getLoc(),
                                    Kind::k_hard_sigmoid, {x, slope, offset}));
    return success();
  }
};

/// 1 / (1 + exp(-x)) and log(1 + exp(x)).
struct NameExponential : OpRewritePattern<MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    if (map.getScalarKind() == Kind::k_log) {
      MapOp exp =
          mapOf(besideNumber(operand(map, 0), Kind::k_add, 1), Kind::k_exp);
      if (exp)
        return replaceBy(rewriter, map, Kind::k_softplus, operand(exp, 0));
    }
    Value below;
    if (map.getScalarKind() == Kind::k_reciprocal)
      below = operand(map, 0);
    else if (map.getScalarKind() == Kind::k_div &&
             isExactly(operand(map, 0), 1))
      below = operand(map, 1);
    MapOp exp = mapOf(besideNumber(below, Kind::k_add, 1), Kind::k_exp);
    MapOp negative = exp ? mapOf(operand(exp, 0), Kind::k_neg) : MapOp();
    if (!negative)
      return rewriter.notifyMatchFailure(map,
                                         "is neither sigmoid nor softplus");
    return replaceBy(rewriter, map, Kind::k_sigmoid, operand(negative, 0));
  }
};

struct RecognizeActivations
    : impl::RecognizeActivationsBase<RecognizeActivations> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<NameProduct, NameHardSigmoid, NameExponential>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace sinter
