// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where values lie. Three decisions, taken over the whole function before the
// first kernel is made, because a kernel needs the place of its result:
//
// 1. Claims: an operand of a concat is computed inside the concat's storage; a
//    result of the model inside the caller's; a branch's result inside the
//    if's.
// 2. Halos (Halos.cpp): a convolution with padding asks the storage behind its
//    input for a border of zeros.
// 3. Everything else has an arena storage of its own, or is a view.

#include "passes/lower/KernelEmitter.h"
#include "passes/lower/Lowering.h"

using namespace mlir;

namespace sinter::lower {

bool isView(Operation *op) {
  return isa<graph::TransposeOp, graph::SliceOp, graph::BroadcastOp,
             graph::ReshapeOp>(op);
}

bool isComputed(Value value) {
  Operation *op = value.getDefiningOp();
  return op && !isView(op) &&
         !isa<graph::ConstantOp, graph::NonZeroOp, graph::LoopOp>(op);
}

static sym::Dims dimsOf(Value value) {
  return sym::dimsOf(cast<RankedTensorType>(value.getType()));
}

//===----------------------------------------------------------------------===//
// Claims
//===----------------------------------------------------------------------===//

void Lowering::claimOutputs(Block &block, ValueRange targets) {
  for (auto [i, value] :
       llvm::enumerate(block.getTerminator()->getOperands())) {
    // A reshape of a tensor with no other reader is computed in the target's
    // storage, which is contiguous.
    while (auto reshape = value.getDefiningOp<graph::ReshapeOp>()) {
      if (!reshape->hasOneUse() || !targets.empty())
        break;
      value = reshape.getInput();
    }
    if (!isComputed(value) || value.getParentBlock() != &block ||
        claims.contains(value))
      continue;
    Claim claim;
    if (targets.empty()) {
      Storage &whole = *outputs[i];
      storages.push_back(whole);
      claim.storage = &storages.back();
      claim.storage->dims = dimsOf(value);
    } else {
      claim.target = targets[i];
    }
    claims[value] = claim;
  }
}

/// Neighbouring inputs from `first` on that are the consecutive slices of one
/// whole value (a split that is joined again): that value, and past the last
/// one.
static std::pair<Value, size_t> wholeOfSlices(graph::ConcatOp op,
                                              size_t first) {
  size_t axis = op.getAxis(), i = first;
  Value whole;
  sym::DimAttr next;
  for (; i < op.getInputs().size(); ++i) {
    auto slice = op.getInputs()[i].getDefiningOp<graph::SliceOp>();
    if (!slice || (whole && slice.getInput() != whole))
      break;
    if (!whole) {
      whole = slice.getInput();
      next = sym::constantDim(op.getContext(), 0);
    }
    sym::Dims dims = dimsOf(whole);
    for (size_t a = 0; a < dims.size(); ++a)
      if (slice.getSteps()[a] != 1 ||
          (a != axis && slice.getSizes().getDims()[a] != dims[a]))
        return {Value(), first};
    if (slice.getStarts().getDims()[axis] != next)
      break;
    next = next + slice.getSizes().getDims()[axis];
    if (next == dims[axis])
      return {whole, i + 1};
  }
  return {Value(), first};
}

void Lowering::claimConcat(graph::ConcatOp op) {
  sym::DimAttr start = dim(0);
  for (size_t i = 0; i < op.getInputs().size(); ++i) {
    Value input = op.getInputs()[i];
    if (auto [whole, end] = wholeOfSlices(op, i); whole) {
      input = whole;
      i = end - 1;
    }
    if (isComputed(input) && input.getParentBlock() == op->getBlock() &&
        !claims.contains(input)) {
      Claim claim;
      claim.target = op.getResult();
      claim.axis = op.getAxis();
      claim.start = start;
      claims[input] = claim;
    }
    start = start + dimsOf(input)[op.getAxis()];
  }
}

void Lowering::assignDestinations() {
  claimOutputs(function.getBody().front(), {});
  function.walk([&](graph::IfOp op) {
    for (Region &region : op->getRegions())
      claimOutputs(region.front(), op.getResults());
  });
  function.walk([&](graph::ConcatOp op) { claimConcat(op); });
}

Storage &Lowering::ownStorage(Value value) {
  Storage *&storage = owned[value];
  if (!storage) {
    auto type = cast<RankedTensorType>(value.getType());
    storages.push_back({});
    storage = &storages.back();
    storage->dims = sym::dimsOf(type);
    storage->element = type.getElementType();
    // A tensor that is only read transposed lies transposed, as long as its
    // rows stay rows.
    graph::TransposeOp transposeOp;
    if (value.hasOneUse())
      transposeOp = dyn_cast<graph::TransposeOp>(*value.getUsers().begin());
    if (transposeOp &&
        transposeOp.getPermutation().back() + 1 == type.getRank()) {
      storage->order = llvm::to_vector(transposeOp.getPermutation());
      sym::Dims dims = storage->dims;
      for (auto [i, axis] : llvm::enumerate(storage->order))
        storage->dims[i] = dims[axis];
    }
    storage->low.assign(type.getRank(), 0);
    storage->high.assign(type.getRank(), 0);
  }
  return *storage;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Place Lowering::destinationOf(Value value) {
  auto known = places.find(value);
  if (known != places.end())
    return known->second;
  Place place;
  auto it = claims.find(value);
  if (it == claims.end()) {
    Storage &storage = ownStorage(value);
    place = wholeOf(storage);
    if (!storage.isZeroed)
      zeroHalo(storage, value.getLoc());
  } else if (!it->second.target) {
    place = wholeOf(*it->second.storage);
  } else {
    Claim claim = it->second;
    place = destinationOf(claim.target);
    if (claim.axis)
      place.offset = place.offset + claim.start * place.strides[*claim.axis];
    // Equal at run time, by a check; the forms may differ.
    place.dims = dimsOf(value);
  }
  places[value] = place;
  return place;
}

Place Lowering::placeOf(Value value) {
  auto known = places.find(value);
  if (known != places.end())
    return known->second;
  auto constant = value.getDefiningOp<graph::ConstantOp>();
  if (!constant)
    return destinationOf(value);
  auto type = cast<RankedTensorType>(value.getType());
  storages.push_back({});
  Storage &storage = storages.back();
  storage.kind = Storage::Weight;
  storage.element = type.getElementType();
  storage.source = constant.getValue();
  Place place;
  if (auto splat = dyn_cast<SplatElementsAttr>(constant.getValue())) {
    storage.source =
        splat.resizeSplat(RankedTensorType::get({1}, storage.element));
    storage.dims = {dim(1)};
    place = wholeOf(storage);
    place.dims = sym::dimsOf(type);
    place.strides.assign(type.getRank(), dim(0));
  } else {
    storage.dims = sym::dimsOf(type);
    place = wholeOf(storage);
  }
  places[value] = place;
  return place;
}

Place Lowering::makeTemporary(ArrayRef<sym::DimAttr> dims, Type element,
                              ArrayRef<int64_t> low, ArrayRef<int64_t> high) {
  storages.push_back({});
  Storage &storage = storages.back();
  storage.dims = sym::Dims(dims);
  storage.element = element;
  storage.low.assign(dims.size(), 0);
  storage.high.assign(dims.size(), 0);
  llvm::copy(low, storage.low.begin());
  llvm::copy(high, storage.high.begin());
  zeroHalo(storage, builder.getUnknownLoc());
  return wholeOf(storage);
}

void Lowering::copy(const Place &from, const Place &to, Location loc) {
  // In the order of the target in memory.
  SmallVector<int64_t> order = memoryOrder(to);
  Place source = transpose(from, order), target = transpose(to, order);
  collapse({&source, &target}, 0, target.rank(), 1);
  KernelEmitter emitter(*this, loc, "copy");
  emitter.addView(source);
  emitter.addView(target);
  emitter.launch(1, [&](OpBuilder &b, ValueRange arguments) {
    kernel::NestOp::create(b, b.getUnknownLoc(), arguments.take_front(1),
                           ValueRange(), arguments.drop_front(1),
                           b.getStrArrayAttr({"none"}), 0);
  });
}

Place Lowering::rowContiguous(const Place &place, Location loc) {
  if (isRowContiguous(place))
    return place;
  Place result = makeTemporary(place.dims, place.element());
  copy(place, result, loc);
  return result;
}

} // namespace sinter::lower
