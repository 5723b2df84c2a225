// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product reads each element of its left side once for every few vectors of
// columns, and broadcasts it: a half is loaded, widened and broadcast, three
// instructions for two multiply-adds. So what stands on the left is kept in
// f32, rounded as before: the cast becomes part of the producer's epilogue. The
// right side stays as it is: it is read in vectors, and the bytes of weights
// and caches are what a product of few rows waits for.
//
//   matmul(relu(x) : f16, w : f16) : f16
//   ==>
//   cast(matmul(cast(relu(x)) : f32, w : f16) : f32) : f16
//
// Operations between producer and product that only move elements move f32
// then, if nothing else reads them.
#include "dialects/graph/GraphOps.h"
#include "passes/simplify/Passes.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace sinter::graph;

namespace sinter {
#define GEN_PASS_DEF_WIDENHALVES
#include "passes/simplify/Passes.h.inc"
namespace {

bool isHalf(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  return element.isF16() || element.isBF16();
}

bool isConstant(Value value) {
  Operation *def = value.getDefiningOp();
  return def && def->hasTrait<OpTrait::ConstantLike>();
}

/// A transposed convolution may become a loop of C, of one type: its filter is
/// widened too, as long as that costs nothing when the model runs.
bool isProduct(Operation *op) {
  return isa<MatMulOp, ConvOp>(op) ||
         (isa<ConvTransposeOp>(op) && isConstant(op->getOperand(1)));
}

/// Results are elements of the operands, whatever their type.
bool onlyMoves(Operation *op) {
  if (auto pool = dyn_cast<PoolOp>(op))
    return pool.getKind() == "max" && pool.getNumResults() == 1;
  return isa<TransposeOp, ReshapeOp, BroadcastOp, ConcatOp, SliceOp>(op);
}

struct WidenHalves : impl::WidenHalvesBase<WidenHalves> {
  void runOnOperation() override {
    wide.clear(); // of the function before this one
    emptied.clear();
    SmallVector<Operation *> products;
    getOperation()->walk([&](Operation *op) {
      if (isProduct(op) && isHalf(op->getOperand(0)) &&
          !isConstant(op->getOperand(0)))
        products.push_back(op);
    });
    for (Operation *op : products)
      widenProduct(op);
    for (Operation *op : llvm::reverse(emptied))
      if (op->use_empty())
        op->erase();
  }

private:
  Type inSingle(Value value) {
    return cast<RankedTensorType>(value.getType())
        .clone(Float32Type::get(&getContext()));
  }
  Value castTo(OpBuilder &builder, Value value, Type type) {
    return CastOp::create(builder, value.getLoc(), type, value);
  }

  Value widened(Value half) {
    Value &known = wide[half];
    if (known)
      return known;
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(half);
    Operation *def = half.getDefiningOp();
    if (!def || !onlyMoves(def) || !half.hasOneUse())
      return known = castTo(builder, half, inSingle(half));
    SmallVector<Value> operands;
    for (Value operand : def->getOperands())
      operands.push_back(widened(operand));
    Operation *moved = builder.clone(*def);
    moved->setOperands(operands);
    moved->getResult(0).setType(inSingle(half));
    emptied.push_back(def);
    return wide[half] = moved->getResult(0);
  }

  void widenProduct(Operation *op) {
    Value left = widened(op->getOperand(0)); // before a clone reads it as well
    OpBuilder builder(op);
    Operation *product = builder.clone(*op);
    builder.setInsertionPoint(product);
    product->setOperand(0, left);
    bool isTransposed = isa<ConvTransposeOp>(op);
    for (unsigned i = isTransposed ? 1 : 2; i < op->getNumOperands(); ++i)
      product->setOperand(
          i, castTo(builder, op->getOperand(i), inSingle(op->getOperand(i))));
    product->getResult(0).setType(inSingle(op->getResult(0)));
    builder.setInsertionPointAfter(product);
    op->getResult(0).replaceAllUsesWith(
        castTo(builder, product->getResult(0), op->getResult(0).getType()));
    op->erase();
    ++count;
  }

  DenseMap<Value, Value> wide; // of halves
  SmallVector<Operation *> emptied;
};

} // namespace
} // namespace sinter
