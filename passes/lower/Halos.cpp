// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The padding of a convolution is a border of zeros in the buffer of its input,
// so that the kernel never asks where it is. A request for one travels through
// slices, transposes and concats as long as the padded axes keep their whole
// extent; where it cannot be granted, the convolution copies its input
// (LowerConv.cpp). The border is written once a run, right before the first
// kernel that writes inside.

#include "passes/lower/KernelEmitter.h"

using namespace mlir;

namespace sinter::lower {

static sym::Dims dimsOf(Value value) {
  return sym::dimsOf(cast<RankedTensorType>(value.getType()));
}

bool Lowering::requestHalo(Value value, SmallVector<int64_t> low,
                           SmallVector<int64_t> high) {
  while (true) {
    auto claim = claims.find(value);
    if (claim != claims.end()) {
      if (!claim->second.target)
        return false;
      if (claim->second.axis &&
          (low[*claim->second.axis] || high[*claim->second.axis]))
        return false;
      value = claim->second.target;
      continue;
    }
    Operation *op = value.getDefiningOp();
    if (auto transpose = dyn_cast_or_null<graph::TransposeOp>(op)) {
      SmallVector<int64_t> newLow(low), newHigh(high);
      for (auto [i, axis] : llvm::enumerate(transpose.getPermutation())) {
        newLow[axis] = low[i];
        newHigh[axis] = high[i];
      }
      low = newLow;
      high = newHigh;
      value = transpose.getInput();
      continue;
    }
    if (auto slice = dyn_cast_or_null<graph::SliceOp>(op)) {
      sym::Dims dims = dimsOf(slice.getInput());
      for (size_t i = 0; i < low.size(); ++i)
        if ((low[i] || high[i]) &&
            (!sym::isConstant(slice.getStarts().getDims()[i], 0) ||
             slice.getSizes().getDims()[i] != dims[i] ||
             slice.getSteps()[i] != 1))
          return false;
      value = slice.getInput();
      continue;
    }
    if (!isComputed(value))
      return false;
    Storage &storage = ownStorage(value);
    for (size_t i = 0; i < low.size(); ++i) {
      size_t axis = storage.order.empty() ? i : storage.order[i];
      storage.low[i] = std::max(storage.low[i], low[axis]);
      storage.high[i] = std::max(storage.high[i], high[axis]);
    }
    return true;
  }
}

void Lowering::requestHalos() {
  function.walk([&](graph::ConvOp op) {
    Value input = op.getInput();
    if (auto argument = dyn_cast<BlockArgument>(input))
      if (auto group =
              dyn_cast<graph::GroupOp>(argument.getOwner()->getParentOp()))
        input = group.getInputs()[argument.getArgNumber()];
    size_t spatial = op.getStrides().size();
    SmallVector<int64_t> low(spatial + 2, 0), high(spatial + 2, 0);
    bool isPadded = false;
    for (size_t i = 0; i < spatial; ++i) {
      size_t axis = op.getChannelsLast() ? i + 1 : i + 2;
      low[axis] = std::max<int64_t>(op.getPads()[i], 0);
      high[axis] = std::max<int64_t>(op.getPads()[spatial + i], 0);
      isPadded |= low[axis] || high[axis];
    }
    if (!isPadded || requestHalo(input, low, high))
      granted.insert(op);
  });
}

void Lowering::zeroSlab(const Place &whole, Location loc) {
  Place slab = whole;
  collapse({&slab}, 0, slab.rank(), 1);
  KernelEmitter emitter(*this, loc, "zero");
  emitter.addView(slab);
  emitter.launch(
      1,
      [&](OpBuilder &b, ValueRange arguments) {
        auto root = kernel::NestOp::create(b, b.getUnknownLoc(), ValueRange(),
                                           ValueRange(), arguments,
                                           b.getStrArrayAttr({"none"}), 0);
        OpBuilder::InsertionGuard guard(b);
        b.createBlock(&root.getPrologue());
        Value zero =
            constant(b, cast<TypedAttr>(b.getZeroAttr(slab.element())));
        kernel::YieldOp::create(b, b.getUnknownLoc(), zero);
      },
      /*noWait=*/true);
}

/// Two padded axes in a row, with borders on all four sides: behind every row,
/// its high border and the next row's low border are one run. Two launches:
/// those runs, and the rows above and below.
static bool zeroFrame(Lowering &lowering, const Storage &storage,
                      Location loc) {
  size_t axis = 0;
  while (axis < storage.low.size() && !storage.low[axis] && !storage.high[axis])
    ++axis;
  if (axis + 1 >= storage.low.size())
    return false;
  int64_t top = storage.low[axis], bottom = storage.high[axis];
  int64_t left = storage.low[axis + 1], right = storage.high[axis + 1];
  for (size_t i = axis + 2; i < storage.low.size(); ++i)
    if (storage.low[i] || storage.high[i])
      return false;
  if (!top || top != bottom || !left || left != right)
    return false;
  Storage plain = storage;
  plain.order.clear();
  Place inner = wholeOf(plain);
  inner.storage = const_cast<Storage *>(&storage);
  sym::DimAttr pixel = inner.strides[axis + 1], row = inner.strides[axis];
  sym::DimAttr one = lowering.dim(1);
  // Outer axes, then [count, run].
  auto slab = [&](sym::DimAttr offset, sym::DimAttr count, sym::DimAttr step,
                  sym::DimAttr run) {
    Place place = inner;
    place.dims.resize(axis);
    place.strides.resize(axis);
    place.dims.append({count, run});
    place.strides.append({step, one});
    place.offset = offset;
    lowering.zeroSlab(place, loc);
  };
  sym::DimAttr first = inner.offset - row * top - pixel * left;
  sym::DimAttr height = inner.dims[axis], width = inner.dims[axis + 1];
  slab(first + row * (top - 1) + pixel * left + pixel * width, height + 1, row,
       pixel * (left + right));
  sym::DimAttr run = row * top - pixel * left;
  slab(first, lowering.dim(2), row * (height + top) + pixel * left, run);
  return true;
}

/// Zeroes the border of `storage`.
void Lowering::zeroHalo(Storage &storage, Location loc) {
  storage.isZeroed = true;
  if (storage.kind != Storage::Arena || !storage.hasHalo() ||
      zeroFrame(*this, storage, loc))
    return;
  Storage plain = storage;
  plain.order.clear();
  Place inner = wholeOf(plain);
  inner.storage = &storage;
  for (size_t axis = 0; axis < storage.low.size(); ++axis) {
    for (bool isHigh : {false, true}) {
      int64_t amount = isHigh ? storage.high[axis] : storage.low[axis];
      if (amount == 0)
        continue;
      // Axes before this one are already covered by their own slabs.
      SmallVector<int64_t> low(storage.low), high(storage.high);
      std::fill(low.begin(), low.begin() + axis + 1, 0);
      std::fill(high.begin(), high.begin() + axis + 1, 0);
      Place slab = grow(inner, low, high);
      slab.offset = isHigh ? slab.offset + slab.dims[axis] * slab.strides[axis]
                           : slab.offset - slab.strides[axis] * amount;
      slab.dims[axis] = dim(amount);
      zeroSlab(slab, loc);
    }
  }
}

} // namespace sinter::lower
