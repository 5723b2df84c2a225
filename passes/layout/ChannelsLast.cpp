// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One walk in program order. Convolutions and pools are turned; a later
// operation that can be expressed over permuted axes is turned when most of its
// input bytes already are. A turned operation is a clone whose operands, axes
// and types are permuted; `turned` maps old values to new ones. Operations that
// stay read a transpose of the new value, which a strided view makes free for
// most kernels.

#include "dialects/graph/GraphOps.h"
#include "mlir/IR/Builders.h"
#include "passes/layout/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace sinter {
#define GEN_PASS_DEF_CHANNELSLAST
#include "passes/layout/Passes.h.inc"
namespace {

using Order = SmallVector<int64_t, 6>;

/// Result axis i is axis toLast[i] of [N, C, spatial...].
Order toLastOrder(unsigned rank) {
  Order order{0};
  for (unsigned i = 2; i < rank; ++i)
    order.push_back(i);
  order.push_back(1);
  return order;
}

Order toFirstOrder(unsigned rank) {
  Order order{0, int64_t(rank) - 1};
  for (unsigned i = 1; i + 1 < rank; ++i)
    order.push_back(i);
  return order;
}

/// Where axis `axis` of [N, C, spatial...] goes.
int64_t lastAxis(int64_t axis, unsigned rank) {
  if (axis == 0)
    return 0;
  return axis == 1 ? int64_t(rank) - 1 : axis - 1;
}

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

template <typename T>
SmallVector<T> permute(ArrayRef<T> values, ArrayRef<int64_t> order) {
  SmallVector<T> result;
  for (int64_t axis : order)
    result.push_back(values[axis]);
  return result;
}

RankedTensorType permute(RankedTensorType type, ArrayRef<int64_t> order) {
  sym::Dims dims = sym::dimsOf(type);
  return sym::tensorOf(permute(ArrayRef<sym::DimAttr>(dims), order),
                       type.getElementType());
}

/// Elements at a moderate shape: only compared. Never 0: a model that needs
/// long inputs has empty tensors at a short one.
int64_t weightOf(RankedTensorType type) {
  std::optional<int64_t> count =
      sym::evaluate(sym::elementCount(type),
                    [](StringRef) { return std::optional<int64_t>(512); });
  return std::max<int64_t>(count.value_or(1), 1);
}

class Turner {
public:
  explicit Turner(Block &block)
      : block(block), builder(block.getParentOp()->getContext()) {}

  /// Returns the number of operations turned.
  unsigned run();

private:
  bool mustTurn(Operation *op);
  bool canTurn(Operation *op);
  bool wantsTurn(Operation *op);
  void turn(Operation *op);
  void permuteAttributes(Operation *op, unsigned rank);
  Value toLast(Value value, unsigned rank);
  Value constantToLast(graph::ConstantOp constant, ArrayRef<int64_t> order);
  Value transpose(Value value, ArrayRef<int64_t> order);

