// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exporters leave whole subgraphs whose value is known: masks, position tables,
// transposed weights, shapes. They are computed here, once, by the reference
// evaluator, in the order of the program, so that one walk folds chains.
//
// A splat is computed as one element: ConstantOfShape of a weight's shape must
// not cost its 500 MB. Results that grow the model are charged to a budget: an
// Expand of a scalar is cheaper at run time than in the file.
#include "dialects/graph/ConstantData.h"
#include "passes/simplify/Folder.h"
#include "passes/simplify/Passes.h"

#include "dialects/graph/WeightStore.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"
#include <algorithm>

using namespace mlir;
using namespace sinter::graph;

namespace sinter {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "passes/simplify/Passes.h.inc"
namespace {

/// Whether the result is one value everywhere when every operand is.
bool keepsSplats(Operation *op) {
  return isa<MapOp, CastOp, ReshapeOp, BroadcastOp, TransposeOp, SliceOp,
             ConcatOp>(op);
}

/// What no tensor of a model has; products of extents stay far from overflow.
constexpr int64_t mostElements = int64_t(1) << 40;
constexpr size_t mostLetters = 1024; // of a recipe

/// Static, of a type with bytes, and of a sane size.
bool isPlainTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() ||
      !tensor.getElementType().isIntOrFloat())
    return false;
  int64_t room = mostElements;
  for (int64_t extent : tensor.getShape())
    room /= std::max<int64_t>(extent, 1);
  return room > 0;
}

bool isFoldable(Operation *op) {
  return isa<GraphDialect>(op->getDialect()) && !isa<ConstantOp>(op) &&
         isPure(op) && op->getNumRegions() == 0 && op->getNumResults() > 0 &&
         !op->hasTrait<OpTrait::IsTerminator>() &&
         llvm::all_of(op->getResultTypes(), isPlainTensor) &&
         llvm::all_of(op->getOperandTypes(), isPlainTensor) &&
         llvm::all_of(op->getOperands(), [](Value operand) {
           return operand.getDefiningOp<ConstantOp>() != nullptr;
         });
}

size_t bytesOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return static_cast<size_t>(type.getNumElements()) *
         elementBytes(type.getElementType());
}

/// Bytes that a constant takes in the model: a splat is one element.
size_t storedBytes(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  auto type = cast<RankedTensorType>(value.getType());
  return dense && dense.isSplat() ? elementBytes(type.getElementType())
                                  : bytesOf(value);
}

/// Whether a product has over `most` multiply-adds: the compile would wait for
/// it.
bool takesLong(Operation *op, int64_t most) {
  auto elements = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getNumElements();
  };
  if (!isa<MatMulOp, ConvOp, ConvTransposeOp, RecurrentOp>(op))
    return false;
  // At most each element of the result takes all of the smaller operand.
  int64_t depth = elements(op->getOperand(1));
  if (auto product = dyn_cast<MatMulOp>(op)) {
    auto type = cast<RankedTensorType>(product.getB().getType());
    depth = type.getDimSize(type.getRank() - (product.getTransposeB() ? 1 : 2));
  }
  return elements(op->getResult(0)) > most / std::max<int64_t>(depth, 1);
}

struct FoldConstants : impl::FoldConstantsBase<FoldConstants> {
  FoldConstants(std::shared_ptr<const ConstantEvaluator> evaluator)
      : evaluator(std::move(evaluator)) {}