  Block &block;
  OpBuilder builder;
  llvm::DenseMap<Value, Value> turned;
  SmallVector<Operation *> old;
};

bool Turner::mustTurn(Operation *op) {
  if (auto pool = dyn_cast<graph::PoolOp>(op))
    return !pool.getWithIndices() && !pool.getChannelsLast();
  if (!isa<graph::ConvOp, graph::ConvTransposeOp>(op))
    return false;
  return !op->hasAttr("channels_last");
}

bool Turner::canTurn(Operation *op) {
  if (op->getNumResults() != 1)
    return false;
  unsigned rank = typeOf(op->getResult(0)).getRank();
  if (auto reduce = dyn_cast<graph::ReduceOp>(op)) {
    // Without the reduced axes, the kept ones must be in the same order.
    if (reduce.getKeepDims() ||
        llvm::is_contained(reduce.getAxes(), int64_t(1)))
      return typeOf(reduce.getInput()).getRank() >= 3;
    unsigned inputRank = typeOf(reduce.getInput()).getRank();
    return inputRank >= 3 && reduce.getAxes().size() == inputRank - 2 &&
           !llvm::is_contained(reduce.getAxes(), int64_t(0));
  }
  if (rank < 3)
    return false;
  return isa<graph::MapOp, graph::CastOp, graph::ConcatOp, graph::SliceOp,
             graph::PadOp, graph::ResizeOp, graph::SoftmaxOp,
             graph::BatchNormOp>(op);
}

/// Most of what it reads is turned.
bool Turner::wantsTurn(Operation *op) {
  unsigned rank = typeOf(op->getOperand(0)).getRank();
  if (op->getNumOperands() > 1)
    for (Value operand : op->getOperands())
      rank = std::max<unsigned>(rank, typeOf(operand).getRank());
  int64_t yes = 0, no = 0;
  for (Value operand : op->getOperands()) {
    if (operand.getDefiningOp<graph::ConstantOp>())
      continue;
    int64_t bytes = weightOf(typeOf(operand));
    (turned.contains(operand) && unsigned(typeOf(operand).getRank()) == rank
         ? yes
         : no) += bytes;
  }
  return yes > no;
}

Value Turner::transpose(Value value, ArrayRef<int64_t> order) {
  if (auto before = value.getDefiningOp<graph::TransposeOp>()) {
    Order composed;
    bool isIdentity = true;
    for (auto [i, axis] : llvm::enumerate(order)) {
      composed.push_back(before.getPermutation()[axis]);
      isIdentity &= composed.back() == int64_t(i);
    }
    if (isIdentity)
      return before.getInput();
    return graph::TransposeOp::create(
        builder, value.getLoc(), permute(typeOf(before.getInput()), composed),
        before.getInput(), composed);
  }
  return graph::TransposeOp::create(
      builder, value.getLoc(), permute(typeOf(value), order), value, order);
}

/// Splats and small dense constants are turned; others get a transpose, which a
/// strided view absorbs.
Value Turner::constantToLast(graph::ConstantOp constant,
                             ArrayRef<int64_t> order) {
  auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  RankedTensorType from = typeOf(constant.getResult()),
                   to = permute(from, order);
  if (!dense)
    return transpose(constant.getResult(), order);
  DenseElementsAttr value;
  if (dense.isSplat()) {
    value = dense.resizeSplat(to);
  } else {
    SmallVector<Attribute> elements(dense.getNumElements());
    SmallVector<int64_t> steps(from.getRank(), 1), toSteps(from.getRank(), 1);
    for (int64_t i = from.getRank() - 1; i-- > 0;)
      toSteps[i] = toSteps[i + 1] * to.getDimSize(i + 1);
    for (auto [i, axis] : llvm::enumerate(order))
      steps[axis] = toSteps[i];
    SmallVector<int64_t> index(from.getRank(), 0);
    for (Attribute element : dense.getValues<Attribute>()) {
      int64_t at = 0;
      for (size_t i = 0; i < index.size(); ++i)
        at += index[i] * steps[i];
      elements[at] = element;
      for (size_t axis = index.size();
           axis-- > 0 && ++index[axis] == from.getDimSize(axis);)
        index[axis] = 0;
    }
    value = DenseElementsAttr::get(to, elements);
  }
  return graph::ConstantOp::create(builder, constant.getLoc(), to, value);
}

/// `value`, channels last, with ones in front when it has fewer axes.
Value Turner::toLast(Value value, unsigned rank) {
  RankedTensorType type = typeOf(value);
  auto it = turned.find(value);
  if (it != turned.end() && unsigned(type.getRank()) == rank)
    return it->second;
  // One element broadcasts the same way in every order.
  if (type.hasStaticShape() && type.getNumElements() == 1 &&
      unsigned(type.getRank()) < rank)
    return value;
  Order order = toLastOrder(rank);
  if (unsigned(type.getRank()) < rank) {
    sym::Dims dims(rank - type.getRank(),
                   sym::constantDim(builder.getContext(), 1));
    llvm::append_range(dims, sym::dimsOf(type));
    RankedTensorType wide = sym::tensorOf(dims, type.getElementType());
    auto constant = value.getDefiningOp<graph::ConstantOp>();
    auto dense =
        constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : nullptr;
    if (dense) {
      DenseElementsAttr reshaped =
          dense.isSplat() ? dense.resizeSplat(wide) : dense.reshape(wide);
      value =
          graph::ConstantOp::create(builder, value.getLoc(), wide, reshaped);
    } else {
      value = graph::ReshapeOp::create(builder, value.getLoc(), wide, value);
    }
    if (auto widened = value.getDefiningOp<graph::ConstantOp>()) {
      Value result = constantToLast(widened, order);
      widened.erase();
      return result;
    }
    return transpose(value, order);
  }
  if (auto constant = value.getDefiningOp<graph::ConstantOp>())
    return constantToLast(constant, order);
  Value result = transpose(value, order);
  turned[value] = result;
  return result;
}

void Turner::permuteAttributes(Operation *op, unsigned rank) {
  Order order = toLastOrder(rank);
  auto permuteDims = [&](sym::DimsAttr dims) {
    return sym::DimsAttr::get(op->getContext(), permute(dims.getDims(), order));
  };
  llvm::TypeSwitch<Operation *>(op)
      .Case<graph::ConvOp, graph::ConvTransposeOp, graph::PoolOp,
            graph::BatchNormOp>([](auto typed) { typed.setChannelsLast(true); })
      .Case<graph::ConcatOp, graph::SoftmaxOp>(
          [&](auto typed) { typed.setAxis(lastAxis(typed.getAxis(), rank)); })
      .Case([&](graph::SliceOp slice) {
        slice.setStartsAttr(permuteDims(slice.getStarts()));
        slice.setSizesAttr(permuteDims(slice.getSizes()));
        slice.setSteps(permute(slice.getSteps(), order));
      })
      .Case([&](graph::PadOp pad) {
        pad.setLowAttr(permuteDims(pad.getLow()));
        pad.setHighAttr(permuteDims(pad.getHigh()));
      })
      .Case([&](graph::ResizeOp resize) {
        resize.setScales(permute(resize.getScales(), order));
        if (resize.getRoi().empty())
          return;
        SmallVector<double> roi =
            permute(resize.getRoi().take_front(rank), order);
        llvm::append_range(roi,
                           permute(resize.getRoi().drop_front(rank), order));
        resize.setRoi(roi);
      })
      .Case([&](graph::ReduceOp reduce) {
        SmallVector<int64_t> axes;
        for (int64_t axis : reduce.getAxes())
          axes.push_back(lastAxis(axis, rank));
        llvm::sort(axes);
        reduce.setAxes(axes);
      });
}

void Turner::turn(Operation *op) {
  builder.setInsertionPoint(op);
  unsigned rank = typeOf(op->getOperand(0)).getRank();
  // What is permuted: all operands of elementwise operations, else the tensor.
  bool isElementwise = isa<graph::MapOp, graph::CastOp, graph::ConcatOp>(op);
  if (isElementwise)
    rank = typeOf(op->getResult(0)).getRank();
  Operation *clone = builder.clone(*op);
  builder.setInsertionPoint(clone);
  unsigned permuted = isElementwise ? op->getNumOperands() : 1;
  for (unsigned i = 0; i < permuted; ++i)
    clone->setOperand(i, toLast(op->getOperand(i), rank));
  permuteAttributes(clone, rank);
  old.push_back(op);
  Value result = clone->getResult(0);
  if (unsigned(typeOf(result).getRank()) != rank) {
    // A reduction that dropped the spatial axes: [N, C] in either order.
    op->getResult(0).replaceAllUsesWith(result);
    return;
  }
  result.setType(permute(typeOf(result), toLastOrder(rank)));
  turned[op->getResult(0)] = result;
}

unsigned Turner::run() {
  for (Operation &op : llvm::make_early_inc_range(block.without_terminator())) {
    if (mustTurn(&op) || (canTurn(&op) && wantsTurn(&op))) {
      turn(&op);
      continue;
    }
    auto transposeOp = dyn_cast<graph::TransposeOp>(&op);
    auto it = transposeOp ? turned.find(transposeOp.getInput()) : turned.end();
    if (!transposeOp || it == turned.end())
      continue;
    // A transpose of what was turned: one transpose of the new value, or none.
    unsigned rank = typeOf(transposeOp.getInput()).getRank();
    Order toFirst = toFirstOrder(rank), composed;
    bool isIdentity = true;
    for (auto [i, axis] : llvm::enumerate(transposeOp.getPermutation())) {
      composed.push_back(toFirst[axis]);
      isIdentity &= composed.back() == int64_t(i);
    }
    builder.setInsertionPoint(&op);
    Value replacement =
        isIdentity ? it->second : transpose(it->second, composed);
    transposeOp.getResult().replaceAllUsesWith(replacement);
    transposeOp.erase();
  }
  // What stayed reads transposes of the new values.
  llvm::SmallPtrSet<Operation *, 32> gone(old.begin(), old.end());
  for (Operation *op : old) {
    Value result = op->getResult(0);
    auto stays = [&](OpOperand &use) { return !gone.contains(use.getOwner()); };
    if (!llvm::any_of(result.getUses(), stays))
      continue;
    Value replacement = turned.lookup(result);
    builder.setInsertionPointAfterValue(replacement);
    result.replaceUsesWithIf(
        transpose(replacement, toFirstOrder(typeOf(result).getRank())), stays);
  }
  for (Operation *op : llvm::reverse(old))
    op->erase();
  return old.size();
}

/// Two transposes in a row are one, or none; unused ones go away.
unsigned cancelTransposes(func::FuncOp function) {
  SmallVector<graph::TransposeOp> all;
  function.walk([&](graph::TransposeOp op) { all.push_back(op); });
  unsigned left = 0;
  for (graph::TransposeOp op : all) {
    if (auto before = op.getInput().getDefiningOp<graph::TransposeOp>()) {
      SmallVector<int64_t> composed;
      for (int64_t axis : op.getPermutation())
        composed.push_back(before.getPermutation()[axis]);
      op.getInputMutable().assign(before.getInput());
      op.setPermutation(composed);
    }
    bool isIdentity = true;
    for (auto [i, axis] : llvm::enumerate(op.getPermutation()))
      isIdentity &= axis == int64_t(i);
    if (isIdentity)
      op.getResult().replaceAllUsesWith(op.getInput());
  }
  for (graph::TransposeOp op : llvm::reverse(all)) {
    if (op->use_empty())
      op->erase();
    else
      ++left;
  }
  return left;
}

struct ChannelsLast : impl::ChannelsLastBase<ChannelsLast> {
  void runOnOperation() override {
    SmallVector<Block *> blocks{&getOperation().getBody().front()};
    getOperation().walk([&](Operation *op) {
      if (isa<graph::IfOp, graph::LoopOp>(op))
        for (Region &region : op->getRegions())
          blocks.push_back(&region.front());
    });
    for (Block *block : blocks)
      turned += Turner(*block).run();
    transposes += cancelTransposes(getOperation());
  }
};

} // namespace
} // namespace sinter