  void runOnOperation() override {
    if (!evaluator)
      return;
    left = growth;
    SmallVector<Operation *> order;
    getOperation().walk<WalkOrder::PreOrder>(
        [&](Operation *op) { order.push_back(op); });
    for (Operation *op : order)
      if (isFoldable(op) && (foldSplat(op) || fold(op)))
        ++folded;
  }

private:
  void replace(Operation *op, ArrayRef<ConstantTensor> results) {
    OpBuilder builder(op);
    std::string recipe = op->getName().stripDialect().str() + "(";
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      auto weight =
          dyn_cast<WeightAttr>(operand.getDefiningOp<ConstantOp>().getValue());
      recipe += (i ? ", " : "") +
                (weight ? weight.getKey().getValue().str() : "constant");
    }
    recipe += ")";
    // One that names a constant twice doubles at each of many steps.
    if (recipe.size() > mostLetters)
      recipe = recipe.substr(0, mostLetters) + "... " +
               llvm::utohexstr(llvm::xxh3_64bits(recipe));
    for (auto [old, result] : llvm::zip(op->getResults(), results))
      old.replaceAllUsesWith(makeConstant(
          builder, op->getLoc(), cast<RankedTensorType>(old.getType()),
          result.bytes, "folded." + recipe, recipe));
    eraseWithConstants(op);
  }

  /// The operation and the constants that only it read.
  void eraseWithConstants(Operation *op) {
    llvm::SmallSetVector<Operation *, 4> constants;
    for (Value operand : op->getOperands())
      constants.insert(operand.getDefiningOp());
    op->erase();
    for (Operation *constant : constants)
      if (constant->use_empty())
        constant->erase();
  }

  bool foldSplat(Operation *op) {
    if (!keepsSplats(op) || op->getNumOperands() == 0 ||
        bytesOf(op->getResult(0)) == 0)
      return false;
    std::vector<ConstantTensor> scalars;
    for (Value operand : op->getOperands()) {
      auto dense = dyn_cast<DenseElementsAttr>(
          operand.getDefiningOp<ConstantOp>().getValue());
      std::optional<ConstantData> data =
          dense && dense.isSplat() ? readConstant(operand) : std::nullopt;
      if (!data || (!scalars.empty() && !isa<MapOp>(op) &&
                    data->bytes != scalars.front().bytes))
        return false;
      scalars.push_back({RankedTensorType::get({}, data->type.getElementType()),
                         data->bytes});
    }
    std::vector<char> element = scalars.front().bytes;
    if (isa<MapOp, CastOp>(op)) {
      auto results = evaluator->evaluate(op, scalars);
      if (!results)
        return false;
      element = results->front().bytes;
    }
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    Attribute splat;
    if (type.getElementType().isInteger(1))
      splat = DenseElementsAttr::get(type, element[0] != 0);
    else
      splat = DenseElementsAttr::getFromRawBuffer(type, element);
    OpBuilder builder(op);
    op->getResult(0).replaceAllUsesWith(
        ConstantOp::create(builder, op->getLoc(), type, splat));
    eraseWithConstants(op);
    return true;
  }

  bool fold(Operation *op) {
    int64_t growthHere = 0, spread = 0; // spread: what splats take, written out
    for (Value result : op->getResults())
      growthHere += static_cast<int64_t>(bytesOf(result));
    for (Value operand : op->getOperands()) {
      growthHere -= static_cast<int64_t>(storedBytes(operand));
      spread += static_cast<int64_t>(bytesOf(operand) - storedBytes(operand));
    }
    growthHere = std::max<int64_t>(growthHere, 0);
    if (growthHere > left || spread > growth || takesLong(op, work))
      return false;
    std::vector<ConstantTensor> operands;
    for (Value operand : op->getOperands()) {
      std::optional<ConstantData> data = readConstant(operand);
      if (!data)
        return false;
      operands.push_back({data->type, data->expanded()});
    }
    auto results = evaluator->evaluate(op, operands);
    if (!results || results->size() != op->getNumResults())
      return false;
    for (auto [old, result] : llvm::zip(op->getResults(), *results))
      if (result.bytes.size() != bytesOf(old))
        return false;
    left -= growthHere;
    replace(op, *results);
    return true;
  }

  std::shared_ptr<const ConstantEvaluator> evaluator;
  int64_t left = 0;
};

} // namespace

std::unique_ptr<Pass>
createFoldConstants(std::shared_ptr<const ConstantEvaluator> evaluator) {
  return std::make_unique<FoldConstants>(std::move(evaluator));
}

} // namespace sinter
